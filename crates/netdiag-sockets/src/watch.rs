//! What changes from one look at the tables to the next: what was opened, what has another state and
//! how long it had the one before, what has gone.

use crate::{Socket, State};
use netdiag_model::Instant;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happened {
    /// It is new.
    Opened,
    /// It has another state.
    State,
    /// It has gone.
    Closed,
}

/// One change, at the moment of the look that showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When it was seen.
    pub at: Instant,
    /// What became of it.
    pub happened: Happened,
    /// The socket as it is, or as it was last.
    pub socket: Socket,
    /// The state before; `None` of one that is new, and of UDP and raw sockets.
    pub previous: Option<State>,
    /// How long it had that state; `None` where it had it at the first look already.
    pub in_state: Option<Duration>,
}

/// The sockets of the last look, wanted or not, by what the kernel tells them apart by. A change is told
/// where the socket is wanted as it was or as it is: what leaves a filter has not gone.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    known: BTreeMap<u64, Known>,
    round: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    socket: Socket,
    since: Option<Instant>,
    round: u64,
    is_wanted: bool,
}

impl Watch {
    /// A look begins.
    pub fn begin(&mut self) {
        self.round += 1;
    }

    /// A socket of the look; what is new about it. One that comes to be wanted without another state, as
    /// when a program accepts it, is opened for whoever wants it.
    pub fn take(&mut self, at: Instant, socket: &Socket, is_wanted: bool) -> Option<Change> {
        let (round, is_first) = (self.round, self.round == 1);
        let happened = Happened::Opened;
        let opened = Change { at, happened, socket: *socket, previous: None, in_state: None };
        let Some(known) = self.known.get_mut(&socket.cookie) else {
            let since = (!is_first).then_some(at);
            self.known.insert(socket.cookie, Known { socket: *socket, since, round, is_wanted });
            return (!is_first && is_wanted).then_some(opened);
        };
        let (before, since, was_wanted) = (known.socket, known.since, known.is_wanted);
        (known.socket, known.round, known.is_wanted) = (*socket, round, is_wanted);
        if before.state == socket.state {
            return (is_wanted && !was_wanted).then_some(opened);
        }
        known.since = Some(at);
        (is_wanted || was_wanted).then(|| Change {
            at,
            happened: Happened::State,
            socket: *socket,
            previous: before.tcp_state(),
            in_state: since.map(|since| at.since(since)),
        })
    }

    /// The look is over: what has gone.
    pub fn end(&mut self, at: Instant) -> Vec<Change> {
        let round = self.round;
        let mut gone = Vec::new();
        self.known.retain(|_, known| {
            if known.round != round && known.is_wanted {
                gone.push(Change {
                    at,
                    happened: Happened::Closed,
                    socket: known.socket,
                    previous: known.socket.tcp_state(),
                    in_state: known.since.map(|since| at.since(since)),
                });
            }
            known.round == round
        });
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Protocol, socket::Socket};

    fn socket(cookie: u8, state: State) -> Socket {
        let mut bytes = [0; Socket::BYTES];
        (bytes[0], bytes[1], bytes[44]) = (2, state as u8, cookie);
        Socket::decode(Protocol::Tcp, &bytes).expect("a socket")
    }

    #[test]
    fn what_is_new_has_changed_or_has_gone_is_told_with_its_time() {
        let at = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
        let mut watch = Watch::default();
        let mut look = |seconds, sockets: &[Socket]| {
            watch.begin();
            let changes = sockets.iter().filter_map(|socket| watch.take(at(seconds), socket, true));
            let mut told: Vec<Change> = changes.collect();
            told.extend(watch.end(at(seconds)));
            told.into_iter()
                .map(|change| {
                    (change.socket.cookie, change.happened, change.previous, change.in_state)
                })
                .collect::<Vec<_>>()
        };
        let second = |n| Some(Duration::from_secs(n));
        let (syn, open) = (State::SynSent, State::Established);
        assert_eq!(look(1, &[socket(1, open)]), []);
        assert_eq!(
            look(2, &[socket(1, open), socket(2, syn)]),
            [(2, Happened::Opened, None, None)]
        );
        assert_eq!(
            look(4, &[socket(1, State::CloseWait), socket(2, open)]),
            [(1, Happened::State, Some(open), None), (2, Happened::State, Some(syn), second(2))]
        );
        assert_eq!(
            look(5, &[socket(2, open)]),
            [(1, Happened::Closed, Some(State::CloseWait), second(1))]
        );
        assert_eq!(look(9, &[]), [(2, Happened::Closed, Some(open), second(5))]);
    }

    /// What a filter does not want any more is told once more, and has not gone.
    #[test]
    fn what_leaves_a_filter_or_comes_into_it_goes_on() {
        let at = Instant::from_nanos;
        let wanted = |state| matches!(state, State::Established | State::CloseWait);
        let mut watch = Watch::default();
        let mut look = |now, state: Option<State>, is_wanted: bool| {
            watch.begin();
            let socket = state.map(|state| socket(1, state));
            let change = socket.and_then(|socket| watch.take(at(now), &socket, is_wanted));
            let all: Vec<Change> = change.into_iter().chain(watch.end(at(now))).collect();
            all.first().map(|change| (change.happened, change.previous))
        };
        let mut states = |now, state| look(now, Some(state), wanted(state));
        assert_eq!(states(1, State::SynSent), None);
        let came = Some((Happened::State, Some(State::SynSent)));
        assert_eq!(states(2, State::Established), came);
        let left = Some((Happened::State, Some(State::Established)));
        assert_eq!(states(3, State::FinWait1), left);
        assert_eq!(states(4, State::FinWait2), None);
        assert_eq!(look(5, None, false), None);
        // Its owner is another from then on.
        assert_eq!(look(6, Some(State::Established), false), None);
        assert_eq!(look(7, Some(State::Established), true), Some((Happened::Opened, None)));
        assert_eq!(look(8, None, false), Some((Happened::Closed, Some(State::Established))));
    }
}

//! What becomes of SYNs within a second: in all, and at single ports.

use super::Judge;
use crate::counters::Counted;
use crate::port::Question;
use crate::socket::drops;
use crate::state::USUAL;
use crate::{Protocol, Socket, State};
use std::collections::BTreeMap;
use std::time::Duration;

/// What came of SYNs within a second.
#[derive(Clone, Debug, Default)]
pub(super) struct Second {
    /// SYN cookies that were sent, by all listeners.
    pub(super) cookies: u64,
    /// Cookies that came back.
    pub(super) returned: u64,
    /// SYNs that all listeners dropped.
    dropped: u64,
    /// Connections that completed at all ports.
    pub(super) completed: u64,
    /// Those that completed at single ports and were still there, and SYNs that were dropped there;
    /// `None`: not known.
    ports: BTreeMap<u16, (Option<u64>, Option<u64>)>,
}

/// The same of a port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here {
    /// Connections that completed.
    pub(super) completed: u64,
    /// SYNs that were dropped.
    pub(super) dropped: u64,
    /// These, and cookies that did not come back.
    pub(super) turned_away: u64,
}

impl Second {
    /// The same where no cookie was sent.
    pub(super) fn without_cookies(&self) -> Self {
        Self { cookies: 0, returned: 0, ..self.clone() }
    }

    /// What came of SYNs to a port. What the kernel counts for all listeners stands in only where nothing
    /// is known of this one.
    pub(super) fn at(&self, port: u16) -> Here {
        let (completed, dropped) = self.ports.get(&port).copied().unwrap_or_default();
        let dropped = dropped.unwrap_or(self.dropped);
        // A connection may have been too short to be seen: what a cookie came back for completed.
        let completed = completed.unwrap_or(self.completed).max(self.returned);
        let turned_away = dropped + self.cookies.saturating_sub(self.returned);
        Here { completed, dropped, turned_away }
    }
}

impl Judge<'_> {
    /// Looks twice, a second apart.
    pub(super) fn second(&mut self, ports: &[u16]) -> Second {
        let (open, drops) = (self.completed(ports), self.dropped(ports));
        let before = Counted::read(self.kernel);
        self.kernel.pause(Duration::from_secs(1));
        let after = Counted::read(self.kernel);
        let (drops_after, open_after) = (self.dropped(ports), self.completed(ports));
        let rate = |of: fn(&Counted) -> Option<u64>| {
            of(&after).unwrap_or(0).saturating_sub(of(&before).unwrap_or(0))
        };
        let at = |port: &u16| {
            let new = open.as_ref().zip(open_after.as_ref()).map(|(before, after)| {
                let is_new = |(cookie, at): &&(u64, u16)| {
                    at == port && before.binary_search(&(*cookie, *at)).is_err()
                };
                after.iter().filter(is_new).count() as u64
            });
            let dropped = drops.get(port).zip(drops_after.get(port));
            let dropped = dropped.map(|(before, after)| after.saturating_sub(*before));
            (*port, (new, dropped))
        };
        Second {
            cookies: rate(|c| c.syn_cookies_sent),
            returned: rate(|c| c.syn_cookies_received),
            dropped: rate(|c| c.listen_drops),
            completed: rate(|c| c.passive_opens),
            ports: ports.iter().map(at).collect(),
        }
    }

    /// Connections at these ports whose handshake is complete, in order, by what the kernel tells them
    /// apart by; `None` where it does not say.
    fn completed(&mut self, ports: &[u16]) -> Option<Vec<(u64, u16)>> {
        let before = [State::Listen, State::SynSent, State::SynReceived];
        let states = before.into_iter().fold(USUAL, |states, state| states & !state.mask());
        let mut found = Vec::new();
        let question = Question { protocol: Protocol::Tcp, states, info: false };
        let reading = self.kernel.dump(question, &mut |message| {
            let socket = Socket::decode(Protocol::Tcp, message);
            let at = socket.filter(|socket| ports.contains(&socket.local.port));
            found.extend(at.map(|socket| (socket.cookie, socket.local.port)));
            true
        });
        found.sort_unstable();
        reading.ok().map(|_| found)
    }

    /// SYNs that listeners at these ports have dropped since they began, where the kernel says of all of
    /// a port's.
    fn dropped(&mut self, ports: &[u16]) -> BTreeMap<u16, u64> {
        let mut sums: BTreeMap<u16, Option<u64>> = BTreeMap::new();
        for listener in &self.seen.tally.listeners {
            let port = listener.local.port;
            if ports.contains(&port) {
                let message = self.kernel.look(listener);
                let here = message.and_then(|message| drops(&message)).map(u64::from);
                let sum = sums.entry(port).or_insert(Some(0));
                *sum = sum.zip(here).map(|(sum, here)| sum + here);
            }
        }
        sums.into_iter().filter_map(|(port, sum)| Some((port, sum?))).collect()
    }
}

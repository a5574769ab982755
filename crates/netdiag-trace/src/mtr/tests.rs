use super::*;
use netdiag_engine::outcome::IcmpError;
use netdiag_model::{Destination, IcmpKind, StampSource};

const MS: Duration = Duration::from_millis(1);
const TARGET: Destination = Destination::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));

/// One, and what it has told.
struct Run {
    measurement: Measurement,
    events: Events<Event>,
    now: Instant,
}

impl Run {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let path = crate::Config { max_ttl: 30, ..crate::Config::new(0, TARGET) };
        let mut config = Config {
            path,
            interval: 1_000 * MS,
            rounds: Some(1),
            grace: 5_000 * MS,
            max_silent: 12,
            figures: None,
        };
        change(&mut config);
        Self { measurement: Measurement::new(config), events: Events::new(), now: Instant::ZERO }
    }

    fn next(&mut self) -> Next {
        self.measurement.next(self.now, &mut self.events)
    }

    /// The hop that is asked next, at its time.
    fn ask(&mut self) -> Option<u32> {
        loop {
            match self.next() {
                Next::Probe(spec) => return Some(spec.target),
                Next::NotBefore(at) if self.measurement.grace_since.is_none() => self.now = at,
                _ => return None,
            }
        }
    }

    /// Asks so often, each answered by the host with the number of the hop, but for those silent.
    fn walk(&mut self, last: u8, silent: &[u8]) -> Vec<u32> {
        let mut asked = Vec::new();
        while let Some(hop) = self.ask() {
            asked.push(hop);
            let seq = asked.len() as u64;
            let ttl = u8::try_from(hop).expect("a TTL");
            if ttl < last && !silent.contains(&ttl) {
                self.settle(seq, ttl, IcmpKind::v4(11, 0));
            } else if ttl >= last {
                self.settle(seq, 9, IcmpKind::v4(3, 3));
            }
        }
        asked
    }

    fn settle(&mut self, seq: u64, octet: u8, kind: IcmpKind) {
        let probe = Probe { target: 0, seq, destination: TARGET, sent_at: self.now };
        let outcome = Outcome::NetError(IcmpError {
            kind,
            from: Destination::V4([192, 0, 2, octet].into()),
            rtt: u32::from(octet) * MS,
            stamp: StampSource::Kernel,
            hop_limit: None,
            info: None,
            gateway: None,
            quoted_hop_limit: None,
            errno: None,
        });
        self.measurement.settle(&probe, &outcome, &mut self.events);
    }

    fn counts(&self) -> Vec<(u8, u64, u64)> {
        let rows = self.measurement.rows();
        rows.iter().map(|row| (row.ttl, row.sent, row.received)).collect()
    }
}

/// The target is known to be it when the next one was asked, and from then on at once.
#[test]
fn rounds_end_at_the_target_and_the_first_goes_one_further() {
    let mut run = Run::new(|config| config.rounds = Some(3));
    assert_eq!(run.walk(3, &[]), [1, 2, 3, 4, 1, 2, 3, 1, 2, 3]);
    assert_eq!(run.next(), Next::Quit, "nothing is waited for");
    assert_eq!(run.counts(), [(1, 3, 3), (2, 3, 3), (3, 3, 3)]);
}

#[test]
fn so_many_silent_hops_end_a_round_wherever_they_are() {
    let mut run = Run::new(|config| config.max_silent = 2);
    assert_eq!(run.walk(9, &[2, 4, 5, 6]), [1, 2, 3, 4, 5, 6]);
    assert!(matches!(run.next(), Next::NotBefore(_)), "for the silent ones");
    run.now = run.now + 5_000 * MS;
    assert_eq!(run.next(), Next::Quit);
    // Up to one more than the last that answered.
    assert_eq!(run.counts(), [(1, 1, 1), (2, 1, 0), (3, 1, 1), (4, 1, 0)]);
}

/// The time between two rounds is shared by the hops of one, of which there are ten at first.
#[test]
fn probes_are_spread_over_the_interval() {
    let mut run = Run::new(|config| config.rounds = Some(2));
    let mut at = Vec::new();
    for (seq, octet) in (1..).zip([1, 9, 9, 1, 9]) {
        run.ask().expect("a probe");
        at.push(run.now.since(Instant::ZERO).as_millis());
        let kind = if octet == 9 { IcmpKind::v4(3, 3) } else { IcmpKind::v4(11, 0) };
        run.settle(seq, octet, kind);
    }
    assert_eq!(at, [0, 100, 200, 700, 1_200]);
}

#[test]
fn who_refuses_ends_what_is_shown_and_all_that_answer_are_kept() {
    let mut run = Run::new(|config| config.rounds = None);
    for (seq, octet) in [(1, 1), (2, 2), (3, 3)] {
        run.ask();
        let code = if seq == 2 { IcmpKind::v4(3, 1) } else { IcmpKind::v4(11, 0) };
        run.settle(seq, octet, code);
    }
    assert_eq!(run.counts(), [(1, 1, 1), (2, 1, 1)]);
    let console = Console::Key(Key::Char('r'));
    run.measurement.console(run.now, console, &mut run.events);
    assert_eq!(run.counts(), []);
    for (seq, octet) in [(4, 1), (5, 2)] {
        run.ask();
        run.settle(seq, octet, IcmpKind::v4(11, 0));
    }
    // An answer to what was sent before does not count, and another host at a hop does.
    run.settle(2, 7, IcmpKind::v4(11, 0));
    assert_eq!(run.counts(), [(1, 1, 1), (2, 1, 1), (3, 0, 0)]);
}

#[test]
fn paused_nothing_is_sent() {
    let mut run = Run::new(|config| config.rounds = None);
    run.ask();
    let press = |run: &mut Run, key| {
        let console = Console::Key(Key::Char(key));
        run.measurement.console(run.now, console, &mut run.events);
    };
    press(&mut run, 'p');
    run.now = run.now + 60_000 * MS;
    assert_eq!(run.next(), Next::WhenSettled);
    press(&mut run, ' ');
    assert!(matches!(run.next(), Next::Probe(_)));
    press(&mut run, 'q');
    assert_eq!(run.next(), Next::Quit);
}

use super::*;
use crate::protocol::Protocol;
use netdiag_engine::outcome::{IcmpError, Reply, ReplyDetail};
use netdiag_model::StampSource;

const MS: Duration = Duration::from_millis(1);
const TARGET: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));

/// A trace and what it has told.
struct Run {
    measurement: Measurement,
    events: Events<Event>,
    now: Instant,
}

impl Run {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let path = crate::Config {
            protocol: Protocol::Udp { port: 33_434 },
            vary_flow: true,
            timeout: 5_000 * MS,
            ..crate::Config::new(0, Destination::new(TARGET))
        };
        let mut config = Config { path, at_once: 16, here: 3_000, near: 10_000, source: None };
        change(&mut config);
        Self { measurement: Measurement::new(config), events: Events::new(), now: Instant::ZERO }
    }

    fn next(&mut self) -> Next {
        self.measurement.next(self.now, &mut self.events)
    }

    /// Sends all that may be sent now; the hops and ports of it.
    fn send(&mut self) -> (Vec<(u32, u16)>, Next) {
        let mut sent = Vec::new();
        loop {
            let spec = match self.next() {
                Next::Probe(spec) => spec,
                other => return (sent, other),
            };
            let netdiag_engine::ProbeKind::Udp(udp) = &spec.kind else { panic!("{spec:?}") };
            sent.push((spec.target, udp.port));
            let probe = self.probe(spec.seq, self.now);
            self.measurement.sent(&probe, &mut self.events);
        }
    }

    fn probe(&self, seq: u64, sent_at: Instant) -> Probe {
        let destination = self.measurement.config.path.destination;
        Probe { target: 0, seq, destination, sent_at }
    }

    fn settle(&mut self, seq: u64, outcome: &Outcome) {
        let probe = self.probe(seq, Instant::ZERO);
        self.measurement.settle(&probe, outcome, &mut self.events);
    }

    /// What was told since: hop and who answered.
    fn told(&mut self) -> Vec<(u8, Option<IpAddr>)> {
        let told = std::iter::from_fn(|| self.events.pop()).map(|event| match event {
            Event::Probe(shown) => (shown.ttl, shown.answer.and_then(|seen| seen.from)),
            Event::Refused(error) => panic!("{error:?}"),
        });
        told.collect()
    }
}

fn router(octet: u8, rtt: Duration) -> Outcome {
    Outcome::NetError(IcmpError {
        kind: IcmpKind::v4(11, 0),
        from: Destination::V4([192, 0, 2, octet].into()),
        rtt,
        stamp: StampSource::Kernel,
        hop_limit: None,
        errno: None,
        info: None,
        gateway: None,
        quoted_hop_limit: None,
    })
}

fn reached() -> Outcome {
    Outcome::Replied(Reply {
        from: Destination::new(TARGET),
        rtt: MS,
        stamp: StampSource::Kernel,
        clock_adjusted: false,
        received_at: Instant::ZERO,
        hop_limit: None,
        bytes: 0,
        sent_bytes: 0,
        corruption: None,
        options: None,
        detail: ReplyDetail::PortUnreachable,
    })
}

#[test]
fn so_many_are_under_way_in_the_order_of_the_hops() {
    let mut run = Run::new(|_| ());
    let (sent, _) = run.send();
    let expected: Vec<(u32, u16)> = (0..16).map(|n| (n / 3 + 1, 33_434 + n as u16)).collect();
    assert_eq!(sent, expected);
    // Whichever is answered makes room for the next one.
    run.settle(5, &router(2, MS));
    assert_eq!(run.send().0, [(6, 33_450)]);
    assert_eq!(run.told(), [], "the first one is not known");
    run.settle(1, &router(1, MS));
    assert_eq!(run.told(), [(1, Some([192, 0, 2, 1].into()))]);
}

#[test]
fn the_first_hop_that_ends_the_path_is_the_last() {
    let mut run = Run::new(|config| config.path.queries = 2);
    run.send();
    run.settle(8, &reached());
    run.settle(5, &reached());
    for seq in [1, 2, 3, 4] {
        run.settle(seq, &router(1, MS));
    }
    assert_eq!(run.told().len(), 5);
    assert_eq!(run.send().0, [], "nothing beyond the third hop is asked");
    run.settle(6, &Outcome::TimedOut);
    assert_eq!(run.told(), [(3, None)]);
    assert_eq!(run.next(), Next::Quit);
}

#[test]
fn it_waits_by_what_others_took() {
    let wait = |change: fn(&mut Config), answered: u64| {
        let mut run = Run::new(change);
        run.send();
        run.settle(answered, &router(1, 19 * MS));
        match run.send().1 {
            Next::NotBefore(at) => at.since(Instant::ZERO),
            other => panic!("{other:?}"),
        }
    };
    // Of its own hop three times a millisecond more; of a farther one ten times that.
    assert_eq!(wait(|_| (), 2), 60 * MS);
    assert_eq!(wait(|config| config.path.queries = 1, 2), 200 * MS);
    let mut run = Run::new(|config| (config.here, config.near) = (0, 0));
    run.send();
    run.settle(2, &router(1, 19 * MS));
    assert_eq!(run.send().1, Next::WhenSettled, "the longest wait is the engine's");
    let mut run = Run::new(|config| config.path.queries = 1);
    run.send();
    run.settle(2, &router(2, 19 * MS));
    run.now = Instant::ZERO + 200 * MS;
    assert_eq!(run.send().1, Next::GiveUp(vec![1]));
}

#[test]
fn names_hold_up_what_is_told_and_nothing_else() {
    let mut run = Run::new(|config| config.path.wants_names = true);
    run.send();
    run.settle(1, &router(1, MS));
    let address: IpAddr = [192, 0, 2, 1].into();
    assert_eq!(run.next(), Next::Lookup(address));
    assert_eq!(run.send().0.len(), 1);
    assert_eq!(run.told(), []);
    run.measurement.named(address, &Ok(None), &mut run.events);
    assert_eq!(run.told(), [(1, Some(address))]);
}

#[test]
fn what_is_too_large_is_sent_again_as_large_as_fits() {
    let mut run = Run::new(|config| {
        (config.at_once, config.path.queries) = (1, 2);
        config.path.begin_with(65_000);
    });
    assert_eq!(run.send().0, [(1, 33_434)]);
    let too_large = |mtu| Outcome::LocalError(SendError { mtu, ..SendError::new(EMSGSIZE) });
    run.settle(1, &too_large(Some(1_500)));
    // As a probe of its own: its number is another one, its place is not.
    assert_eq!(run.send().0, [(1, 33_435)]);
    assert_eq!(run.measurement.config.path.size, 1_472);
    run.settle(1 + 60, &router(1, MS));
    let fitted = |run: &mut Run| match run.events.pop() {
        Some(Event::Probe(shown)) => (shown.ttl, shown.is_first, shown.fitted),
        other => panic!("{other:?}"),
    };
    assert_eq!((run.send().0, fitted(&mut run)), (vec![(1, 33_436)], (1, true, Some(1_500))));
    // What is not smaller than what was sent, or than its headers, is no such size.
    for mtu in [Some(1_500), Some(27), None] {
        let mut run = Run::new(|config| config.path.begin_with(1_500));
        run.send();
        run.settle(1, &too_large(mtu));
        run.next();
        assert_eq!((run.measurement.again, fitted(&mut run).2), (0, None), "{mtu:?}");
    }
}

#[test]
fn what_this_machine_refuses_ends_it_unless_it_is_an_answer() {
    let mut run = Run::new(|config| config.path.queries = 1);
    run.send();
    let too_large = SendError { mtu: Some(1_400), ..SendError::new(EMSGSIZE) };
    run.settle(1, &Outcome::LocalError(too_large));
    assert_eq!(run.next(), Next::Quit);
    let Some(Event::Probe(Shown { answer: Some(seen), .. })) = run.events.pop() else { panic!() };
    assert_eq!((seen.from, seen.mtu, seen.icmp), (None, Some(1_400), Some(IcmpKind::v4(3, 4))));

    let mut run = Run::new(|_| ());
    run.send();
    run.settle(1, &Outcome::LocalError(SendError::new(1)));
    assert_eq!(run.next(), Next::Quit);
    assert!(matches!(run.events.pop(), Some(Event::Refused(SendError { errno: 1, .. }))));
}

//! The order of SYNs, and what is made of their outcomes.

use super::*;
use crate::syn::config::Group;
use netdiag_engine::outcome::{IcmpError, Offer, Reply, ReplyDetail, Segment, TcpFlags, Why};
use netdiag_engine::port::SendError;
use netdiag_engine::{Measurement as _, Probe, Stray};
use netdiag_model::target::{AddressRange, Targets};
use netdiag_model::{ClockAnchor, Destination, IcmpKind};

const T0: Instant = Instant::from_nanos(1_000_000_000);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn config(addresses: u8, ports: &[u16]) -> Config {
    let mut targets = Targets::default();
    let at = |byte| IpAddr::from([10, 0, 0, byte]);
    targets.push_range(AddressRange::new(at(1), at(addresses)).expect("a range"));
    let mut config = Config::new(vec![Group { targets, ports: ports.to_vec() }]);
    config.control.source = Some(at(99));
    config
}

/// A measurement and its events.
struct Bench {
    measurement: Measurement,
    events: Events<Event>,
    now: Instant,
}

impl Bench {
    fn new(config: Config) -> Self {
        let measurement = Measurement::new(Arc::new(config));
        Self { measurement, events: Events::new(), now: T0 }
    }

    /// The next SYN, whenever it is due.
    fn syn(&mut self) -> Option<ProbeSpec> {
        loop {
            match self.measurement.next(self.now, &mut self.events) {
                Next::Probe(spec) => {
                    let probe = self.probe(&spec);
                    self.measurement.sent(&probe, &mut self.events);
                    return Some(spec);
                }
                Next::NotBefore(due) => self.now = self.now.max(due),
                _ => return None,
            }
        }
    }

    fn probe(&self, spec: &ProbeSpec) -> Probe {
        let (target, seq, destination) = (spec.target, spec.seq, spec.destination);
        Probe { target, seq, destination, sent_at: self.now }
    }

    fn settle(&mut self, spec: &ProbeSpec, outcome: &Outcome) {
        let probe = self.probe(spec);
        self.measurement.settle(&probe, outcome, &mut self.events);
    }

    fn rows(&mut self) -> Vec<(u32, u16, State)> {
        let mut rows = Vec::new();
        while let Some(event) = self.events.pop() {
            if let Event::Port(row) = event {
                rows.push((row.target, row.port, row.found.state()));
            }
        }
        rows
    }
}

fn reply(spec: &ProbeSpec, is_open: bool, ttl: u8) -> Reply {
    let flags = if is_open { TcpFlags::SYN } else { TcpFlags::RST } | TcpFlags::ACK;
    let segment = Segment { flags, window: 64_240, offer: Offer::default(), ecn: None };
    Reply {
        from: spec.destination,
        rtt: ms(3),
        stamp: StampSource::Kernel,
        clock_adjusted: false,
        received_at: T0,
        hop_limit: Some(ttl),
        bytes: 40,
        sent_bytes: 40,
        corruption: None,
        options: None,
        detail: ReplyDetail::Segment(segment),
    }
}

fn error(kind: IcmpKind) -> IcmpError {
    IcmpError {
        kind,
        from: Destination::new(IpAddr::from([10, 0, 9, 9])),
        rtt: ms(2),
        stamp: StampSource::Kernel,
        hop_limit: Some(63),
        errno: None,
        info: None,
        gateway: None,
        quoted_hop_limit: None,
    }
}

fn port_of(spec: &ProbeSpec) -> (u16, u8) {
    match spec.kind {
        ProbeKind::Syn(SynSpec { port, flow, .. }) => (port, flow),
        _ => panic!("no SYN"),
    }
}

#[test]
fn addresses_take_turns_and_the_rate_is_kept() {
    let mut bench = Bench::new(config(3, &[80, 22]));
    let mut order = Vec::new();
    while let Some(spec) = bench.syn() {
        order.push((spec.destination.to_string(), port_of(&spec), bench.now.since(T0)));
        bench.settle(&spec, &Outcome::Replied(reply(&spec, true, 64)));
    }
    let told: Vec<(&str, u16)> = order.iter().map(|(to, (port, _), _)| (&**to, *port)).collect();
    let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let wanted: Vec<(&str, u16)> =
        [80, 22].iter().flat_map(|port| addresses.map(|to| (to, *port))).collect();
    assert_eq!(told, wanted);
    assert_eq!(order.last().map(|(.., at)| *at), Some(ms(5)));
    assert!(bench.measurement.is_complete());
    assert_eq!(bench.rows().len(), 6);
}

#[test]
fn silence_is_asked_again_from_another_port_and_then_is_filtered() {
    let mut bench = Bench::new(config(1, &[80]));
    let mut flows = Vec::new();
    while let Some(spec) = bench.syn() {
        flows.push((port_of(&spec).1, spec.timeout, spec.seq));
        bench.settle(&spec, &Outcome::TimedOut);
    }
    assert_eq!(flows, [(0, ms(1_000), 1), (1, ms(1_500), 2), (2, ms(2_250), 3)]);
    assert_eq!(bench.rows(), [(0, 80, State::Filtered)]);
    assert_eq!(bench.measurement.ports[0].sent, 3);
}

#[test]
fn each_outcome_has_its_state() {
    let cases: [(Outcome, State); 6] = [
        (Outcome::NetError(error(IcmpKind::v4(3, 13))), State::Prohibited),
        (Outcome::NetError(error(IcmpKind::v4(3, 1))), State::Unreachable),
        (Outcome::NetError(error(IcmpKind::v4(3, 3))), State::Filtered),
        (Outcome::NetError(error(IcmpKind::v6(1, 1))), State::Prohibited),
        (Outcome::LocalError(SendError::new(1)), State::NotSent),
        (Outcome::Unknown(Why::Suspended), State::Unknown),
    ];
    for (outcome, state) in cases {
        let mut bench = Bench::new(config(1, &[80]));
        while let Some(spec) = bench.syn() {
            bench.settle(&spec, &outcome);
        }
        assert_eq!(bench.rows(), [(0, 80, state)], "{outcome:?}");
    }
    let mut bench = Bench::new(config(1, &[80]));
    let spec = bench.syn().expect("a SYN");
    bench.settle(&spec, &Outcome::Replied(reply(&spec, false, 64)));
    assert_eq!(bench.rows(), [(0, 80, State::Closed)]);
}

#[test]
fn without_a_route_nothing_is_sent_and_that_is_no_result_of_the_target() {
    let mut config = config(2, &[80]);
    config.control.source = None;
    let mut bench = Bench::new(config);
    assert_eq!(bench.syn(), None);
    assert!(bench.measurement.is_complete());
    assert_eq!(bench.rows(), [(0, 80, State::NotSent), (1, 80, State::NotSent)]);
    assert!(bench.measurement.is_unmeasured(0));
    let anchor = ClockAnchor { instant: T0, unix_nanos: 0 };
    let found = bench.measurement.local_findings(&anchor);
    let codes: Vec<&str> = found.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["local-send-blocked"]);
}

#[test]
fn a_late_answer_settles_what_was_about_to_be_asked_again() {
    let mut bench = Bench::new(config(1, &[80]));
    let first = bench.syn().expect("a SYN");
    bench.settle(&first, &Outcome::TimedOut);
    let probe = bench.probe(&first);
    let late = Stray::Late(reply(&first, true, 64));
    bench.measurement.stray(&probe, &late, &mut bench.events);
    assert_eq!(bench.syn(), None, "it is known");
    assert_eq!(bench.rows(), [(0, 80, State::Open)]);
    assert_eq!((bench.measurement.totals.late, bench.measurement.ports[0].received), (1, 1));
}

/// What answers from nearer is asked once more before anything is said of it.
#[test]
fn a_middlebox_is_seen_twice() {
    for (again, is_found) in [(64, true), (62, false)] {
        let mut bench = Bench::new(config(1, &[22, 80, 443]));
        let mut asked = Vec::new();
        while let Some(spec) = bench.syn() {
            let port = port_of(&spec).0;
            let ttl = match (port, asked.contains(&port)) {
                (443, false) => 64,
                (443, true) => again,
                _ => 62,
            };
            asked.push(port);
            bench.settle(&spec, &Outcome::Replied(reply(&spec, port != 80, ttl)));
        }
        assert_eq!(asked, [22, 80, 443, 443]);
        let found = bench.measurement.findings(0);
        assert_eq!(found.is_some(), is_found);
        let said = "443 is answered 2 routers nearer than 22 and 80 (ttl 64, not 62): by a device \
                    on the way";
        assert!(found.is_none_or(|found| found.message == said));
    }
}

/// One of many that is answered from farther away need not be the host, and the others a device.
#[test]
fn one_odd_port_of_many_makes_no_others_suspect() {
    let ports: Vec<u16> = (1..=12).collect();
    for (retries, wanted) in [(1, 13), (0, 12)] {
        let mut config = config(1, &ports);
        config.retries = retries;
        let mut bench = Bench::new(config);
        let mut asked = 0;
        while let Some(spec) = bench.syn() {
            let ttl = if port_of(&spec).0 == 7 { 119 } else { 63 };
            asked += 1;
            bench.settle(&spec, &Outcome::Replied(reply(&spec, true, ttl)));
        }
        assert_eq!(asked, wanted, "without retries one SYN goes to each");
        let found = bench.measurement.findings(0);
        assert_eq!(found.is_some(), retries > 0);
        let said =
            "7 is answered 8 routers farther than 1, 2, 3, 4, 5, 6 and 5 more (ttl 119, not 63)";
        assert!(found.is_none_or(|found| found.message.starts_with(said)), "{retries}");
    }
}

/// That a neighbour did not answer this machine itself says: nothing made a round trip.
#[test]
fn what_this_machine_says_itself_has_no_round_trip() {
    for (from, rtt) in [([10, 0, 9, 9], Some(2.0)), ([10, 0, 0, 254], None)] {
        let mut config = config(1, &[80]);
        config.control.source = Some(IpAddr::from([10, 0, 0, 254]));
        config.retries = 0;
        let mut bench = Bench::new(config);
        let spec = bench.syn().expect("a SYN");
        let from = Destination::new(IpAddr::from(from));
        let error = IcmpError { from, ..error(IcmpKind::v4(3, 1)) };
        bench.settle(&spec, &Outcome::NetError(error));
        let told = crate::syn::result::Port::new(80, &bench.measurement.ports[0]);
        assert_eq!(told.rtt_ms.map(|rtt| rtt.mean), rtt, "{from}");
        assert_eq!(
            (told.reply_ttl.is_some(), told.hops_back.is_some()),
            (rtt.is_some(), rtt.is_some())
        );
    }
}

#[test]
fn a_user_who_is_held_back_is_not_hurried() {
    let mut config = config(2, &[1, 2]);
    config.floor = ms(20);
    let mut bench = Bench::new(config);
    let mut times = Vec::new();
    while let Some(spec) = bench.syn() {
        times.push(bench.now.since(T0).as_millis());
        bench.settle(&spec, &Outcome::TimedOut);
        if times.len() == 4 {
            break;
        }
    }
    assert_eq!(times, [0, 1, 20, 21]);
}

#[test]
fn a_port_is_small() {
    assert!(size_of::<Port>() <= 64, "{}", size_of::<Port>());
}

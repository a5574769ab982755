//! The order of attempts, and what is counted of them.

mod endings;
mod proxied;

use super::*;
use crate::connect::config::Target;
use crate::connect::dialogue::{Dialogue, MOST_HEARD, Pattern, TalkResult};
use netdiag_engine::outcome::{IcmpError, Refusal, Reply};
use netdiag_engine::port::{SendError, TalkEnd, TcpInfo};
use netdiag_model::{Destination, IcmpKind, StampSource};

const T0: Instant = Instant::from_nanos(1_000_000_000);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn to(address: &str) -> Destination {
    Destination::new(address.parse().expect("an address"))
}

fn config(addresses: &[&str], ports: &[u16]) -> Config {
    let all = |port: &u16| {
        let addresses = addresses.iter().map(|address| (to(address), None)).collect();
        let host = "a.example".into();
        Target {
            index: usize::from(*port),
            host,
            port: *port,
            tls: None,
            tls_later: None,
            url: None,
            addresses,
            behind: None,
        }
    };
    Config::new(ports.iter().map(all).collect())
}

/// A measurement and its events.
struct Bench {
    measurement: Measurement,
    events: Events<Event>,
}

impl Bench {
    fn new(config: Config) -> Self {
        Self { measurement: Measurement::new(config), events: Events::new() }
    }

    /// The attempts that begin at a time, and what is said then.
    fn begin(&mut self, now: Instant) -> (Vec<ProbeSpec>, Next) {
        let mut begun = Vec::new();
        loop {
            match self.measurement.next(now, &mut self.events) {
                Next::Probe(probe) => begun.push(probe),
                other => return (begun, other),
            }
        }
    }

    fn settle(&mut self, spec: &ProbeSpec, at: Instant, outcome: &Outcome) {
        let probe = Probe {
            target: spec.target,
            seq: spec.seq,
            destination: spec.destination,
            sent_at: at,
        };
        if !matches!(outcome, Outcome::LocalError(_)) {
            self.measurement.sent(&probe, &mut self.events);
        }
        self.measurement.settle(&probe, outcome, &mut self.events);
    }
}

fn connected(rtt: Duration, retransmits: u32) -> Outcome {
    let local = "192.0.2.200:40000".parse().expect("an address");
    let info = TcpInfo {
        rtt: Duration::from_micros(90),
        total_retransmits: retransmits,
        sizes: None,
        state: None,
    };
    Outcome::Replied(Reply {
        from: to("192.0.2.1"),
        rtt,
        stamp: StampSource::User,
        clock_adjusted: false,
        received_at: T0,
        hop_limit: None,
        bytes: 0,
        sent_bytes: 0,
        corruption: None,
        options: None,
        detail: ReplyDetail::Connected { local, info: Some(info) },
    })
}

fn refused(errno: i32) -> Outcome {
    Outcome::Refused(Refusal { errno, rtt: ms(1), stamp: StampSource::User })
}

fn icmp(kind: u8, code: u8) -> Outcome {
    Outcome::NetError(IcmpError {
        kind: IcmpKind::v4(kind, code),
        from: to("198.51.100.7"),
        rtt: ms(2),
        stamp: StampSource::User,
        hop_limit: None,
        errno: Some(113),
        info: None,
        gateway: None,
        quoted_hop_limit: None,
    })
}

fn port(spec: &ProbeSpec) -> u16 {
    match &spec.kind {
        ProbeKind::Connect(connect) => connect.port,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_port_of_every_address_is_tried_in_rounds_with_no_more_at_once_than_there_is_room_for() {
    let mut config = config(&["192.0.2.1", "2001:db8::1"], &[80, 81]);
    (config.count, config.parallel, config.interval) = (2, 3, ms(100));
    let mut bench = Bench::new(config);
    let (begun, next) = bench.begin(T0);
    assert_eq!((begun.len(), next), (3, Next::WhenSettled));
    bench.settle(&begun[1], T0, &refused(111));
    let (last, next) = bench.begin(T0 + ms(1));
    let places: Vec<_> = begun.iter().chain(&last).map(|p| (p.destination, port(p))).collect();
    let (four, six) = (to("192.0.2.1"), to("2001:db8::1"));
    assert_eq!(places, [(four, 80), (six, 80), (four, 81), (six, 81)]);
    assert_eq!(next, Next::NotBefore(T0 + ms(100)), "the next round stands on the grid");
    for spec in [&begun[0], &begun[2], &last[0]] {
        bench.settle(spec, T0, &connected(ms(3), 0));
    }
    assert_eq!(bench.begin(T0 + ms(99)).0, []);
    let (second, _) = bench.begin(T0 + ms(100));
    assert_eq!(second.len(), 3);
    second.iter().for_each(|spec| bench.settle(spec, T0, &Outcome::TimedOut));
    let (rest, _) = bench.begin(T0 + ms(5_100));
    assert_eq!(rest.len(), 1);
    bench.settle(&rest[0], T0, &Outcome::TimedOut);
    assert_eq!(bench.begin(T0 + ms(9_000)), (Vec::new(), Next::Done));
    assert!(bench.measurement.is_complete());
    assert!(bench.measurement.series.iter().all(|series| series.counts.settled() == 2));
}

#[test]
fn without_an_interval_attempts_follow_each_other_as_there_is_room() {
    let mut config = config(&["192.0.2.1"], &[80]);
    (config.count, config.parallel, config.interval) = (10, 4, Duration::ZERO);
    let mut bench = Bench::new(config);
    let (begun, next) = bench.begin(T0);
    assert_eq!((begun.len(), next), (4, Next::WhenSettled));
    begun.iter().for_each(|spec| bench.settle(spec, T0, &connected(ms(1), 0)));
    assert_eq!(bench.begin(T0).0.len(), 4);
}

#[test]
fn an_address_is_left_alone_between_attempts_where_that_is_wanted() {
    let mut config = config(&["192.0.2.1"], &[80, 81, 82]);
    config.spacing = ms(20);
    let mut bench = Bench::new(config);
    let (begun, next) = bench.begin(T0);
    assert_eq!((begun.len(), next), (1, Next::NotBefore(T0 + ms(20))));
    assert_eq!(bench.begin(T0 + ms(20)).0.len(), 1);
}

#[test]
fn a_deadline_ends_it_whatever_is_under_way() {
    let mut config = config(&["192.0.2.1"], &[80]);
    config.deadline = Some(ms(50));
    let mut bench = Bench::new(config);
    let (begun, next) = bench.begin(T0);
    assert_eq!((begun.len(), next), (1, Next::NotBefore(T0 + ms(50))));
    assert_eq!(bench.begin(T0 + ms(50)).1, Next::Quit);
    assert!(!bench.measurement.is_complete());
    assert_eq!(bench.measurement.series[0].in_flight(), 1);
}

#[test]
fn each_ending_is_counted_as_what_it_is_and_a_refusal_is_no_loss() {
    let mut config = config(&["192.0.2.1"], &[80]);
    (config.count, config.interval) = (12, Duration::ZERO);
    let mut bench = Bench::new(config);
    let outcomes = [
        connected(ms(2), 0),
        connected(ms(1_002), 1),
        refused(111),
        refused(104),
        Outcome::TimedOut,
        icmp(3, 1),
        icmp(3, 13),
        icmp(3, 3),
        Outcome::LocalError(SendError::new(103)),
        Outcome::Unknown(netdiag_engine::outcome::Why::Suspended),
    ];
    let (begun, _) = bench.begin(T0);
    for (spec, outcome) in begun.iter().zip(&outcomes) {
        bench.settle(spec, T0, outcome);
    }
    let series = &bench.measurement.series[0];
    let counts = series.counts;
    assert_eq!((counts.connected, counts.retransmitted, counts.reset), (2, 1, 1));
    assert_eq!((counts.refused, counts.unreachable, counts.prohibited), (1, 2, 1));
    assert_eq!((counts.timeouts, counts.local, counts.unknown), (1, 1, 1));
    assert_eq!((counts.failed(), counts.lost(), counts.measured()), (6, 4, 8));
    assert_eq!(series.in_flight(), 2);
    let handshakes = series.handshakes.as_ref().expect("one");
    assert_eq!(handshakes.len(), 1, "what was sent again has none");
}

#[test]
fn an_outage_has_a_cause_and_a_length() {
    let mut config = config(&["192.0.2.1"], &[80]);
    (config.count, config.interval) = (4, ms(1_000));
    let mut bench = Bench::new(config);
    for (second, outcome) in
        [connected(ms(1), 0), refused(111), refused(111), connected(ms(1), 0)].iter().enumerate()
    {
        let at = T0 + ms(1_000 * second as u64);
        let (begun, _) = bench.begin(at);
        bench.settle(&begun[0], at, outcome);
    }
    let outages = bench.measurement.series[0].outages();
    assert_eq!(outages.len(), 1);
    assert_eq!((outages[0].length, outages[0].failed), (ms(2_000), 2));
    assert_eq!(outages[0].cause.to_string(), "refused");
}

/// A measurement whose only connection has opened at a time, and what is done with it.
fn talking(dialogue: Dialogue) -> (Bench, Probe) {
    let mut config = config(&["192.0.2.1"], &[25]);
    (config.dialogue, config.timeout) = (Some(dialogue), ms(100));
    let mut bench = Bench::new(config);
    let (begun, _) = bench.begin(T0);
    assert!(matches!(begun[0].kind, ProbeKind::Connect(ConnectSpec { stays: true, .. })));
    bench.settle(&begun[0], T0, &connected(ms(1), 0));
    let ProbeSpec { target, seq, destination, .. } = begun[0];
    (bench, Probe { target, seq, destination, sent_at: T0 })
}

fn hear(bench: &mut Bench, probe: &Probe, millis: u64, heard: Heard<'_>) {
    bench.measurement.heard(probe, T0 + ms(millis), heard, &mut bench.events);
}

/// How the talk over the connection went, now that it has ended.
fn result(bench: &Bench) -> (TalkResult, usize) {
    let last = bench.measurement.series[0].last.as_ref().expect("one");
    let talk = last.talk.as_ref().expect("it was wanted");
    (talk.end, talk.heard.len())
}

const HUNG_UP: Heard<'static> = Heard::End(TalkEnd::HungUp { acknowledged: Some(4) });

#[test]
fn what_is_expected_may_come_in_pieces_and_then_nothing_more_is_waited_for() {
    let expect = Some(Pattern::new("^220 .*\n").expect("a pattern"));
    let (mut bench, probe) = talking(Dialogue { expect, ..Dialogue::default() });
    hear(&mut bench, &probe, 5, Heard::Bytes(b"220 he"));
    assert_eq!(bench.begin(T0 + ms(5)).1, Next::NotBefore(T0 + ms(101)), "from when it opened");
    hear(&mut bench, &probe, 6, Heard::Bytes(b"llo\r\n"));
    assert_eq!(bench.begin(T0 + ms(6)).1, Next::HangUp(probe.seq));
    assert_eq!(bench.begin(T0 + ms(7)).1, Next::WhenSettled, "its end is on its way");
    hear(&mut bench, &probe, 8, HUNG_UP);
    assert_eq!(result(&bench), (TalkResult::AsExpected, 11));
    let talk = bench.measurement.series[0].last.as_ref().and_then(|last| last.talk.as_ref());
    assert_eq!(talk.expect("one").first_byte, Some(ms(4)));
    assert_eq!(bench.begin(T0 + ms(9)).1, Next::Done);
    assert_eq!(bench.measurement.series[0].counts.unexpected, 0);
}

#[test]
fn who_is_silent_is_hung_up_on_after_the_timeout_and_what_was_sent_is_known() {
    let (mut bench, probe) = talking(Dialogue { send: b"HELO".to_vec(), ..Dialogue::default() });
    assert_eq!(bench.begin(T0 + ms(1)).1, Next::Say(probe.seq, b"HELO".to_vec()));
    assert_eq!(bench.begin(T0 + ms(100)).1, Next::NotBefore(T0 + ms(101)));
    assert_eq!(bench.begin(T0 + ms(101)).1, Next::HangUp(probe.seq));
    hear(&mut bench, &probe, 102, HUNG_UP);
    assert_eq!(result(&bench), (TalkResult::Silent, 0));
    let counts = bench.measurement.series[0].counts;
    assert_eq!((counts.connected, counts.unexpected, counts.mute), (1, 1, 1));
}

#[test]
fn what_never_ends_is_cut() {
    let expect = Some(Pattern::new("never").expect("a pattern"));
    let (mut bench, probe) = talking(Dialogue { expect, ..Dialogue::default() });
    for _ in 0..100 {
        hear(&mut bench, &probe, 2, Heard::Bytes(&[0x1b; 4_096]));
    }
    assert_eq!(bench.begin(T0 + ms(2)).1, Next::HangUp(probe.seq));
    hear(&mut bench, &probe, 3, HUNG_UP);
    assert_eq!(result(&bench), (TalkResult::Other, MOST_HEARD));
}

#[test]
fn a_connection_is_held_as_long_as_is_asked_for_unless_the_other_end_closes() {
    for (end, millis) in [(HUNG_UP, 51), (Heard::End(TalkEnd::Closed), 20)] {
        let (mut bench, probe) = talking(Dialogue { hold: ms(50), ..Dialogue::default() });
        assert_eq!(bench.begin(T0 + ms(1)).1, Next::NotBefore(T0 + ms(51)));
        if end == HUNG_UP {
            assert_eq!(bench.begin(T0 + ms(51)).1, Next::HangUp(probe.seq));
        }
        hear(&mut bench, &probe, millis, end);
        assert_eq!(result(&bench), (TalkResult::AsExpected, 0), "nothing was expected");
        assert_eq!(bench.begin(T0 + ms(52)).1, Next::Done);
    }
}

#[test]
fn who_closes_or_breaks_before_a_word_is_told_from_who_is_silent() {
    let ends =
        [(TalkEnd::Closed, TalkResult::Closed), (TalkEnd::Failed(104), TalkResult::Failed(104))];
    for (end, told) in ends {
        let expect = Some(Pattern::new(".").expect("a pattern"));
        let (mut bench, probe) = talking(Dialogue { expect, ..Dialogue::default() });
        hear(&mut bench, &probe, 9, Heard::End(end));
        assert_eq!(result(&bench).0, told);
        assert_eq!(bench.begin(T0 + ms(9)).1, Next::Done);
    }
}

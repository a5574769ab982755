//! The policy by itself: what it asks for after what it was told.

use super::*;
use crate::class::Class;
use crate::config::{Origin, Server, Target, Transport};
use crate::kind::{RecordClass, RecordType};
use crate::query::{EdnsQuery, QueryFlags, QueryOptions};
use crate::question::{DomainName, Question};
use netdiag_engine::outcome::{Reason, Reply, ReplyDetail};
use netdiag_engine::port::Control;
use netdiag_engine::{Measurement as _, Next, Outcome, Probe, ProbeKind, ProbeSpec, Secret, Stray};
use netdiag_model::{Destination, StampSource, Untrusted};
use std::time::Duration;

const START: Instant = Instant::from_nanos(1_000_000_000);

pub(crate) fn at(millis: u64) -> Instant {
    START + Duration::from_millis(millis)
}

pub(crate) fn config(servers: u8, choice: Choice) -> Config {
    let server = |number| {
        let address = format!("192.0.2.{number}");
        Server {
            destination: Ok(Destination::new(address.parse().expect("an address"))),
            port: 53,
            given: Untrusted::from(address),
            origin: Origin::ResolvConf,
            way: None,
            url: None,
        }
    };
    let name = DomainName::parse("a.example").expect("a name");
    let question = Question { name, kind: RecordType::A, class: RecordClass::IN };
    let flags = QueryFlags { recursion: true, checking_disabled: false, authentic_data: false };
    Config {
        secret: Secret::new([7; 18]),
        numbers_from: 0,
        tls: None,
        clock: None,
        targets: vec![Target { given: Untrusted::from("a.example"), question, group: 0 }],
        servers: (1..=servers).map(server).collect(),
        choice,
        query: QueryOptions { flags, edns: Some(EdnsQuery::default()) },
        transport: Transport::Udp,
        http_method: crate::config::HttpMethod::Post,
        follow_truncation: true,
        count: 1,
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        patience: Duration::from_millis(200),
        tries: 2,
        deadline: None,
        spacing: Duration::ZERO,
        control: Control::default(),
        keep_bytes: false,
        tells_wire: false,
        setup: None,
        tsig: None,
        transfer: None,
    }
}

/// A measurement and what it has told.
struct Bench {
    measurement: Measurement,
    events: Events<Event>,
}

impl Bench {
    fn new(config: Config) -> Self {
        Self { measurement: Measurement::new(Arc::new(config)), events: Events::new() }
    }

    fn next(&mut self, now: Instant) -> Next {
        self.measurement.next(now, &mut self.events)
    }

    /// The probe that is asked for now, sent.
    fn probe(&mut self, now: Instant) -> ProbeSpec {
        let next = self.next(now);
        let Next::Probe(spec) = next else { panic!("{next:?}") };
        self.measurement.sent(&sent(&spec, now), &mut self.events);
        spec
    }

    fn settle(&mut self, spec: &ProbeSpec, now: Instant, outcome: &Outcome) {
        self.measurement.settle(&sent(spec, now), outcome, &mut self.events);
    }

    /// The answer with these flags and this behind the question.
    fn reply(&mut self, spec: &ProbeSpec, now: Instant, flags: [u8; 2], counts: u8, data: &[u8]) {
        let (query, is_udp) = match &spec.kind {
            ProbeKind::Message(message) => (message.bytes.clone(), true),
            ProbeKind::Exchange { request, .. } => (request.clone(), false),
            other => panic!("{other:?}"),
        };
        let mut answer = query[..2].to_vec();
        answer.extend(flags);
        answer.extend([0, 1, 0, counts, 0, 0, 0, 0]);
        answer.extend(&query[12..12 + 15]);
        answer.extend(data);
        let detail = match is_udp {
            true => ReplyDetail::Message(answer),
            false => ReplyDetail::Exchanged { phases: [Duration::ZERO; 2], answer },
        };
        let reply = Reply { detail, ..plain(spec, now) };
        self.settle(spec, now, &Outcome::Replied(reply));
    }

    fn classes(&self) -> Vec<Option<Class>> {
        self.measurement.pairs.iter().map(Pair::class).collect()
    }
}

/// An answer without a message.
pub(crate) fn plain(spec: &ProbeSpec, now: Instant) -> Reply {
    Reply {
        from: spec.destination,
        rtt: Duration::from_millis(3),
        stamp: StampSource::Kernel,
        clock_adjusted: false,
        received_at: now,
        hop_limit: None,
        bytes: 0,
        sent_bytes: 0,
        corruption: None,
        options: None,
        detail: ReplyDetail::Message(Vec::new()),
    }
}

pub(crate) fn sent(spec: &ProbeSpec, now: Instant) -> Probe {
    Probe { target: spec.target, seq: spec.seq, destination: spec.destination, sent_at: now }
}

const ADDRESS: &[u8] = &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];

#[test]
fn a_silent_server_is_asked_twice_and_then_the_next_one() {
    let mut bench = Bench::new(config(2, Choice::FirstThatAnswers));
    for (now, last) in [(0, 1), (2_000, 1), (4_000, 2)] {
        let spec = bench.probe(at(now));
        assert_eq!(spec.destination.to_string(), format!("192.0.2.{last}"));
        assert_eq!(bench.next(at(now)), Next::WhenSettled);
        match last {
            1 => bench.settle(&spec, at(now), &Outcome::TimedOut),
            _ => bench.reply(&spec, at(now), [0x81, 0x80], 1, ADDRESS),
        }
    }
    assert_eq!(bench.next(at(4_003)), Next::Done);
    assert_eq!(bench.classes(), [Some(Class::Timeout), Some(Class::Answer)]);
    let counters = bench.measurement.pairs[0].stats.counters();
    assert_eq!((counters.sent(), counters.lost()), (2, 2));
}

#[test]
fn what_is_cut_is_asked_for_over_tcp_and_is_one_query() {
    let mut bench = Bench::new(config(1, Choice::Each));
    let udp = bench.probe(at(0));
    bench.reply(&udp, at(3), [0x83, 0x80], 0, &[]);
    let tcp = bench.probe(at(3));
    assert!(matches!(tcp.kind, ProbeKind::Exchange { port: 53, .. }));
    bench.reply(&tcp, at(9), [0x81, 0x80], 1, ADDRESS);
    assert_eq!(bench.next(at(9)), Next::Done);
    assert_eq!(bench.classes(), [Some(Class::Answer)]);
    assert_eq!(bench.measurement.pairs[0].stats.counters().sent(), 1);
    let last = bench.measurement.pairs[0].last.as_ref().expect("it ended");
    assert!(last.retried_over_tcp && last.transport == Transport::Tcp);
}

#[test]
fn only_the_answer_to_the_question_is_one() {
    let mut bench = Bench::new(config(1, Choice::Each));
    let spec = bench.probe(at(0));
    let ProbeKind::Message(message) = &spec.kind else { panic!("{:?}", spec.kind) };
    let probe = sent(&spec, at(0));
    let objection = |bytes: &[u8]| bench.measurement.objection(&probe, bytes);
    let mut answer = message.bytes[..12 + 15].to_vec();
    answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(objection(&answer), None);
    let mut upper = answer.clone();
    upper[13] = b'A';
    assert_eq!(objection(&upper), None, "case does not matter");
    let changed = |place: usize, byte: u8| {
        let mut changed = answer.clone();
        changed[place] = byte;
        changed
    };
    assert_eq!(objection(&message.bytes), Some(Reason::NoAnswer), "our own query");
    assert_eq!(objection(&answer[..11]), Some(Reason::NoAnswer));
    assert_eq!(objection(&changed(0, answer[0] ^ 1)), Some(Reason::WrongSequence));
    assert_eq!(objection(&changed(2, 0xa1)), Some(Reason::NoAnswer), "another opcode");
    assert_eq!(objection(&changed(13, b'b')), Some(Reason::WrongQuestion));
    assert_eq!(objection(&changed(24, 28)), Some(Reason::WrongQuestion), "another type");
    assert_eq!(objection(&changed(26, 3)), Some(Reason::WrongQuestion), "another class");
    // Without a question only who could not read it may answer.
    let none = |rcode: u8| {
        let mut bytes = answer[..12].to_vec();
        (bytes[3], bytes[5]) = (0x80 | rcode, 0);
        bytes
    };
    assert_eq!(objection(&none(1)), None);
    assert_eq!(objection(&none(0)), Some(Reason::WrongQuestion));
}

#[test]
fn a_series_keeps_its_schedule_and_the_deadline_ends_it() {
    let series = Config {
        count: 3,
        deadline: Some(Duration::from_millis(1_500)),
        ..config(1, Choice::Each)
    };
    let mut bench = Bench::new(series);
    let first = bench.probe(at(0));
    assert_eq!(bench.next(at(0)), Next::NotBefore(at(1_000)));
    bench.reply(&first, at(3), [0x81, 0x80], 1, ADDRESS);
    let second = bench.probe(at(1_000));
    assert_eq!(bench.next(at(1_000)), Next::NotBefore(at(1_500)));
    bench.settle(&second, at(1_200), &Outcome::TimedOut);
    assert_eq!(bench.next(at(1_500)), Next::Quit);
    let counters = bench.measurement.pairs[0].stats.counters();
    assert_eq!((counters.sent(), counters.received(), counters.lost()), (2, 1, 1));
    assert!(!bench.measurement.is_complete());
}

#[test]
fn servers_that_say_different_things_are_asked_once_more() {
    let mut bench = Bench::new(config(2, Choice::Each));
    for round in 0..2 {
        let (one, two) = (bench.probe(at(round)), bench.probe(at(round)));
        bench.reply(&one, at(round), [0x81, 0x80], 1, ADDRESS);
        bench.reply(&two, at(round), [0x81, 0x83], 0, &[]);
    }
    assert_eq!(bench.next(at(9)), Next::Done);
    assert!(bench.measurement.is_disagreed(0));
    assert_eq!(bench.measurement.agree(0), Some(false));
}

#[test]
fn of_a_server_that_fails_nobody_says_that_it_disagrees() {
    let mut bench = Bench::new(config(2, Choice::Each));
    for round in 0..2 {
        let (one, two) = (bench.probe(at(round)), bench.probe(at(round)));
        bench.reply(&one, at(round), [0x81, 0x80], 1, ADDRESS);
        bench.reply(&two, at(round), [0x81, 0x82], 0, &[]);
    }
    assert_eq!(bench.next(at(9)), Next::Done);
    let results = Vec::new();
    let codes: Vec<String> =
        bench.measurement.findings(&results).into_iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["dns-server-failing"]);
    assert!(bench.measurement.is_disagreed(0) && !bench.measurement.is_disputed(0));
}

#[test]
fn an_answer_with_another_cookie_is_none() {
    let edns = EdnsQuery { cookie: true, ..EdnsQuery::default() };
    let mut config = config(1, Choice::Each);
    config.query.edns = Some(edns.clone());
    let mut any = config.clone();
    any.query.edns = Some(EdnsQuery { takes_any_cookie: true, ..edns });
    for (config, is_taken) in [(config, false), (any, true)] {
        let mut bench = Bench::new(config);
        let spec = bench.probe(at(0));
        let ProbeKind::Message(message) = &spec.kind else { panic!("{:?}", spec.kind) };
        let own = message.bytes[message.bytes.len() - 8..].to_vec();
        let answer = |client: &[u8]| {
            let mut bytes = message.bytes[..12 + 15].to_vec();
            bytes[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 1]);
            bytes.extend([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 20, 0, 10, 0, 16]);
            bytes.extend([client, b"SERVCOOK"].concat());
            bytes
        };
        let probe = sent(&spec, at(0));
        let objection = |bytes: &[u8]| bench.measurement.objection(&probe, bytes);
        assert_eq!(objection(&answer(&own)), None);
        let wrong = objection(&answer(b"12345678"));
        assert_eq!(wrong, if is_taken { None } else { Some(Reason::BadTag) });
    }
}

#[test]
fn what_comes_late_or_twice_is_told() {
    let mut bench = Bench::new(config(1, Choice::Each));
    let spec = bench.probe(at(0));
    bench.settle(&spec, at(0), &Outcome::TimedOut);
    while bench.events.pop().is_some() {}
    let probe = sent(&spec, at(0));
    let reply = |rtt| Reply { rtt: Duration::from_millis(rtt), ..plain(&spec, at(rtt)) };
    for stray in [Stray::Late(reply(2_300)), Stray::Duplicate(reply(2_400))] {
        bench.measurement.stray(&probe, &stray, &mut bench.events);
    }
    let mut told = Vec::new();
    while let Some(event) = bench.events.pop() {
        told.push(event.kind);
    }
    let rtt = Duration::from_millis;
    assert!(
        matches!(
            told.as_slice(),
            [EventKind::Late(0, Some(1), _, late), EventKind::Duplicate(0, Some(1), _, twice)]
                if *late == rtt(2_300) && *twice == rtt(2_400)
        ),
        "{told:?}"
    );
}

#[test]
fn of_a_long_list_little_is_kept_and_all_is_told() {
    let one = config(1, Choice::Each);
    let many = Config { targets: vec![one.targets[0].clone(); 10_001], ..one.clone() };
    let told = |config: Config| {
        let mut bench = Bench::new(config);
        let spec = bench.probe(at(0));
        bench.reply(&spec, at(3), [0x81, 0x80], 1, ADDRESS);
        let method = netdiag_model::contract::Method {
            socket: netdiag_model::contract::SocketKind::UdpErrorQueue,
            timestamps: netdiag_model::contract::Timestamps::Kernel,
            because: String::new(),
            lost: Vec::new(),
            remedy: None,
        };
        let endpoints = bench.measurement.endpoints();
        let made = bench.measurement.result_at(0, &method, &endpoints).expect("one");
        let pair = &bench.measurement.pairs[0];
        assert_eq!(pair.class(), Some(Class::Answer));
        (pair.slim.is_some() && pair.last.is_none(), format!("{made:?}"))
    };
    let ((is_slim, long), (is_whole, short)) = (told(many), told(one));
    assert_eq!((is_slim, is_whole), (true, false));
    assert_eq!(long, short);
}

//! How connections end that had opened, and who is told to be the cause.

use super::*;
use crate::connect::dialogue::{Early, Talk};
use crate::connect::event::Class;
use crate::connect::http::{Spoken, Url};
use crate::connect::jury::Jury;
use crate::connect::metrics::AttemptMetrics;
use netdiag_model::ClockAnchor;
use netdiag_model::contract::{Context, Method, SocketKind, Timestamps};
use netdiag_model::failure::Stage;
use netdiag_model::finding::Finding;
use netdiag_model::metrics::Metrics;
use netdiag_tls::{Demand, Fault, Reason, Shown, Talked};
use std::cell::Cell;
use std::rc::Rc;

const ANCHOR: ClockAnchor = ClockAnchor { instant: T0, unix_nanos: 0 };

fn findings(bench: &Bench) -> Vec<Finding> {
    bench.measurement.findings(&ANCHOR).into_iter().map(|found| found.finding).collect()
}

/// The last attempt.
fn last(bench: &Bench) -> &Attempt {
    bench.measurement.series[0].last.as_deref().expect("one")
}

fn finish(bench: &mut Bench, millis: u64) {
    bench.measurement.finish(T0 + ms(millis), &mut bench.events);
}

/// A measurement that asks for a page by a version of HTTP, whose connection has opened.
fn asking(spoken: Spoken) -> (Bench, Probe) {
    let mut config = config(&["192.0.2.1"], &[80]);
    config.timeout = ms(100);
    config.http = Some(spoken);
    config.targets[0].url = Some(Url::parse("http://a.example/x").expect("a URL"));
    let mut bench = Bench::new(config);
    let (begun, _) = bench.begin(T0);
    bench.settle(&begun[0], T0, &connected(ms(1), 0));
    let ProbeSpec { target, seq, destination, .. } = begun[0];
    bench.begin(T0 + ms(1));
    (bench, Probe { target, seq, destination, sent_at: T0 })
}

#[test]
fn only_the_host_itself_knows_that_nobody_listens() {
    for (from, class, code) in [
        ("198.51.100.7", Class::Unreachable, "unreachable"),
        ("192.0.2.1", Class::Refused, "connection-refused"),
    ] {
        let mut bench = Bench::new(config(&["192.0.2.1"], &[80]));
        let (begun, _) = bench.begin(T0);
        let Outcome::NetError(error) = icmp(3, 3) else { panic!("an error") };
        bench.settle(&begun[0], T0, &Outcome::NetError(IcmpError { from: to(from), ..error }));
        assert_eq!(last(&bench).class(), class);
        let found = findings(&bench);
        assert_eq!(found.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), [code]);
        assert!(found[0].message.contains(from), "{}", found[0].message);
    }
}

#[test]
fn what_is_destroyed_on_this_machine_is_no_doing_of_the_service() {
    let expect = Some(Pattern::new("^220").expect("a pattern"));
    for dialogue in [
        Dialogue { expect, ..Dialogue::default() },
        Dialogue { hold: ms(50), ..Dialogue::default() },
    ] {
        let (mut bench, probe) = talking(dialogue);
        hear(&mut bench, &probe, 20, Heard::End(TalkEnd::Failed(103)));
        let counts = bench.measurement.series[0].counts;
        assert_eq!((counts.local, counts.connected, counts.unexpected), (1, 0, 0));
        let failure = last(&bench).failure().expect("one");
        assert_eq!(
            (failure.stage, failure.errno.map(|one| one.number)),
            (Stage::Connect, Some(103))
        );
        let found = findings(&bench);
        assert!(found[0].message.contains("ended here: "), "{}", found[0].message);
    }
}

#[test]
fn a_connection_that_does_not_live_as_long_as_it_is_held_is_told() {
    let hold = || Dialogue { hold: ms(50), ..Dialogue::default() };
    let (mut bench, probe) = talking(hold());
    hear(&mut bench, &probe, 20, Heard::End(TalkEnd::Closed));
    let talk = last(&bench).talk.as_deref().expect("one");
    assert_eq!((talk.early, talk.is_as_asked()), (Some(Early::Closed), true));
    let (mut bench, probe) = talking(hold());
    hear(&mut bench, &probe, 20, Heard::End(TalkEnd::Failed(104)));
    let failure = last(&bench).failure().expect("it was to stay");
    assert_eq!((failure.reason.as_str(), last(&bench).class()), ("reset", Class::Connected));
    assert_eq!(bench.measurement.series[0].counts.unexpected, 1);
}

#[test]
fn what_had_opened_when_the_run_ends_stays_so() {
    let (mut bench, _) = talking(Dialogue { hold: ms(5_000), ..Dialogue::default() });
    finish(&mut bench, 30);
    assert_eq!((last(&bench).class(), last(&bench).failure()), (Class::Connected, None));
    assert_eq!(bench.measurement.series[0].in_flight(), 0);
    let (mut bench, _) = asking(Spoken::Http1);
    finish(&mut bench, 30);
    let failure = last(&bench).failure().expect("no answer came");
    assert_eq!((last(&bench).class(), failure.stage), (Class::Connected, Stage::Request));
    assert!(failure.message.ends_with("when the run ended"), "{}", failure.message);
    assert_eq!(bench.measurement.series[0].counts.mute, 0, "it was not waited for");
}

#[test]
fn a_service_that_says_something_is_not_silent() {
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    let (mut bench, probe) = asking(Spoken::Http2);
    hear(&mut bench, &probe, 2, Heard::Bytes(SETTINGS));
    bench.begin(T0 + ms(200));
    hear(&mut bench, &probe, 201, HUNG_UP);
    let counts = bench.measurement.series[0].counts;
    assert_eq!((counts.unexpected, counts.mute, counts.talkative), (1, 0, 1));
    let failure = last(&bench).failure().expect("no answer");
    assert!(!failure.message.contains("not a byte"), "{}", failure.message);
}

#[test]
fn what_was_not_answered_to_its_end_has_no_total() {
    let total = |bench: &Bench| AttemptMetrics::of(last(bench), None).metric("total");
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let (mut bench, probe) = asking(Spoken::Http1);
    hear(&mut bench, &probe, 5, Heard::Bytes(answer));
    bench.begin(T0 + ms(5));
    hear(&mut bench, &probe, 6, HUNG_UP);
    assert_eq!(total(&bench), Some(netdiag_model::metrics::MetricValue::Number(5.0)));
    let (mut bench, probe) = asking(Spoken::Http1);
    hear(&mut bench, &probe, 5, Heard::Bytes(&answer[..answer.len() - 1]));
    bench.begin(T0 + ms(200));
    hear(&mut bench, &probe, 201, HUNG_UP);
    assert_eq!(total(&bench), None);
}

/// An attempt that opened, with what TLS showed over it.
fn shown(number: u64, faults: Vec<Fault>) -> Attempt {
    let is_fine = faults.is_empty();
    let talked = Talked {
        demand: Demand::Believed,
        name: "a.example".to_owned(),
        took: Some(ms(1)),
        shown: Shown { faults, ..Shown::default() },
        failed: None,
        at: Duration::ZERO,
    };
    let talk = Talk {
        heard: Vec::new(),
        request: None,
        first_byte: None,
        end: if is_fine { TalkResult::AsExpected } else { TalkResult::Untrusted },
        stage: crate::connect::dialogue::Stage::Tls,
        tls: Some(Box::new(talked)),
        refused: None,
        proxy: None,
        http: None,
        acknowledged: None,
        lasted: ms(2),
        has_come: true,
        is_cut: false,
        early: None,
        tls_at: None,
    };
    Attempt {
        number,
        destination: to("192.0.2.1"),
        port: 443,
        started_at: T0,
        took: ms(1),
        local: None,
        retransmits: None,
        ending: Ending::Connected { handshake: None },
        talk: Some(Box::new(talk)),
        is_proxied: false,
        reply_ttl: None,
        reset_ttl: None,
        state: None,
    }
}

#[test]
fn a_fault_of_some_connections_is_told_whoever_was_last() {
    let expired = Fault { reason: Reason::Expired, message: "it expired".to_owned() };
    let mut config = config(&["192.0.2.1"], &[443]);
    config.count = 3;
    let looked_at = Rc::new(Cell::new(0));
    let seen = Rc::clone(&looked_at);
    config.jury = Some(Jury::new(Rc::new(move |_, _| seen.set(seen.get() + 1))));
    let mut bench = Bench::new(config);
    for (number, faults) in [(1, vec![]), (2, vec![expired]), (3, vec![])] {
        bench.measurement.series[0].stats.on_sent();
        bench.measurement.take(0, T0, shown(number, faults), &mut bench.events);
    }
    assert_eq!(looked_at.get(), 3, "each is judged");
    let found = findings(&bench);
    assert_eq!(found[0].code, "tls-expired");
    assert_eq!(found[0].message, "192.0.2.1:443: it expired (1 of 3 connections)");
    assert_eq!(bench.measurement.series[0].counts.unexpected, 1);
    // A redirect led there.
    let mut attempt = shown(4, vec![Fault { reason: Reason::Expired, message: "too".to_owned() }]);
    let at = "192.0.2.7:9443".parse().expect("an address");
    attempt.talk.iter_mut().for_each(|talk| talk.tls_at = Some(at));
    bench.measurement.series[0].stats.on_sent();
    bench.measurement.take(0, T0, attempt, &mut bench.events);
    let found = findings(&bench);
    assert!(found.iter().any(|one| one.message.starts_with("192.0.2.7:9443: too")), "{found:?}");
}

#[test]
fn what_never_was_open_has_no_outage() {
    let mut config = config(&["192.0.2.1"], &[80]);
    (config.count, config.interval) = (4, ms(1_000));
    let mut bench = Bench::new(config);
    for second in 0..4 {
        let at = T0 + ms(1_000 * second);
        let (begun, _) = bench.begin(at);
        bench.settle(&begun[0], at, &refused(111));
    }
    finish(&mut bench, 4_000);
    assert_eq!(bench.measurement.series[0].outages(), []);
}

/// All phases are those of one attempt, so that they make up the total; the statistics are of all.
#[test]
fn phases_are_those_of_the_last_attempt() {
    let mut config = config(&["192.0.2.1"], &[80]);
    (config.count, config.interval) = (3, ms(10));
    let mut bench = Bench::new(config);
    for (number, took) in [(0, 1), (1, 5), (2, 9)] {
        let at = T0 + ms(10 * number);
        let (begun, _) = bench.begin(at);
        bench.settle(&begun[0], at, &connected(ms(took), 0));
    }
    let method = Method {
        socket: SocketKind::TcpErrorQueue,
        timestamps: Timestamps::Kernel,
        because: String::new(),
        lost: Vec::new(),
        remedy: None,
    };
    let target = "192.0.2.1:80".into();
    let context = Context { target, anchor: ANCHOR, started_at: T0, method };
    let told = bench.measurement.result(0, &context, Some(ms(4)));
    assert_eq!((told.phases_ms.connect, told.phases_ms.total), (Some(9.0), Some(13.0)));
    assert_eq!(told.connect_ms.map(|rtt| rtt.p50), Some(5.0));
}

/// One that is held open ends after those that began later and had no answer.
#[test]
fn silence_behind_a_connection_that_is_held_is_at_the_end() {
    let mut config = config(&["192.0.2.1"], &[80]);
    (config.count, config.interval, config.parallel) = (3, ms(10), 3);
    config.dialogue = Some(Dialogue { hold: ms(5_000), ..Dialogue::default() });
    let mut bench = Bench::new(config);
    for number in 0..3 {
        let at = T0 + ms(10 * number);
        let (begun, _) = bench.begin(at);
        let (opened, silent) = (connected(ms(1), 0), Outcome::TimedOut);
        bench.settle(&begun[0], at, if number == 0 { &opened } else { &silent });
    }
    finish(&mut bench, 2_000);
    let counts = bench.measurement.series[0].counts;
    assert_eq!((counts.connected, counts.timeouts, counts.silent_at_end), (1, 2, 2));
}

/// Where not all is as expected the last line says so, however many addresses and ports there are.
#[test]
fn the_verdict_over_several_says_that_some_are_not_as_expected() {
    for (addresses, ports, said) in [
        (
            &["192.0.2.1", "192.0.2.2"][..],
            &[80][..],
            "open on both addresses, but 1 not as expected; ",
        ),
        (&["192.0.2.1"], &[80, 81], "2 of 2 ports open on 192.0.2.1, but 1 not as expected"),
    ] {
        let mut config = config(addresses, ports);
        let expect = Some(Pattern::new("^220").expect("a pattern"));
        config.dialogue = Some(Dialogue { expect, ..Dialogue::default() });
        let mut bench = Bench::new(config);
        let (begun, _) = bench.begin(T0);
        for (spec, words) in begun.iter().zip([&b"220 a"[..], b"500 b"]) {
            bench.settle(spec, T0, &connected(ms(1), 0));
            let ProbeSpec { target, seq, destination, .. } = *spec;
            let probe = Probe { target, seq, destination, sent_at: T0 };
            hear(&mut bench, &probe, 2, Heard::Bytes(words));
            hear(&mut bench, &probe, 3, Heard::End(TalkEnd::Closed));
        }
        let verdict = bench.measurement.verdict();
        assert!(verdict.starts_with(said), "{verdict}");
    }
}

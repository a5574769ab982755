//! Connections through a proxy: whose answer is whose.

use super::*;
use crate::connect::event::Class;
use crate::connect::http::Url;
use crate::connect::metrics::TargetMetrics;
use crate::connect::proxy::Proxy;
use netdiag_model::ClockAnchor;
use netdiag_model::contract::{Context, Method, SocketKind, Timestamps};
use netdiag_model::failure::Stage;
use netdiag_model::metrics::{MetricValue, Metrics};

const HUNG_UP: Heard<'_> = Heard::End(TalkEnd::HungUp { acknowledged: None });

/// A run through a proxy to ports of a.example.
fn through(proxy: &str, ports: &[u16]) -> Config {
    let mut config = config(&["198.51.100.1"], ports);
    config.timeout = ms(100);
    config.proxy = Some(Box::new(Proxy::parse(proxy).expect("a proxy")));
    config
}

/// One whose first connection has opened, and what is said over it.
fn opened(config: Config) -> (Bench, Probe, Vec<u8>) {
    let mut bench = Bench::new(config);
    let (begun, _) = bench.begin(T0);
    assert_eq!(port(&begun[0]), 1080, "to the proxy");
    bench.settle(&begun[0], T0, &connected(ms(1), 0));
    let ProbeSpec { target, seq, destination, .. } = begun[0];
    let said = said(&mut bench, 1);
    (bench, Probe { target, seq, destination, sent_at: T0 }, said)
}

fn said(bench: &mut Bench, millis: u64) -> Vec<u8> {
    match bench.begin(T0 + ms(millis)).1 {
        Next::Say(_, bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

fn hear(bench: &mut Bench, probe: &Probe, millis: u64, heard: Heard<'_>) {
    bench.measurement.heard(probe, T0 + ms(millis), heard, &mut bench.events);
}

fn result(bench: &Bench) -> crate::connect::result::Target {
    let (socket, timestamps) = (SocketKind::KernelConnect, Timestamps::User);
    let method =
        Method { socket, timestamps, because: String::new(), lost: Vec::new(), remedy: None };
    let anchor = ClockAnchor { instant: T0, unix_nanos: 0 };
    bench.measurement.result(
        0,
        &Context { target: "t".into(), anchor, started_at: T0, method },
        None,
    )
}

fn is_open(bench: &Bench) -> Option<MetricValue> {
    TargetMetrics { target: &result(bench), findings: &[] }.metric("open")
}

#[test]
fn what_is_said_goes_through_once_the_way_is_open() {
    let mut config = through("socks5h://p.example:1080", &[25]);
    let expect = Some(Pattern::new("^220 ").expect("a pattern"));
    config.dialogue = Some(Dialogue { expect, ..Dialogue::default() });
    let (mut bench, probe, greeting) = opened(config);
    assert_eq!(greeting, [5, 1, 0]);
    hear(&mut bench, &probe, 3, Heard::Bytes(&[5, 0]));
    assert_eq!(said(&mut bench, 3), b"\x05\x01\x00\x03\x09a.example\x00\x19");
    // The service speaks in the same segment.
    let answer = [&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"220 mail\r\n"].concat();
    hear(&mut bench, &probe, 8, Heard::Bytes(&answer));
    bench.begin(T0 + ms(8));
    hear(&mut bench, &probe, 9, HUNG_UP);
    let target = result(&bench);
    let phases = &target.phases_ms;
    assert_eq!((phases.connect, phases.proxy, phases.total), (Some(1.0), Some(7.0), Some(8.0)));
    assert_eq!((target.unexpected, target.port), (0, 25));
    assert_eq!(is_open(&bench), Some(MetricValue::Bool(true)));
    let verdict = bench.measurement.verdict();
    let begin = "open: a.example:25 through the proxy 198.51.100.1:1080 after 1.000 ms";
    assert!(verdict.starts_with(begin) && verdict.contains("the proxy took 7.000 ms"), "{verdict}");
}

#[test]
fn it_is_told_whether_the_proxy_or_the_target_refuses() {
    let refusal: &[u8] = &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0];
    let (mut bench, probe, _) = opened(through("socks5h://me:secret@p.example:1080", &[25]));
    hear(&mut bench, &probe, 2, Heard::Bytes(&[5, 0]));
    said(&mut bench, 2);
    hear(&mut bench, &probe, 3, Heard::Bytes(refusal));
    bench.begin(T0 + ms(3));
    hear(&mut bench, &probe, 4, HUNG_UP);
    let target = result(&bench);
    let failure = target.failure.clone().expect("a failure");
    assert_eq!((failure.stage, failure.reason.as_str()), (Stage::Proxy, "target-refused"));
    let proxy = target.proxy.as_ref().expect("a proxy");
    assert_eq!((proxy.status, proxy.failed, proxy.port), (Some(5), 1, 1080));
    assert_eq!((target.succeeded, target.failed, target.unexpected), (0, 1, 0));
    assert_eq!(target.addresses.first().and_then(|one| one.state), Some(Class::ProxyFailed));
    assert_eq!(is_open(&bench), Some(MetricValue::Bool(false)));
    let verdict = bench.measurement.verdict();
    assert!(verdict.starts_with("not open: a.example:25 through the proxy"), "{verdict}");
    assert!(!serde_json::to_string(&target).expect("JSON").contains("secret"));

    let mut bench = Bench::new(through("socks5h://p.example:1080", &[25]));
    let (begun, _) = bench.begin(T0);
    bench.settle(&begun[0], T0, &refused(111));
    let target = result(&bench);
    let failure = target.failure.expect("a failure");
    assert_eq!((failure.stage, failure.reason.as_str()), (Stage::Connect, "refused"));
    assert!(failure.message.starts_with("no connection to the proxy: RST"), "{}", failure.message);
}

#[test]
fn a_proxy_that_does_not_answer_is_told_as_that() {
    for (heard, reason, said) in [
        (None, "timeout", "not a byte came from the proxy"),
        (Some(Heard::Bytes(b"HTTP/1.1 1")), "timeout", "did not say"),
        (Some(Heard::End(TalkEnd::Closed)), "closed", "closed the connection"),
        (Some(Heard::End(TalkEnd::Failed(104))), "reset", "broke"),
    ] {
        let (mut bench, probe, _) = opened(through("http://p.example:1080", &[25]));
        if let Some(heard) = heard {
            hear(&mut bench, &probe, 5, heard);
        }
        bench.begin(T0 + ms(200));
        hear(&mut bench, &probe, 201, HUNG_UP);
        let failure = result(&bench).failure.expect("a failure");
        assert_eq!((failure.stage, failure.reason.as_str()), (Stage::Proxy, reason));
        assert!(failure.message.contains(said), "{}", failure.message);
    }
}

#[test]
fn targets_behind_a_proxy_are_counted_by_what_it_said_of_them() {
    let mut bench = Bench::new(through("http://p.example:1080", &[25, 26, 27]));
    let (begun, _) = bench.begin(T0);
    assert_eq!(begun.iter().map(port).collect::<Vec<u16>>(), [1080; 3]);
    for (spec, answer) in
        begun.iter().zip([&b"HTTP/1.1 200 OK\r\n\r\n"[..], b"HTTP/1.1 502 x\r\n\r\n"])
    {
        bench.settle(spec, T0, &connected(ms(1), 0));
        let ProbeSpec { target, seq, destination, .. } = *spec;
        let probe = Probe { target, seq, destination, sent_at: T0 };
        let asked = String::from_utf8_lossy(&said(&mut bench, 1)).into_owned();
        assert!(asked.starts_with(&format!("CONNECT a.example:{} ", 25 + target)), "{asked}");
        hear(&mut bench, &probe, 2, Heard::Bytes(answer));
        bench.begin(T0 + ms(2));
        hear(&mut bench, &probe, 3, HUNG_UP);
    }
    bench.settle(&begun[2], T0, &refused(111));
    let verdict = bench.measurement.verdict();
    let whole = "1 of 3 targets open through http://p.example:1080; 1 refused, \
                 1 not connected by the proxy";
    assert_eq!(verdict, whole);
}

/// Every connection goes through, also one that a redirect leads to; the name is the proxy's to look up.
#[test]
fn a_redirect_goes_through_the_proxy_too() {
    let mut config = through("http://p.example:1080", &[80]);
    config.targets[0].url = Some(Url::parse("http://a.example/").expect("a URL"));
    let (mut bench, probe, _) = opened(config);
    hear(&mut bench, &probe, 2, Heard::Bytes(b"HTTP/1.1 200 OK\r\n\r\n"));
    assert!(said(&mut bench, 2).starts_with(b"GET / "));
    let answer =
        b"HTTP/1.1 302 Found\r\nLocation: http://b.example:81/x\r\nContent-Length: 0\r\n\r\n";
    hear(&mut bench, &probe, 3, Heard::Bytes(answer));
    bench.begin(T0 + ms(3));
    hear(&mut bench, &probe, 4, HUNG_UP);
    let (begun, _) = bench.begin(T0 + ms(4));
    assert_eq!((port(&begun[0]), begun[0].destination), (1080, to("198.51.100.1")));
    bench.settle(&begun[0], T0 + ms(4), &connected(ms(1), 0));
    assert!(said(&mut bench, 5).starts_with(b"CONNECT b.example:81 HTTP/1.1\r\n"));
}

use super::*;
use crate::Url;

fn client() -> One {
    let mut one = One::default();
    let url = Url::parse("http://a.example/x").expect("a URL");
    assert_eq!(one.ask(&Request::get(&url)), 0);
    one
}

/// What came of bytes, in words.
fn told(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| match event {
            Event::Interim(n, status) => format!("{n} interim {status}"),
            Event::Head(n, head) => format!("{n} head {}", head.status),
            Event::Body(n, bytes) => format!("{n} body {}", String::from_utf8_lossy(bytes)),
            Event::End(n, trailers) => format!("{n} end {}", trailers.len()),
            Event::Failed(n, fault) => format!("{n} failed {}", fault.reason.name()),
        })
        .collect()
}

#[test]
fn an_answer_is_whole_however_it_is_cut() {
    let answer =
        b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\nhello";
    for piece in 1..=answer.len() {
        let mut one = client();
        let mut events = Vec::new();
        for part in answer.chunks(piece) {
            events.extend(one.receive(part));
        }
        let told = told(&events);
        assert_eq!(
            (told[0].as_str(), told[1].as_str()),
            ("0 interim 103", "0 head 200"),
            "{piece}"
        );
        assert_eq!(told.last().map(String::as_str), Some("0 end 0"), "{piece}");
        let body: String = told.iter().filter_map(|it| it.strip_prefix("0 body ")).collect();
        assert_eq!((body.as_str(), one.is_open()), ("hello", true), "{piece}");
    }
}

#[test]
fn the_next_request_waits_for_the_answer_and_goes_nowhere_once_it_closes() {
    let mut one = client();
    let url = Url::parse("http://a.example/y").expect("a URL");
    assert!(one.take_output().starts_with(b"GET /x HTTP/1.1\r\nHost: a.example\r\n"));
    one.ask(&Request::get(&url));
    assert!(one.take_output().is_empty());
    let events = one.receive(b"HTTP/1.1 204 No\r\n\r\n");
    assert_eq!(told(&events), ["0 head 204", "0 end 0"]);
    assert!(one.take_output().starts_with(b"GET /y "));
    one.ask(&Request::get(&url));
    let events = one.receive(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(told(&events), ["1 head 200", "1 end 0", "2 failed closed"]);
    assert!(matches!(&events[2], Event::Failed(2, fault) if fault.is_untouched));
    assert!(!one.is_open());
}

#[test]
fn what_ends_too_early_says_how_much_there_was() {
    let mut one = client();
    assert_eq!(told(&one.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome")).len(), 2);
    let events = one.end();
    let [Event::Failed(0, fault)] = &events[..] else { panic!("{events:?}") };
    assert!(fault.message.ends_with("after 4 of 9 bytes of it"), "{}", fault.message);
    assert!(!fault.is_untouched);
    let mut one = client();
    let _ = one.receive(b"HTTP/1.0 200 OK\r\n\r\nsome");
    assert_eq!(told(&one.end()), ["0 end 0"], "that is how it ends");
}

#[test]
fn what_is_no_http_is_told_and_shown_harmless() {
    for (wrong, why) in [
        (&b"220 \x1b[2J mail\r\n\r\n"[..], "220"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "a length that is none"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "another protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunks"),
    ] {
        let events = client().receive(wrong);
        let Some(Event::Failed(0, fault)) = events.last() else { panic!("{events:?}") };
        assert!(fault.message.contains(why) && !fault.message.contains('\u{1b}'), "{fault:?}");
        assert_eq!(fault.reason, Reason::Malformed);
    }
}

#[test]
fn nothing_is_without_an_end() {
    let mut one = client();
    let mut events = one.receive(b"HTTP/1.1 200 OK\r\nX: ");
    for _ in 0..70 {
        events.extend(one.receive(&[b'a'; 1_000]));
    }
    assert_eq!(told(&events), ["0 failed malformed"]);
    assert!(one.pending.len() <= 2 * crate::LARGEST_HEAD);
    let events = client().receive(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100));
    assert_eq!(told(&events).last().map(String::as_str), Some("0 failed malformed"));
    let mut one = client();
    let mut events = one.receive(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    for _ in 0..3_000 {
        events.extend(one.receive(b"a: b\r\n"));
    }
    assert_eq!(told(&events).last().map(String::as_str), Some("0 failed malformed"));
}

#[test]
fn an_answer_that_nobody_asked_for_ends_the_use_of_the_connection() {
    let mut one = client();
    let events = one.receive(b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
    assert_eq!((told(&events).len(), one.is_open()), (2, false));
}

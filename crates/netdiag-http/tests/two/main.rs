//! HTTP/2 against a server in memory, and against what is none.

mod server;

use netdiag_http::{Client, Event, Fault, Method, Reason, Request, Spoken, Url};
use server::{Reply, Server};

fn url(path: &str) -> Url {
    Url::parse(&format!("https://a.example{path}")).expect("a URL")
}

/// Both talk until neither has anything to say, in pieces of so many bytes.
fn talk(client: &mut Client, server: &mut Server, piece: usize) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let said = client.take_output();
        let answer = server.feed(&said);
        if said.is_empty() && answer.is_empty() {
            return events;
        }
        for part in answer.chunks(piece) {
            events.extend(client.receive(part));
        }
    }
}

/// What came of a request: status, body, how it ended.
fn of(events: &[Event], wanted: u64) -> (u16, Vec<u8>, Option<Result<usize, Fault>>) {
    let (mut status, mut all, mut end) = (0, Vec::new(), None);
    for event in events {
        match event {
            Event::Head(n, head) if *n == wanted => status = head.status,
            Event::Body(n, bytes) if *n == wanted => all.extend_from_slice(bytes),
            Event::End(n, trailers) if *n == wanted => end = Some(Ok(trailers.len())),
            Event::Failed(n, fault) if *n == wanted => end = Some(Err(fault.clone())),
            _ => {}
        }
    }
    (status, all, end)
}

fn reason(events: &[Event], wanted: u64) -> Option<Reason> {
    of(events, wanted).2.and_then(Result::err).map(|fault| fault.reason)
}

#[test]
fn requests_go_beside_each_other_and_answers_come_in_any_order() {
    for piece in [1, 7, 100, 1 << 20] {
        let mut server = Server::new(3, |seen| {
            assert_eq!(
                (seen.authority.as_str(), &seen.fields["accept"]),
                ("a.example", &"*/*".parse().expect("a value"))
            );
            let said = format!("{} {} {}", seen.method, seen.path, seen.body.len());
            Reply { trailers: vec![("x-sum", "1")], ..Reply::ok(said) }
        });
        let mut client = Client::new(Spoken::Http2);
        let post = Request { method: Method::Post, body: vec![7; 100], ..Request::get(&url("/p")) };
        assert_eq!(client.ask(Request::get(&url("/x?y"))), 0);
        assert_eq!((client.ask(post), client.ask(Request::get(&url("/z")))), (1, 2));
        let events = talk(&mut client, &mut server, piece);
        let order = events.iter().filter_map(|event| match event {
            Event::Head(number, _) => Some(*number),
            _ => None,
        });
        let order: Vec<u64> = order.collect();
        // Of what comes at once nothing came first.
        assert!(order.len() == 3 && (piece > 1 || order == [2, 1, 0]), "{order:?}");
        assert_eq!(of(&events, 0), (200, b"GET /x?y 0".to_vec(), Some(Ok(1))));
        assert_eq!(of(&events, 1), (200, b"POST /p 100".to_vec(), Some(Ok(1))));
        assert!(client.is_open());
        let last = client.close();
        assert_eq!(last.get(3), Some(&7), "GOAWAY is said at the end");
        server.feed(&last);
        assert!(server.is_over());
    }
}

#[test]
fn a_body_larger_than_any_window_comes_whole() {
    let mut server = Server::new(0, |_| Reply::ok(vec![b'x'; 5_000_000]));
    let mut client = Client::new(Spoken::Http2);
    client.ask(Request::get(&url("/")));
    let (status, body, end) = of(&talk(&mut client, &mut server, 1 << 14), 0);
    assert_eq!((status, body.len(), end), (200, 5_000_000, Some(Ok(0))));
    let mut client = Client::new(Spoken::Http2);
    let mut server = Server::new(0, |seen| Reply::ok(seen.body.len().to_string()));
    let body = vec![1; 300_000];
    client.ask(Request { method: Method::Post, body, ..Request::get(&url("/")) });
    assert_eq!(of(&talk(&mut client, &mut server, 1 << 14), 0).1, b"300000");
}

#[test]
fn what_a_server_takes_back_is_told_with_its_word() {
    let mut server = Server::new(0, |seen| match seen.path.as_str() {
        "/now" => Reply { reset: Some(h2::Reason::REFUSED_STREAM), ..Reply::default() },
        "/later" => Reply { reset: Some(h2::Reason::INTERNAL_ERROR), ..Reply::ok("some") },
        _ => Reply::ok("fine"),
    });
    let mut client = Client::new(Spoken::Http2);
    for path in ["/now", "/later", "/"] {
        client.ask(Request::get(&url(path)));
    }
    let events = talk(&mut client, &mut server, 100);
    let fault = |wanted| of(&events, wanted).2.and_then(Result::err).expect("it failed");
    assert_eq!((fault(0).reason, fault(0).is_untouched), (Reason::Reset, true));
    assert!(fault(0).message.contains("REFUSED_STREAM"), "{:?}", fault(0));
    assert_eq!((fault(1).reason, fault(1).is_untouched), (Reason::Reset, false));
    assert_eq!(of(&events, 2).2, Some(Ok(0)), "the others are none the worse");
    assert!(client.is_open());
}

#[test]
fn a_server_that_leaves_answers_what_it_took_and_no_more() {
    let mut server = Server::new(0, |_| Reply { leaves: true, ..Reply::ok("bye") });
    let mut client = Client::new(Spoken::Http2);
    client.ask(Request::get(&url("/")));
    let events = talk(&mut client, &mut server, 100);
    assert_eq!(of(&events, 0), (200, b"bye".to_vec(), Some(Ok(0))));
    assert!(!client.is_open());
    client.ask(Request::get(&url("/")));
    let events = client.receive(&[]);
    let fault = of(&events, 1).2.and_then(Result::err).expect("it failed");
    assert!(fault.is_untouched, "{fault:?}");
}

/// A frame: type, flags, stream, content (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("short").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(content);
    frame
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
/// `:status: 200`, by its number in the static table of HPACK (RFC 7541 appendix A).
const OK: &[u8] = &[0x88];

/// One that asked, and a server that greeted it.
fn greeted() -> Client {
    let mut client = Client::new(Spoken::Http2);
    client.ask(Request::get(&url("/")));
    assert!(client.take_output().starts_with(b"PRI * HTTP/2.0\r\n"));
    assert_eq!(client.receive(&frame(SETTINGS, 0, 0, &[])), []);
    client
}

#[test]
fn what_speaks_no_http_2_is_told_at_its_first_bytes() {
    let mut client = Client::new(Spoken::Http2);
    client.ask(Request::get(&url("/")));
    let events = client.receive(b"HTTP/1.1 400 Bad\x1b[2J\r\n\r\n");
    let fault = of(&events, 0).2.and_then(Result::err).expect("it failed");
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(fault.message.contains("`HTTP/1.1 400 Bad\\u{1b}"), "{}", fault.message);
    assert!(!client.is_open() && client.receive(b"more").is_empty());
}

#[test]
fn each_rule_that_is_broken_ends_the_connection_by_its_name() {
    for (bytes, word) in [
        // A frame above what was announced.
        (frame(0, 0, 1, &[0; 20_000]), "FRAME_SIZE_ERROR"),
        // Fields that are none.
        (frame(HEADERS, END_HEADERS, 1, &[0xff; 40]), "_ERROR"),
        // Data before a head, and of a stream that nobody opened.
        (frame(0, 0, 9, b"data"), "PROTOCOL_ERROR"),
        // SETTINGS of a stream, and of a length that is none.
        (frame(SETTINGS, 0, 1, &[]), "PROTOCOL_ERROR"),
        (frame(SETTINGS, 0, 0, &[1, 2, 3]), "_ERROR"),
        // More may be sent than can be counted.
        (frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff]), "_ERROR"),
        // What the client opens the server cannot.
        (frame(HEADERS, END_HEADERS, 2, OK), "_ERROR"),
    ] {
        let mut client = greeted();
        let events = client.receive(&bytes);
        let fault = of(&events, 0).2.and_then(Result::err);
        let fault = fault.unwrap_or_else(|| panic!("{word}: {events:?}"));
        assert_eq!(fault.reason, Reason::Protocol, "{word}: {fault:?}");
        assert!(fault.message.contains(word), "{word}: {fault:?}");
        assert!(!client.is_open(), "{word}");
        assert!(client.take_output().windows(9).any(|nine| nine[3] == GOAWAY), "{word}");
    }
}

#[test]
fn goaway_and_rst_stream_in_the_middle_are_told_apart() {
    let mut client = greeted();
    let events = client.receive(&frame(RST_STREAM, 0, 1, &[0, 0, 0, 11]));
    assert_eq!(reason(&events, 0), Some(Reason::Reset), "{events:?}");
    let mut client = greeted();
    // Nothing was looked at: the last stream is none.
    let events = client.receive(&frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11, b'x', 0x1b]));
    let fault = of(&events, 0).2.and_then(Result::err).expect("it failed");
    assert_eq!((fault.reason, fault.is_untouched), (Reason::GoAway, true), "{fault:?}");
    assert!(fault.message.contains("ENHANCE_YOUR_CALM"), "{fault:?}");
}

#[test]
fn the_end_in_the_middle_is_no_answer() {
    let mut client = greeted();
    let _ = client.receive(&frame(HEADERS, END_HEADERS, 1, OK));
    let _ = client.receive(&frame(0, 0, 1, b"some"));
    let events = client.end();
    assert_eq!(reason(&events, 0), Some(Reason::Closed), "{events:?}");
    let mut client = Client::new(Spoken::Http2);
    client.ask(Request::get(&url("/")));
    assert_eq!(reason(&client.end(), 0), Some(Reason::Closed));
    assert!(!client.is_open());
}

#[test]
fn a_length_that_is_not_that_of_the_body_is_told() {
    // content-length by its number in the static table, as a literal: 9.
    let mut head = OK.to_vec();
    head.extend([0x0f, 0x0d, 1, b'9']);
    let mut client = greeted();
    let _ = client.receive(&frame(HEADERS, END_HEADERS, 1, &head));
    let events = client.receive(&frame(0, 1, 1, b"some"));
    assert_eq!(reason(&events, 0), Some(Reason::Protocol), "{events:?}");
}

/// Fields without an end take no more room than a head may have.
#[test]
fn endless_heads_end_the_connection() {
    let mut client = greeted();
    // A literal field: name and value of 100 bytes.
    let mut field = vec![0, 1, b'x', 100];
    field.extend([b'y'; 100]);
    let mut block = OK.to_vec();
    block.extend(field.repeat(150));
    let mut events = client.receive(&frame(HEADERS, 0, 1, &block));
    for _ in 0..100 {
        events.extend(client.receive(&frame(CONTINUATION, 0, 1, &field.repeat(150))));
    }
    let fault = of(&events, 0).2.and_then(Result::err);
    assert!(fault.is_some() && !client.is_open(), "{events:?}");
    // One head that is whole and too large ends its request alone, or all.
    let mut client = greeted();
    let mut events = client.receive(&frame(HEADERS, 0, 1, &block));
    for _ in 0..7 {
        events.extend(client.receive(&frame(CONTINUATION, 0, 1, &field.repeat(150))));
    }
    events.extend(client.receive(&frame(CONTINUATION, END_HEADERS, 1, &[])));
    assert!(of(&events, 0).2.is_some_and(|end| end.is_err()), "{events:?}");
}

/// Two answers to one request: the second is told to nobody.
#[test]
fn a_second_answer_is_none() {
    let mut client = greeted();
    let mut events = client.receive(&frame(HEADERS, END_HEADERS | 1, 1, OK));
    events.extend(client.receive(&frame(HEADERS, END_HEADERS | 1, 1, OK)));
    let heads = events.iter().filter(|event| matches!(event, Event::Head(..))).count();
    let ends = events.iter().filter(|event| matches!(event, Event::End(..))).count();
    assert_eq!((heads, ends), (1, 1), "{events:?}");
}

#[test]
fn whatever_comes_it_ends() {
    let mut state = 7_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for _ in 0..2_000 {
        let mut client = greeted();
        for _ in 0..random() % 8 {
            let kind = random() % 11;
            let (flags, stream) = (random(), u32::from(random() % 4));
            let content: Vec<u8> = (0..random() % 40).map(|_| random()).collect();
            let _ = client.receive(&frame(kind, flags, stream, &content));
        }
        let _ = client.end();
        assert!(!client.is_open());
    }
}

//! HTTP/3 against what servers may say, and against what is none.

mod feed;

use feed::feed;
use netdiag_http::three::{Three, code};
use netdiag_http::{Event, Fault, Method, Reason, Request, Url};
use std::fs;
use std::path::Path;

/// The stream by which a server says something of the connection, with no settings in it.
const CONTROL: &[u8] = &[0x00, 0x04, 0x00];
/// `:status: 200`, `103` and `content-length: 0` by their numbers (RFC 9204 appendix A).
const OK: u8 = 0xc0 | 25;
const EARLY: u8 = 0xc0 | 24;
const NO_BODY: u8 = 0xc0 | 4;

fn get() -> Request {
    Request::get(&Url::parse("https://a.example/x?y").expect("a URL"))
}

/// A frame of less than 16,384 bytes.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short") | 0x4000;
    [&[kind][..], &length.to_be_bytes(), payload].concat()
}

/// HEADERS with these fields.
fn head(fields: &[u8]) -> Vec<u8> {
    frame(1, &[&[0, 0], fields].concat())
}

/// A field that is written as it is.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let short = |text: &str, most: usize| u8::try_from(text.len().min(most)).expect("short");
    let more = name.len().checked_sub(7).map(|more| u8::try_from(more).expect("short"));
    let begin = [0x20 | short(name, 7)];
    [&begin[..], more.as_slice(), name.as_bytes(), &[short(value, 126)], value.as_bytes()].concat()
}

/// What came of one request that was answered like this, in pieces of so many bytes, and by which code the
/// connection is to be closed.
fn answered(answer: &[u8], is_over: bool, piece: usize) -> (Vec<Event>, Option<u32>) {
    let mut three = Three::default();
    let (number, _) = three.ask(&get());
    let mut events = Vec::new();
    for part in answer.chunks(piece) {
        events.extend(three.hear(number, part));
    }
    if is_over {
        events.extend(three.end(number));
    }
    (events, three.broken())
}

fn fault(events: &[Event]) -> Option<&Fault> {
    events.iter().find_map(|event| match event {
        Event::Failed(0, fault) => Some(fault),
        _ => None,
    })
}

#[test]
fn a_request_is_fields_and_a_body_and_the_connection_begins_by_settings() {
    // A table without room, and 65,536 bytes of fields (RFC 9204 section 5, RFC 9114 section 7.2.4.1).
    assert_eq!(Three::hello(), [0, 4, 7, 1, 0, 6, 0x80, 1, 0, 0]);
    let mut three = Three::default();
    let (number, bytes) = three.ask(&get());
    assert_eq!((number, &bytes[..1]), (0, &[1][..]));
    // GET and https by their numbers, then authority and path.
    let fields = [&[0, 0, 0xd1, 0xd7, 0x50, 9][..], b"a.example", &[0x51, 4], b"/x?y"].concat();
    assert_eq!(&bytes[2..2 + fields.len()], fields, "{bytes:x?}");
    let post = Request { method: Method::Post, body: vec![7; 100], ..get() };
    let (number, bytes) = three.ask(&post);
    let body = [&[0, 0x40, 100][..], &[7; 100]].concat();
    assert_eq!((number, bytes.ends_with(&body)), (1, true));
}

#[test]
fn an_answer_is_whole_however_it_is_cut() {
    let fields = [&[OK][..], &literal("x-long-name", "value")].concat();
    let answer = [
        frame(0x21, b"means nothing"),
        head(&[EARLY]),
        head(&fields),
        frame(0, b"one "),
        frame(0, b""),
        frame(0, b"two"),
        head(&literal("x-sum", "1")),
        frame(0x21, b""),
    ];
    for piece in [1, 2, 7, 1 << 20] {
        let (events, broken) = answered(&answer.concat(), true, piece);
        assert_eq!(broken, None);
        assert!(matches!(events.first(), Some(Event::Interim(0, 103))), "{events:?}");
        let Some(Event::Head(0, head)) = events.get(1) else { panic!("{events:?}") };
        assert_eq!((head.version.name(), head.status), ("HTTP/3", 200));
        assert_eq!(head.field("x-long-name").expect("one").as_raw(), "value");
        let body = events.iter().filter_map(|event| match event {
            Event::Body(0, bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        assert_eq!(body.collect::<Vec<_>>().concat(), b"one two");
        let Some(Event::End(0, trailers)) = events.last() else { panic!("{events:?}") };
        assert_eq!(trailers.len(), 1);
    }
}

#[test]
fn what_is_wrong_with_an_answer_ends_it_alone() {
    let ok = |fields: &[u8]| head(&[&[OK], fields].concat());
    let too_many = [&[OK][..], &[0xc0 | 29; 2_000]].concat();
    for (answer, reason, part) in [
        (Vec::new(), Reason::Closed, "before the answer began"),
        (head(&[EARLY]), Reason::Closed, "before the answer began"),
        (head(&[EARLY]).repeat(33), Reason::Malformed, "1xx"),
        (head(&[NO_BODY]), Reason::Malformed, "status"),
        (head(&[]), Reason::Malformed, "status"),
        (head(&literal(":status", "20")), Reason::Malformed, "status"),
        (head(&literal(":status", "101")), Reason::Malformed, "status"),
        (head(&literal(":status", "+20")), Reason::Malformed, "status"),
        (ok(&[OK]), Reason::Malformed, "a field"),
        (ok(&literal("Upper", "x")), Reason::Malformed, "a field"),
        (ok(&literal("", "x")), Reason::Malformed, "a field"),
        (ok(&literal("x", "a\nb")), Reason::Malformed, "a field"),
        (ok(&literal("x", "\u{1b}[2J")), Reason::Malformed, "a field"),
        (ok(&literal("connection", "close")), Reason::Malformed, "a field"),
        (ok(&literal("transfer-encoding", "x")), Reason::Malformed, "a field"),
        (ok(&literal("content-length", "x")), Reason::Malformed, "no number"),
        (ok(&literal("content-length", "")), Reason::Malformed, "no number"),
        ([ok(&[NO_BODY]), frame(0, b"x")].concat(), Reason::Malformed, "longer"),
        (ok(&literal("content-length", "3")), Reason::Malformed, "shorter"),
        ([ok(&[]), head(&[OK])].concat(), Reason::Malformed, "a field"),
        (head(&too_many), Reason::TooLarge, "65536"),
        // So long a head is not even read.
        (vec![1, 0x80, 1, 0, 1, 0], Reason::TooLarge, "65536"),
        (vec![1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Reason::TooLarge, "65536"),
    ] {
        for piece in [1, 1 << 20] {
            let (events, broken) = answered(&answer, true, piece);
            let fault = fault(&events).unwrap_or_else(|| panic!("{part}: {answer:x?}"));
            assert_eq!((fault.reason, broken), (reason, None), "{part}: {fault:?}");
            assert!(fault.message.contains(part), "{part}: {fault:?}");
        }
    }
}

#[test]
fn what_is_wrong_with_the_frames_of_an_answer_ends_the_connection() {
    let ok = head(&[OK]);
    for (answer, name) in [
        (frame(0, b"body"), "H3_FRAME_UNEXPECTED (0x105)"),
        ([ok.clone(), head(&[]), head(&[])].concat(), "H3_FRAME_UNEXPECTED"),
        ([ok.clone(), head(&[]), frame(0, b"x")].concat(), "H3_FRAME_UNEXPECTED"),
        (frame(4, b""), "H3_FRAME_UNEXPECTED"),
        (frame(7, b"\0"), "H3_FRAME_UNEXPECTED"),
        (frame(0xd, b"\0"), "H3_FRAME_UNEXPECTED"),
        // Priorities and pings of HTTP/2.
        (frame(2, b""), "H3_FRAME_UNEXPECTED"),
        (frame(6, b""), "H3_FRAME_UNEXPECTED"),
        (frame(5, b"\0\0\0"), "H3_ID_ERROR (0x108)"),
        (ok[..ok.len() - 1].to_vec(), "H3_FRAME_ERROR (0x106)"),
        (vec![1], "H3_FRAME_ERROR"),
        (frame(1, &[]), "QPACK_DECOMPRESSION_FAILED (0x200)"),
        // Fields of a table that grows.
        (frame(1, &[2, 0, 0x80]), "QPACK_DECOMPRESSION_FAILED"),
        (frame(1, &[0, 0, 0x80]), "QPACK_DECOMPRESSION_FAILED"),
    ] {
        let (events, broken) = answered(&answer, true, 3);
        let fault = fault(&events).unwrap_or_else(|| panic!("{name}: {answer:x?}"));
        assert_eq!((fault.reason, fault.reason.name()), (Reason::Protocol3, "http3-error"));
        assert!(fault.message.contains(name), "{name}: {fault:?}");
        let code = u64::from(broken.expect("it is to be closed"));
        assert!(fault.message.contains(&code::shown(code)), "{name}: {fault:?}");
    }
}

/// What came of one request while a server said this over streams of its own.
fn beside(streams: &[(&[u8], bool)]) -> (Vec<Event>, Three) {
    let mut three = Three::default();
    three.ask(&get());
    let mut events = Vec::new();
    for (stream, (bytes, is_over)) in (3..).step_by(4).zip(streams) {
        for byte in bytes.chunks(1) {
            events.extend(three.hear_beside(stream, byte));
        }
        if *is_over {
            events.extend(three.end_beside(stream));
        }
    }
    (events, three)
}

#[test]
fn what_a_server_may_say_of_a_connection_changes_nothing() {
    let settings = [CONTROL, &frame(0x21, b"nothing")].concat();
    let set = [&[0, 4, 5][..], &[6, 0x40, 100, 0x21, 7]].concat();
    for streams in [
        &[][..],
        &[(&settings[..], false)],
        &[(&set[..], false)],
        // No room for a table, and acknowledgements of nothing.
        &[(CONTROL, false), (&[2, 0x20], false), (&[3, 0x41], false)],
        // Kinds that are not known, and one that did not even say its own.
        &[(b"\x21nothing", true), (b"\x21nothing", false), (&[], true), (&[0x40], true)],
    ] {
        let (events, three) = beside(streams);
        assert_eq!((events, three.broken(), three.is_open()), (Vec::new(), None, true));
    }
}

#[test]
fn what_a_server_must_not_say_of_a_connection_ends_it() {
    let control = |more: &[u8]| [CONTROL, more].concat();
    let long = control(&frame(7, &[0; 5_000]));
    for (streams, name) in [
        (&[(CONTROL, true)][..], "H3_CLOSED_CRITICAL_STREAM (0x104)"),
        (&[(&[2][..], true)], "H3_CLOSED_CRITICAL_STREAM"),
        (&[(CONTROL, false), (CONTROL, false)], "H3_STREAM_CREATION_ERROR (0x103)"),
        (&[(&[1, 0], false)], "H3_ID_ERROR (0x108)"),
        (&[(&[2, 0x3f, 0x80, 1], false)], "QPACK_ENCODER_STREAM_ERROR (0x201)"),
        (&[(&[0, 7, 1, 0], false)], "H3_MISSING_SETTINGS (0x10a)"),
        (&[(&control(&[4, 0]), false)], "H3_FRAME_UNEXPECTED"),
        (&[(&control(&frame(0, b"x")), false)], "H3_FRAME_UNEXPECTED"),
        (&[(&control(&frame(8, b"x")), false)], "H3_FRAME_UNEXPECTED"),
        (&[(&control(&frame(3, &[0])), false)], "H3_ID_ERROR"),
        (&[(&[0, 4, 2, 3, 9], false)], "H3_SETTINGS_ERROR (0x109)"),
        (&[(&[0, 4, 4, 6, 9, 6, 9], false)], "H3_SETTINGS_ERROR"),
        (&[(&[0, 4, 1, 6], false)], "H3_FRAME_ERROR"),
        (&[(&control(&[7, 0]), false)], "H3_FRAME_ERROR"),
        (&[(&control(&[7, 1, 3]), false)], "H3_ID_ERROR"),
        (&[(&control(&[7, 1, 0, 7, 1, 4]), false)], "H3_ID_ERROR"),
        (&[(&long, false)], "H3_EXCESSIVE_LOAD (0x107)"),
    ] {
        let (events, three) = beside(streams);
        let fault = fault(&events).unwrap_or_else(|| panic!("{name}: {streams:x?}"));
        assert_eq!(fault.reason, Reason::Protocol3, "{fault:?}");
        assert!(fault.message.contains(name), "{name}: {fault:?}");
        assert!(three.broken().is_some() && !three.is_open());
    }
}

#[test]
fn what_a_server_does_not_look_at_is_untouched() {
    let (events, mut three) = beside(&[(&[CONTROL, &[7, 1, 8]].concat(), false)]);
    assert_eq!((events, three.least(), three.is_open()), (Vec::new(), Some(8), false));
    let events = three.untouched(&[0, 5]);
    let fault = fault(&events).expect("the only one that there is");
    assert_eq!((fault.reason, fault.is_untouched, events.len()), (Reason::GoAway, true, 1));
    // Nothing is told of it any more.
    assert_eq!((three.hear(0, b"x"), three.end(0), three.reset(0, 1)), (vec![], vec![], vec![]));
    for (code, is_untouched, name) in [
        (0x10b, true, "H3_REQUEST_REJECTED (0x10b)"),
        (0x10c, false, "H3_REQUEST_CANCELLED (0x10c)"),
        (0x202, false, "QPACK_DECODER_STREAM_ERROR (0x202)"),
        (7, false, "H3_OTHER_ERROR (0x7)"),
        (u64::MAX, false, "H3_OTHER_ERROR"),
    ] {
        let mut three = Three::default();
        three.ask(&get());
        let events = three.reset(0, code);
        let fault = self::fault(&events).expect("it failed");
        assert_eq!((fault.reason, fault.is_untouched), (Reason::Reset, is_untouched));
        assert!(fault.message.contains(name) && three.is_open(), "{fault:?}");
    }
}

/// What fuzzers found worth keeping, and the same with any bytes in it.
#[test]
fn no_bytes_make_it_panic_and_each_request_has_one_end() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/http3");
    let files = fs::read_dir(corpus).expect("the corpus").map(|it| it.expect("a file").path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    let inputs = files.iter().map(|path| fs::read(path).expect("a readable file"));
    let inputs: Vec<_> = inputs.collect();
    inputs.iter().for_each(|input| feed(input));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for _ in 0..20_000 {
        let mut input = inputs[random(inputs.len())].clone();
        let other = &inputs[random(inputs.len())];
        input.extend_from_slice(&other[random(other.len())..]);
        for _ in 0..random(4) {
            let at = random(input.len());
            input[at] = u8::try_from(random(256)).expect("a byte");
        }
        feed(&input);
    }
}

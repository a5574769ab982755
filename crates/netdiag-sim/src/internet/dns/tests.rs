use super::*;

const SERVER: &str = r#"
    zone = "example"
    [[record]]
    name = "www.example"
    a = ["10.0.0.1", "10.0.0.2"]
    [[record]]
    name = "also.example"
    cname = "www.example"
    [[record]]
    name = "out.example"
    cname = "www.other"
    [[record]]
    name = "round.example"
    cname = "round.example"
    [[record]]
    name = "a.b.example"
    txt = "deep"
    [[record]]
    name = "long.example"
    txt_bytes = 600
    [[record]]
    name = "bad.example"
    manner = "wrong-id"
"#;

fn server() -> DnsServer {
    toml::from_str(SERVER).expect("a server")
}

/// A query: number 0x1234, recursion wanted; with EDNS where there is room told.
fn query(name: &str, kind: u16, room: Option<u16>) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(room.is_some())];
    bytes.extend(crate::scenario::wire_name(name).expect("a name"));
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    if let Some(room) = room {
        bytes.extend([0, 0, 41]);
        bytes.extend(room.to_be_bytes());
        bytes.extend([0; 6]);
    }
    bytes
}

/// Third and fourth byte, counts of answers and of authorities.
fn told(name: &str, kind: u16, room: Option<u16>) -> (u8, u8, u16, u16) {
    let said = answer(&server(), &query(name, kind, room)).expect("an answer").message;
    (said[2], said[3], u16_at(&said, 6), u16_at(&said, 8))
}

#[test]
fn what_is_there_is_told_and_what_is_not_too() {
    let own = IS_ANSWER | 0x05;
    assert_eq!(told("www.example", 1, None), (own, NOERROR, 2, 0));
    assert_eq!(told("WWW.Example", 28, Some(1_232)), (own, NOERROR, 0, 1));
    assert_eq!(told("also.example", 1, None), (own, NOERROR, 3, 0));
    assert_eq!(told("also.example", 5, None), (own, NOERROR, 1, 0));
    assert_eq!(told("out.example", 1, None), (own, NOERROR, 1, 0));
    assert_eq!(told("gone.example", 1, None), (own, NXDOMAIN, 0, 1));
    assert_eq!(told("b.example", 1, None), (own, NOERROR, 0, 1), "there is something below");
    assert_eq!(told("example", 6, None), (own, NOERROR, 1, 0));
    assert_eq!(told("www.other", 1, None), (IS_ANSWER | 1, REFUSED, 0, 0));
    assert_eq!(told("notexample", 1, None), (IS_ANSWER | 1, REFUSED, 0, 0));
    assert_eq!(told("round.example", 1, None).1, SERVFAIL);
}

#[test]
fn an_answer_that_has_no_room_is_cut_to_its_question() {
    let own = IS_ANSWER | 0x05;
    assert_eq!(told("long.example", 16, None), (IS_ANSWER | 0x03, NOERROR, 0, 0));
    assert_eq!(told("long.example", 16, Some(600)), (IS_ANSWER | 0x03, NOERROR, 0, 0));
    assert_eq!(told("long.example", 16, Some(1_232)), (own, NOERROR, 1, 0));
    let narrow = DnsServer { most: Some(550), ..server() };
    let said = answer(&narrow, &query("long.example", 16, Some(4_096))).expect("an answer");
    assert_eq!(said.message[2] & 2, 2);
}

#[test]
fn no_bytes_make_it_panic_and_answers_are_not_answered() {
    let whole = query("www.example", 1, Some(1_232));
    for len in 0..whole.len() {
        let said = answer(&server(), &whole[..len]);
        assert_eq!(said.is_some(), len >= HEADER, "{len}");
    }
    for at in 0..whole.len() {
        for byte in [0, 1, 0x40, 0x7f, 0xc0, 0xff] {
            let mut changed = whole.clone();
            changed[at] = byte;
            let is_question = changed[2] & IS_ANSWER == 0;
            assert_eq!(answer(&server(), &changed).is_some(), is_question);
        }
    }
    let code = |bytes: &[u8]| answer(&server(), bytes).expect("an answer").message[3];
    assert_eq!(code(&whole[..20]), FORMERR);
    let mut notify = whole;
    notify[2] = 0x20;
    assert_eq!(code(&notify), NOTIMP);
}

#[test]
fn a_manner_is_that_of_the_name_or_of_the_server() {
    let said = answer(&server(), &query("bad.example", 1, None)).expect("an answer");
    assert_eq!((said.message[0], said.manner), (0x92, Some(DnsManner::WrongId)));
    for (manner, code) in [
        (DnsManner::Formerr, FORMERR),
        (DnsManner::Servfail, SERVFAIL),
        (DnsManner::Nxdomain, NXDOMAIN),
        (DnsManner::Notimp, NOTIMP),
        (DnsManner::Refused, REFUSED),
    ] {
        let server = DnsServer { manner: Some(manner), ..server() };
        let said = answer(&server, &query("www.example", 1, None)).expect("an answer").message;
        assert_eq!((said[3], u16_at(&said, 6)), (code, 0), "{manner:?}");
    }
}

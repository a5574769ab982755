//! Answers that are none, and text that is meant for the terminal (B17, B18).

use super::stub::{Asked, Stub, record};
use super::{A, TXT, address, dns, findings, result};

/// What comes before the answer: another number, another question, another port, another address, the
/// question itself.
fn racing(asked: &Asked<'_>) -> Option<Vec<u8>> {
    let forged = asked.answer(0, [1, 0, 0], &record(A, 9, &[203, 0, 113, 66]));
    let mut number = forged.clone();
    number[0] ^= 0x55;
    let mut question = forged.clone();
    question[13] ^= 1;
    asked.send(&number);
    asked.send(&question);
    asked.send(asked.question);
    asked.send(b"");
    asked.send_from_elsewhere(&forged, "127.0.0.1");
    asked.send_from_elsewhere(&forged, "127.0.0.66");
    address(asked)
}

#[test]
fn forged_answers_are_ignored_and_counted() {
    let stub = Stub::udp(racing);
    let ended = dns(&["--json", &stub.at(), "a.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let result = result(&ended);
    assert_eq!(result["answers"][0]["data"], "192.0.2.1");
    let rejected = &result["rejected"];
    for (reason, count) in [
        ("wrong-sequence", 2),
        ("wrong-question", 1),
        ("no-answer", 1),
        ("wrong-port", 1),
        ("wrong-source", 1),
    ] {
        assert_eq!(rejected[reason], count, "{reason}: {rejected}");
    }
    assert_eq!(findings(&ended), ["dns-spoof-suspected"]);
    let text = dns(&[&stub.at(), "a.example", "A"]);
    assert!(!text.out.contains("203.0.113.66"), "{text:?}");
    assert!(text.out.contains("(dns-spoof-suspected)"), "{text:?}");
    // What is no answer at all forges none.
    let with = "5 datagrams came as if they were answers, with another sender, another port, another number, \
                another question;";
    let told: String = text.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(with), "{text:?}");
}

#[test]
fn another_question_over_tcp_is_no_answer_either() {
    fn other(asked: &Asked<'_>) -> Option<Vec<u8>> {
        let mut bytes = address(asked)?;
        bytes[13] ^= 1;
        Some(bytes)
    }
    let stub = Stub::both(other);
    let ended = dns(&["--json", "--tcp", &stub.at(), "a.example", "A"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert_eq!(result(&ended)["outcome"], "malformed");
}

#[test]
fn nothing_that_a_server_says_reaches_the_terminal_raw() {
    fn hostile(asked: &Asked<'_>) -> Option<Vec<u8>> {
        let escape = b"\x0b\x1b[2J\x1b]0;x\x07\x9b";
        let name = b"\x06x\x1b[31m\x03\x00\n\r\x00";
        Some(match asked.kind() {
            TXT => asked.answer(0, [1, 0, 0], &record(TXT, 1, escape)),
            _ => asked.answer(0, [1, 0, 0], &record(5, 1, name)),
        })
    }
    let stub = Stub::udp(hostile);
    let server = stub.at();
    let forms: [&[&str]; 6] =
        [&[], &["--verbose"], &["--short"], &["--json"], &["-o", "jsonl"], &["-o", "csv"]];
    for form in forms {
        for kind in ["TXT", "CNAME"] {
            let ended = dns(&[form, &[server.as_str(), "a.example", kind]].concat());
            let text = format!("{}{}", ended.out, ended.err);
            let raw = text.chars().find(|letter| letter.is_control() && *letter != '\n');
            assert_eq!(raw, None, "{form:?} {kind}: {ended:?}");
            assert!(text.contains("\\027"), "{form:?} {kind}: {ended:?}");
        }
    }
}

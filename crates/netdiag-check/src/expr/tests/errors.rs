//! What is refused, and with what words.

use super::{KNOWN, parse};
use crate::expr::{ErrorKind, Expr, MAX_BYTES, MAX_NESTING};

#[test]
fn errors_say_where_and_what_was_expected() {
    let check = |text: &str, expect: &str| {
        let error = Expr::parse(text, KNOWN).expect_err(text);
        assert_eq!(error.to_string(), expect, "{text}");
    };
    check("", "expected the name of a metric, found the end at character 1");
    check("loss>", "expected a value, found the end at character 6");
    check("loss>and", "expected a value, found \"and\" at character 6");
    check("5<loss", "expected the name of a metric, found \"5\" at character 1");
    check(
        "loss>5 p95>8",
        "expected \"and\", \"or\", \";\" or the end, found \"p95\" at character 8",
    );
    check("loss>5)", "expected \"and\", \"or\", \";\" or the end, found \")\" at character 7");
    check("reached and (loss>5", "nothing closes the ( at character 13");
    check("(loss>5 p95", "expected \"and\", \"or\", \";\" or \")\", found \"p95\" at character 9");
    check("rcode='x", "nothing closes the ' at character 7");
    check("header:=x", "no name after header: at character 1; write header:NAME");
    check(
        "body=~x",
        "unknown operator \"=~\" at character 5; expected = != < <= > >= ~ or !~, \
         and quotes around a value of signs",
    );
    check(
        "rcode<x",
        "\"rcode\" cannot be compared with < at character 6; \"rcode\" is text, \
         expected = != ~ or !~",
    );
    check(
        "loss ~ 5",
        "\"loss\" cannot be compared with ~ at character 6; \"loss\" is in per cent, \
         expected = != < <= > or >=",
    );
    check(
        "reached>no",
        "\"reached\" cannot be compared with > at character 8; \"reached\" is yes or no, \
         expected = or !=",
    );
    check(
        "sent",
        "\"sent\" is not compared with anything at character 1; \"sent\" is a count, \
         expected = != < <= > or >=",
    );
    check(
        "sent>5%",
        "unit \"%\" does not fit \"sent\" at character 7; \"sent\" is a count, \
         expected a bare number",
    );
    check(
        "loss>5 ms",
        "unit \"ms\" does not fit \"loss\" at character 8; \"loss\" is in per cent, \
         expected a number such as 5 or 5%",
    );
    check(
        "loss>nan",
        "\"nan\" is not a number at character 6; \"loss\" is in per cent, \
         expected a number such as 5 or 5%",
    );
    for text in ["loss>inf", "loss>-inf", "loss>1e999", "loss>'5'", "loss>x"] {
        let error = Expr::parse(text, KNOWN).expect_err(text);
        assert!(matches!(error.kind(), ErrorKind::NotANumber { .. }), "{text}: {error}");
    }
    check(
        "reached=maybe",
        "\"maybe\" is not yes or no at character 9; \"reached\" is yes or no, \
         expected true, false, yes or no",
    );
}

#[test]
fn a_regular_expression_is_checked_and_bounded() {
    let deep = format!("body~{}{}", "(".repeat(2000), ")".repeat(2000));
    for text in
        [&deep, "body~(a", "body~'a{99999999}'", "body~((a{999}){999}){999}", "body~'[z-a]'"]
    {
        let error = Expr::parse(text, KNOWN).expect_err(text);
        assert!(matches!(error.kind(), ErrorKind::Regex { .. }), "{text}: {error}");
        let shown = error.to_string();
        assert!(shown.starts_with("not a regular expression at character 6: "), "{shown}");
        assert_eq!(shown.lines().count(), 1, "{shown}");
    }
}

#[test]
fn an_unknown_metric_is_answered_with_the_known_ones() {
    let known = "known: body, days_left, first_byte, header:NAME, jitter, loss, mean, p95, \
                 path_mtu, rcode, reached, sent, status, uptime";
    let check = |text: &str, nearest: &str| {
        let error = Expr::parse(text, KNOWN).expect_err(text);
        let shown = error.to_string();
        assert!(shown.ends_with(known), "{shown}");
        let ErrorKind::UnknownMetric { nearest: found, .. } = error.kind() else {
            panic!("{text}: {shown}")
        };
        assert_eq!(found.as_deref().unwrap_or(""), nearest, "{text}");
    };
    check("los>5", "loss");
    check("Jiter>5", "jitter");
    check("vag>5", "avg");
    check("ttbf>5", "ttfb");
    check("x>5", "");
    check("zz>5", "");
    check("throughput>5", "");
    check("haeder:server=x", "header:server");
    check("header:ü=x", "header:ü");
    let error = Expr::parse("reached and los>5", KNOWN).expect_err("unknown");
    let start = "unknown metric \"los\" at character 13; did you mean \"loss\"? known: body, ";
    assert!(error.to_string().starts_with(start), "{error}");
}

#[test]
fn the_pointer_stands_below_the_place() {
    let check = |text: &str, expect: &str| {
        let error = Expr::parse(text, KNOWN).expect_err(text);
        assert_eq!(error.pointer(text), expect, "{text}");
    };
    check("loss>5 or los>5", "loss>5 or los>5\n          ^");
    check("rcode='é' or\nlos>5", "rcode='é' or?los>5\n             ^");
    let long = format!("{}los>5{}", "loss>5 or ".repeat(20), " or loss>5".repeat(20));
    let error = Expr::parse(&long, KNOWN).expect_err("unknown");
    assert_eq!((error.offset(), error.character()), (200, 201));
    let pointer = error.pointer(&long);
    let (excerpt, caret) = pointer.split_once('\n').expect("two lines");
    assert!(excerpt.len() <= 80, "{excerpt}");
    assert!(excerpt[caret.len() - 1..].starts_with("los>5"), "{pointer}");
}

#[test]
fn size_and_nesting_are_bounded() {
    let nested = |levels: usize| format!("{}loss>5{}", "(".repeat(levels), ")".repeat(levels));
    parse(&nested(MAX_NESTING));
    let too_deep = |text: &str| {
        let error = Expr::parse(text, KNOWN).expect_err("too deep");
        assert_eq!(error.kind(), &ErrorKind::TooDeep);
    };
    too_deep(&nested(MAX_NESTING + 1));
    too_deep(&"(".repeat(MAX_BYTES));
    let grown = format!("{}{}", nested(0), " or sent<1; reached)".repeat(MAX_NESTING));
    let grown = format!("{}{grown}", "(".repeat(MAX_NESTING));
    parse(&grown);
    too_deep(&format!("{grown} or sent>1; reached"));
    parse(&format!("{}reached", "not ".repeat(1000)));

    let long = |bytes: usize| format!("rcode={}", "é".repeat((bytes - 6) / 2));
    parse(&long(MAX_BYTES));
    let error = Expr::parse(&long(MAX_BYTES + 2), KNOWN).expect_err("too long");
    assert_eq!(error.kind(), &ErrorKind::TooLong { bytes: MAX_BYTES + 2 });
    assert_eq!(error.offset(), MAX_BYTES);
}

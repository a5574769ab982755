//! Properties of any expression, and of any text that is none.

use proptest::prelude::*;

use super::{KNOWN, Values};
use crate::expr::{Expr, MAX_BYTES, Verdict};

/// What texts are made of; most of them fit together now and then.
const TOKENS: &[&str] = &[
    "loss",
    "p95",
    "avg",
    "sent",
    "days_left",
    "rcode",
    "body",
    "reached",
    "status",
    "header:x",
    "los",
    "header:",
    "foo:bar",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "~",
    "!~",
    "=~",
    "and",
    "or",
    "not",
    "AND",
    ";",
    "(",
    ")",
    "5",
    "-5",
    ".5",
    "1e3",
    "1e999",
    "nan",
    "inf",
    "%",
    "us",
    "ms",
    "s",
    "m",
    "h",
    "d",
    "5%",
    "0.2s",
    "36h",
    "true",
    "no",
    "x",
    "'",
    "\"",
    "'a b'",
    "\"\"",
    "a(b|c)",
    "[",
    "\\d+",
    "é",
    "\u{202e}",
    "\u{1b}",
    "\0",
    " ",
    " ",
    " ",
    "\n",
    "\t",
];

/// A small generator of numbers (Knuth's MMIX constants), so that a failure can be repeated.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }
}

/// Parses, and if that succeeds the canonical text must mean the same. Says whether it did.
fn probe(text: &str) -> bool {
    let expr = match Expr::parse(text, KNOWN) {
        Ok(expr) => expr,
        Err(error) => {
            assert!(text.is_char_boundary(error.offset()), "{text:?}");
            let shown = error.to_string();
            assert!(!shown.contains(char::is_control), "{text:?}: {shown:?}");
            assert_eq!(error.pointer(text).lines().count(), 2, "{text:?}");
            return false;
        }
    };
    let canonical = expr.to_string();
    if canonical.len() <= MAX_BYTES {
        assert_eq!(Expr::parse(&canonical, KNOWN).as_ref(), Ok(&expr), "{text:?}: {canonical:?}");
    }
    for metrics in ["", "loss=6 reached=yes rcode=x", "p95=6 sent=3 body=abc status=5"] {
        let metrics = Values::from(metrics);
        let verdict = expr.evaluate(&metrics);
        assert_eq!(expr.fails(&metrics).is_some(), verdict != Verdict::False, "{text:?}");
        assert_eq!(expr.holds(&metrics).is_ok(), verdict == Verdict::True, "{text:?}");
    }
    true
}

#[test]
fn no_mixture_of_tokens_panics_or_changes_its_meaning() {
    let mut random = Seeded(20_261_120);
    let mut parsed = 0;
    for _ in 0..100_000 {
        let count = random.below(14);
        let gap = ["", " "][random.below(2)];
        let tokens: Vec<_> = (0..count).map(|_| TOKENS[random.below(TOKENS.len())]).collect();
        parsed += usize::from(probe(&tokens.join(gap)));
    }
    assert!(parsed > 100, "only {parsed} mixtures are expressions");
}

/// The files of `tests/fuzz/corpus/expression` of the workspace.
#[test]
fn what_a_fuzzer_found_stays_found() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/corpus/expression");
    let entries = std::fs::read_dir(folder).expect("the corpus");
    let mut parsed = 0;
    for entry in entries {
        let bytes = std::fs::read(entry.expect("a readable folder").path()).expect("readable");
        parsed += usize::from(probe(&String::from_utf8_lossy(&bytes)));
    }
    assert!(parsed > 3, "only {parsed} are expressions");
}

#[test]
fn no_mutation_of_an_expression_panics_or_changes_its_meaning() {
    let mut random = Seeded(7);
    let mut parsed = 0;
    let origin = "loss > 5 % or not ( avg < 0.2s and body ~ 'a b' ) ; reached and header:x != y";
    for _ in 0..100_000 {
        let mut tokens: Vec<&str> = origin.split_inclusive(' ').collect();
        for _ in 0..=random.below(4) {
            let at = random.below(tokens.len());
            match random.below(4) {
                0 => drop(tokens.remove(at)),
                1 => tokens[at] = TOKENS[random.below(TOKENS.len())],
                2 => tokens.insert(at, TOKENS[random.below(TOKENS.len())]),
                _ => {
                    let other = random.below(tokens.len());
                    tokens.swap(at, other);
                }
            }
        }
        parsed += usize::from(probe(&tokens.concat()));
    }
    assert!(parsed > 1_000, "only {parsed} mutations are expressions");
}

/// The text of a comparison.
fn comparison() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<f64>().prop_filter("fits", fits).prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("fits", fits).prop_map(|n| format!("{n:e}")),
        any::<u16>().prop_map(|n| n.to_string()),
        "[+-]?[0-9]{1,4}\\.[0-9]{0,4}",
    ]
    .prop_filter("short", |text| text.len() < 40);
    let relation = prop::sample::select(vec!["=", "==", "!=", "<", "<=", ">", ">="]);
    let time = prop::sample::select(vec!["", "us", " ms", "s", "m", " h", "d"]);
    let timed = prop::sample::select(vec!["mean", "AVG", "p95", "days_left", "uptime"]);
    let plain = prop::sample::select(vec!["loss", "sent", "status", "path_mtu"]);
    let text = "[^\"]{0,12}".prop_map(|text| format!("\"{text}\""));
    let named = prop::sample::select(vec!["rcode", "body", "header:Server", "head:x"]);
    let flag = prop::sample::select(vec!["reached", "reached=no", "reached != YES"]);
    let sameness = prop::sample::select(vec!["=", "==", "!="]);
    let pattern = prop::sample::select(vec!["a(b|c)", "'\\d+ \"'", "\"^it''s\"", "x"]);
    prop_oneof![
        (timed, relation.clone(), number.clone(), time)
            .prop_map(|(m, r, n, u)| format!("{m}{r}{n}{u}")),
        (plain, relation, number).prop_map(|(m, r, n)| format!("{m} {r} {n}")),
        (named.clone(), sameness, text).prop_map(|(m, r, t)| format!("{m}{r}{t}")),
        (named, prop::bool::ANY, pattern)
            .prop_map(|(m, not, p)| { format!("{m} {}~ {p}", if not { "!" } else { "" }) }),
        flag.prop_map(str::to_owned),
    ]
}

/// Whether a number stays one in every unit: a day is 8.64e10 microseconds.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as prop_filter calls it")]
fn fits(number: &f64) -> bool {
    number.is_finite() && number.abs() < 1e296
}

/// The text of an expression.
fn expression() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 20, 3, |inner| {
        let joint = prop::sample::select(vec![" and ", " or ", "; "]);
        prop_oneof![
            (prop::collection::vec(inner.clone(), 2..4), joint).prop_map(|(all, j)| all.join(j)),
            inner.clone().prop_map(|e| format!("({e})")),
            inner.prop_map(|e| format!("not ({e})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        probe(&text);
    }

    #[test]
    fn any_text_after_a_metric_is_parsed_or_refused(
        start in prop::sample::select(vec!["loss>", "body~", "rcode='", "header:", "p95 > 5 ("]),
        rest in any::<String>(),
    ) {
        probe(&format!("{start}{rest}"));
    }

    #[test]
    fn an_expression_reads_back_from_its_canonical_text(text in expression()) {
        prop_assert!(probe(&text), "{}", text);
    }

    #[test]
    fn negation_swaps_true_and_false_and_keeps_open(text in expression()) {
        let negated = Expr::parse(&format!("not ({text})"), KNOWN);
        let expr = Expr::parse(&text, KNOWN);
        let (Ok(expr), Ok(negated)) = (expr, negated) else {
            return Err(TestCaseError::reject("too large"));
        };
        let metrics = Values::from("loss=6 p95=6 reached=yes rcode=x status=5");
        let agree = match (expr.evaluate(&metrics), negated.evaluate(&metrics)) {
            (Verdict::True, Verdict::False) | (Verdict::False, Verdict::True) => true,
            (one, other) => one == other,
        };
        prop_assert!(agree, "{}", text);
    }
}

//! The expression as a whole: what it decides, what it says, what it refuses.

mod errors;
mod evidence;
mod properties;
mod verdicts;

use std::collections::BTreeMap;

use netdiag_model::metrics::{MetricInfo, MetricValue, Metrics, Unit};

use super::Expr;

const fn info(name: &'static str, aliases: &'static [&'static str], unit: Unit) -> MetricInfo {
    MetricInfo { name, aliases, unit, description: "" }
}

const KNOWN: &[MetricInfo] = &[
    info("loss", &[], Unit::Percent),
    info("mean", &["avg"], Unit::Milliseconds),
    info("p95", &[], Unit::Milliseconds),
    info("jitter", &[], Unit::Milliseconds),
    info("first_byte", &["ttfb"], Unit::Milliseconds),
    info("sent", &[], Unit::Count),
    info("path_mtu", &[], Unit::Bytes),
    info("days_left", &[], Unit::Days),
    info("uptime", &[], Unit::Seconds),
    info("rcode", &[], Unit::Text),
    info("body", &[], Unit::Text),
    info("reached", &[], Unit::Bool),
    info("status", &[], Unit::None),
    info("header:", &["head:"], Unit::Text),
];

/// Metrics as `name=value` words: a number, `yes`, `no`, or else text.
struct Values(BTreeMap<String, MetricValue>);

impl From<&str> for Values {
    fn from(words: &str) -> Self {
        let value = |text: &str| match (text, text.parse()) {
            ("yes" | "no", _) => MetricValue::Bool(text == "yes"),
            (_, Ok(number)) => MetricValue::Number(number),
            _ => MetricValue::Text(text.to_owned()),
        };
        let pairs = words.split_whitespace().filter_map(|word| word.split_once('='));
        Self(pairs.map(|(name, text)| (name.to_owned(), value(text))).collect())
    }
}

impl Metrics for Values {
    fn metric(&self, name: &str) -> Option<MetricValue> {
        self.0.get(name).cloned()
    }
}

fn parse(text: &str) -> Expr {
    Expr::parse(text, KNOWN).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_canonical_text_is_plain() {
    let check = |text: &str, expect: &str| {
        assert_eq!(parse(text).to_string(), expect, "{text}");
        assert_eq!(parse(expect), parse(text), "{text}");
    };
    check("LOSS>5 or(avg>.2s)", "loss > 5% or mean > 200ms");
    check("loss>5 or p95>80; reached", "(loss > 5% or p95 > 80ms) and reached = true");
    check("loss>5 or p95>80 and reached", "loss > 5% or p95 > 80ms and reached = true");
    check("((loss>5) and (p95>1 and sent<9))", "loss > 5% and p95 > 1ms and sent < 9");
    check("not(loss>5 or rcode~x)", "loss <= 5% and rcode !~ x");
    check("body='it''s' or body=\"a\"\"b\"", "body = \"it's\" or body = \"a\"\"b\"");
    check("path_mtu<1e20;days_left>1h", "path_mtu < 1e20 and days_left > 0.041666666666666664d");
    check("head:X-Y='or'", "header:x-y = \"or\"");
}

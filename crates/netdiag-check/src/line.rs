//! A check in a line: `ping gw loss<1%`, `dns A example.net expect 192.0.2.7`.
//!
//! ```text
//! line = KIND { --option=value } TARGET... [ "expect" VALUE ] { @SERVER } [ EXPR ] [ "warn" EXPR ]
//! ```

use crate::expr::MAX_BYTES;

/// A check as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The kind, such as `ping`.
    pub kind: String,
    /// Options of its command.
    pub options: Vec<String>,
    /// What it is about; of `dns` names, types and servers.
    pub targets: Vec<String>,
    /// What the answer must be.
    pub answer: Option<String>,
    /// What must hold.
    pub expect: Option<String>,
    /// What must hold for it to be well.
    pub warn: Option<String>,
}

impl Line {
    /// Takes a line apart.
    ///
    /// # Errors
    /// What is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("longer than {MAX_BYTES} bytes"));
        }
        let mut words = text.split_whitespace().peekable();
        let mut line =
            Self { kind: words.next().unwrap_or_default().to_owned(), ..Self::default() };
        let (mut expect, mut warn, mut is_warn) = (Vec::new(), Vec::new(), false);
        while let Some(word) = words.next() {
            let is_early = expect.is_empty() && !is_warn && line.answer.is_none();
            let has_targets = !line.targets.is_empty();
            // Only of names there may be several, and a metric may stand apart from its operator.
            let is_of_a_metric = words.peek().is_some_and(|next| has_operator_first(next));
            let may_follow = match line.kind.as_str() {
                "dns" => !is_of_a_metric && !["not", "("].contains(&word),
                // A filter, which has words of its own for that.
                "sockets" => !is_of_a_metric,
                _ => false,
            };
            let is_target = !has_operator(word) && (!has_targets || may_follow);
            let is_target = is_target && (has_targets || line.kind != "sockets" || may_follow);
            match word {
                "expect" if is_early => {
                    let value = words.next().ok_or("`expect` without a value behind it")?;
                    line.answer = Some(value.trim_matches(['\'', '"']).to_owned());
                }
                "warn" if !is_warn => is_warn = true,
                word if is_warn => warn.push(word),
                // No metric begins so, but what one is compared with may.
                word if line.kind == "dns" && word.starts_with('@') && !awaits_value(&expect) => {
                    line.targets.push(word.to_owned());
                }
                word if is_early && word.starts_with("--") => line.options.push(word.to_owned()),
                word if is_early && is_target => line.targets.push(word.to_owned()),
                word => expect.push(word),
            }
        }
        if line.targets.is_empty() && line.kind != "sockets" {
            return Err(format!("nothing to check: `{} TARGET`", line.kind));
        }
        if is_warn && warn.is_empty() {
            return Err("`warn` without an expression behind it".to_owned());
        }
        line.expect = Some(expect.join(" ")).filter(|text| !text.is_empty());
        line.warn = Some(warn.join(" ")).filter(|text| !text.is_empty());
        Ok(line)
    }
}

const OPERATORS: [char; 5] = ['<', '>', '=', '~', '!'];

fn has_operator(word: &str) -> bool {
    !word.starts_with("--") && word.contains(OPERATORS)
}

/// Whether an expression goes on with a value.
fn awaits_value(expression: &[&str]) -> bool {
    expression.last().is_some_and(|last| last.ends_with(OPERATORS))
}

fn has_operator_first(word: &str) -> bool {
    word.starts_with(OPERATORS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, String, String) {
        let line = Line::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let targets = [line.options, line.targets].concat().join(" ");
        let text = |text: Option<String>| text.unwrap_or_default();
        (targets, text(line.answer), text(line.expect), text(line.warn))
    }

    #[test]
    fn a_line_has_a_target_what_is_expected_and_what_warns() {
        let check = |text: &str, wanted: [&str; 4]| {
            let (targets, answer, expect, warn) = parts(text);
            assert_eq!([&*targets, &*answer, &*expect, &*warn], wanted, "{text}");
        };
        check("tcp db:5432", ["db:5432", "", "", ""]);
        check("ping gw loss<1%", ["gw", "", "loss<1%", ""]);
        check("ping gw loss < 1% and p95 < 5ms", ["gw", "", "loss < 1% and p95 < 5ms", ""]);
        check("ping --count=3 gw warn p95<5ms", ["--count=3 gw", "", "", "p95<5ms"]);
        check("dns A a.example expect 192.0.2.7", ["A a.example", "192.0.2.7", "", ""]);
        check(
            "dns a.example MX @192.0.2.1 answers > 1",
            ["a.example MX @192.0.2.1", "", "answers > 1", ""],
        );
        check(
            "dns a.example expect 192.0.2.7 @192.0.2.1",
            ["a.example @192.0.2.1", "192.0.2.7", "", ""],
        );
        check(
            "dns a.example expect 192.0.2.7 @192.0.2.1 ttl>1 and server ~ @x warn ttl>2",
            ["a.example @192.0.2.1", "192.0.2.7", "ttl>1 and server ~ @x", "ttl>2"],
        );
        check("sockets state close-wait count<100", ["state close-wait", "", "count<100", ""]);
        check(
            "sockets --tcp not dst 127.0.0.0/8 count < 9 and not close_wait > 1",
            ["--tcp not dst 127.0.0.0/8", "", "count < 9 and not close_wait > 1", ""],
        );
        check("sockets count<100 warn time_wait<9", ["", "", "count<100", "time_wait<9"]);
        check("sockets close_wait < 100", ["", "", "close_wait < 100", ""]);
        check("dns a.example ttl>60 warn ttl>600", ["a.example", "", "ttl>60", "ttl>600"]);
        check("tcp [::1]:22 expect '^SSH-' connect<1s", ["[::1]:22", "^SSH-", "connect<1s", ""]);
    }

    #[test]
    fn what_is_missing_is_said() {
        for text in ["", "ping", "ping gw warn", "dns a expect", "ping loss<1%"] {
            assert!(Line::parse(text).is_err(), "{text}");
        }
    }
}

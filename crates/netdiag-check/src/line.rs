//! A check in a line: `ping gw loss<1%`, `dns A example.net expect 192.0.2.7`.
//!
//! ```text
//! line = KIND { --option[=value] } TARGET... [ "expect" VALUE ] { @SERVER } [ EXPR ] [ "warn" EXPR ]
//! ```
//!
//! What has blanks stands between quotes, as a shell has them: `--ca "/etc/our ca.pem"`, `expect
//! '220 mail'`.

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
    /// Takes a line apart. `takes_value` tells of a kind whether an option of it has a value, which then
    /// may also be the next word.
    ///
    /// # Errors
    /// What is missing.
    pub fn parse(text: &str, takes_value: impl Fn(&str, &str) -> bool) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("longer than {MAX_BYTES} bytes"));
        }
        let mut words = words(text).into_iter().peekable();
        let kind = words.next().map(Word::text).unwrap_or_default();
        let mut line = Self { kind, ..Self::default() };
        let (mut expect, mut warn, mut is_warn) = (Vec::new(), Vec::new(), false);
        while let Some(word) = words.next() {
            let is_early = expect.is_empty() && !is_warn && line.answer.is_none();
            let has_targets = !line.targets.is_empty();
            // Only of names there may be several, and a metric may stand apart from its operator.
            let is_of_a_metric = words.peek().is_some_and(|next| next.0.starts_with(OPERATORS));
            let may_follow = match line.kind.as_str() {
                "dns" => !is_of_a_metric && !["not", "("].contains(&word.0),
                // A filter, which has words of its own for that.
                "sockets" => !is_of_a_metric,
                _ => false,
            };
            let is_target = !word.has_operator() && (!has_targets || may_follow);
            let is_target = is_target && (has_targets || line.kind != "sockets" || may_follow);
            match word.0 {
                "expect" if is_early => {
                    let value = words.next().ok_or("`expect` without a value behind it")?;
                    line.answer = Some(value.text());
                }
                "warn" if !is_warn => is_warn = true,
                raw if is_warn => warn.push(raw),
                // No metric begins so, but what one is compared with may.
                raw if line.kind == "dns" && raw.starts_with('@') && !awaits_value(&expect) => {
                    line.targets.push(word.text());
                }
                // A type with a serial number, no metric.
                raw if line.kind == "dns" && is_early && is_changes(raw) => {
                    line.targets.push(word.text());
                }
                _ if is_early && word.is_option() => {
                    let mut option = word.text();
                    let name = option.trim_start_matches("--");
                    if takes_value(&line.kind, name)
                        && let Some(value) = words.next_if(|next| !next.is_option())
                    {
                        option = format!("{option}={}", value.text());
                    }
                    line.options.push(option);
                }
                raw if line.kind == "dns" && is_early && is_target && !is_name(raw) => {
                    let text = netdiag_model::Untrusted::from(word.text());
                    return Err(format!(
                        "`{}` is no name: options are long ones here, such as --timeout=1",
                        text.escaped()
                    ));
                }
                _ if is_early && is_target => line.targets.push(word.text()),
                raw => expect.push(raw),
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

/// Whether a word asks for the changes of a zone: `IXFR=SERIAL`.
fn is_changes(word: &str) -> bool {
    word.split_once('=').is_some_and(|(kind, _)| kind.eq_ignore_ascii_case("ixfr"))
}

/// Whether a word may be a name that is asked for: no option, and no value of one.
fn is_name(word: &str) -> bool {
    !word.starts_with('-') && !word.bytes().all(|it| it.is_ascii_digit())
}

const OPERATORS: [char; 5] = ['<', '>', '=', '~', '!'];
const QUOTES: [char; 2] = ['\'', '"'];

/// A word as it was written: to the next blank that does not stand between quotes.
#[derive(Clone, Copy)]
struct Word<'t>(&'t str);

impl Word<'_> {
    /// What it says: without its quotes.
    fn text(self) -> String {
        let mut text = String::new();
        let mut rest = self.0;
        let mut before = None;
        while let Some(char) = rest.chars().next() {
            let (own, length) = match quoted(before, rest) {
                Some(length) => (rest.get(1..length - 1).unwrap_or_default(), length),
                None => (rest.get(..char.len_utf8()).unwrap_or_default(), char.len_utf8()),
            };
            text.push_str(own);
            rest = rest.get(length..).unwrap_or_default();
            before = Some(if length > char.len_utf8() { '"' } else { char });
        }
        text
    }

    fn is_option(self) -> bool {
        self.0.trim_start_matches(QUOTES).starts_with("--")
    }

    /// Whether it may be part of an expression. Quotes and the address of a page say that it is none.
    fn has_operator(self) -> bool {
        let is_address = self.0.starts_with("http://") || self.0.starts_with("https://");
        let is_plain = !self.is_option() && !is_address && !self.0.starts_with(QUOTES);
        is_plain && self.0.contains(OPERATORS)
    }
}

/// The length of what stands between quotes, with them, where `rest` begins with one behind `before`.
/// One that is never closed, or stands within a word, is a character as any other.
fn quoted(before: Option<char>, rest: &str) -> Option<usize> {
    let quote = rest.chars().next().filter(|char| QUOTES.contains(char))?;
    let opens = |char: char| char == '(' || OPERATORS.contains(&char) || QUOTES.contains(&char);
    let inner = before.is_none_or(opens).then(|| rest.get(1..)?.find(quote)).flatten()?;
    Some(inner + 2)
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (mut end, mut before) = (0, None);
        while let Some(char) = rest.get(end..).and_then(|rest| rest.chars().next()) {
            if char.is_whitespace() {
                break;
            }
            let length = rest.get(end..).and_then(|rest| quoted(before, rest));
            end += length.unwrap_or_else(|| char.len_utf8());
            before = Some(char);
        }
        let (word, behind) = rest.split_at(end);
        all.push(Word(word));
        rest = behind.trim_start();
    }
    all
}

/// Whether an expression goes on with a value.
fn awaits_value(expression: &[&str]) -> bool {
    expression.last().is_some_and(|last| last.ends_with(OPERATORS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Line, String> {
        Line::parse(text, |_, option| ["ca", "count", "sni"].contains(&option))
    }

    fn parts(text: &str) -> (String, String, String, String) {
        let line = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let targets = [line.options, line.targets].concat().join(" ");
        let text = |text: Option<String>| text.unwrap_or_default();
        (targets, text(line.answer), text(line.expect), text(line.warn))
    }

    #[test]
    fn options_and_their_values_are_no_names() {
        for text in ["dns A a.example -W 1", "dns a.example timeout 1", "dns -x a.example"] {
            let why = parse(text).expect_err(text);
            assert!(why.contains("is no name: options are long ones here"), "{why}");
        }
        assert!(parse("dns 1.example --count 2 @192.0.2.1 answers > 1").is_ok());
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
        check(
            "dns IXFR=1 a.example @192.0.2.1 answers>1",
            ["IXFR=1 a.example @192.0.2.1", "", "answers>1", ""],
        );
        check("dns a.example ixfr=7 expect 192.0.2.7", ["a.example ixfr=7", "192.0.2.7", "", ""]);
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
    fn what_has_blanks_stands_between_quotes() {
        let check = |text: &str, wanted: [&str; 4]| {
            let (targets, answer, expect, warn) = parts(text);
            assert_eq!([&*targets, &*answer, &*expect, &*warn], wanted, "{text}");
        };
        check("tcp a:1 --ca \"/x y.pem\"", ["--ca=/x y.pem a:1", "", "", ""]);
        check("tcp --ca='/x y.pem' a:1 connect<1s", ["--ca=/x y.pem a:1", "", "connect<1s", ""]);
        check("tcp '--ca=/x y.pem' a:1", ["--ca=/x y.pem a:1", "", "", ""]);
        check("ping --count 3 gw loss<1%", ["--count=3 gw", "", "loss<1%", ""]);
        check("tcp --tls a:1", ["--tls a:1", "", "", ""]);
        check("tcp a:1 --ca --tls", ["--ca --tls a:1", "", "", ""]);
        check("tcp a:25 expect '220 mail  now'", ["a:25", "220 mail  now", "", ""]);
        check("tcp http://a/?b=1&c=2 status=200", ["http://a/?b=1&c=2", "", "status=200", ""]);
        check("tcp 'http://a/?b=1' body~\"a  b\"", ["http://a/?b=1", "", "body~\"a  b\"", ""]);
        check("tcp a:1 body ~ 'a \"\" b' warn tls<1s", ["a:1", "", "body ~ 'a \"\" b'", "tls<1s"]);
        check("tcp a:1 body~\"x\"\"y z\"", ["a:1", "", "body~\"x\"\"y z\"", ""]);
        // A quote alone is a character.
        check("tcp a:1 body~it's", ["a:1", "", "body~it's", ""]);
        check("tcp a:1 expect 'x", ["a:1", "'x", "", ""]);
        check("tcp a:1 body~it's or body~'b c'", ["a:1", "", "body~it's or body~'b c'", ""]);
    }

    #[test]
    fn no_line_makes_the_reading_panic() {
        const PARTS: [&str; 12] =
            ["ping", " ", "'", "\"", "--ca", "=", "expect", "warn", "<", "\u{e9}", "@", "("];
        for number in 0..PARTS.len().pow(4) {
            let places = (0..4).map(|place| number / PARTS.len().pow(place) % PARTS.len());
            let text: String = places.map(|place| PARTS[place]).collect();
            let _ = parse(&format!("tcp {text} {text}"));
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        for text in ["", "ping", "ping gw warn", "dns a expect", "ping loss<1%"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

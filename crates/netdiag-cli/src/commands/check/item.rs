//! One check as it was written, and what will be done for it.

use crate::commands::lanes::{Asked, Expected, KINDS, choices};
use crate::commands::secret::without_secrets;
use netdiag_check::expr::{Expr, ExprError};
use netdiag_check::line::Line;
use netdiag_model::Untrusted;
use std::time::Duration;

/// How long a check may take that does not say.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// A check that can be had.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) kind: String,
    /// What it is about, as it was given.
    pub(super) target: String,
    pub(super) tags: Vec<String>,
    pub(super) asked: Asked,
    pub(super) expected: Expected,
    /// The places of those that it depends on.
    pub(super) depends_on: Vec<usize>,
    pub(super) retries: u32,
    pub(super) deadline: Duration,
    /// The files that are read for it.
    pub(super) files: Vec<String>,
}

/// What is wrong with a check, and with which part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) part: Part,
    pub(super) message: String,
}

/// A part of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Kind,
    Target,
    /// The option with this name.
    Option(String),
    Answer,
    /// The character of the expression, from 1.
    Expect(usize),
    /// The character of the expression, from 1.
    Warn(usize),
}

/// What a check is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) kind: String,
    /// Options, each with its dashes and its value behind `=`.
    pub(super) options: Vec<String>,
    pub(super) targets: Vec<String>,
    pub(super) answer: Option<String>,
    pub(super) expect: Option<String>,
    pub(super) warn: Option<String>,
}

impl From<Line> for Words {
    fn from(line: Line) -> Self {
        let Line { kind, options, targets, answer, expect, warn } = line;
        Self { kind, options, targets, answer, expect, warn }
    }
}

impl Words {
    /// The check that they are.
    pub(super) fn item(mut self) -> Result<Item, Fault> {
        self.check_kind()?;
        self.check_options()?;
        let data = self.answer()?;
        let target = self.targets.join(" ");
        if !["dns", "sockets"].contains(&self.kind.as_str()) && self.targets.len() != 1 {
            let message = format!("one target, not `{}`", Untrusted::from(target).escaped());
            return Err(Fault { part: Part::Target, message });
        }
        let asked = Asked::new(&self.kind, &self.options, &self.targets);
        let asked = asked.map_err(|message| self.blame(message))?;
        let metrics = asked.known().metrics;
        if let Some(text) = data.as_deref().filter(|text| text.contains(['<', '>']))
            && Expr::parse(text, metrics).is_ok()
        {
            let text = Untrusted::from(text);
            let message = format!("`{}` is an expression, which stands without it", text.escaped());
            return Err(Fault { part: Part::Answer, message });
        }
        let parse = |text: Option<&String>, part: fn(usize) -> Part| {
            let parsed = text.map(|text| Expr::parse(text, metrics)).transpose();
            parsed.map_err(|error: ExprError| Fault {
                part: part(error.character()),
                message: error.to_string(),
            })
        };
        let expect = parse(self.expect.as_ref(), Part::Expect)?;
        let warn = parse(self.warn.as_ref(), Part::Warn)?;
        if self.kind == "sockets" && expect.is_none() && warn.is_none() {
            let message = "sockets are counted: something must be expected, such as count<100";
            return Err(Fault { part: Part::Kind, message: message.to_owned() });
        }
        Ok(Item {
            name: format!("{} {target}", self.kind).trim_end().to_owned(),
            kind: self.kind,
            target,
            tags: Vec::new(),
            asked,
            expected: Expected { expect, warn, data },
            depends_on: Vec::new(),
            retries: 0,
            deadline: DEADLINE,
            files: Vec::new(),
        })
    }

    fn check_kind(&self) -> Result<(), Fault> {
        if KINDS.contains(&self.kind.as_str()) {
            return Ok(());
        }
        let kind = Untrusted::from(self.kind.as_str());
        let message =
            format!("`{}` is no kind of check: expected {}", kind.escaped(), KINDS.join(", "));
        Err(Fault { part: Part::Kind, message })
    }

    fn check_options(&self) -> Result<(), Fault> {
        self.options.iter().try_for_each(|option| {
            let name = option.trim_start_matches("--").split('=').next().unwrap_or_default();
            check_option(&self.kind, name)
        })
    }

    /// What the answer must be: of dns the data of a record, of tcp an option of its command.
    fn answer(&mut self) -> Result<Option<String>, Fault> {
        let Some(answer) = self.answer.take() else { return Ok(None) };
        if answer.is_empty() {
            let message = "an answer without a character cannot be expected".to_owned();
            return Err(Fault { part: Part::Answer, message });
        }
        match self.kind.as_str() {
            "dns" => Ok(Some(answer)),
            "tcp" => {
                self.options.push(format!("--expect-banner={answer}"));
                Ok(None)
            }
            kind => {
                let message = format!(
                    "a {kind} check has no answer; an expression stands in a line without `expect`"
                );
                Err(Fault { part: Part::Answer, message })
            }
        }
    }

    /// Which part a message of the command is about: the option that it names first, else the target.
    pub(super) fn blame(&self, message: String) -> Fault {
        let names = self.options.iter().map(|option| {
            option.trim_start_matches("--").split('=').next().unwrap_or_default().to_owned()
        });
        let named = names.filter_map(|name| Some((named_at(&message, &name)?, name)));
        let part = match named.min() {
            Some((_, name)) if name == "expect-banner" => Part::Answer,
            Some((_, name)) => Part::Option(name),
            None => Part::Target,
        };
        Fault { part, message }
    }
}

/// Whether checks of a kind have this option.
pub(super) fn check_option(kind: &str, name: &str) -> Result<(), Fault> {
    let known = choices(kind);
    if known.iter().any(|choice| choice.name == name) {
        return Ok(());
    }
    let all: Vec<&str> = known.iter().map(|choice| choice.name.as_str()).collect();
    let message = format!(
        "`{}` is no option of a {kind} check: expected one of {}",
        Untrusted::from(name).escaped(),
        all.join(", ")
    );
    Err(Fault { part: Part::Option(name.to_owned()), message })
}

/// Where a message names an option, and not another one that begins as it does.
fn named_at(message: &str, option: &str) -> Option<usize> {
    let found = message.match_indices(&format!("--{option}")).find(|(at, named)| {
        let behind = message.get(at + named.len()..).and_then(|rest| rest.chars().next());
        !behind.is_some_and(|char| char.is_ascii_alphanumeric() || char == '-')
    });
    found.map(|(at, _)| at)
}

/// A check in a line.
pub(super) fn from_line(text: &str) -> Result<Item, String> {
    let shown = Untrusted::from(without_secrets(text));
    let wrong = |message: String| format!("`{}`: {message}", shown.escaped());
    let takes_value = |kind: &str, option: &str| {
        choices(kind).iter().any(|choice| choice.name == option && choice.takes_value)
    };
    let words = Words::from(Line::parse(text, takes_value).map_err(wrong)?);
    words.item().map_err(|fault| wrong(fault.message))
}

/// Whether what was given is a check, not the name of a file.
pub(super) fn is_line(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let first = words.next();
    first.is_some_and(|first| KINDS.contains(&first)) && words.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever sees what is wrong with a line is not to see its secrets.
    #[test]
    fn what_is_wrong_with_a_line_does_not_show_its_secrets() {
        for text in [
            "dns A a.test @127.0.0.1 --tsig k:c2VjcmV0c2VjcmV0c2VjcmV1 bogus>1",
            "dns A a.test @127.0.0.1 '--tsig=k:c2VjcmV0 c2VjcmV1' bogus>1",
            "dns A a.test --tsig-file x.key --tsig k:c2VjcmV0",
            "tcp a.test:1 --proxy socks5://me:c2VjcmV0@192.0.2.1 bogus>1",
            "tcp --proxy=socks5://me:c2VjcmV0@192.0.2.1",
        ] {
            let why = from_line(text).expect_err(text);
            assert!(!why.contains("c2Vj"), "{why}");
        }
        let why = from_line("dns a.test --tsig-file x.key bogus>1").expect_err("a metric");
        assert!(why.contains("`dns a.test --tsig-file x.key bogus>1`"), "{why}");
    }

    /// A type that has a sign of its own is no expression.
    #[test]
    fn changes_of_a_zone_are_asked_for_as_by_the_command() {
        for (text, serial) in [
            ("dns IXFR=1 small.test @127.0.0.1", "1"),
            ("dns small.test ixfr=7 @127.0.0.1 expect 192.0.2.1 answers>1", "7"),
        ] {
            let item = from_line(text).expect(text);
            let Asked::Dns(asked) = &item.asked else { panic!("{:?}", item.asked) };
            assert!(asked.is_transfer(), "{text}");
            let is_meant = |word: &String| word.eq_ignore_ascii_case(&format!("ixfr={serial}"));
            assert!(asked.words.iter().any(is_meant), "{:?}", asked.words);
        }
    }
}

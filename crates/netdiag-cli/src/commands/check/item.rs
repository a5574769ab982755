//! One check as it was written, and what will be done for it.

use crate::commands::checks;
use crate::commands::lanes::{Asked, Expected, KINDS, choices};
use netdiag_check::expr::{Expr, ExprError};
use netdiag_check::line::Line;
use netdiag_model::{Family, Untrusted};
use std::time::Duration;

/// How long a check may take that does not say.
const DEADLINE: Duration = Duration::from_secs(10);

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
    /// The name that will be looked up, and for which family.
    pub(super) host: Option<(String, Option<Family>)>,
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
    /// So many characters into the expression.
    Expect(usize),
    /// So many characters into the expression.
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
        let parse = |text: Option<&String>, part: fn(usize) -> Part| {
            let parsed = text.map(|text| Expr::parse(text, metrics)).transpose();
            parsed.map_err(|error: ExprError| Fault {
                part: part(error.character()),
                message: error.to_string(),
            })
        };
        let expect = parse(self.expect.as_ref(), Part::Expect)?;
        let warn = parse(self.warn.as_ref(), Part::Warn)?;
        let host = self.host();
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
            host,
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
        let known = choices(&self.kind);
        for option in &self.options {
            let name = option.trim_start_matches("--").split('=').next().unwrap_or_default();
            if !known.iter().any(|choice| choice.name == name) {
                let all: Vec<&str> = known.iter().map(|choice| choice.name.as_str()).collect();
                let shown = Untrusted::from(name);
                let message = format!(
                    "`{}` is no option of a {} check: expected one of {}",
                    shown.escaped(),
                    self.kind,
                    all.join(", ")
                );
                return Err(Fault { part: Part::Option(name.to_owned()), message });
            }
        }
        Ok(())
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
                let message =
                    format!("a {kind} check has no answer to expect; an expression it has");
                Err(Fault { part: Part::Answer, message })
            }
        }
    }

    /// Which part a message of the command is about: the option that it names, else the target.
    pub(super) fn blame(&self, message: String) -> Fault {
        let names = self.options.iter().map(|option| {
            option.trim_start_matches("--").split('=').next().unwrap_or_default().to_owned()
        });
        let mut named = names.filter(|name| message.contains(&format!("--{name}")));
        let part = match named.next() {
            Some(name) if name == "expect-banner" => Part::Answer,
            Some(name) => Part::Option(name),
            None => Part::Target,
        };
        Fault { part, message }
    }

    /// The name that its command will look up.
    fn host(&self) -> Option<(String, Option<Family>)> {
        let has_none = ["dns", "sockets"].contains(&self.kind.as_str());
        let target = self.targets.first().filter(|_| !has_none)?;
        let host = match self.kind.as_str() {
            "ping" => target.clone(),
            _ => checks::split_port(target).ok()?.0.to_owned(),
        };
        let has = |name: &str| self.options.iter().any(|one| one == name);
        let family = match (has("--ipv4"), has("--ipv6")) {
            (true, _) => Some(Family::Ipv4),
            (_, true) => Some(Family::Ipv6),
            _ => None,
        };
        Some((host, family))
    }
}

/// A check in a line.
pub(super) fn from_line(text: &str) -> Result<Item, String> {
    let shown = Untrusted::from(text);
    let wrong = |message: String| format!("`{}`: {message}", shown.escaped());
    let words = Words::from(Line::parse(text).map_err(wrong)?);
    words.item().map_err(|fault| wrong(fault.message))
}

/// Whether what was given is a check, not the name of a file.
pub(super) fn is_line(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let first = words.next();
    first.is_some_and(|first| KINDS.contains(&first)) && words.next().is_some()
}

//! Scenario files: reading them, and saying in which line they are wrong.

mod check;
mod dns;
mod file;
mod path;
mod tables;
mod units;

pub(crate) use dns::wire_name;
pub use dns::{DnsManner, DnsRecord, DnsServer};
pub use file::{
    Change, Distribution, ForgedKind, ForgedReply, Here, IcmpManners, Limit, Link, Local,
    LocalLink, LocalStamps, Lookup, LookupFailure, Mpls, Node, NodeKind, NodeState, Refusal,
    Scenario, SignalName,
};
pub use path::{Balance, Masquerade, Mended, Path};
pub use tables::{NodeInterface, NodeNeighbor, ToldInterface, ToldObject};
pub use units::{ErrnoName, Prefix, Rate, Span};

use std::fmt;
use std::str::FromStr;

/// The name of the vantage point in links.
pub const HERE: &str = "here";

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// The file cannot be read, or what [`Scenario::from_str`] says.
    pub fn load(path: &std::path::Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScenarioError { line: None, message: error.to_string() })
            .and_then(|text| text.parse());
        text.map_err(|error| error.in_file(path))
    }
}

impl FromStr for Scenario {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(|error| ScenarioError {
            line: error.span().map(|span| line_of(text, span.start)),
            message: error.message().to_owned(),
        })?;
        check::check(&scenario).map_err(|wrong| ScenarioError {
            line: wrong.at.map(|offset| line_of(text, offset)),
            message: wrong.message,
        })?;
        Ok(scenario)
    }
}

/// What is wrong with a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The line, counted from 1, where one can be named.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl ScenarioError {
    fn in_file(mut self, path: &std::path::Path) -> Self {
        self.message = match self.line {
            Some(line) => format!("{}:{line}: {}", path.display(), self.message),
            None => format!("{}: {}", path.display(), self.message),
        };
        self.line = None;
        self
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ScenarioError {}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "name = \"x\"\n[here]\nipv4 = \"10.9.0.2/24\"\n";

    fn check(rest: &str, line: usize, part: &str) {
        let error = format!("{START}{rest}").parse::<Scenario>().expect_err(rest);
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.message.contains(part), "{error}");
    }

    #[test]
    fn errors_name_the_line() {
        check("[[node]]\nname = \"r\"\nkind = \"rooter\"\n", 6, "rooter");
        check("[[node]]\nname = \"r\"\nkind = \"router\"\ncolour = 1\n", 7, "colour");
        check("[[path]]\nto = \"10.9.2.0/24\"\nvia = [\"r9\"]\n", 6, "r9");
        check("[[link]]\na = \"here\"\nb = \"b\"\n", 6, "\"b\"");
        check("[[link]]\na = \"here\"\n", 5, "two ends");
        check("[[link]]\na = \"here\"\nb = \"here\"\ndelay = \"10\"\n", 7, "length of time");
        check("[[node]]\nname = \"here\"\nkind = \"host\"\n", 5, "here");
    }

    #[test]
    fn a_number_that_cannot_be_is_refused() {
        let node = "[[node]]\nname = \"r\"\nkind = \"router\"\n";
        let link = "[[link]]\na = \"here\"\nb = \"r\"\n";
        check(&format!("{node}{link}loss = 1.5\n"), 8, "loss");
        check(&format!("{node}{link}loss_every = 0\n"), 8, "loss_every");
        check(&format!("{node}{link}[link.ab]\nduplicate = -0.5\n"), 8, "duplicate");
    }
}

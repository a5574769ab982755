//! How text is written: its colours, only where they were asked for or a terminal shows them, and how
//! wide its lines may be.

use crate::fold::fold;
use netdiag_model::finding::Severity;
use std::borrow::Cow;

/// Whether colours are written, and how wide lines are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Write ANSI colours.
    pub color: bool,
    /// The columns of the terminal; `None`: it is none, and lines are as wide as they come.
    pub width: Option<u16>,
}

impl Style {
    /// The columns of the terminal, if it is one.
    pub(crate) fn columns(self) -> Option<usize> {
        /// What is narrower shows nothing in any way.
        const LEAST: u16 = 24;
        self.width.map(|width| width.max(LEAST).into())
    }

    /// A line, no wider than the terminal.
    #[must_use]
    pub fn fold(self, line: &str) -> Cow<'_, str> {
        fold(line, self.columns())
    }

    /// The text in the colour of a severity; `None`: the verdict itself.
    #[must_use]
    pub fn paint(self, severity: Option<Severity>, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match severity {
            None => "1",
            Some(Severity::Info) => "36",
            Some(Severity::Warning) => "33",
            Some(Severity::Critical) => "1;31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

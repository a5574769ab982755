//! Colour: only where it was asked for, or where a terminal shows it.

use netdiag_model::finding::Severity;

/// Whether colours are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Write ANSI colours.
    pub color: bool,
}

impl Style {
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

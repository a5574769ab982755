//! What is wrong with the text of an expression, and where.

use std::error::Error;
use std::fmt;

use netdiag_model::metrics::Unit;
use netdiag_model::text::pointer;

use super::quantity;
use super::quote::shown;
use super::{MAX_BYTES, MAX_NESTING};

/// Why a text is no expression, and where that shows.
///
/// The `Display` text is one line, and what it repeats of the expression is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprError {
    offset: usize,
    character: usize,
    kind: ErrorKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text has more than [`MAX_BYTES`] bytes.
    TooLong {
        /// The bytes it has.
        bytes: usize,
    },
    /// Parentheses are nested deeper than [`MAX_NESTING`].
    TooDeep,
    /// Something else had to stand here.
    Expected {
        /// What had to stand here.
        what: &'static str,
        /// What stands here; `None` at the end.
        found: Option<String>,
    },
    /// A quote or a parenthesis is opened and never closed.
    Unclosed {
        /// The character that opens it.
        opening: char,
    },
    /// No metric has this name.
    UnknownMetric {
        /// What was written.
        name: String,
        /// The known name it is most like.
        nearest: Option<String>,
        /// All known names, sorted.
        known: Vec<String>,
    },
    /// A prefix such as `header:` stands without a name behind it.
    NameMissing {
        /// The prefix.
        prefix: String,
    },
    /// No comparison is written so.
    UnknownOperator {
        /// What was written.
        operator: String,
    },
    /// The metric cannot be compared in this way.
    WrongOperator {
        /// The metric.
        metric: String,
        /// Its unit.
        unit: Unit,
        /// What was written; `None` where a metric stands alone that is not yes or no.
        operator: Option<String>,
    },
    /// The value is no number, or is none that can be computed with.
    NotANumber {
        /// The metric.
        metric: String,
        /// Its unit.
        unit: Unit,
        /// What was written.
        found: String,
    },
    /// The number's unit is none, or not one of this metric.
    WrongUnit {
        /// The metric.
        metric: String,
        /// Its unit.
        unit: Unit,
        /// The unit that was written.
        found: String,
    },
    /// The value is not yes or no.
    NotYesOrNo {
        /// The metric.
        metric: String,
        /// What was written.
        found: String,
    },
    /// The text after `~` is no regular expression.
    Regex {
        /// What the regular expression library says.
        message: String,
    },
}

impl ExprError {
    /// `offset` is a byte of `text`, or its end.
    pub(super) fn new(text: &str, offset: usize, kind: ErrorKind) -> Self {
        let character = text.char_indices().take_while(|&(at, _)| at < offset).count() + 1;
        Self { offset, character, kind }
    }

    /// The byte of the expression where the error shows; its length when that is at the end.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The character of the expression where the error shows, the first being 1.
    #[must_use]
    pub const fn character(&self) -> usize {
        self.character
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Two lines without a final line break: the part of `text` where the error shows, and a
    /// caret below the place.
    #[must_use]
    pub fn pointer(&self, text: &str) -> String {
        pointer(text, self.character)
    }
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.what(f)?;
        write!(f, " at character {}", self.character)?;
        self.kind.way_out(f)
    }
}

impl Error for ExprError {}

impl ErrorKind {
    /// What stands before the place.
    fn what(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(f, "expression of {bytes} bytes is too long"),
            Self::TooDeep => write!(f, "parentheses are nested too deep"),
            Self::Expected { what, found: Some(found) } => {
                write!(f, "expected {what}, found {}", shown(found))
            }
            Self::Expected { what, found: None } => write!(f, "expected {what}, found the end"),
            Self::Unclosed { opening } => write!(f, "nothing closes the {opening}"),
            Self::UnknownMetric { name, .. } => write!(f, "unknown metric {}", shown(name)),
            Self::NameMissing { prefix } => write!(f, "no name after {prefix}"),
            Self::UnknownOperator { operator } => write!(f, "unknown operator {}", shown(operator)),
            Self::WrongOperator { metric, operator: Some(operator), .. } => {
                write!(f, "{} cannot be compared with {operator}", shown(metric))
            }
            Self::WrongOperator { metric, operator: None, .. } => {
                write!(f, "{} is not compared with anything", shown(metric))
            }
            Self::NotANumber { found, .. } => write!(f, "{} is not a number", shown(found)),
            Self::WrongUnit { found, metric, .. } => {
                write!(f, "unit {} does not fit {}", shown(found), shown(metric))
            }
            Self::NotYesOrNo { found, .. } => write!(f, "{} is not yes or no", shown(found)),
            Self::Regex { .. } => write!(f, "not a regular expression"),
        }
    }

    /// What stands behind the place: what to write instead.
    fn way_out(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { .. } => write!(f, "; at most {MAX_BYTES} bytes are allowed"),
            Self::TooDeep => write!(f, "; at most {MAX_NESTING} levels are allowed"),
            Self::Expected { .. } | Self::Unclosed { .. } => Ok(()),
            Self::UnknownMetric { nearest, known, .. } => {
                if let Some(nearest) = nearest {
                    write!(f, "; did you mean {}?", shown(nearest))?;
                    write!(f, " known: {}", known.join(", "))
                } else {
                    write!(f, "; known: {}", known.join(", "))
                }
            }
            Self::NameMissing { prefix } => write!(f, "; write {prefix}NAME"),
            Self::UnknownOperator { .. } => {
                write!(f, "; expected = != < <= > >= ~ or !~, and quotes around a value of signs")
            }
            Self::WrongOperator { metric, unit, .. } => {
                write!(f, "; {} {}, expected {}", shown(metric), is(*unit), operators(*unit))
            }
            Self::NotANumber { metric, unit, .. } | Self::WrongUnit { metric, unit, .. } => {
                let expected = quantity::expected(*unit);
                write!(f, "; {} {}, expected {expected}", shown(metric), is(*unit))
            }
            Self::NotYesOrNo { metric, .. } => {
                write!(f, "; {} {}, expected true, false, yes or no", shown(metric), is(Unit::Bool))
            }
            Self::Regex { message } => write!(f, ": {message}"),
        }
    }
}

const fn is(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "is in milliseconds",
        Unit::Percent => "is in per cent",
        Unit::Count => "is a count",
        Unit::Bytes => "is in bytes",
        Unit::Days => "is in days",
        Unit::Seconds => "is in seconds",
        Unit::Text => "is text",
        Unit::Bool => "is yes or no",
        Unit::None => "is a number without a unit",
    }
}

const fn operators(unit: Unit) -> &'static str {
    match unit {
        Unit::Text => "= != ~ or !~",
        Unit::Bool => "= or !=",
        _ => "= != < <= > or >=",
    }
}

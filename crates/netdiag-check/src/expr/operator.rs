//! What stands between a metric and a value.

/// An operator as it is written, before it is known to fit the metric.
#[derive(Clone, Copy)]
pub(super) enum Operator {
    Relation(Relation),
    Match(Sense),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Whether a text shall be, or match, what is written, or shall not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    Wanted,
    Unwanted,
}

impl Operator {
    /// `None` when no comparison is written with these signs.
    pub(super) fn parse(signs: &str) -> Option<Self> {
        Some(match signs {
            "=" | "==" => Self::Relation(Relation::Equal),
            "!=" => Self::Relation(Relation::NotEqual),
            "<" => Self::Relation(Relation::Less),
            "<=" => Self::Relation(Relation::LessOrEqual),
            ">" => Self::Relation(Relation::Greater),
            ">=" => Self::Relation(Relation::GreaterOrEqual),
            "~" => Self::Match(Sense::Wanted),
            "!~" => Self::Match(Sense::Unwanted),
            _ => return None,
        })
    }

    /// Whether the value is to be the same or another, for what has no order.
    pub(super) const fn equality(self) -> Option<Sense> {
        match self {
            Self::Relation(Relation::Equal) => Some(Sense::Wanted),
            Self::Relation(Relation::NotEqual) => Some(Sense::Unwanted),
            _ => None,
        }
    }
}

impl Relation {
    /// Exact for equality too: a status or a count is, and so is what the user wrote.
    pub(super) fn is_between(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }

    pub(super) const fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Sense {
    pub(super) fn of(self, is: bool) -> bool {
        is == (self == Self::Wanted)
    }

    pub(super) const fn negated(self) -> Self {
        match self {
            Self::Wanted => Self::Unwanted,
            Self::Unwanted => Self::Wanted,
        }
    }
}

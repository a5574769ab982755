//! Names of metrics: which one a word means, and which one it may have meant.

use netdiag_model::metrics::{MetricInfo, Unit};

use super::error::ErrorKind;

/// The furthest a suggestion may be from what was written.
const NEAR: usize = 2;

/// A metric as the results know it.
pub(super) struct Name {
    pub(super) metric: String,
    pub(super) unit: Unit,
}

/// The errors that a comparison with this metric can have.
impl Name {
    pub(super) fn wrong_operator(&self, operator: Option<&str>) -> ErrorKind {
        let operator = operator.map(str::to_owned);
        ErrorKind::WrongOperator { metric: self.metric.clone(), unit: self.unit, operator }
    }

    pub(super) fn not_a_number(&self, found: &str) -> ErrorKind {
        let found = found.to_owned();
        ErrorKind::NotANumber { metric: self.metric.clone(), unit: self.unit, found }
    }

    pub(super) fn wrong_unit(&self, found: &str) -> ErrorKind {
        let found = found.to_owned();
        ErrorKind::WrongUnit { metric: self.metric.clone(), unit: self.unit, found }
    }
}

/// Finds the metric that `word` names; case does not matter.
pub(super) fn resolve(word: &str, known: &[MetricInfo]) -> Result<Name, ErrorKind> {
    for info in known {
        for name in names(info) {
            let Some(rest) = rest_after(word, name) else {
                continue;
            };
            if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
                continue;
            }
            if rest.is_empty() && name.ends_with(':') {
                return Err(ErrorKind::NameMissing { prefix: name.to_owned() });
            }
            return Ok(Name {
                metric: format!("{}{}", info.name, rest.to_ascii_lowercase()),
                unit: info.unit,
            });
        }
    }
    Err(ErrorKind::UnknownMetric {
        name: word.to_owned(),
        nearest: nearest(word, known),
        known: listed(known),
    })
}

fn names(info: &MetricInfo) -> impl Iterator<Item = &'static str> {
    std::iter::once(info.name).chain(info.aliases.iter().copied())
}

/// What follows `name` in `word`: nothing, except where `name` is a prefix.
fn rest_after<'a>(word: &'a str, name: &str) -> Option<&'a str> {
    let (head, rest) = word.split_at_checked(name.len())?;
    let fits = head.eq_ignore_ascii_case(name) && (rest.is_empty() || name.ends_with(':'));
    fits.then_some(rest)
}

fn listed(known: &[MetricInfo]) -> Vec<String> {
    let mut list: Vec<String> = known
        .iter()
        .map(|info| match info.name.ends_with(':') {
            true => format!("{}NAME", info.name),
            false => info.name.to_owned(),
        })
        .collect();
    list.sort();
    list
}

/// The known name that is least different from `word`, when it is not just any other name.
fn nearest(word: &str, known: &[MetricInfo]) -> Option<String> {
    let (head, rest) = match word.find(':') {
        Some(colon) => word.split_at(colon + 1),
        None => (word, ""),
    };
    let head = head.to_ascii_lowercase();
    let length = head.chars().count();
    let (_, name) = known
        .iter()
        .flat_map(names)
        .filter(|name| rest.is_empty() || name.ends_with(':'))
        .filter(|name| name.len().abs_diff(head.len()) <= 4 * NEAR)
        .map(|name| (distance(&head, name), name))
        .filter(|&(distance, _)| distance <= NEAR && distance < length)
        .min()?;
    Some(format!("{name}{rest}"))
}

/// Levenshtein's distance: insertions, deletions and replacements of characters.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (above, a) in left.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (index, b) in right.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(diagonal + 1).min(row[index] + 1);
        }
    }
    row[right.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expect) in [
            ("", "", 0),
            ("los", "loss", 1),
            ("lsos", "loss", 2),
            ("kitten", "sitting", 3),
            ("", "abc", 3),
        ] {
            assert_eq!(distance(left, right), expect, "{left} {right}");
            assert_eq!(distance(right, left), expect, "{right} {left}");
        }
    }
}

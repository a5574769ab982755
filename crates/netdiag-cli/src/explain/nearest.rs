//! The names that are nearest to a word that nothing is called.

use super::{entries, plain};

/// So many are named.
const NAMED: usize = 5;
/// What is longer is compared by its beginning.
const COMPARED: usize = 64;

/// The nearest names, the nearest first.
pub(crate) fn nearest(term: &str) -> Vec<&'static str> {
    let term: String = plain(term).chars().take(COMPARED).collect();
    let mut all: Vec<(usize, &'static str)> = Vec::new();
    for entry in entries() {
        // An errno is named by its word, its number or both.
        let names =
            entry.names.iter().flat_map(|name| [*name, name.split(' ').next().unwrap_or(name)]);
        let distances = names.map(|name| distance(&term, &plain(name)));
        all.extend(distances.min().map(|distance| (distance, entry.name())));
    }
    // What shares nothing with it is not near.
    all.retain(|(distance, name)| *distance < 2 * term.len().max(name.len()).max(2) - 1);
    all.sort();
    all.dedup_by_key(|(_, name)| *name);
    all.into_iter().take(NAMED).map(|(_, name)| name).collect()
}

/// Twice how many letters have to be put in, taken out or changed (Levenshtein); a part of a name is
/// nearer than that.
fn distance(one: &str, other: &str) -> usize {
    if one != other && one.len() > 2 && other.contains(one) {
        return 1;
    }
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut diagonal = place;
        let mut left = place + 1;
        for (column, wanted) in other.iter().enumerate() {
            let above = row[column + 1];
            let cost = diagonal + usize::from(letter != *wanted);
            row[column] = left;
            left = cost.min(above + 1).min(left + 1);
            diagonal = above;
        }
        row[other.len()] = left;
    }
    2 * row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        for (one, other, letters) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
            ("a", "", 1),
        ] {
            assert_eq!(distance(one, other), 2 * letters, "{one} {other}");
        }
        assert_eq!(distance("wait", "time-wait"), 1);
    }

    #[test]
    fn the_nearest_come_first() {
        assert_eq!(nearest("clos-wait").first(), Some(&"CLOSE-WAIT"));
        assert_eq!(nearest("econrefused").first(), Some(&"ECONNREFUSED 111"));
        assert!(nearest("dnssec").contains(&"dnssec-bogus"));
        assert!(nearest("\u{1b}[2J").len() <= NAMED);
        assert!(nearest(&"x".repeat(100_000)).len() <= NAMED);
    }
}

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
        let distances = names.map(|name| (distance(&term, &plain(name)), name.len()));
        // What has more other letters than the same is not near.
        let near = distances.filter(|(distance, len)| *distance <= term.len().max(*len));
        all.extend(near.min().map(|(distance, _)| (distance, entry.name())));
    }
    // A number is near nothing.
    all.retain(|_| term.bytes().any(|byte| byte.is_ascii_alphabetic()));
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
        // What is called by a number has no name beside it.
        for term in ["3/99", "999", "4711/3", "qqq"] {
            assert_eq!(nearest(term), [""; 0], "{term}");
        }
        assert!(nearest("ttl").iter().all(|name| name.contains("ttl")), "{:?}", nearest("ttl"));
        assert!(nearest(&"x".repeat(100_000)).len() <= NAMED);
    }
}

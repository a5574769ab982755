//! Where the characters of a string stand that TOML writes otherwise than they are: over several lines,
//! or with escapes.

use super::Place;

/// From these characters on, counted from 0, a text stands at these places; in between it simply goes on
/// in the line.
pub(super) type Runs = Vec<(usize, Place)>;

/// The runs of a string that is written like `raw`, quotes and all, which begin at a place.
pub(super) fn runs(raw: &str, start: Place, text: &str) -> Runs {
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let Some(quote) = quotes.into_iter().find(|quote| raw.starts_with(quote)) else {
        return vec![(0, start)];
    };
    let place = start.further(quote.len());
    let mut walk = Walk { rest: raw.get(quote.len()..).unwrap_or_default(), place };
    let (is_long, has_escapes) = (quote.len() == 3, quote.starts_with('"'));
    if is_long {
        // A line break right behind the quotes is none of the text.
        walk.skip_break();
    }
    let mut runs = Runs::new();
    let count = text.chars().count();
    for number in 0..=count {
        while has_escapes && is_long && walk.skip_folded() {}
        if self::place(&runs, number) != Some(walk.place) {
            runs.push((number, walk.place));
        }
        match has_escapes && walk.rest.starts_with('\\') {
            true => walk.escape(),
            false if walk.skip_break() => {}
            false => _ = walk.take(),
        }
    }
    runs
}

/// The place of a character.
pub(super) fn place(runs: &Runs, number: usize) -> Option<Place> {
    let (first, place) = runs.iter().rev().find(|(first, _)| *first <= number)?;
    Some(place.further(number - first))
}

/// A way through what is written.
struct Walk<'t> {
    rest: &'t str,
    place: Place,
}

impl Walk<'_> {
    /// Goes past a character.
    fn take(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = self.rest.get(next.len_utf8()..).unwrap_or_default();
        match next {
            '\n' => self.place = Place { line: self.place.line + 1, column: 1 },
            _ => self.place.column += 1,
        }
        Some(next)
    }

    /// Goes past a line break, if there is one.
    fn skip_break(&mut self) -> bool {
        let length = ["\n", "\r\n"].into_iter().find(|it| self.rest.starts_with(it)).map(str::len);
        for _ in 0..length.unwrap_or_default() {
            self.take();
        }
        length.is_some()
    }

    /// Goes past an escape.
    fn escape(&mut self) {
        self.take();
        let digits = match self.take() {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        for _ in 0..digits {
            self.take();
        }
    }

    /// Goes past a backslash at the end of a line, and all space behind it.
    fn skip_folded(&mut self) -> bool {
        let Some(behind) = self.rest.strip_prefix('\\') else { return false };
        let is_fold = behind.trim_start_matches([' ', '\t', '\r']).starts_with('\n');
        if is_fold {
            self.take();
            while self.rest.starts_with([' ', '\t', '\r', '\n']) {
                self.take();
            }
        }
        is_fold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of `raw`, which stands at line 4, column 10, and where its characters stand.
    fn check(raw: &str, wanted: &str, places: &[(usize, usize, usize)]) {
        let file = format!("x = {raw}\n");
        let table = toml::de::DeTable::parse(&file).expect("TOML");
        let value = table.get_ref().get("x").expect("there");
        let text = value.get_ref().as_str().expect("a string");
        assert_eq!(text, wanted, "{raw}");
        let runs = runs(raw, Place { line: 4, column: 10 }, text);
        for (number, line, column) in places {
            let wanted = Place { line: *line, column: *column };
            assert_eq!(place(&runs, *number), Some(wanted), "{raw}: {number} in {runs:?}");
        }
    }

    #[test]
    fn characters_stand_where_they_are_written() {
        check("'ab<1'", "ab<1", &[(0, 4, 11), (3, 4, 14), (4, 4, 15)]);
        check("\"ab<1\"", "ab<1", &[(0, 4, 11), (3, 4, 14), (4, 4, 15)]);
        check("\"a\\u0062<1\"", "ab<1", &[(1, 4, 12), (2, 4, 18), (4, 4, 20)]);
        check("\"a\\t<1\"", "a\t<1", &[(1, 4, 12), (2, 4, 14)]);
        check("\"\"\"\nab\ncd\"\"\"", "ab\ncd", &[(0, 5, 1), (2, 5, 3), (3, 6, 1), (5, 6, 3)]);
        check("\"\"\"a \\\n   b\"\"\"", "a b", &[(0, 4, 13), (1, 4, 14), (2, 5, 4)]);
        check("'\u{e9}a<1'", "\u{e9}a<1", &[(1, 4, 12)]);
    }
}

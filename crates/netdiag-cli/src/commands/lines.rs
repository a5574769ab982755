//! The lines of a file of targets, however long they are, for every command that reads one.

use std::io::{BufRead, Read, Result};

/// The longest line that is taken for a target, in bytes.
const LONGEST: u64 = 4_096;
/// What some editors begin a file with: U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file, line by line.
pub(crate) struct Lines {
    input: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
}

/// One line.
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u64,
    /// Without what ends it; `None` when it is too long to be a target, and passed over. Of a long
    /// line with a comment (`#`) in reach, what stands before the comment.
    pub(crate) text: Option<String>,
}

impl Lines {
    pub(crate) fn new(input: Box<dyn BufRead>) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Line>> {
        self.line.clear();
        let mut bounded = self.input.by_ref().take(LONGEST + 1);
        if bounded.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let mut line = self.line.as_slice();
        if self.number == 1 {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        let text = if self.line.ends_with(b"\n") || self.line.len() as u64 <= LONGEST {
            Some(String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned())
        } else {
            let comment = line.iter().position(|byte| *byte == b'#');
            let text = comment.map(|at| String::from_utf8_lossy(&line[..at]).into_owned());
            self.input.skip_until(b'\n')?;
            text
        };
        Ok(Some(Line { number: self.number, text }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn lines(bytes: Vec<u8>) -> Vec<(u64, Option<String>)> {
        let mut lines = Lines::new(Box::new(Cursor::new(bytes)));
        std::iter::from_fn(|| lines.next().expect("readable"))
            .map(|line| (line.number, line.text))
            .collect()
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_as_a_whole() {
        for (length, is_taken) in [(4_095, true), (4_096, true), (4_097, false), (100_000, false)] {
            let long = "1".repeat(length);
            let found = lines(format!("a\n{long}\r\nb\n{long}").into_bytes());
            let long_one = |number| (number, Some(long.clone()).filter(|_| is_taken));
            let with_return = (2, Some(long.clone()).filter(|_| length < 4_096));
            let a = (1, Some("a".to_owned()));
            let b = (3, Some("b".to_owned()));
            assert_eq!(found, [a, with_return, b, long_one(4)], "{length}");
        }
    }

    #[test]
    fn a_comment_may_be_longer() {
        let found = lines(format!("192.0.2.1 # {}\n::1\n", "-".repeat(9_000)).into_bytes());
        assert_eq!(found, [(1, Some("192.0.2.1 ".to_owned())), (2, Some("::1".to_owned()))]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let found = lines(b"\xef\xbb\xbf192.0.2.1\n\xef\xbb\xbf2\n".to_vec());
        let expected = [(1, Some("192.0.2.1".to_owned())), (2, Some("\u{feff}2".to_owned()))];
        assert_eq!(found, expected);
        assert_eq!(lines(Vec::new()), []);
    }
}

//! Where the bytes of a text stand, found without reading it again for each.

use super::Place;

/// Characters are counted up to each so many bytes.
const STEP: usize = 64;

/// Lines and columns of a text.
pub(super) struct Places<'t> {
    bytes: &'t [u8],
    /// Where lines begin, but the first.
    lines: Vec<usize>,
    /// How many characters begin before each [`STEP`] bytes.
    counts: Vec<usize>,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let lines = ends.map(|(at, _)| at + 1).collect();
        let counts = bytes.chunks(STEP).scan(0, |sum, chunk| {
            let before = *sum;
            *sum += characters(chunk);
            Some(before)
        });
        Self { bytes, lines, counts: counts.collect() }
    }

    /// Where a byte stands.
    pub(super) fn of(&self, offset: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|before| self.lines.get(before));
        let before = self.before(start.copied().unwrap_or_default());
        Place { line: line + 1, column: self.before(offset) - before + 1 }
    }

    /// How many characters begin before a byte.
    fn before(&self, offset: usize) -> usize {
        let offset = offset.min(self.bytes.len());
        let step = (offset / STEP).min(self.counts.len().saturating_sub(1));
        let rest = self.bytes.get(step * STEP..offset).unwrap_or_default();
        self.counts.get(step).copied().unwrap_or_default() + characters(rest)
    }
}

/// How many characters begin in a part of a text in UTF-8 (RFC 3629 section 3).
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text says by being read up to a byte.
    fn read(text: &str, offset: usize) -> Place {
        let before = &text[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { line, column }
    }

    #[test]
    fn each_byte_stands_where_reading_up_to_it_ends() {
        let long = "\u{e9}x".repeat(100);
        for text in
            ["", "a", "\n", "a\nb\u{20ac}c\n\nd", &format!("{long}\n{long}\u{1f600}\n"), &long]
        {
            let places = Places::new(text);
            for offset in (0..=text.len()).filter(|offset| text.is_char_boundary(*offset)) {
                assert_eq!(places.of(offset), read(text, offset), "{text:?} {offset}");
            }
            assert_eq!(places.of(text.len() + 9), read(text, text.len()), "{text:?}");
        }
    }
}

//! The Huffman code of strings (RFC 7541 section 5.2 and appendix B). It is canonical: the lengths of its
//! words are all there is to know, since words of one length count up in the order of their symbols.

/// The length of the word of each byte, in bits.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
/// The longest word.
const LONGEST: usize = 30;
/// How many words there are of each length, and their bytes in the order of the words.
const COUNTS: [u16; LONGEST + 1] = counts();
const BYTES: [u8; 256] = bytes();

const fn counts() -> [u16; LONGEST + 1] {
    let (mut counts, mut byte) = ([0; LONGEST + 1], 0);
    while byte < LENGTHS.len() {
        counts[LENGTHS[byte] as usize] += 1;
        byte += 1;
    }
    counts
}

const fn bytes() -> [u8; 256] {
    let (mut all, mut place, mut length) = ([0; 256], 0, 0);
    while length <= LONGEST {
        let mut byte = 0_u8;
        loop {
            if LENGTHS[byte as usize] as usize == length {
                all[place] = byte;
                place += 1;
            }
            if byte == u8::MAX {
                break;
            }
            byte += 1;
        }
        length += 1;
    }
    all
}

/// The bytes that these stand for; `None`: they are no words, or what fills up the last byte is not as it
/// must be.
pub(super) fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    let mut reader = Reader { bytes, at: 0 };
    loop {
        let begun = reader.at;
        let Some(byte) = reader.byte() else {
            return reader.is_filled(begun).then_some(all);
        };
        all.push(byte);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// How many bits were read.
    at: usize,
}

impl Reader<'_> {
    fn bit(&mut self) -> Option<usize> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit.into())
    }

    /// What the next word stands for; `None` where the bits end, or are no word.
    fn byte(&mut self) -> Option<u8> {
        // What was read, the first word of this length, and how many are shorter.
        let (mut word, mut first, mut shorter) = (0_usize, 0, 0);
        for count in COUNTS.into_iter().skip(1).map(usize::from) {
            word = word << 1 | self.bit()?;
            let place = word.checked_sub(first)?;
            if place < count {
                return BYTES.get(shorter + place).copied();
            }
            shorter += count;
            first = (first + count) << 1;
        }
        None
    }

    /// Whether what is left from there on fills up a byte as it must: by less than one, all ones.
    fn is_filled(&mut self, begun: usize) -> bool {
        let left = (self.bytes.len() * 8).saturating_sub(begun);
        self.at = begun;
        left < 8 && (0..left).all(|_| self.bit() == Some(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_examples() {
        // RFC 7541 appendices C.4.1, C.4.3 and C.6.1.
        for (bytes, text) in [
            (
                &[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff][..],
                "www.example.com",
            ),
            (&[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf], "custom-value"),
            (&[0x64, 0x02], "302"),
            (&[], ""),
        ] {
            assert_eq!(decoded(bytes).as_deref(), Some(text.as_bytes()), "{text}");
        }
        // The longest words: a line feed has 30 bits, as many as the end of a string, which must not come.
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xf3]), Some(b"\n".to_vec()));
        for wrong in [&[0xff, 0xff, 0xff, 0xff][..], &[0x64, 0x02, 0xff], &[0x64]] {
            assert_eq!(decoded(wrong), None, "{wrong:x?}");
        }
    }
}

//! A reader of DER (X.690), as far as proofs of revocation need it: one element after the other, by
//! lengths that are checked before anything is taken.

/// Tags that such a proof has (X.690 section 8.1.2).
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;

    /// `[number]`, of an element that has others in it.
    pub(crate) const fn explicit(number: u8) -> u8 {
        0xa0 | number
    }

    /// `[number]`, of one that has none.
    pub(crate) const fn implicit(number: u8) -> u8 {
        0x80 | number
    }
}

/// The longest length field that is read: three bytes of length, more than any handshake holds.
const LONGEST: u8 = 3;

/// What is left of some DER.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The tag of the next element.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag and what is in it. `None` at the end, and where its length goes beyond
    /// what is there or is none of DER's.
    pub(crate) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            // The indefinite form, of no bytes, is not DER's (X.690 section 10.1).
            let count = first & 0x7f;
            if !(1..=LONGEST).contains(&count) {
                return None;
            }
            let (field, behind) = rest.split_at_checked(usize::from(count))?;
            length = field.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
            rest = behind;
        }
        let (content, behind) = rest.split_at_checked(length)?;
        self.0 = behind;
        Some((tag, content))
    }

    /// What is in the next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The same, of one that has others in it.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.expect(tag).map(Self)
    }

    /// What is in the next element, where that has this tag; else it stays.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.peek().filter(|found| *found == tag)?;
        self.expect(tag)
    }
}

/// A `GeneralizedTime` as certificates have it, `YYYYMMDDHHMMSSZ` (RFC 5280 section 4.1.2.5.2), in
/// seconds since 1970-01-01 UTC.
pub(crate) fn time(text: &[u8]) -> Option<i64> {
    let digits = text.strip_suffix(b"Z").filter(|digits| digits.len() == 14)?;
    let number = |from: usize, to: usize| {
        digits.get(from..to)?.iter().try_fold(0_i64, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    let fits = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    // Days since the epoch, counted in years that begin in March, so that a leap day is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    fits.then_some((days - 719_468) * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_follow_each_other_and_none_goes_beyond_the_end() {
        let mut reader = Reader::new(&[0x30, 3, 2, 1, 5, 0x0a, 0x81, 1, 6, 4, 2, 1]);
        assert_eq!(reader.enter(tag::SEQUENCE).and_then(|mut it| it.next()), Some((2, &[5][..])));
        assert_eq!(reader.optional(tag::OID), None);
        assert_eq!(reader.expect(tag::ENUMERATED), Some(&[6][..]));
        assert_eq!(reader.next(), None, "two bytes are said, one is there");
        for broken in [&[0x30][..], &[0x30, 0x80, 0, 0], &[4, 0x84, 0, 0, 0, 1, 0], &[4, 0x82, 1]] {
            assert_eq!(Reader::new(broken).next(), None, "{broken:?}");
        }
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(time(b"19700101000000Z"), Some(0));
        assert_eq!(time(b"20000229235960Z"), Some(951_868_800));
        assert_eq!(time(b"20261122070000Z"), Some(1_795_330_800));
        for wrong in
            [&b"20261122070000"[..], b"2611220700Z", b"20261322070000Z", b"2026112207000aZ"]
        {
            assert_eq!(time(wrong), None, "{wrong:?}");
        }
    }
}

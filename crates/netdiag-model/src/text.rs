//! Text that came from outside: names, banners, configuration.

use idna::AsciiDenyList;
use std::borrow::Cow;
use std::fmt;

/// The most characters of one untrusted text that are shown.
pub const SHOWN_CHARACTERS: usize = 255;

/// Two lines without a final line break: the part of `text` around a character, the first being 1, and a
/// caret below it.
#[must_use]
pub fn pointer(text: &str, character: usize) -> String {
    /// How many characters stand before and after the place.
    const AROUND: usize = 36;
    let before = character.saturating_sub(1);
    let skipped = before.saturating_sub(AROUND);
    let column = before - skipped;
    let visible = |char: char| match char.escape_debug().len() {
        1 => char,
        _ if "'\"\\".contains(char) => char,
        _ => '?',
    };
    let excerpt: String = text.chars().skip(skipped).take(column + AROUND).map(visible).collect();
    format!("{excerpt}\n{:column$}^", "")
}

/// Text from outside this program. It has no `Display`: whoever shows it must say how.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// The text as it came, for comparing and for encoders with rules of their own.
    #[must_use]
    pub fn as_raw(&self) -> &str {
        &self.0
    }

    /// The text as a host name is shown: letters beyond ASCII as the A-labels (RFC 5890 section
    /// 2.3.2.1) that servers are asked for, so that no two names look alike. What cannot be such a
    /// name stays as it is.
    #[must_use]
    pub fn host(&self) -> Cow<'_, Self> {
        if self.0.is_ascii() {
            return Cow::Borrowed(self);
        }
        match idna::domain_to_ascii_cow(self.0.as_bytes(), AsciiDenyList::URL) {
            Ok(name) => Cow::Owned(Self(name.into_owned())),
            Err(_) => Cow::Borrowed(self),
        }
    }

    /// The text for a terminal or a log: printable ASCII as it is, everything else as `\u{..}`,
    /// a backslash doubled, cut after [`SHOWN_CHARACTERS`] characters.
    #[must_use]
    pub fn escaped(&self) -> Escaped<'_> {
        Escaped(&self.0)
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Escaped text, safe to print.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(SHOWN_CHARACTERS) {
            match character {
                '\\' => f.write_str("\\\\")?,
                ' '..='~' => fmt::Write::write_char(f, character)?,
                other => write!(f, "\\u{{{:x}}}", u32::from(other))?,
            }
        }
        if characters.next().is_some() { f.write_str("...") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_printable_ascii_comes_out() {
        let check = |raw: &str, shown: &str| {
            assert_eq!(Untrusted::from(raw).escaped().to_string(), shown, "{raw:?}");
        };
        check("example.net", "example.net");
        check("a\u{1b}[2Jb", "a\\u{1b}[2Jb");
        check("tab\tnul\0del\u{7f}", "tab\\u{9}nul\\u{0}del\\u{7f}");
        check("c1 \u{9b} bidi \u{202e} zero \u{200b}", "c1 \\u{9b} bidi \\u{202e} zero \\u{200b}");
        check("back\\slash", "back\\\\slash");
        check("m\u{fc}nchen", "m\\u{fc}nchen");
    }

    #[test]
    fn a_host_name_is_shown_by_its_a_labels() {
        let check = |raw: &str, shown: &str| {
            assert_eq!(Untrusted::from(raw).host().escaped().to_string(), shown, "{raw:?}");
        };
        check("Example.net", "Example.net");
        check("b\u{fc}cher.example", "xn--bcher-kva.example");
        check("B\u{dc}CHER.example", "xn--bcher-kva.example");
        // Cyrillic letters that look like Latin ones.
        check("\u{440}\u{430}\u{443}.example", "xn--80a5ak.example");
        check("fe80::1%eth\u{202e}0", "fe80::1%eth\\u{202e}0");
        check("a\u{1b}[2J\u{fc}", "a\\u{1b}[2J\\u{fc}");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let shown = Untrusted::from("x".repeat(300)).escaped().to_string();
        assert_eq!(shown.len(), SHOWN_CHARACTERS + 3);
        assert!(shown.ends_with("..."));
    }
}

//! Text in the presentation format of zone files (RFC 1035 section 5.1).

use serde::Serialize;
use std::fmt;

/// A name or the data of a record as zone files have it: printable ASCII, whatever was in the
/// message. All else stands as `\DDD`.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Presented(String);

impl Presented {
    /// Text of a formatter that writes zone files; what it left unescaped is escaped.
    #[must_use]
    pub(crate) fn new(text: String) -> Self {
        if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Self(text);
        }
        let mut safe = String::with_capacity(text.len() + 16);
        for byte in text.bytes() {
            push_byte(&mut safe, byte, &[]);
        }
        Self(safe)
    }

    /// The text itself.
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Adds one byte: itself where it is printable, with a backslash where it is one of `special`, else
/// as `\DDD`.
pub(crate) fn push_byte(out: &mut String, byte: u8, special: &[u8]) {
    match byte {
        b' '..=b'~' => {
            if special.contains(&byte) {
                out.push('\\');
            }
            out.push(char::from(byte));
        }
        _ => out.push_str(&format!("\\{byte:03}")),
    }
}

/// A character string in quotes.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        push_byte(&mut out, *byte, b"\"\\");
    }
    out.push('"');
    out
}

/// Bytes in hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits; `None` of other text.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_printable_ascii() {
        assert_eq!(Presented::new("a\u{1b}[2J\u{9b}".to_owned()).as_str(), "a\\027[2J\\194\\155");
        assert_eq!(Presented::new("a \\255".to_owned()).as_str(), "a \\255", "escaped before");
        assert_eq!(quoted(b"a\" \xff;"), "\"a\\\" \\255;\"");
        assert_eq!(hex(&[0, 0xff]), "00ff");
        assert_eq!((unhex("00fF"), unhex("0g")), (Some(vec![0, 0xff]), None));
    }
}

//! JSON that no terminal can be harmed by: control, bidirectional and zero-width characters are
//! written as `\u` escapes, which readers turn back into the same text.

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};
use std::io::{self, Write};

/// The JSON text of a value, on one line.
///
/// # Panics
/// Never for the types of the contract: their keys are strings and they do not fail to serialize.
#[must_use]
pub fn to_string<T: Serialize>(value: &T) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Safe);
    value.serialize(&mut serializer).expect("contract types serialize");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Adds the JSON text of a value.
///
/// # Errors
/// When the value fails to serialize, as those of the contract do not.
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Safe);
    value.serialize(&mut serializer).map_err(io::Error::other)
}

/// Writes a value as one line.
///
/// # Errors
/// When the writer fails.
pub fn write_line<T: Serialize>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    // Straight to the writer: a document can be larger than it needs to be in memory.
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Safe);
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Writes a value as one line, with what `fill` writes in its first list of that name, which is empty in
/// the value: all of it at once would take many times the room.
///
/// # Errors
/// When the writer or `fill` fails, or there is no such list.
pub fn write_line_around<T: Serialize>(
    out: &mut dyn Write,
    value: &T,
    list: &str,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let text = to_string(value);
    let begin = format!("\"{list}\":[");
    let (before, after) = text
        .split_once(&format!("{begin}]"))
        .ok_or_else(|| io::Error::other(format!("no empty list `{list}`")))?;
    out.write_all(before.as_bytes())?;
    out.write_all(begin.as_bytes())?;
    fill(out)?;
    out.write_all(b"]")?;
    out.write_all(after.as_bytes())?;
    out.write_all(b"\n")
}

pub(crate) struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Nearly all is plain, and looked at faster by bytes.
        if fragment.bytes().all(|byte| byte < 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(place) = rest.find(is_hidden) {
            let (plain, tail) = rest.split_at(place);
            writer.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            let mut units = [0; 2];
            for unit in characters.next().unwrap_or_default().encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}

/// Characters that change what a terminal does or shows without being seen: DEL, C1, zero-width,
/// bidirectional controls, line separators, variation selectors and tags.
fn is_hidden(character: char) -> bool {
    matches!(u32::from(character),
        0x7f..=0x9f
        | 0xad
        | 0x61c
        | 0x180e
        | 0x200b..=0x200f
        | 0x2028..=0x202e
        | 0x2060..=0x206f
        | 0xfe00..=0xfe0f
        | 0xfeff
        | 0xfff9..=0xfffb
        | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_filled_while_it_is_written() {
        let mut out = Vec::new();
        let value = serde_json::json!({"a": "x", "some": [], "z": {"some": []}});
        let fill = |out: &mut dyn Write| out.write_all(b"1,2");
        write_line_around(&mut out, &value, "some", fill).expect("a vector takes everything");
        let expected = "{\"a\":\"x\",\"some\":[1,2],\"z\":{\"some\":[]}}\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
        let none = write_line_around(&mut Vec::new(), &value, "others", |_| Ok(()));
        assert!(none.is_err());
    }

    #[test]
    fn hidden_characters_are_escaped_and_come_back() {
        for text in ["plain", "esc\u{1b}[2J", "c1\u{9b}", "bidi\u{202e}x", "tag\u{e0041}", "ü\"\\"]
        {
            let json = to_string(&text);
            assert!(!json.chars().any(|c| c.is_control() || is_hidden(c)), "{json}");
            let back: String = serde_json::from_str(&json).expect("valid JSON");
            assert_eq!(back, text);
        }
    }
}

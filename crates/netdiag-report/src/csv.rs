//! CSV (RFC 4180): one row an object, the JSON keys joined by dots as column names.

use crate::json;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes the header line.
///
/// # Errors
/// When the writer fails.
pub fn write_header(out: &mut dyn Write, columns: &[&str]) -> io::Result<()> {
    writeln!(out, "{}", columns.join(","))
}

/// Writes one object as a row; what it does not have is an empty cell.
///
/// # Errors
/// When the writer fails.
pub fn write_row(out: &mut dyn Write, columns: &[&str], object: &Value) -> io::Result<()> {
    let mut line = String::new();
    for (number, column) in columns.iter().enumerate() {
        if number > 0 {
            line.push(',');
        }
        cell(object, column, &mut line);
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}

fn cell(object: &Value, column: &str, line: &mut String) {
    let found = column.split('.').try_fold(object, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(list) => part.parse().ok().and_then(|place: usize| list.get(place)),
        _ => None,
    });
    let _ = match found {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) if is_plain(text) => line.write_str(text),
        Some(Value::String(text)) => line.write_str(&quoted(text)),
        Some(Value::Number(number)) => write!(line, "{number}"),
        Some(Value::Bool(value)) => write!(line, "{value}"),
        // Whole: a part of it would be no JSON. It has escapes of its own.
        Some(list) => write!(line, "\"{}\"", json::to_string(list).replace('"', "\"\"")),
    };
}

/// Whether text is a cell as it is; for others it is to be seen.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-');
    !text.starts_with('-') && text.bytes().all(is_plain)
}

/// Text as a cell: escaped as for a terminal, and harmless in a spreadsheet, which would take a
/// leading `=`, `+`, `-` or `@` for a formula.
fn quoted(text: &str) -> String {
    // What can be seen as it is stands as it does in JSON, backslashes too.
    let is_printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let shown = match is_printable {
        true => text.to_owned(),
        false => netdiag_model::Untrusted::from(text).escaped().to_string(),
    };
    let guard = if shown.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    if guard.is_empty() && !shown.contains([',', '"']) {
        return shown;
    }
    format!("\"{guard}{}\"", shown.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_found_by_dotted_keys_and_quoted_where_needed() {
        let object = json!({"a": "x,\"y\"", "b": {"c": 1.5, "d": null}, "e": "=1+1", "f": [1, 2]});
        let mut out = Vec::new();
        let columns = ["a", "b.c", "b.d", "e", "f.1", "g"];
        write_row(&mut out, &columns, &object).expect("a vector takes everything");
        assert_eq!(String::from_utf8(out).expect("text"), "\"x,\"\"y\"\"\",1.5,,\"'=1+1\",2,\n");
    }

    #[test]
    fn a_backslash_is_the_one_of_json() {
        let object = json!({"a": "esc\\027[31m", "b": "a\\b\u{1b}"});
        let mut out = Vec::new();
        write_row(&mut out, &["a", "b"], &object).expect("a vector takes everything");
        let row = String::from_utf8(out).expect("text");
        assert!(row.starts_with("esc\\027[31m,a\\\\b"), "{row}");
        assert!(!row.contains('\u{1b}'), "{row}");
    }

    #[test]
    fn a_list_is_whole_json_however_long() {
        let list = json!([{"name": "a\u{1b}[2J\u{202e}\"\\,", "data": "x".repeat(600)}]);
        let mut out = Vec::new();
        write_row(&mut out, &["a"], &json!({"a": list})).expect("a vector takes everything");
        let row = String::from_utf8(out).expect("text");
        assert!(!row.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}'), "{row}");
        let cell = row.strip_prefix('"').and_then(|row| row.strip_suffix("\"\n")).expect("quoted");
        let back: Value = serde_json::from_str(&cell.replace("\"\"", "\"")).expect("valid JSON");
        assert_eq!(back, list);
    }
}

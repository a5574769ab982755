//! CSV (RFC 4180): one row an object, the JSON keys joined by dots as column names.

use serde_json::Value;
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
    let cells: Vec<String> = columns.iter().map(|column| cell(object, column)).collect();
    writeln!(out, "{}", cells.join(","))
}

fn cell(object: &Value, column: &str) -> String {
    let pointer = format!("/{}", column.replace('.', "/"));
    match object.pointer(&pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => quoted(text),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(list) => quoted(&list.to_string()),
    }
}

/// Text as a cell: escaped as for a terminal, and harmless in a spreadsheet, which would take a
/// leading `=`, `+`, `-` or `@` for a formula.
fn quoted(text: &str) -> String {
    let shown = netdiag_model::Untrusted::from(text).escaped().to_string();
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
}

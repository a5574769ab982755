//! The screen of `--audit`: each sysctl, its default, what it does, and where a file says otherwise.

use super::table;
use netdiag_model::Untrusted;
use netdiag_sockets::audit::AuditRow;

/// All lines.
pub(super) fn lines(rows: &[AuditRow], width: Option<usize>) -> Vec<String> {
    let line = |row: &AuditRow| {
        let value = row.value.as_ref().map(|value| value.escaped().to_string());
        let default = row.default.clone().unwrap_or_else(|| match row.obsolete {
            true => "-".to_owned(),
            false => "by memory".to_owned(),
        });
        [
            Untrusted::from(row.key.as_str()).escaped().to_string(),
            value.unwrap_or_else(|| "-".to_owned()),
            default,
            format!("{}{}", row.effect, place(row)),
        ]
    };
    let head = ["sysctl", "value", "default", "effect"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows.iter().map(line)).collect();
    table::lines(&rows, [false; 4], width)
}

/// The line that sets it, and to what where that is something else.
fn place(row: &AuditRow) -> String {
    let Some((file, line)) = row.file.as_ref().zip(row.line) else { return String::new() };
    let file = file.escaped();
    match (&row.effect_of_file, &row.value_in_file) {
        (Some(effect), Some(value)) => {
            let effect = if effect.is_empty() { String::new() } else { format!(": {effect}") };
            format!("; from the next boot on {}, by {file}:{line}{effect}", value.escaped())
        }
        _ => format!(" ({file}:{line})"),
    }
}

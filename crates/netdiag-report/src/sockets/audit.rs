//! The screen of `--audit`: each sysctl, its default, and what it does.

use netdiag_sockets::audit::AuditRow;

/// All lines.
pub(super) fn lines(rows: &[AuditRow]) -> Vec<String> {
    let line = |row: &AuditRow| {
        let value = row.value.as_ref().map(|value| value.escaped().to_string());
        let place = row
            .file
            .as_ref()
            .zip(row.line)
            .map(|(file, line)| format!(" ({}:{line})", file.escaped()));
        [
            netdiag_model::Untrusted::from(row.key.as_str()).escaped().to_string(),
            value.unwrap_or_else(|| "-".to_owned()),
            row.default.clone().unwrap_or_else(|| "by memory".to_owned()),
            format!("{}{}", row.effect, place.unwrap_or_default()),
        ]
    };
    let head = ["sysctl", "value", "default", "effect"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows.iter().map(line)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (key, value, default) = (width(0), width(1), width(2));
    let shown = rows.iter().map(|[a, b, c, d]| {
        format!("{a:<key$}  {b:<value$}  {c:<default$}  {d}").trim_end().to_owned()
    });
    shown.collect()
}

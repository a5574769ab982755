//! What is read by programs.

use super::column::Figure;
use super::{ClassicReport, ClassicTarget};
use crate::number::significant;
use crate::trace::mtr::Column;
use netdiag_model::Untrusted;
use netdiag_trace::mtr::Row;
use std::io::{self, Write};

/// The digits of a number in JSON.
const DIGITS: usize = 5;
/// Who wrote it, of mtr's programs.
const PROGRAM: &str = "MTR.0.95";

impl<W: Write> ClassicReport<W> {
    pub(super) fn json(&mut self, target: &ClassicTarget, rows: &[Row]) -> io::Result<()> {
        let options = &self.options;
        let text = |text: &str| crate::json::to_string(&text);
        let mut out = format!(
            "{{\n    \"report\": {{\n        \"mtr\": {{\n            \"src\": {},\n            \
             \"dst\": {},\n            \"tos\": {},\n            \"tests\": {},\n            \
             \"psize\": \"{}\",\n            \"bitpattern\": {}\n        }},\n        \
             \"hubs\": [",
            text(&options.host),
            crate::json::to_string(&target.name),
            options.traffic_class,
            options.rounds,
            options.packet_size,
            text(&self.pattern()),
        );
        let hubs: Vec<String> = rows
            .iter()
            .map(|row| {
                let host = text(&options.host(row));
                let mut fields =
                    vec![format!("\"count\": {}", row.ttl), format!("\"host\": {host}")];
                for column in options.order.iter().filter(|column| *column != Column::Space) {
                    let number = match column.classic_figure(row) {
                        Figure::Count(count) => count.to_string(),
                        Figure::Number(value) => match significant(value, DIGITS) {
                            whole if whole.contains(['.', 'e']) => whole,
                            whole => format!("{whole}.0"),
                        },
                    };
                    fields.push(format!("\"{}\": {number}", column.classic_title().0));
                }
                let fields = fields.join(",\n                ");
                format!("\n            {{\n                {fields}\n            }}")
            })
            .collect();
        out.push_str(&hubs.join(","));
        out.push_str(if hubs.is_empty() { "]" } else { "\n        ]" });
        out.push_str("\n    }\n}");
        writeln!(self.out, "{out}")
    }

    pub(super) fn xml(&mut self, target: &ClassicTarget, rows: &[Row]) -> io::Result<()> {
        let options = &self.options;
        let (class, size, rounds) = (options.traffic_class, options.packet_size, options.rounds);
        let (here, there) = (escaped(&options.host), target.name.escaped().to_string());
        let (there, pattern) = (escaped(&there), self.pattern());
        writeln!(self.out, "<?xml version=\"1.0\"?>")?;
        writeln!(
            self.out,
            "<MTR SRC=\"{here}\" DST=\"{there}\" TOS=\"0x{class:X}\" PSIZE=\"{size}\" \
             BITPATTERN=\"{pattern}\" TESTS=\"{rounds}\">"
        )?;
        for row in rows {
            let host = escaped(&self.options.host(row));
            writeln!(self.out, "    <HUB COUNT=\"{}\" HOST=\"{host}\">", row.ttl)?;
            for column in self.options.order.iter().filter(|column| *column != Column::Space) {
                let title = column.classic_title().0.trim_end_matches('%');
                let cell = column.classic_cell(row);
                writeln!(self.out, "        <{title}>{cell}</{title}>")?;
            }
            writeln!(self.out, "    </HUB>")?;
        }
        writeln!(self.out, "</MTR>")
    }

    pub(super) fn csv(&mut self, target: &ClassicTarget, rows: &[Row]) -> io::Result<()> {
        if !rows.is_empty() {
            write!(self.out, "Mtr_Version,Start_Time,Status,Host,Hop,Ip,")?;
            for column in self.options.order.iter() {
                write!(self.out, "{},", column.classic_title().0)?;
            }
            writeln!(self.out)?;
        }
        let (name, at) = (target.name.escaped(), target.ended_at);
        for row in rows {
            let host = self.options.host(row);
            write!(self.out, "{PROGRAM},{at},OK,{name},{},{host}", row.ttl)?;
            for column in self.options.order.iter() {
                match column.classic_figure(row) {
                    Figure::Count(count) => write!(self.out, ",{count}")?,
                    Figure::Number(value) => write!(self.out, ",{value:.2}")?,
                }
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn pattern(&self) -> String {
        self.options
            .pattern
            .map_or_else(|| "rand(0x00-FF)".to_owned(), |byte| format!("0x{byte:02X}"))
    }
}

/// Text as an attribute's value may hold it.
fn escaped(text: &str) -> String {
    let text = Untrusted::from(text);
    let text = text.escaped().to_string();
    [("&", "&amp;"), ("<", "&lt;"), ("\"", "&quot;")]
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
}

//! `netdiag explain`: words.

use crate::args::ExplainArguments;
use crate::explain::{self, Entry};
use crate::{ExitStatus, Terminal, usage};
use netdiag_model::Untrusted;
use netdiag_report::style::Style;
use std::io::{self, Write};

/// Explains, in lines of which none is wider than the terminal.
pub(crate) fn run(
    arguments: &ExplainArguments,
    terminal: Terminal,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let term = arguments.term.join(" ");
    if term.trim().is_empty() {
        return ended(list(out).map(|()| ExitStatus::HOLDS), out, err);
    }
    let found = explain::find(&term);
    if found.is_empty() {
        let near = explain::nearest(&term);
        let shown = Untrusted::from(term);
        let near = match near.as_slice() {
            [] => String::new(),
            near => format!("; near are: {}", near.join(", ")),
        };
        let _ = writeln!(err, "netdiag explain: nothing is called '{}'{near}", shown.escaped());
        return ExitStatus::FAILS;
    }
    let style = Style { color: false, width: terminal.width.filter(|_| terminal.stdout) };
    let written = found.iter().enumerate().try_for_each(|(place, entry)| {
        if place > 0 {
            writeln!(out)?;
        }
        explained(entry, style, out)
    });
    ended(written.map(|()| ExitStatus::HOLDS), out, err)
}

fn ended(written: io::Result<ExitStatus>, out: &mut dyn Write, err: &mut dyn Write) -> ExitStatus {
    match written.and_then(|status| out.flush().map(|()| status)) {
        Ok(status) => status,
        Err(fault) => usage::write_fault(&fault, err),
    }
}

fn explained(entry: &Entry, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.fold(&format!("{} ({})", entry.names.join(", "), entry.kind)))?;
    let lines = match entry.sentences() {
        Some([is, means, next]) => {
            vec![format!("  {is}"), format!("  {means}"), format!("  -> {next}")]
        }
        None => entry.text.lines().map(str::to_owned).collect(),
    };
    lines.iter().try_for_each(|line| match line.trim_start().contains("  ") {
        // A drawing.
        true => writeln!(out, "{line}"),
        false => writeln!(out, "{}", style.fold(line)),
    })
}

/// All names, by kind.
fn list(out: &mut dyn Write) -> io::Result<()> {
    let all = explain::entries();
    let mut kinds: Vec<&str> = all.iter().map(|entry| entry.kind).collect();
    kinds.dedup();
    for kind in kinds {
        let names: Vec<&str> =
            all.iter().filter(|entry| entry.kind == kind).map(Entry::name).collect();
        writeln!(out, "{kind}")?;
        for name in names {
            writeln!(out, "  {name}")?;
        }
    }
    Ok(())
}

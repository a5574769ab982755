//! `netdiag explain`: words.

use crate::args::ExplainArguments;
use crate::explain::{self, Entry};
use crate::{ExitStatus, Terminal, World, usage};
use netdiag_model::contract::{SCHEMA, Status};
use netdiag_model::explain::{ExplainDocument, Explanation};
use netdiag_model::{Untrusted, milliseconds};
use netdiag_report::style::Style;
use std::io::{self, Write};

/// Explains as was asked for.
pub(crate) fn run<W: World>(
    arguments: &ExplainArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    // Nothing at all asks for the list; a term that is empty, as of a variable, is one that is unknown.
    let term = (!arguments.term.is_empty()).then(|| arguments.term.join(" "));
    let term = term.as_deref().map(str::trim);
    match arguments.is_json() {
        true => {
            let (document, status) = document(term, world);
            let written = serde_json::to_writer(&mut *out, &document).map_err(io::Error::from);
            ended(written.and_then(|()| writeln!(out)).map(|()| status), out, err)
        }
        false => text(term, world.terminal(), out, err),
    }
}

/// One document, whatever the term is; `None`: of all.
fn document<W: World>(term: Option<&str>, world: &mut W) -> (ExplainDocument, ExitStatus) {
    let begun = world.anchor();
    let found = term.map_or_else(explain::entries, explain::find);
    let is_known = !found.is_empty();
    let near = term.filter(|_| !is_known).map(explain::nearest).unwrap_or_default();
    let document = ExplainDocument {
        schema: SCHEMA.to_owned(),
        command: "explain".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: begun.rfc3339(begun.instant),
        elapsed_ms: milliseconds(world.anchor().instant.since(begun.instant)),
        method: None,
        targets: Vec::new(),
        findings: Vec::new(),
        status: if is_known { Status::Ok } else { Status::Critical },
        exit_code: u8::from(!is_known),
        term: term.map(str::to_owned),
        explanations: found.iter().map(explanation).collect(),
        near: near.into_iter().map(str::to_owned).collect(),
    };
    (document, if is_known { ExitStatus::HOLDS } else { ExitStatus::FAILS })
}

fn explanation(entry: &Entry) -> Explanation {
    let [is, means, next] = match entry.sentences() {
        Some(sentences) => sentences.map(|sentence| Some(sentence.to_owned())),
        None => [None, None, None],
    };
    Explanation {
        name: entry.name().to_owned(),
        names: entry.names.iter().map(|name| (*name).to_owned()).collect(),
        kind: entry.kind.to_owned(),
        is,
        means,
        next,
        text: entry.text.to_owned(),
    }
}

/// Explains in lines of which none is wider than the terminal.
fn text(
    term: Option<&str>,
    terminal: Terminal,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let Some(term) = term else {
        return ended(list(out).map(|()| ExitStatus::HOLDS), out, err);
    };
    let found = explain::find(term);
    if found.is_empty() {
        let near = explain::nearest(term);
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
    for (place, Entry { kind, .. }) in all.iter().enumerate() {
        // Each stands where the first of its kind does.
        if all.iter().position(|entry| entry.kind == *kind) != Some(place) {
            continue;
        }
        writeln!(out, "{kind}")?;
        for entry in all.iter().filter(|entry| entry.kind == *kind) {
            writeln!(out, "  {}", entry.name())?;
        }
    }
    Ok(())
}

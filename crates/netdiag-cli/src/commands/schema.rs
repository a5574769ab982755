//! `netdiag schema`: the JSON Schema of a document, or the metrics of a command.

use crate::args::schema::{Documented, SchemaArguments};
use crate::commands::lanes;
use crate::{ExitStatus, published, usage};
use netdiag_model::metrics::MetricInfo;
use std::io::{self, Write};

pub(crate) fn run(
    arguments: &SchemaArguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let name = match arguments.command {
        Documented::Ping => "ping",
        Documented::Sweep => "sweep",
        // An mtr is a trace that goes on.
        Documented::Trace | Documented::Mtr => "trace",
        Documented::Mtu => "mtu",
        Documented::Sockets => "sockets",
        Documented::Dns => "dns",
        Documented::TcpConnect => "tcp-connect",
        Documented::Syn => "syn",
        Documented::Check => "check",
        Documented::WaitFor => "wait-for",
        Documented::Explain => "explain",
        Documented::CheckFile => "check-file",
    };
    if arguments.metrics && name == "explain" {
        return usage::report("netdiag schema: --metrics: explain measures nothing", err);
    }
    let written = match published::schema(name).filter(|_| !arguments.metrics) {
        Some(schema) => out.write_all(&schema),
        None if name == "trace" => metrics(out, netdiag_trace::metrics::METRICS),
        None if name == "mtu" => metrics(out, netdiag_trace::mtu::metrics::METRICS),
        None if name == "sockets" => metrics(out, netdiag_sockets::metrics::METRICS),
        None if name == "dns" => metrics(out, netdiag_dns::metrics::METRICS),
        None if name == "tcp-connect" => metrics(out, netdiag_tcp::connect::metrics::METRICS),
        None if name == "syn" => metrics(out, netdiag_tcp::syn::metrics::METRICS),
        None if ["check", "wait-for", "check-file"].contains(&name) => of_kinds(out),
        // The others have the same targets.
        None => metrics(out, netdiag_ping::metrics::METRICS),
    };
    match written.and_then(|()| out.flush()) {
        Ok(()) => ExitStatus::HOLDS,
        Err(fault) => usage::write_fault(&fault, err),
    }
}

/// The metrics of every kind of check.
fn of_kinds(out: &mut dyn Write) -> io::Result<()> {
    for (number, (kind, known)) in lanes::known().into_iter().enumerate() {
        writeln!(out, "{}{kind}", if number > 0 { "\n" } else { "" })?;
        metrics(out, known)?;
    }
    Ok(())
}

fn metrics(out: &mut dyn Write, known: &[MetricInfo]) -> io::Result<()> {
    writeln!(out, "{:<18} {:<6} description", "metric", "unit")?;
    for info in known {
        let aliases = match info.aliases {
            [] => String::new(),
            aliases => format!(" (also {})", aliases.join(", ")),
        };
        writeln!(out, "{:<18} {:<6} {}{aliases}", info.name, info.unit.symbol(), info.description)?;
    }
    Ok(())
}

//! `netdiag trace`.

mod check;
mod conclude;
mod plan;

use crate::args::TraceArguments;
use crate::args::ping::{Color, Output};
use crate::commands::ending::{self, End, Measured, into_flow};
use crate::world::Terminal;
use crate::{ExitStatus, World, usage};
use netdiag_engine::port::{Network, StopCause};
use netdiag_engine::{Engine, EngineConfig, RunEnd, Secret};
use netdiag_model::Instant;
use netdiag_report::style::Style;
use netdiag_report::trace::{
    CsvReport, JsonLinesReport, JsonReport, TextOptions, TextReport, TraceReport,
};
use netdiag_trace::Measurement;
use plan::Plan;
use std::cell::RefCell;
use std::io::{self, BufWriter, Write};

/// What messages begin with.
const PROGRAM: &str = "netdiag trace";
/// The most packets of a user who is not root in a millisecond.
const BURST_OF_A_USER: u32 = 2;

pub(crate) fn run<W: World>(
    arguments: &TraceArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let checked = match check::check(arguments, world) {
        Ok(checked) => checked,
        Err(message) => return usage::report(&format!("{PROGRAM}: {message}"), err),
    };
    for warning in &checked.warnings {
        let _ = writeln!(err, "{PROGRAM}: {warning}");
    }
    let request = plan::open_request(arguments, &checked, world.terminal());
    let mut network = match world.open(&request) {
        Ok(network) => network,
        Err(error) => {
            let has_document = arguments.form() == Output::Json;
            let named = ("trace", PROGRAM);
            return ending::unmeasurable(named, has_document, world, &error, out, err);
        }
    };
    let plan = match Plan::new(arguments, checked, world, &mut network) {
        Ok(plan) => plan,
        Err(message) => return usage::report(&format!("{PROGRAM}: {message}"), err),
    };
    for note in &plan.notes {
        let _ = writeln!(err, "{PROGRAM}: {note}");
    }
    let mut report = report(arguments, world.terminal(), out, err);
    let measured = measure(&plan, world, &mut network, report.as_mut());
    drop(report);
    // From here on whoever writes waits for the reader.
    drop(network);
    ending::conclude(measured, PROGRAM, out, err)
}

fn measure<W: World>(
    plan: &Plan,
    world: &mut W,
    network: &mut W::Network,
    report: &mut dyn TraceReport,
) -> io::Result<Measured> {
    report.start(&plan.run)?;
    for resolved in &plan.resolved {
        report.resolved(resolved)?;
    }
    let mut config = EngineConfig::new(Secret::new(world.random()), network.opened().clone());
    if !world.may_flood() {
        config.burst = BURST_OF_A_USER;
    }
    let mut engine = Engine::new(config, network.now());
    for config in plan.resolved.iter().filter_map(|resolved| resolved.config.as_ref()) {
        engine.add(Measurement::new(config.clone()));
    }
    let report = RefCell::new(report);
    let end = world.watch(network).and_then(|()| {
        if plan.interrupted {
            return ending::before_it_began(network);
        }
        netdiag_engine::run(
            &mut engine,
            network,
            |event| into_flow(report.borrow_mut().event(&event)),
            |_| into_flow(report.borrow_mut().flush().map(|()| Instant::FAR)),
        )
    });
    let (stopped, fault) = match end {
        Ok(RunEnd::Finished(stopped)) => (stopped, None),
        Ok(RunEnd::Broken(fault)) => return Err(fault),
        Err(fault) => (None, Some(fault)),
    };
    let report = report.into_inner();
    let end = End { at: network.now(), stopped, cannot_go_on: fault.is_some() };
    let measurements = engine.into_measurements();
    let status = conclude::conclude(plan, &measurements, end, report)?;
    let status = match stopped {
        Some(StopCause::Signal(signal)) => ExitStatus::Signal(signal),
        Some(StopCause::Interrupt) | None => status,
    };
    Ok((status, fault))
}

/// The writer for the form of output that was asked for.
fn report<'a>(
    arguments: &TraceArguments,
    terminal: Terminal,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> Box<dyn TraceReport + 'a> {
    let out = BufWriter::new(out);
    let (verbose, quiet) = (arguments.verbose, arguments.quiet);
    match arguments.form() {
        Output::Json => Box::new(JsonReport(out)),
        Output::Csv => Box::new(CsvReport(out)),
        Output::Jsonl => Box::new(JsonLinesReport::new(out, verbose, quiet)),
        Output::Text => {
            let color = match arguments.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal.stdout && !terminal.no_color,
            };
            let names = plan::wants_names(arguments, terminal);
            let options = TextOptions {
                quiet,
                verbose,
                names,
                style: Style { color, width: terminal.width },
            };
            Box::new(TextReport::new(out, err, options))
        }
    }
}

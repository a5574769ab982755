//! `netdiag ping`.

mod backend;
mod check;
mod classic;
mod conclude;
mod groups;
mod judge;
mod limits;
mod plan;
mod request;
mod uses;

use crate::args::PingArguments;
use crate::args::ping::{Color, Output};
use crate::commands::ending::{self, End, Measured, into_flow};
use crate::world::Terminal;
use crate::{ExitStatus, World, usage};
pub(crate) use limits::floor;
use netdiag_engine::port::{Network, StopCause};
use netdiag_engine::{Engine, EngineConfig, RunEnd, Secret};
use netdiag_model::Instant;
use netdiag_ping::Measurement;
use netdiag_report::ping::{
    CsvReport, JsonLinesReport, JsonReport, PingReport, TextOptions, TextReport,
};
use netdiag_report::style::Style;
use plan::Plan;
use std::io::{self, BufWriter, Write};

/// How many requests `json` and `csv` send when nothing says when to end.
pub(crate) const DOCUMENT_COUNT: u64 = 10;

/// The most packets of a user who is not root in a millisecond: 2,000 a second.
const BURST_OF_A_USER: u32 = 2;

pub(crate) fn run<W: World>(
    arguments: &PingArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let program = arguments.program();
    let program = program.escaped();
    for warning in &arguments.warnings {
        let _ = writeln!(err, "{program}: {warning}");
    }
    let checked = match check::check(arguments, world) {
        Ok(checked) => checked,
        Err(message) => {
            return usage::report(
                &format!("{program}: {}", classic::worded(arguments, message)),
                err,
            );
        }
    };
    for warning in &checked.warnings {
        let _ = writeln!(err, "{program}: {warning}");
    }
    let request = request::open_request(arguments, &checked, world.terminal());
    let mut network = match world.open(&request) {
        Ok(network) => network,
        Err(error) => {
            let has_document = arguments.form() == Output::Json;
            let named = ("ping", program);
            return ending::unmeasurable(named, has_document, world, &error, out, err);
        }
    };
    let plan = match Plan::new(arguments, checked, world, &mut network) {
        Ok(plan) => plan,
        Err(message) => {
            return usage::report(
                &format!("{program}: {}", classic::worded(arguments, message)),
                err,
            );
        }
    };
    for warning in classic::warnings(arguments, network.opened()) {
        let _ = writeln!(err, "{program}: {warning}");
    }
    for note in &plan.notes {
        let _ = writeln!(err, "{program}: {note}");
    }
    let mut report = if arguments.classic {
        classic::report(arguments, network.opened(), out, err)
    } else {
        report(arguments, world.terminal(), out, err)
    };
    let refusal = classic::refusal(&plan, world.may_flood());
    let measured = match refusal {
        None => measure(&plan, world, &mut network, report.as_mut()),
        Some(_) => head(&plan, report.as_mut()).map(|()| (ExitStatus::USAGE, None)),
    };
    drop(report);
    // From here on whoever writes waits for the reader.
    drop(network);
    let measured = measured.and_then(|measured| out.flush().map(|()| measured));
    match (measured, refusal) {
        (Err(fault), _) if arguments.classic => usage::classic_write_fault(program, &fault, err),
        (Ok(_), Some(refusal)) => usage::report(&format!("{program}: {refusal}"), err),
        (measured, _) => ending::conclude(measured, program, out, err),
    }
}

/// What is told before anything is sent.
fn head(plan: &Plan, report: &mut dyn PingReport) -> io::Result<()> {
    report.start(&plan.run)?;
    for resolved in &plan.resolved {
        report.resolved(resolved)?;
    }
    report.flush()
}

fn measure<W: World>(
    plan: &Plan,
    world: &mut W,
    network: &mut W::Network,
    report: &mut dyn PingReport,
) -> io::Result<Measured> {
    head(plan, report)?;
    let mut config = EngineConfig::new(Secret::new(world.random()), network.opened().clone());
    if !world.may_flood() {
        config.burst = BURST_OF_A_USER;
    }
    let mut engine = Engine::new(config, network.now());
    for config in &plan.configs {
        engine.add(Measurement::new(config.clone()));
    }
    let report = std::cell::RefCell::new(report);
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
    if let (true, Some(StopCause::Signal(signal))) = (plan.classic, stopped) {
        // As iputils, which these end where it is.
        return report.flush().map(|()| (ExitStatus::Signal(signal), None));
    }
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
    arguments: &PingArguments,
    terminal: Terminal,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> Box<dyn PingReport + 'a> {
    let out = BufWriter::new(out);
    match arguments.form() {
        Output::Json => Box::new(JsonReport(out)),
        Output::Csv => Box::new(CsvReport(out)),
        Output::Jsonl => {
            let (verbose, quiet) = (arguments.verbose, arguments.quiet);
            Box::new(JsonLinesReport::new(out, verbose, quiet))
        }
        Output::Text => {
            let color = match arguments.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal.stdout && !terminal.no_color,
            };
            let options = TextOptions {
                quiet: arguments.quiet,
                verbose: arguments.verbose,
                numeric: arguments.numeric,
                dated: arguments.dates,
                audible: arguments.audible,
                flood: arguments.flood,
                outstanding: arguments.outstanding,
                pattern: arguments.pattern_digits(),
                style: Style { color, width: terminal.width },
                timeout: arguments.timeout(),
            };
            Box::new(TextReport::new(out, err, options))
        }
    }
}

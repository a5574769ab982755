//! `netdiag sweep`.

mod check;
pub(crate) mod classic;
mod conclude;
mod gather;
mod limits;
mod lines;
mod plan;

use crate::args::SweepArguments;
use crate::args::ping::{Color, Output};
use crate::commands::ending::{self, End, Measured, into_flow};
use crate::world::Terminal;
use crate::{ExitStatus, World, usage};
use conclude::Collector;
use netdiag_engine::port::{Network, NetworkError, StopCause};
use netdiag_engine::{Engine, EngineConfig, RunEnd, Secret};
use netdiag_model::Instant;
use netdiag_ping::sweep::{Event, Measurement};
use netdiag_report::style::Style;
use netdiag_report::sweep::{
    CsvReport, JsonLinesReport, JsonReport, Place, Progress, Setting, Shown, SweepReport,
    TextOptions, TextReport,
};
use plan::Plan;
use std::cell::RefCell;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

/// What messages begin with.
const PROGRAM: &str = "netdiag sweep";
/// The most packets of a user who is not root in a millisecond. The sender holds them to 2,500 in a
/// second; below that what is late can be caught up.
const BURST_OF_A_USER: u32 = 8;
/// The most packets that leave together.
const BURST: u32 = 32;
/// Bytes that are gathered before they are written.
const OUTPUT_BUFFER: usize = 32 << 10;

pub(crate) fn run<W: World>(
    arguments: &SweepArguments,
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
    let mut network = match world.open(&plan::open_request(arguments, &checked)) {
        Ok(network) => network,
        Err(error) => {
            let has_document = arguments.form() == Output::Json;
            let named = ("sweep", PROGRAM);
            return ending::unmeasurable(named, has_document, world, &error, out, err);
        }
    };
    let plan = match Plan::new(arguments, checked, world, &mut network, err) {
        Ok(plan) => plan,
        Err(message) => return usage::report(&format!("{PROGRAM}: {message}"), err),
    };
    for note in &plan.notes {
        let _ = writeln!(err, "{PROGRAM}: {note}");
    }
    let terminal = world.terminal();
    let mut report = report(arguments, terminal, out);
    let progress = progress(arguments, terminal, &plan, err);
    let measured = measure(&plan, world, &mut network, report.as_mut(), progress);
    drop(report);
    // From here on whoever writes waits for the reader.
    drop(network);
    ending::conclude(measured, PROGRAM, out, err)
}

fn measure<W: World>(
    plan: &Plan,
    world: &mut W,
    network: &mut W::Network,
    report: &mut dyn SweepReport,
    progress: Progress<'_>,
) -> io::Result<Measured> {
    report.start(&plan.setting)?;
    let collector = RefCell::new(Collector::new(plan, report, progress));
    let drive = Drive { setting: &plan.setting, interrupted: plan.interrupted };
    let driven = drive.run(
        world,
        network,
        |event| collector.borrow_mut().event(event),
        |now| collector.borrow_mut().flush(now),
    )?;
    let collector = collector.into_inner();
    let Driven { measurement, stopped, fault, ended_at } = driven;
    let Some(measurement) = measurement else { return Ok((ExitStatus::UNMEASURED, fault)) };
    let end = End { at: ended_at, stopped, cannot_go_on: fault.is_some() };
    let status = collector.conclude(&measurement, end)?;
    let status = match stopped {
        Some(StopCause::Signal(signal)) => ExitStatus::Signal(signal),
        Some(StopCause::Interrupt) | None => status,
    };
    Ok((status, fault))
}

/// A measurement to be run to its end.
struct Drive<'a> {
    setting: &'a Setting,
    /// The run was ended while names were looked up.
    interrupted: bool,
}

/// How it ended.
struct Driven {
    measurement: Option<Measurement>,
    stopped: Option<StopCause>,
    fault: Option<NetworkError>,
    ended_at: Instant,
}

impl Drive<'_> {
    /// Runs it. `wait` is called before each wait, and says when it wants to be called again. The error
    /// is that of whoever takes the events.
    fn run<W: World>(
        &self,
        world: &mut W,
        network: &mut W::Network,
        mut event: impl FnMut(&Event) -> io::Result<()>,
        mut wait: impl FnMut(Instant) -> io::Result<Instant>,
    ) -> io::Result<Driven> {
        let mut engine = Engine::new(self.engine_config(world, network), network.now());
        engine.add(Measurement::new(self.setting.config.clone()));
        let end = world.watch(network).and_then(|()| {
            if self.interrupted {
                return ending::before_it_began(network);
            }
            netdiag_engine::run(
                &mut engine,
                network,
                |told| into_flow(event(&told)),
                |now| into_flow(wait(now)),
            )
        });
        let (stopped, fault) = match end {
            Ok(RunEnd::Finished(stopped)) => (stopped, None),
            Ok(RunEnd::Broken(fault)) => return Err(fault),
            Err(fault) => (None, Some(fault)),
        };
        let ended_at = network.now();
        let measurement = engine.into_measurements().pop();
        Ok(Driven { measurement, stopped, fault, ended_at })
    }

    /// No burst above 32, however high the rate: above 16,000 a second those follow each other faster,
    /// each as soon as half the time of its packets has passed since the one before had left.
    fn engine_config<W: World>(&self, world: &mut W, network: &W::Network) -> EngineConfig {
        let mut config = EngineConfig::new(Secret::new(world.random()), network.opened().clone());
        let spacing = self.setting.config.spacing;
        config.tick = config.tick.min(spacing.saturating_mul(BURST / 2));
        config.burst = BURST;
        if !world.may_flood() {
            config.burst = BURST_OF_A_USER;
            config.tick = Duration::from_millis(1);
        }
        config
    }
}

/// The writer for the form of output that was asked for.
fn report<'a>(
    arguments: &SweepArguments,
    terminal: Terminal,
    out: &'a mut dyn Write,
) -> Box<dyn SweepReport + 'a> {
    let out = BufWriter::with_capacity(OUTPUT_BUFFER, out);
    match arguments.form() {
        Output::Json => Box::new(JsonReport::new(out)),
        Output::Csv => Box::new(CsvReport::new(out)),
        Output::Jsonl => Box::new(JsonLinesReport::new(out, arguments.verbose, arguments.quiet)),
        Output::Text => {
            let color = match arguments.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal.stdout && !terminal.no_color,
            };
            let shown = match (arguments.quiet, arguments.alive, arguments.unreachable) {
                (true, ..) => Shown::Nothing,
                (_, true, _) => Shown::Alive,
                (.., true) => Shown::Unreachable,
                _ => Shown::All,
            };
            let options = TextOptions {
                shown,
                verbose: arguments.verbose,
                style: Style { color, width: terminal.width },
            };
            Box::new(TextReport::new(out, options))
        }
    }
}

/// How far the run has come, for whoever looks at standard error. What writes lines of data to the
/// same terminal is not interrupted by it.
fn progress<'a>(
    arguments: &SweepArguments,
    terminal: Terminal,
    plan: &Plan,
    err: &'a mut dyn Write,
) -> Progress<'a> {
    let place = match (arguments.form(), terminal.stdout) {
        _ if !terminal.stderr || arguments.quiet => Place::Nowhere,
        (Output::Text, true) => Place::AmongRows,
        (Output::Jsonl | Output::Csv, true) => Place::Nowhere,
        (Output::Json, _) | (_, false) => Place::Alone,
    };
    Progress::new(err, &plan.setting.config, place)
}

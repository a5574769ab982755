//! `netdiag sweep`.

mod check;
pub(crate) mod classic;
mod conclude;
mod gather;
mod limits;
mod plan;

use crate::args::SweepArguments;
use crate::args::form::Output;
use crate::commands::drive::Drive;
use crate::commands::ending::Measured;
use crate::commands::frame::Command;
use crate::world::Terminal;
use crate::{OpenRequest, World};
use check::Checked;
use conclude::Collector;
use netdiag_ping::sweep::Measurement;
use netdiag_report::sweep::{
    CsvReport, JsonLinesReport, JsonReport, Place, Progress, Setting, Shown, SweepReport,
    TextOptions, TextReport,
};
use plan::Plan;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

/// Bytes that are gathered before they are written.
const OUTPUT_BUFFER: usize = 32 << 10;

impl Command for SweepArguments {
    type Checked = Checked;
    type Plan = Plan;

    const NAME: &'static str = "sweep";

    fn form(&self) -> Output {
        self.form()
    }

    fn check<W: World>(&self, world: &mut W) -> Result<Checked, String> {
        check::check(self, world)
    }

    fn warnings(checked: &Checked) -> &[String] {
        &checked.warnings
    }

    fn request(&self, checked: &Checked, _: Terminal) -> OpenRequest {
        plan::open_request(self, checked)
    }

    fn plan<W: World>(
        &self,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
        err: &mut dyn Write,
    ) -> Result<Plan, String> {
        Plan::new(self, checked, world, network, err)
    }

    fn notes(plan: &Plan) -> &[String] {
        &plan.notes
    }

    fn measure<W: World>(
        &self,
        plan: &Plan,
        world: &mut W,
        network: &mut W::Network,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Measured> {
        let terminal = world.terminal();
        let mut report = report(self, terminal, out);
        report.start(&plan.setting)?;
        let progress = progress(self, terminal, plan, err);
        let mut collector = Collector::new(plan, report.as_mut(), progress);
        let drive = drive(&plan.setting, plan.interrupted, world, network);
        drive.run(world, network, &mut collector)
    }
}

/// The only measurement, at its rate.
fn drive<W: World>(
    setting: &Setting,
    interrupted: bool,
    world: &mut W,
    network: &W::Network,
) -> Drive<Measurement> {
    let only = Measurement::new(Arc::clone(&setting.config));
    let drive = Drive::new(vec![only], interrupted, world, network);
    drive.at_rate(setting.config.spacing, world.may_flood())
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
            let style = arguments.color.style(terminal);
            let shown = match (arguments.quiet, arguments.alive, arguments.unreachable) {
                (true, ..) => Shown::Nothing,
                (_, true, _) => Shown::Alive,
                (.., true) => Shown::Unreachable,
                _ => Shown::All,
            };
            let options = TextOptions { shown, verbose: arguments.verbose, style };
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

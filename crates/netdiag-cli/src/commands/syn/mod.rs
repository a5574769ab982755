//! `netdiag syn`.

mod check;
mod conclude;
mod gather;
mod plan;

use crate::args::SynArguments;
use crate::args::form::Output;
use crate::commands::drive::{Drive, Listener};
use crate::commands::ending::{End, Measured};
use crate::commands::frame::Command;
use crate::world::Terminal;
use crate::{OpenRequest, World};
use check::Checked;
use conclude::Collector;
use netdiag_model::contract::Document;
use netdiag_report::syn::{
    CsvReport, Ending, JsonLinesReport, JsonReport, Setting, SynReport, TextOptions, TextReport,
};
use netdiag_tcp::syn::result::Target;
use netdiag_tcp::syn::{Event, Measurement};
use plan::Plan;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

/// Bytes that are gathered before they are written.
const OUTPUT_BUFFER: usize = 32 << 10;

impl Command for SynArguments {
    type Checked = Checked;
    type Plan = Plan;

    const NAME: &'static str = "syn";

    fn form(&self) -> Output {
        self.form.output()
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
        _: &mut dyn Write,
    ) -> Result<Plan, String> {
        Plan::new(self, checked, world, network)
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
        let mut report = report(self, world.terminal(), out);
        report.start(&plan.setting)?;
        let config = &plan.setting.config;
        let only = measurement(plan);
        let drive = Drive::new(vec![only], plan.interrupted, world, network);
        let drive = drive.at_rate(config.spacing, world.may_flood());
        let mut collector = Collector { plan, report: report.as_mut(), err };
        drive.run(world, network, &mut collector)
    }
}

/// What measures what is planned.
pub(crate) fn measurement(plan: &Plan) -> Measurement {
    Measurement::new(Arc::clone(&plan.setting.config))
}

/// The document of what was measured.
pub(crate) fn document(
    plan: &Plan,
    measured: Vec<Measurement>,
    end: End,
) -> Option<Document<Target>> {
    let mut kept = Kept(None);
    let mut collector = Collector { plan, report: &mut kept, err: &mut io::sink() };
    // A report that writes nothing does not fail.
    let _ = collector.conclude(measured, end);
    kept.0
}

/// A report that keeps the document.
struct Kept(Option<Document<Target>>);

impl SynReport for Kept {
    fn start(&mut self, _: &Setting) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &Setting, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, setting: &Setting, ending: &Ending<'_>) -> io::Result<()> {
        let measurement = ending.measurement;
        let result = |number| measurement.result(number, setting.method(number));
        let targets = (0..measurement.targets()).filter_map(result).collect();
        self.0 = Some(ending.document.with_targets(targets));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The writer for the form of output that was asked for.
fn report<'a>(
    arguments: &SynArguments,
    terminal: Terminal,
    out: &'a mut dyn Write,
) -> Box<dyn SynReport + 'a> {
    let out = BufWriter::with_capacity(OUTPUT_BUFFER, out);
    match arguments.form.output() {
        Output::Json => Box::new(JsonReport(out)),
        Output::Csv => Box::new(CsvReport(out)),
        Output::Jsonl => Box::new(JsonLinesReport::new(out, arguments.quiet)),
        Output::Text => {
            let style = arguments.form.color.style(terminal);
            let SynArguments { quiet, open, verbose, .. } = *arguments;
            let options = TextOptions { quiet, open, verbose, style };
            Box::new(TextReport::new(out, options))
        }
    }
}

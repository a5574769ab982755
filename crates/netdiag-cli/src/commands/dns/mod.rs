//! `netdiag dns`.

mod check;
mod conclude;
mod plan;
mod servers;
mod setup;
mod words;

use crate::args::DnsArguments;
use crate::args::dns::Layout;
use crate::args::form::Output;
use crate::commands::ending::Measured;
use crate::commands::frame::Command;
use crate::commands::hosts;
use crate::world::Terminal;
use crate::{OpenRequest, World};
use check::Checked;
use netdiag_dns::Config;
use netdiag_report::dns::{
    ClassicReport, Detail, Dns, JsonLinesReport, NslookupReport, TextOptions, TextReport,
};
use netdiag_report::{CsvReport, JsonReport, Report};
use plan::Plan;
pub(crate) use plan::check_files;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

impl Command for DnsArguments {
    type Checked = Checked;
    type Plan = Plan;

    const NAME: &'static str = "dns";

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
        &plan.outline.notes
    }

    fn measure<W: World>(
        &self,
        plan: &Plan,
        world: &mut W,
        network: &mut W::Network,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Measured> {
        let mut report = report(self, &plan.config, world.terminal(), out, err);
        hosts::begin(plan, report.as_mut())?;
        hosts::measure(plan, world, network, report.as_mut())
    }
}

/// The writer for the form of output that was asked for.
fn report<'a>(
    arguments: &DnsArguments,
    config: &Arc<Config>,
    terminal: Terminal,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> Box<dyn Report<Dns> + 'a> {
    let out = BufWriter::new(out);
    let (verbose, quiet) = (arguments.verbose, arguments.quiet);
    if let Layout::Nslookup { is_default } = arguments.layout {
        return Box::new(NslookupReport::new(out, Arc::clone(config), is_default));
    }
    match arguments.form.output() {
        Output::Json => Box::new(JsonReport(out)),
        Output::Csv => Box::new(CsvReport(out)),
        Output::Jsonl => Box::new(JsonLinesReport::new(out, Arc::clone(config), verbose, quiet)),
        Output::Text if arguments.classic => {
            Box::new(ClassicReport::new(out, Arc::clone(config), &arguments.words))
        }
        Output::Text => {
            let detail = match (arguments.short, quiet, verbose) {
                (true, ..) => Detail::Short,
                (_, true, _) => Detail::Quiet,
                (.., true) => Detail::Verbose,
                _ => Detail::Normal,
            };
            let options = TextOptions { detail, style: arguments.form.color.style(terminal) };
            Box::new(TextReport::new(out, err, Arc::clone(config), options))
        }
    }
}

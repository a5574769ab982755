//! `netdiag dns`.

mod check;
mod conclude;
mod plan;
mod servers;
mod setup;
mod words;

use crate::args::DnsArguments;
use crate::args::form::Output;
use crate::commands::ending::Measured;
use crate::commands::frame::Command;
use crate::commands::hosts::{self, Form};
use crate::world::Terminal;
use crate::{OpenRequest, World};
use check::Checked;
use netdiag_dns::Config;
use netdiag_report::dns::{
    Asking, ClassicReport, Detail, Dns, JsonLinesReport, NslookupReport, Seen, TextOptions,
    TextReport,
};
use netdiag_report::{CsvReport, JsonReport};
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
        let mut form = report(self, &plan.config, world.terminal(), out, err);
        hosts::begin(plan, &mut form)?;
        hosts::measure(plan, world, network, &mut form)
    }
}

/// One question under the name of nslookup, on a network that is open: `seen` says what came of it.
///
/// # Errors
/// What is wrong with it, in a line; inside that, that a writer takes no more.
pub(crate) fn look_up<W: World>(
    arguments: &DnsArguments,
    asking: Asking,
    seen: &mut Seen,
    (world, network): (&mut W, &mut W::Network),
    out: &mut dyn Write,
) -> Result<io::Result<()>, String> {
    let checked = check::check(arguments, world)?;
    let plan = Plan::new(arguments, checked, world, network)?;
    let report = NslookupReport::new(out, Arc::clone(&plan.config), asking, seen);
    let mut form = Form::told(report);
    Ok(hosts::measure_unwatched(&plan, world, network, &mut form).map(drop))
}

/// The writer for the form of output that was asked for.
fn report<'a>(
    arguments: &DnsArguments,
    config: &Arc<Config>,
    terminal: Terminal,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> Form<'a, Dns> {
    let out = BufWriter::new(out);
    let (verbose, quiet) = (arguments.verbose, arguments.quiet);
    match arguments.form.output() {
        Output::Json => Form::written(JsonReport(out), err),
        Output::Csv => Form::written(CsvReport(out), err),
        Output::Jsonl => {
            Form::written(JsonLinesReport::new(out, Arc::clone(config), verbose, quiet), err)
        }
        Output::Text if arguments.classic => {
            Form::told(ClassicReport::new(out, Arc::clone(config), &arguments.words))
        }
        Output::Text => {
            let detail = match (arguments.short, quiet, verbose) {
                (true, ..) => Detail::Short,
                (_, true, _) => Detail::Quiet,
                (.., true) => Detail::Verbose,
                _ => Detail::Normal,
            };
            let options = TextOptions { detail, style: arguments.form.color.style(terminal) };
            Form::told(TextReport::new(out, err, Arc::clone(config), options))
        }
    }
}

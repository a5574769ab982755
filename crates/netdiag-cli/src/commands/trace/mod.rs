//! `netdiag trace`.

mod check;
pub(crate) mod classic;
mod conclude;
mod listed;
mod plan;
mod target;

use crate::args::TraceArguments;
use crate::args::form::Output;
use crate::commands::ending::Measured;
use crate::commands::frame::Command;
use crate::commands::hosts::{self, Form};
use crate::world::Terminal;
use crate::{OpenRequest, World};
pub(crate) use check::{Checked, check};
use netdiag_report::trace::{
    Columns, GraphReport, JsonLinesReport, TextOptions, TextReport, Trace,
};
use netdiag_report::{CsvReport, JsonReport};
pub(crate) use plan::{Plan, VARIED_PORTS, open_request, syn_of, wants_names};
use std::io::{self, BufWriter, Write};
pub(crate) use target::{Given, target};

impl Command for TraceArguments {
    type Checked = Checked;
    type Plan = Plan;

    const NAME: &'static str = "trace";

    fn form(&self) -> Output {
        self.form.output()
    }

    fn check<W: World>(&self, world: &mut W) -> Result<Checked, String> {
        check(self, world)
    }

    fn warnings(checked: &Checked) -> &[String] {
        &checked.warnings
    }

    fn request(&self, checked: &Checked, terminal: Terminal) -> OpenRequest {
        open_request(self, checked, terminal)
    }

    fn plan<W: World>(
        &self,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
        _: &mut dyn Write,
    ) -> Result<Plan, String> {
        Plan::new(Self::NAME, self, checked, world, network)
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
        let mut form = report(self, world.terminal(), out, err);
        hosts::begin(plan, &mut form)?;
        hosts::measure(plan, world, network, &mut form)
    }
}

/// The writer for the form of output that was asked for.
fn report<'a>(
    arguments: &TraceArguments,
    terminal: Terminal,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> Form<'a, Trace> {
    let out = BufWriter::new(out);
    let (verbose, quiet) = (arguments.verbose, arguments.quiet);
    match arguments.form.output() {
        Output::Json => Form::written(JsonReport(out), err),
        Output::Csv => Form::written(CsvReport(out), err),
        Output::Jsonl => Form::written(JsonLinesReport::new(out, verbose, quiet), err),
        Output::Text => {
            if let Some(form) = arguments.multipath.graph_alone() {
                return Form::told(GraphReport::new(out, err, form));
            }
            let style = arguments.form.color.style(terminal);
            let names = wants_names(arguments, terminal);
            let (systems, mtus) = (arguments.asn_file.is_some(), arguments.mtu);
            let columns = Columns { names, systems, mtus };
            let options = TextOptions { quiet, verbose, columns, style, order: None };
            Form::told(TextReport::new(out, err, options))
        }
    }
}

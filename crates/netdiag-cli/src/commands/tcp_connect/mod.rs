//! `netdiag tcp-connect`.

mod away;
mod check;
mod conclude;
mod each;
mod plan;
mod proxy;
mod reach;
mod tls;

use crate::args::TcpConnectArguments;
use crate::args::form::Output;
use crate::commands::ending::Measured;
use crate::commands::frame::Command;
use crate::commands::hosts::{self, Form};
use crate::commands::trust;
use crate::world::Terminal;
use crate::{OpenRequest, World};
pub(crate) use away::Away;
use check::Checked;
use netdiag_report::connect::{Connect, JsonLinesReport, TextOptions, TextReport};
use netdiag_report::{CsvReport, JsonReport};
use plan::Plan;
use std::io::{self, BufWriter, Write};

impl Command for TcpConnectArguments {
    type Checked = Checked;
    type Plan = Plan;

    const NAME: &'static str = "tcp-connect";

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
        plan.away.attend();
        let mut form = report(self, world.terminal(), out, err);
        hosts::begin(plan, &mut form)?;
        hosts::measure(plan, world, network, &mut form)
    }
}

/// Reads the files that were named, of a check, which may be tried again and has no other input.
pub(crate) fn check_files<W: World>(
    arguments: &TcpConnectArguments,
    world: &mut W,
) -> Result<(), String> {
    proxy::check_file(arguments, world)?;
    trust::check_file(arguments.ca.as_deref(), world)
}

/// The writer for the form of output that was asked for.
fn report<'a>(
    arguments: &TcpConnectArguments,
    terminal: Terminal,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> Form<'a, Connect> {
    let out = BufWriter::new(out);
    match arguments.form.output() {
        Output::Json => Form::written(JsonReport(out), err),
        Output::Csv => Form::written(CsvReport(out), err),
        Output::Jsonl => Form::written(JsonLinesReport::new(out, arguments.quiet), err),
        Output::Text => {
            let options = TextOptions {
                quiet: arguments.quiet,
                verbose: arguments.verbose,
                count: arguments.count,
                timeout: arguments.timeout.duration,
                style: arguments.form.color.style(terminal),
            };
            Form::told(TextReport::new(out, err, options))
        }
    }
}

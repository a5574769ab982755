//! `netdiag ping`.

mod backend;
mod check;
mod classic;
mod conclude;
mod dialog;
mod groups;
mod judge;
mod lane;
mod limits;
mod plan;
mod request;
mod uses;

use crate::args::PingArguments;
use crate::args::form::Output;
use crate::commands::ending::Measured;
use crate::commands::frame::{self, Command};
use crate::commands::hosts::{self, Form};
use crate::world::Terminal;
use crate::{ExitStatus, OpenRequest, World, usage};
use check::Checked;
pub(crate) use lane::Lane;
use netdiag_engine::port::Network;
use netdiag_report::ping::{JsonLinesReport, Ping, TextOptions, TextReport};
use netdiag_report::{CsvReport, JsonReport};
use plan::Plan;
use std::io::{self, BufWriter, Write};

/// How many requests `json` and `csv` send when nothing says when to end.
pub(crate) const DOCUMENT_COUNT: u64 = 10;

pub(crate) fn run<W: World>(
    arguments: &PingArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    frame::say(&Command::program(arguments), &arguments.warnings, err);
    frame::run(arguments, world, out, err)
}

impl Command for PingArguments {
    type Checked = Checked;
    type Plan = Plan;

    const NAME: &'static str = "ping";

    fn program(&self) -> String {
        self.program().escaped().to_string()
    }

    fn form(&self) -> Output {
        self.form.output()
    }

    fn check<W: World>(&self, world: &mut W) -> Result<Checked, String> {
        check::check(self, world).map_err(|message| classic::worded(self, message))
    }

    fn warnings(checked: &Checked) -> &[String] {
        &checked.warnings
    }

    fn request(&self, checked: &Checked, terminal: Terminal) -> OpenRequest {
        request::open_request(self, checked, terminal)
    }

    fn plan<W: World>(
        &self,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
        _: &mut dyn Write,
    ) -> Result<Plan, String> {
        let plan = Plan::new(self, checked, world, network);
        plan.map_err(|message| classic::worded(self, message))
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
        let mut form = if self.classic {
            classic::report(self, network.opened(), out, err)
        } else {
            report(self, world.terminal(), out, err)
        };
        hosts::begin(plan, &mut form)?;
        match classic::refusal(plan, world.may_flood()) {
            // Nothing is shown before signals are watched: who has seen something may ask for the summary.
            None => hosts::measure(plan, world, network, &mut form),
            Some(refusal) => {
                form.report.flush()?;
                let last_words = Some(refusal.to_owned());
                Ok(Measured { status: ExitStatus::USAGE, last_words })
            }
        }
    }

    fn write_fault(&self, fault: &io::Error, err: &mut dyn Write) -> ExitStatus {
        match self.classic {
            true => usage::classic_write_fault(self.program().escaped(), fault, err),
            false => usage::write_fault(fault, err),
        }
    }
}

/// The writer for the form of output that was asked for.
fn report<'a>(
    arguments: &PingArguments,
    terminal: Terminal,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> Form<'a, Ping> {
    let out = BufWriter::new(out);
    match arguments.form.output() {
        Output::Json => Form::written(JsonReport(out), err),
        Output::Csv => Form::written(CsvReport(out), err),
        Output::Jsonl => {
            let (verbose, quiet) = (arguments.verbose, arguments.quiet);
            Form::written(JsonLinesReport::new(out, verbose, quiet), err)
        }
        Output::Text => {
            let style = arguments.form.color.style(terminal);
            let options = TextOptions {
                quiet: arguments.quiet,
                verbose: arguments.verbose,
                numeric: arguments.numeric,
                dated: arguments.dates,
                audible: arguments.audible,
                flood: arguments.flood,
                outstanding: arguments.outstanding,
                pattern: arguments.pattern_digits(),
                style,
                timeout: arguments.timeout(),
            };
            Form::told(TextReport::new(out, err, options))
        }
    }
}

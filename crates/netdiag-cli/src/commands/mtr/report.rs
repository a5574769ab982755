//! The writer for the form of output that was asked for.

use super::Mtr;
use crate::World;
use crate::args::form::Output;
use crate::commands::hosts::Form;
use crate::commands::trace::wants_names;
use netdiag_report::trace::mtr::{LiveReport, Order};
use netdiag_report::trace::{Columns, JsonLinesReport, TextOptions, TextReport, Trace};
use netdiag_report::{CsvReport, JsonReport};
use std::io::{BufWriter, Write};

pub(super) fn report<'a, W: World>(
    mtr: &Mtr<'_>,
    world: &mut W,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> Form<'a, Trace> {
    let arguments = mtr.arguments;
    let (verbose, quiet) = (arguments.verbose, arguments.quiet);
    let out = BufWriter::new(out);
    match arguments.form().output() {
        Output::Json => Form::written(JsonReport(out), err),
        Output::Csv => Form::written(CsvReport(out), err),
        Output::Jsonl => Form::written(JsonLinesReport::new(out, verbose, quiet), err),
        Output::Text => {
            let terminal = world.terminal();
            let mut style = arguments.color.style(terminal);
            if arguments.report_wide {
                style.width = None;
            }
            let order = match arguments.pathping {
                true => Order::pathping(),
                false => arguments.order.clone().unwrap_or_else(Order::report),
            };
            let order = if arguments.mtu { order.with_mtus() } else { order };
            let names = wants_names(&arguments.trace(), terminal);
            let systems = arguments.asn_file.is_some();
            let columns = Columns { names, systems, mtus: arguments.mtu };
            let options = TextOptions { quiet, verbose, columns, style, order: Some(order) };
            let text = TextReport::new(out, err, options);
            match world.screen().filter(|_| mtr.is_live) {
                Some(size) => Form::told(LiveReport::new(text, size, style.color, world.backlog())),
                None => Form::told(text),
            }
        }
    }
}

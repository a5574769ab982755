//! The writer for the form of output that was asked for.

use super::Mtr;
use crate::World;
use crate::args::form::Output;
use crate::commands::trace::{Plan, wants_names};
use netdiag_report::trace::mtr::{
    ClassicJsonReport, ClassicOptions, ClassicReport, LiveReport, Order,
};
use netdiag_report::trace::{Columns, JsonLinesReport, TextOptions, TextReport, Trace};
use netdiag_report::{CsvReport, JsonReport, Report};
use std::io::{BufWriter, Write};

/// Bytes of headers beside the data of a probe.
const HEADERS: u16 = 28;

pub(super) fn report<'a, W: World>(
    mtr: &Mtr<'_>,
    plan: &Plan,
    world: &mut W,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> Box<dyn Report<Trace> + 'a> {
    let arguments = mtr.arguments;
    let (verbose, quiet) = (arguments.verbose, arguments.quiet);
    let out = BufWriter::new(out);
    match arguments.form().output() {
        form if arguments.classic => {
            let config = plan.resolved.iter().find_map(|resolved| resolved.config.as_ref());
            let options = ClassicOptions {
                order: arguments.order.clone().unwrap_or_else(Order::classic),
                wide: arguments.report_wide,
                numeric: arguments.numeric,
                show_ips: arguments.show_ips,
                host: world.host_name(),
                traffic_class: arguments.marking.traffic_class().unwrap_or_default(),
                packet_size: config.map_or(0, |config| config.size.saturating_add(HEADERS)),
            };
            match form {
                Output::Json => Box::new(ClassicJsonReport::new(out, err, options)),
                _ => Box::new(ClassicReport::new(out, err, options)),
            }
        }
        Output::Json => Box::new(JsonReport(out)),
        Output::Csv => Box::new(CsvReport(out)),
        Output::Jsonl => Box::new(JsonLinesReport::new(out, verbose, quiet)),
        Output::Text => {
            let terminal = world.terminal();
            let style = arguments.color.style(terminal);
            let order = match arguments.pathping {
                true => Order::pathping(),
                false => arguments.order.clone().unwrap_or_else(Order::report),
            };
            let names = wants_names(&arguments.trace(), terminal);
            let columns = Columns { names, ..Columns::default() };
            let options = TextOptions { quiet, verbose, columns, style, order: Some(order) };
            let text = TextReport::new(out, err, options);
            match world.screen().filter(|_| mtr.is_live) {
                Some(size) => Box::new(LiveReport::new(text, size, style.color, world.backlog())),
                None => Box::new(text),
            }
        }
    }
}

//! The writer for the form of output that was asked for.

use crate::args::check::Output;
use netdiag_report::checks::{
    ChecksReport, CsvReport, JsonLinesReport, JsonReport, JunitReport, NagiosReport,
    PrometheusReport, TapReport, TextOptions, TextReport,
};
use std::io::{BufWriter, Write};

pub(crate) fn report<'a>(
    output: Output,
    options: TextOptions,
    out: &'a mut dyn Write,
) -> Box<dyn ChecksReport + 'a> {
    let out = BufWriter::new(out);
    match output {
        Output::Text => Box::new(TextReport::new(out, options)),
        Output::Json => Box::new(JsonReport(out)),
        Output::Jsonl => Box::new(JsonLinesReport::new(out)),
        Output::Csv => Box::new(CsvReport(out)),
        Output::Junit => Box::new(JunitReport(out)),
        Output::Tap => Box::new(TapReport(out)),
        Output::Nagios => Box::new(NagiosReport(out)),
        Output::Prometheus => Box::new(PrometheusReport::new(out)),
    }
}

//! The figures so far as a plugin of netdata tells them: charts once, then their values.

use super::ClassicReport;
use super::host::Host;
use std::io::{self, Write};
use std::time::Duration;

/// One chart: what it is called, what stands between its names and its interval, its dimensions.
struct Chart {
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    kind: &'static str,
    dimensions: &'static [&'static str],
}

const CHARTS: [Chart; 3] = [
    Chart {
        name: "packets",
        title: "Packets",
        unit: "packets",
        kind: "line 110020",
        dimensions: &["xmt sent absolute 1 1", "rcv received absolute 1 1"],
    },
    Chart {
        name: "quality",
        title: "Quality",
        unit: "percentage",
        kind: "area 110010",
        dimensions: &["returned '' absolute 1 1"],
    },
    Chart {
        name: "latency",
        title: "Latency",
        unit: "ms",
        kind: "area 110000",
        dimensions: &[
            "min minimum absolute 1 1000000",
            "max maximum absolute 1 1000000",
            "avg average absolute 1 1000000",
        ],
    },
];

impl<W: Write> ClassicReport<'_, W> {
    /// The figures since they were last told.
    pub(super) fn charts(&mut self) -> io::Result<()> {
        let every = self.options.netdata.unwrap_or_default();
        let declares = !std::mem::replace(&mut self.has_charts, true);
        self.unwritten = true;
        for host in &self.hosts {
            let id = host.identifier();
            for chart in &CHARTS {
                if declares {
                    declare(&mut self.out, chart, &id, host.name(), every)?;
                }
                writeln!(self.out, "BEGIN fping.{id}_{}", chart.name)?;
                values(&mut self.out, chart, host)?;
                writeln!(self.out, "END")?;
            }
        }
        Ok(())
    }
}

fn declare(
    out: &mut impl Write,
    chart: &Chart,
    id: &str,
    host: &str,
    every: Duration,
) -> io::Result<()> {
    let Chart { name, title, unit, kind, dimensions } = chart;
    let seconds = every.as_secs_f64();
    writeln!(
        out,
        "CHART fping.{id}_{name} '' 'FPing {title} for host {host}' {unit} '{host}' \
         fping.{name} {kind} {seconds:.0}"
    )?;
    for dimension in *dimensions {
        writeln!(out, "DIMENSION {dimension}")?;
    }
    Ok(())
}

fn values(out: &mut impl Write, chart: &Chart, host: &Host) -> io::Result<()> {
    let figures = &host.lately;
    match chart.name {
        "packets" => {
            writeln!(out, "SET xmt = {}\nSET rcv = {}", figures.sent, figures.received)
        }
        "quality" => writeln!(out, "SET returned = {}", figures.returned()),
        _ => match figures.times() {
            Some([min, mean, max]) => {
                let (min, mean, max) = (min.as_nanos(), mean.as_nanos(), max.as_nanos());
                writeln!(out, "SET min = {min}\nSET avg = {mean}\nSET max = {max}")
            }
            None => Ok(()),
        },
    }
}

//! `--output prometheus`: the text format, as a textfile collector reads it. What could not be
//! measured has no value.

use super::{ChecksReport, own};
use crate::report::Run;
use netdiag_check::result::{Check, CheckStatus, ChecksDocument};
use netdiag_model::Untrusted;
use std::io::{self, Write};

/// Metrics at the end.
pub struct PrometheusReport<W> {
    out: W,
    /// Seconds since 1970.
    started: f64,
}

impl<W: Write> PrometheusReport<W> {
    /// Metrics on `out`.
    pub const fn new(out: W) -> Self {
        Self { out, started: 0.0 }
    }
}

impl<W: Write> ChecksReport for PrometheusReport<W> {
    fn start(&mut self, run: &Run, _: &[(String, String)]) -> io::Result<()> {
        self.started = run.anchor.unix_nanos as f64 / 1e9;
        Ok(())
    }

    fn finish(&mut self, document: &ChecksDocument, _: &str) -> io::Result<()> {
        let (out, checks) = (&mut self.out, &document.checks);
        head(
            out,
            "netdiag_check_success",
            "Whether a check holds; none where it was not measured",
        )?;
        for check in checks {
            let value = match check.status {
                CheckStatus::Pass | CheckStatus::Warn => 1,
                CheckStatus::Fail => 0,
                CheckStatus::Unknown | CheckStatus::Skip => continue,
            };
            writeln!(out, "netdiag_check_success{{{}}} {value}", labels(check))?;
        }
        head(out, "netdiag_check_status", "1 for what a check came to, 0 for the others")?;
        for check in checks {
            for status in CheckStatus::ALL {
                let (labels, name) = (labels(check), status.name());
                let value = u8::from(check.status == status);
                writeln!(out, "netdiag_check_status{{{labels},status=\"{name}\"}} {value}")?;
            }
        }
        head(out, "netdiag_check_duration_seconds", "How long a check took")?;
        for check in checks {
            let seconds = check.elapsed_ms / 1e3;
            writeln!(out, "netdiag_check_duration_seconds{{{}}} {seconds}", labels(check))?;
        }
        head(out, "netdiag_check_value", "A figure of a check, in the unit that it names")?;
        for check in checks {
            for perf in &check.perfdata {
                let Some(value) = perf.value.filter(|value| value.is_finite()) else { continue };
                let metric = perf.label.rsplit(' ').next().unwrap_or_default();
                let (metric, unit) = (escaped(&Untrusted::from(metric)), perf.unit.symbol());
                let labels = labels(check);
                writeln!(
                    out,
                    "netdiag_check_value{{{labels},metric=\"{metric}\",unit=\"{unit}\"}} {value}"
                )?;
            }
        }
        head(out, "netdiag_checks_started_timestamp_seconds", "When the checks began")?;
        writeln!(out, "netdiag_checks_started_timestamp_seconds {}", self.started)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn head(out: &mut impl Write, name: &str, help: &str) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}.\n# TYPE {name} gauge")
}

fn labels(check: &Check) -> String {
    format!(
        "name=\"{}\",kind=\"{}\",target=\"{}\"",
        escaped(&check.name),
        escaped(&Untrusted::from(check.kind.as_str())),
        escaped(&check.target)
    )
}

/// The value of a label: printable, quotes and backslashes escaped, and nothing else.
fn escaped(text: &Untrusted) -> String {
    let parts = text.as_raw().chars().map(|character| match character {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        // That of an escape is doubled, too.
        character => own(&Untrusted::from(character.to_string())).replace('\\', "\\\\"),
    });
    parts.collect()
}

//! `--output junit`: a test case a check, as continuous integration reads it. What could not be
//! measured is an error, what does not hold a failure.

use super::{ChecksReport, about, own, why};
use netdiag_check::result::{Check, CheckStatus, ChecksDocument};
use netdiag_model::Untrusted;
use std::io::{self, Write};

/// One document at the end.
pub struct JunitReport<W>(pub W);

impl<W: Write> ChecksReport for JunitReport<W> {
    fn finish(&mut self, document: &ChecksDocument, _: &str) -> io::Result<()> {
        let count = |status| document.checks.iter().filter(|check| check.status == status).count();
        let counts = format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
            document.checks.len(),
            count(CheckStatus::Fail),
            count(CheckStatus::Unknown),
        );
        // Only a suite knows how many were skipped, not the document of suites.
        let skipped = count(CheckStatus::Skip);
        let time = seconds(document.document.elapsed_ms);
        let name = attribute(&format!("netdiag {}", document.document.command));
        let started = document.document.started_at.split('.').next().unwrap_or_default();
        let out = &mut self.0;
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(out, "<testsuites name={name} {counts} time=\"{time}\">")?;
        let counts = format!("{counts} skipped=\"{skipped}\" time=\"{time}\"");
        writeln!(out, "  <testsuite name={name} timestamp=\"{started}\" {counts}>")?;
        document.checks.iter().try_for_each(|check| case(out, check))?;
        writeln!(out, "  </testsuite>\n</testsuites>")
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn case(out: &mut impl Write, check: &Check) -> io::Result<()> {
    let (name, class) = (name(&check.name), attribute(&check.kind));
    let time = seconds(check.elapsed_ms);
    let head = format!("    <testcase name={name} classname={class} time=\"{time}\"");
    let message = attribute(&why(check));
    let reason = check.failure.as_ref().map_or("expectation", |failure| failure.reason.as_str());
    let evidence = [Some(about(check)), check.peer.clone(), check.figures.clone()];
    let evidence = text(&evidence.into_iter().flatten().collect::<Vec<_>>().join(", "));
    match check.status {
        CheckStatus::Pass => writeln!(out, "{head}/>"),
        CheckStatus::Skip => {
            writeln!(out, "{head}>\n      <skipped message={message}/>\n    </testcase>")
        }
        CheckStatus::Warn => {
            let said = text(&format!("warning: {}", why(check)));
            writeln!(out, "{head}>\n      <system-out>{said}</system-out>\n    </testcase>")
        }
        CheckStatus::Fail | CheckStatus::Unknown => {
            let tag = if check.status == CheckStatus::Fail { "failure" } else { "error" };
            let kind = attribute(reason);
            writeln!(
                out,
                "{head}>\n      <{tag} message={message} type={kind}>{evidence}</{tag}>\n    </testcase>"
            )
        }
    }
}

fn seconds(milliseconds: f64) -> String {
    format!("{:.3}", milliseconds / 1e3)
}

/// Text in XML: what is not printable is escaped, for XML knows no control characters.
fn text(text: &str) -> String {
    markup(&Untrusted::from(text).escaped().to_string())
}

/// The same as an attribute, with its quotes.
fn attribute(value: &str) -> String {
    format!("\"{}\"", text(value).replace('"', "&quot;"))
}

/// A name that somebody gave, as an attribute.
fn name(given: &Untrusted) -> String {
    format!("\"{}\"", markup(&own(given)).replace('"', "&quot;"))
}

fn markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

//! What this machine did to a measurement, as findings: it must be said before the network is blamed.

mod changes;
mod unsent;

pub use changes::{CHANGES_KEPT, Changes};
pub use unsent::{EPERM, RULES, Unsent, sending_advice};

use crate::measurement::WayOut;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{ClockAnchor, Destination, Instant, Way};
use std::net::IpAddr;

/// What a measurement knows of this machine's part in it.
#[derive(Clone, Debug)]
pub struct Local<'a> {
    /// The target's place in the run.
    pub target_index: usize,
    /// The target in words.
    pub subject: String,
    /// Where probes go.
    pub destination: Destination,
    /// The port that is connected to; `None` where probes are no connections.
    pub tcp_port: Option<u16>,
    /// The source that was asked for.
    pub source: Option<IpAddr>,
    /// The way out as it was before the first probe, where known.
    pub way: Option<Way>,
    /// Turns instants into dates.
    pub anchor: ClockAnchor,
    /// Probes that were tried.
    pub attempted: u64,
    /// Probes that left.
    pub sent: u64,
    /// Probes that this machine made meaningless.
    pub unknown: u64,
    /// Probes that never left.
    pub unsent: &'a Unsent,
    /// What changed.
    pub changes: &'a Changes,
}

impl Local<'_> {
    /// Changes of the way out.
    #[must_use]
    pub fn link_changed(&self) -> Option<Finding> {
        let finding = link_changed(self.changes, self.unknown, &self.anchor)?;
        Some(Finding { target_index: Some(self.target_index), ..finding })
    }

    /// That there was no address to send from which the target could answer.
    #[must_use]
    pub fn no_source(&self) -> Option<Finding> {
        let (way, unknown) = (self.way?, Some(self.unknown).filter(|unknown| *unknown > 0)?);
        let from = way.source?;
        if WayOut::at_start(way, self.source, self.destination) != WayOut::NoSource {
            return None;
        }
        let target = self.subject.clone();
        let message = format!(
            "this machine had no IPv6 address for {target} to answer to: probes left from {from}; of \
             {unknown} it is unknown what became of them, and they are not lost"
        );
        let finding = self.finding("local-no-source", Severity::Warning, target, message);
        Some(finding.with("source", from.to_string()).with("unknown", unknown).advise(
            "one that is still being checked can be used in a moment: `ip -6 address show tentative`",
        ))
    }

    /// Packets that our own socket dropped.
    #[must_use]
    pub fn receive_drops(&self) -> Option<Finding> {
        let drops = Some(self.changes.receive_drops).filter(|drops| *drops > 0)?;
        let unknown = self.unknown;
        let message = format!(
            "our own socket dropped {drops} packets for want of room; {unknown} probes are unknown, not lost"
        );
        let finding = self.finding(
            "local-receive-drops",
            Severity::Warning,
            "this machine".to_owned(),
            message,
        );
        Some(
            finding
                .with("drops", drops)
                .with("unknown", unknown)
                .advise("send slower; or raise net.core.rmem_max"),
        )
    }

    fn finding(&self, code: &str, severity: Severity, subject: String, message: String) -> Finding {
        Finding::new(Some(self.target_index), code, severity, subject, message)
    }
}

/// That the way out of this machine changed: how often, and the first of the changes. `unknown`
/// samples mean nothing therefore. It is about no target in particular.
#[must_use]
pub fn link_changed(changes: &Changes, unknown: u64, anchor: &ClockAnchor) -> Option<Finding> {
    /// How many changes a sentence tells.
    const TOLD: usize = 4;
    let (count, changes) = (changes.count, &changes.first);
    let (_, first) = changes.first()?;
    let when = |at: &Instant| anchor.rfc3339(*at);
    let told = changes.iter().take(TOLD).map(|(at, change)| {
        let at = when(at);
        format!("{change} at {}", at.get(11..21).unwrap_or(&at))
    });
    let mut told = told.collect::<Vec<String>>().join(", ");
    let more = count.saturating_sub(TOLD as u64);
    if more > 0 {
        told.push_str(&format!(" and {more} changes more"));
    }
    let lost = match unknown {
        0 => String::new(),
        1 => "; 1 probe is unknown, not lost".to_owned(),
        _ => format!("; {unknown} probes are unknown, not lost"),
    };
    let message = format!("the way out of this machine changed: {told}{lost}");
    let interface = first.interface();
    let times: Vec<String> = changes.iter().map(|(at, _)| when(at)).collect();
    let what: Vec<String> = changes.iter().map(|(_, change)| change.what.to_string()).collect();
    let finding =
        Finding::new(None, "local-link-changed", Severity::Warning, interface.clone(), message);
    Some(
        finding
            .at("interface", interface.clone())
            .with("interface", interface)
            .with("count", count)
            .with("times", times)
            .with("what", what)
            .with("unknown", unknown),
    )
}

//! From where on something is worth a finding. Each can be set, and stands in the finding.

use std::collections::BTreeMap;
use std::fmt;

/// One threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// The code of the finding, or what is measured.
    pub name: &'static str,
    /// Where nothing else was said.
    pub default: f64,
    /// What is counted.
    pub meaning: &'static str,
}

const fn threshold(name: &'static str, default: f64, meaning: &'static str) -> Threshold {
    Threshold { name, default, meaning }
}

/// All of them.
pub const ALL: &[Threshold] = &[
    threshold("established-not-accepted", 1.0, "connections that no program has accepted"),
    threshold("not-accepted-age", 3.0, "seconds since such a connection was last heard of"),
    threshold("syn-sent-unanswered", 5.0, "SYN-SENT that were sent again"),
    threshold("syn-sent-scan", 50.0, "SYN-SENT of one owner"),
    threshold("syn-received-flood", 128.0, "SYN-RECEIVED"),
    threshold("syn-received-lossy", 10.0, "SYN-RECEIVED with two retransmits"),
    threshold("established-dead-peer", 4.0, "retransmits in a row"),
    threshold("dead-peer-age", 30.0, "seconds since the last acknowledgement"),
    threshold("established-no-keepalive", 10.0, "idle connections that are a warning"),
    threshold("idle-age", 7200.0, "seconds without data either way"),
    threshold("idle-client-age", 900.0, "the same, of a client that uses a later connection"),
    threshold("fin-wait-1-stuck", 10.0, "orphans in FIN-WAIT-1 with two retransmits or no window"),
    threshold("fin-wait-2-many", 50.0, "FIN-WAIT-2 that a program still has"),
    threshold("close-wait-leak", 10.0, "CLOSE-WAIT of one owner"),
    threshold("close-wait-age", 60.0, "seconds since the last acknowledgement in CLOSE-WAIT"),
    threshold("closing-stuck", 3.0, "CLOSING"),
    threshold("closing-age", 10.0, "seconds since the last acknowledgement in CLOSING"),
    threshold("last-ack-stuck", 10.0, "LAST-ACK with two retransmits"),
    threshold("time-wait-many", 10_000.0, "TIME-WAIT"),
    threshold("ephemeral-ports-low", 70.0, "per cent of the ports to one destination"),
    threshold("retransmits-high", 2.0, "per cent of the segments since the namespace began"),
    threshold("resource-near-limit", 80.0, "per cent of a limit"),
    threshold("interface-drops", 0.1, "per cent of the packets that an interface dropped"),
];

/// The thresholds of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds(BTreeMap<&'static str, f64>);

/// What cannot be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdError(String);

impl fmt::Display for ThresholdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ThresholdError {}

impl Thresholds {
    /// Sets one: `close-wait-leak=100`.
    ///
    /// # Errors
    /// When there is no such threshold, or the value is no number from 0 up.
    pub fn set(&mut self, text: &str) -> Result<(), ThresholdError> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let Some(known) = ALL.iter().find(|known| known.name == name) else {
            let all: Vec<&str> = ALL.iter().map(|known| known.name).collect();
            return Err(ThresholdError(format!("no such threshold; there are {}", all.join(", "))));
        };
        match value.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => {
                self.0.insert(known.name, value);
                Ok(())
            }
            _ => Err(ThresholdError(format!("{name} takes a number from 0 up"))),
        }
    }

    /// The value of one.
    #[must_use]
    pub fn of(&self, name: &str) -> f64 {
        let default = || ALL.iter().find(|known| known.name == name).map(|known| known.default);
        self.0.get(name).copied().or_else(default).unwrap_or(f64::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_its_default_until_it_is_set() {
        let mut thresholds = Thresholds::default();
        assert_eq!(thresholds.of("close-wait-leak"), 10.0);
        thresholds.set("close-wait-leak=1").expect("known");
        assert_eq!(thresholds.of("close-wait-leak"), 1.0);
        for text in ["close-wait-leak=-1", "close-wait-leak", "close-wait-leak=nan", "leak=1", ""] {
            assert!(thresholds.set(text).is_err(), "{text}");
        }
    }
}

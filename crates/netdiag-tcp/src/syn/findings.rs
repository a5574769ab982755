//! Verdicts with evidence.

use super::event::{Ending, State};
use super::measurement::Measurement;
use super::measurement::again::{Distance, distances};
use netdiag_engine::local::Local;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::target::Target;
use netdiag_model::way::{OTHER_SENDER_ROUTERS, OTHER_SENDER_SEEN};
use netdiag_model::{ClockAnchor, Destination};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// How many ports a sentence names, and how many its evidence.
const TOLD: usize = 6;
const NAMED: usize = 20;
/// Where so many times more ports are answered from nearer it is not said who is the host.
const ODD: usize = 10;

impl Measurement {
    /// What is to be said of this machine, before anything is said of the network; `anchor` turns
    /// instants into dates.
    #[must_use]
    pub fn local_findings(&self, anchor: &ClockAnchor) -> Vec<Finding> {
        let blocked =
            |number: &u32| self.of_target(*number).any(|(_, port)| port.state() == State::NotSent);
        let unsent = self.totals.of(State::NotSent) > 0;
        let first = unsent.then(|| (0..self.targets()).find(blocked)).flatten();
        let number = first.unwrap_or(0);
        let target = self.config.target(number);
        let nowhere = Destination::new(Ipv4Addr::UNSPECIFIED.into());
        let failed = self.totals.unsent.all().map(|(_, count)| count).sum::<u64>();
        let local = Local {
            target_index: number as usize,
            subject: self.subject(target),
            destination: target.and_then(|it| it.destination()).unwrap_or(nowhere),
            tcp_port: None,
            source: self.config.control.source,
            way: self.config.ways.first().map(|(way, _)| *way),
            anchor: *anchor,
            attempted: self.totals.sent + failed,
            sent: self.totals.sent,
            unknown: self.totals.unknown,
            unsent: &self.totals.unsent,
            changes: &self.totals.changes,
        };
        // What was refused for a moment was tried again.
        let blocked = local.unsent().filter(|_| first.is_some());
        let found = [blocked, local.link_changed(), local.receive_drops()];
        let is_one = self.targets() == 1;
        let about = |finding: Finding| {
            let target_index = finding.target_index.filter(|_| is_one);
            Finding { target_index, ..finding }
        };
        found.into_iter().flatten().map(about).collect()
    }

    /// All targets in words.
    fn subject(&self, first: Option<Target<'_>>) -> String {
        match (self.targets(), first) {
            (1, Some(only)) => only.to_string(),
            (count, _) => format!("{count} addresses"),
        }
    }

    /// What is to be said of an address.
    #[must_use]
    pub fn findings(&self, number: u32) -> Option<Finding> {
        let target = self.config.target(number)?;
        let all = distances(self.of_target(number));
        let surely = |one: &&Distance| one.seen >= OTHER_SENDER_SEEN;
        let sure: BTreeMap<u8, &Distance> =
            all.iter().map(|(back, one)| (*back, one)).filter(|(_, one)| surely(one)).collect();
        // Whoever answers in its name stands before it.
        let (far, host) = sure.last_key_value()?;
        let near: Vec<(&u8, &&Distance)> =
            sure.iter().filter(|(back, _)| far - **back >= OTHER_SENDER_ROUTERS).collect();
        let ports: Vec<u16> = near.iter().flat_map(|(_, one)| one.ports.iter().copied()).collect();
        // Of several distances that one which most of them have.
        let (back, most) = near.iter().max_by_key(|(_, one)| one.ports.len())?;
        let routers = far - **back;
        // One of many that differs is probably the odd one.
        let is_odd = host.ports.len().saturating_mul(ODD) < ports.len();
        let is = |ports: &[u16]| if ports.len() == 1 { "is" } else { "are" };
        let by = if near.len() == 1 { "a device" } else { "devices" };
        let message = match is_odd {
            true => format!(
                "{} {} answered {routers} routers farther than {} (ttl {}, not {}): by another host \
                 behind this address, or {by} on the way answer for the others",
                named(&host.ports),
                is(&host.ports),
                named(&ports),
                host.ttl,
                most.ttl
            ),
            false => format!(
                "{} {} answered {routers} routers nearer than {} (ttl {}, not {}): by {by} on the way",
                named(&ports),
                is(&ports),
                named(&host.ports),
                most.ttl,
                host.ttl
            ),
        };
        let advice = match is_odd {
            true => "a port may be forwarded, or the others are not the host's own",
            false => "a SYN-ACK or RST of these ports is not the host's own",
        };
        let kind = |state: State| {
            let of_it = self.of_target(number).filter(|(port, _)| ports.contains(port));
            of_it.filter(|(_, port)| port.state() == state).count()
        };
        let index = usize::try_from(number).ok();
        let subject = target.to_string();
        let finding = Finding::new(index, "middlebox-answers", Severity::Info, subject, message);
        Some(
            finding
                .with("ports", ports.iter().copied().take(NAMED).collect::<Vec<u16>>())
                .with("ttls", near.iter().map(|(_, one)| one.ttl).collect::<Vec<u8>>())
                .with("ttl_of_others", host.ttl)
                .with("hops_back_of_others", *far)
                .with("syn_acks", kind(State::Open))
                .with("resets", kind(State::Closed))
                .with("threshold_routers", OTHER_SENDER_ROUTERS)
                .with("threshold_seen", OTHER_SENDER_SEEN)
                .advise(advice),
        )
    }

    /// Whether an address has a port of which this machine made nothing known.
    #[must_use]
    pub fn is_unmeasured(&self, number: u32) -> bool {
        let means_nothing =
            |ending: &Option<Ending>| matches!(ending, Some(Ending::Local(_) | Ending::Unknown(_)));
        self.of_target(number).all(|(_, port)| means_nothing(&port.ending))
    }
}

/// Ports in words: `22, 80 and 3 more`.
fn named(ports: &[u16]) -> String {
    let told: Vec<String> = ports.iter().take(TOLD).map(ToString::to_string).collect();
    let more = ports.len().saturating_sub(TOLD);
    match (told.as_slice(), more) {
        ([], _) => String::new(),
        ([only], 0) => only.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (all, more) => format!("{} and {more} more", all.join(", ")),
    }
}

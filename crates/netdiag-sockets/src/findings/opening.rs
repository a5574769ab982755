//! Connections on their way to be open: SYN-SENT.

use super::group::Group;
use super::{Judge, counts, first, many};
use crate::{Socket, State};
use netdiag_model::finding::{Finding, Severity};

/// How many per cent a few must hold of all.
pub(super) const MOST: u64 = 80;

/// Many addresses that one owner asks at one port.
struct Scan {
    owner: Group,
    port: u16,
    /// SYN-SENT of that owner, at whatever port.
    syn_sent: u64,
    /// Addresses that it asks at that port.
    addresses: u64,
}

impl Judge<'_> {
    pub(super) fn opening(&mut self) -> Vec<Finding> {
        let scans = self.scans();
        let found = scans.iter().map(|scan| {
            let its = self.seen.tally.syn_sent.first.iter().map(|(socket, _)| socket);
            let is_listed = self.lists(its.filter(|socket| self.group(socket) == scan.owner));
            (self.scanned(scan), is_listed)
        });
        let found = found.collect();
        let mut all = self.told(found, 8, ("owner", "owners"));
        all.extend(self.unanswered(&scans));
        all.extend(self.received());
        all
    }

    /// Who scans, each at the port that it asks most.
    fn scans(&self) -> Vec<Scan> {
        /// Addresses that are more than a service has.
        const ADDRESSES: u64 = 40;
        let sample = self.seen.tally.syn_sent.first.iter().map(|(socket, _)| socket);
        let all: Vec<(Group, &Socket)> = sample.map(|it| (self.group(it), it)).collect();
        let owners = counts(all.iter().map(|(owner, _)| owner.clone())).into_iter();
        let scan = |(owner, syn_sent): (Group, u64)| {
            let its = || all.iter().filter(|(of, _)| *of == owner).map(|(_, socket)| *socket);
            let (port, at_port) =
                counts(its().map(|socket| socket.remote.port)).into_iter().next()?;
            let there = its().filter(|socket| socket.remote.port == port);
            let addresses = counts(there.map(|socket| socket.remote.address)).len() as u64;
            let is_scan = syn_sent as f64 >= self.threshold("syn-sent-scan")
                && addresses >= ADDRESSES
                && at_port * 100 >= syn_sent * MOST;
            is_scan.then_some(Scan { owner, port, syn_sent, addresses })
        };
        owners.filter_map(scan).collect()
    }

    fn scanned(&self, scan: &Scan) -> Finding {
        let Scan { owner, port, syn_sent, addresses } = scan;
        let message = format!(
            "{} for the answers of {addresses} addresses at port {port}: {syn_sent} SYN-SENT",
            owner.does("waits", "wait")
        );
        let severity = owner.at_most(Severity::Critical);
        let finding = self.found("syn-sent-scan", severity, owner.subject(), message);
        let advice = match owner {
            Group::Process(_) => "a scanner, a crawler, or a worm: look at what that process does",
            _ => {
                "a scanner, a crawler, or a worm, if it is one program: \
                 `netdiag sockets --processes state syn-sent` names it"
            }
        };
        owner
            .at(finding)
            .with("syn_sent", self.seen.tally.syn_sent.count)
            .with("looked_at", self.seen.tally.syn_sent.first.len())
            .with("addresses", *addresses)
            .with("port", *port)
            .advise(advice)
    }

    /// A few destinations do not answer; what a scan explains is left out.
    fn unanswered(&mut self, scans: &[Scan]) -> Option<Finding> {
        let is_scanned = |socket: &Socket| {
            scans
                .iter()
                .any(|scan| socket.remote.port == scan.port && self.group(socket) == scan.owner)
        };
        let sample = self.seen.tally.syn_sent.first.iter().map(|(socket, _)| socket);
        let again: Vec<&Socket> =
            sample.filter(|socket| socket.retransmits() >= 1 && !is_scanned(socket)).collect();
        let n = again.len() as u64;
        let destinations = counts(again.iter().map(|socket| socket.remote));
        let few: u64 = destinations.iter().take(3).map(|(_, count)| count).sum();
        if (n as f64) < self.threshold("syn-sent-unanswered") || few * 100 < n * MOST {
            return None;
        }
        let (remote, count) = *destinations.first()?;
        let names: Vec<String> = destinations.iter().map(|(to, _)| to.to_string()).collect();
        let owners = counts(again.iter().map(|socket| self.group(socket)));
        let owners: Vec<Group> = owners.into_iter().map(|(owner, _)| owner).collect();
        let several: Vec<String> = owners.iter().map(Group::several).collect();
        let owners: Vec<String> = owners.iter().map(Group::subject).collect();
        let message = format!(
            "{} of {} sent their SYN again without an answer, {} to {remote}",
            many(n, "connection", "connections"),
            first(&several, several.len()),
            if count == n { "all".to_owned() } else { format!("{count} of them") }
        );
        let finding =
            self.found("syn-sent-unanswered", Severity::Warning, remote.to_string(), message);
        let finding = finding
            .with("syn_sent", self.seen.tally.all_of(State::SynSent))
            .with("retransmitted", n)
            .with("destinations", names.into_iter().take(3).collect::<Vec<_>>())
            .with("owners", owners)
            .advise(format!("how far it gets: `netdiag trace {remote}`"));
        let is_listed = self.lists(again);
        self.about(finding, is_listed)
    }
}

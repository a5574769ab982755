//! What this machine did: it must be said before the network is blamed.

use super::{Found, groups};
use crate::connect::measurement::Measurement;
use crate::connect::series::Series;
use netdiag_engine::local::{Local, Unsent};
use netdiag_model::finding::Finding;
use netdiag_model::{ClockAnchor, errno};
use std::net::IpAddr;

impl Measurement {
    pub(super) fn local_findings(&self, anchor: &ClockAnchor) -> Vec<Found> {
        let all: Vec<&Series> = self.series.iter().collect();
        let blocked = groups(&all, |one| {
            let number = one.unsent.most().map(|(error, _)| error.errno)?;
            (!self.has_another_way(one, number)).then(|| (one.address(), number))
        });
        let mut found: Vec<Found> = blocked
            .into_iter()
            .filter_map(|((address, _), group)| self.unsent(address, &group, anchor))
            .collect();
        let Some(first) = self.series.first() else { return found };
        let unsent = Unsent::new();
        let local = self.local(&[first], &unsent, String::new(), anchor);
        let alone = match self.series.len() {
            1 => local.no_source(),
            _ => None,
        };
        let machine = [alone, local.link_changed(), local.receive_drops()];
        found.extend(machine.into_iter().flatten().map(|finding| {
            let targets = self.config.targets.iter().map(|target| target.index).collect();
            let target_index = finding.target_index.filter(|_| self.series.len() == 1);
            Found { finding: Finding { target_index, ..finding }, targets }
        }));
        found
    }

    /// Whether the only matter is that this machine has no way to one family of a name that it reaches
    /// by the other: that is how the machine is.
    fn has_another_way(&self, one: &Series, number: i32) -> bool {
        let family = one.destination.family();
        let mut others = self.of_target(one.target).iter();
        errno::is_route(number)
            && others
                .any(|other| other.destination.family() != family && other.counts.connected > 0)
    }

    fn unsent(&self, address: IpAddr, group: &[&Series], anchor: &ClockAnchor) -> Option<Found> {
        let first = group.first()?;
        let subject = match self.host(first) {
            host if host == address.to_string() => host,
            host => format!("{host} ({address})"),
        };
        // The figures are those of the first port.
        let alone = group.get(..1).unwrap_or_default();
        let mut finding = self.local(alone, &first.unsent, subject.clone(), anchor).unsent()?;
        self.blame_the_port(&mut finding, first);
        if let [_, more @ ..] = group
            && !more.is_empty()
        {
            let more = more.len();
            finding.message.push_str(&format!("; the same to {more} more of its ports"));
        }
        let code = (finding.code.as_str(), finding.severity);
        let mut found = self.found(group, code, subject, finding.message.clone());
        let evidence = std::mem::take(&mut found.finding.evidence);
        found.finding.evidence = finding.evidence;
        found.finding.evidence.extend(evidence);
        found.finding.advice = finding.advice;
        Some(found)
    }

    /// What the kernel says of a local port that was asked for means that port.
    fn blame_the_port(&self, finding: &mut Finding, first: &Series) {
        const EACCES: i32 = 13;
        const EADDRINUSE: i32 = 98;
        const EADDRNOTAVAIL: i32 = 99;
        let port = self.config.source_port;
        let Some((error, _)) = first.unsent.most().filter(|_| port != 0) else { return };
        let (why, advice) = match error.errno {
            EACCES if port < 1_024 => (
                format!("port {port} of this machine is for privileged users"),
                "another `--source-port`, or root".to_owned(),
            ),
            EADDRINUSE => (
                format!("port {port} of this machine is taken"),
                format!("who has it: `netdiag sockets :{port} --processes`"),
            ),
            EADDRNOTAVAIL => (
                format!(
                    "from port {port} there is a connection to that port already, or what is left of one"
                ),
                "attempts from one `--source-port` need a longer `--interval`, or none".to_owned(),
            ),
            _ => return,
        };
        let (to, errno) = (&finding.subject, errno::Errno::new(error.errno));
        finding.message =
            format!("connections to {to} did not begin: {why} ({} {})", errno.name, error.errno);
        finding.advice = Some(advice);
    }

    /// What this machine did to some series, as every prober tells it.
    fn local<'a>(
        &'a self,
        group: &[&Series],
        unsent: &'a Unsent,
        subject: String,
        anchor: &ClockAnchor,
    ) -> Local<'a> {
        let counts = Self::counts(group.iter().copied());
        let first = group.first().copied().or_else(|| self.series.first());
        let destination = first.map_or_else(
            || netdiag_model::Destination::new(std::net::Ipv4Addr::UNSPECIFIED.into()),
            |first| first.destination,
        );
        Local {
            target_index: first.map_or(0, |first| self.index_of(first)),
            subject,
            destination,
            tcp_port: first.map(|first| first.port),
            source: self.config.control.source,
            way: first.and_then(|first| first.way),
            anchor: *anchor,
            attempted: counts.settled(),
            sent: counts.settled() - counts.local,
            unknown: counts.unknown,
            unsent,
            changes: &self.changes,
        }
    }
}

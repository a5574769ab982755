//! What is said of TCP and UDP probes, and of several protocols to one address.

use crate::Measurement;
use crate::protocol::Protocol;
use crate::result::Context;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::milliseconds;

const ECONNREFUSED: i32 = 111;

/// Linux answers with one "port unreachable" a second to each target (icmp_ratelimit).
const UNREACHABLES_APART_MS: u64 = 1_000;

impl Measurement {
    /// Why nothing came back over TCP. Of SYNs of our own only that they were refused: what else became
    /// of them is told as of other packets.
    pub(super) fn no_connection(&self, target: &str, n: u64) -> Option<Finding> {
        if self.stats.counters().received() > 0 {
            return None;
        }
        let port = match self.config.protocol {
            Protocol::Tcp { port, .. } | Protocol::Tls { port } | Protocol::Http { port, .. } => {
                port
            }
            Protocol::Syn { port } => return self.connection_refused(target, port),
            _ => return None,
        };
        self.connection_refused(target, port)
            .or_else(|| self.connection_prohibited(target, port))
            .or_else(|| self.connection_filtered(target, port, n))
    }

    fn connection_refused(&self, target: &str, port: u16) -> Option<Finding> {
        let count = Some(self.tally.refused).filter(|count| *count > 0)?;
        // What opened was not refused.
        if !matches!(self.tally.refused_by, ECONNREFUSED) && self.config.protocol.is_dialog() {
            return None;
        }
        let message = format!(
            "{target} refused {count} connections to port {port}: it is up, nothing listens there"
        );
        Some(
            self.finding("connection-refused", Severity::Critical, target.to_owned(), message)
                .with("count", count)
                .with("port", port)
                .advise(format!(
                    "is the service running, on which address: `netdiag sockets :{port}` there"
                )),
        )
    }

    fn connection_prohibited(&self, target: &str, port: u16) -> Option<Finding> {
        let errors = self.tally.icmp_errors.iter().filter(|((_, kind), _)| kind.is_prohibited());
        let ((from, kind), count) = errors.max_by_key(|(_, count)| **count)?;
        let said = kind.ping_text();
        let message =
            format!("{from} prohibited {count} connections to {target} port {port}: {said}");
        Some(
            self.finding("connection-prohibited", Severity::Critical, from.to_string(), message)
                .with("from", from.to_string())
                .with("type", kind.kind)
                .with("code", kind.code)
                .with("name", kind.name())
                .with("count", *count)
                .with("port", port)
                .advise(format!("the filter at {from}")),
        )
    }

    fn connection_filtered(&self, target: &str, port: u16, n: u64) -> Option<Finding> {
        let counters = self.stats.counters();
        // Of a dialog it is not known whether it opened.
        if n < 3 || counters.net_errors() > 0 || self.config.protocol.is_dialog() {
            return None;
        }
        let span = self.span()?;
        let mut message = format!(
            "{target} port {port} answered none of {n} connection attempts, not even with a refusal"
        );
        let mut advice = format!("`netdiag trace {}`", with_port(target, port));
        if let Some((unknown, how_to_know)) = self.leaving_unknown() {
            message.push_str(unknown);
            advice = format!("{how_to_know}; {advice}");
        }
        Some(
            self.finding("connection-filtered", Severity::Critical, target.to_owned(), message)
                .with("attempts", n)
                .with("port", port)
                .with("seconds", span.as_secs_f64())
                .with("threshold_n", 3)
                .advise(advice),
        )
    }

    /// Connections that needed more than one SYN: the kernel sent it again after a second.
    pub(super) fn syn_retransmitted(&self, target: &str) -> Option<Finding> {
        let count = Some(self.tally.retransmitted).filter(|count| *count > 0)?;
        let received = self.stats.counters().received();
        let largest = self.stats.rtt().max().map(milliseconds);
        let message = format!(
            "{count} of {received} connections needed more than one SYN; their times include the wait for it"
        );
        Some(
            self.finding("syn-retransmitted", Severity::Warning, target.to_owned(), message)
                .with("retransmitted", count)
                .with("n", received)
                .with("largest_ms", largest)
                .advise(
                    "once: loss on the way; often: the accept queue of the service may be full",
                ),
        )
    }

    /// Whether probes were missed for want of answers that the target may give.
    pub(super) fn is_limited(&self) -> bool {
        let is_fast = self.config.interval.as_millis() < u128::from(UNREACHABLES_APART_MS);
        let loss = self.stats.counters().loss();
        let is_missing = loss.is_some_and(|loss| loss.of() >= 20 && loss.wilson95().0 > 5.0);
        let answers = self.tally.port_unreachable;
        // No more than Linux would give, with a little room.
        let span = self.span();
        let most = 8.0 + span.unwrap_or_default().as_secs_f64() * 1.2;
        is_fast && is_missing && answers >= 3 && (answers as f64) <= most
    }

    /// What is missing is probably what the target holds back: it limits how often it says "port
    /// unreachable".
    pub(super) fn icmp_rate_limit(&self, target: &str) -> Option<Finding> {
        let loss = self.stats.counters().loss().filter(|_| self.is_limited())?;
        let answers = self.tally.port_unreachable;
        let seconds = self.span()?.as_secs_f64();
        let message = format!(
            "{answers} answers in {seconds:.1} s: probably {target} limits its \"port unreachable\" (Linux: 6, then 1/s); what is lost beside that is not known"
        );
        Some(
            self.finding("icmp-rate-limit", Severity::Info, target.to_owned(), message)
                .with("answers", answers)
                .with("seconds", seconds)
                .with("n", loss.of())
                .with("interval_ms", milliseconds(self.config.interval))
                .advise("`--interval 1` or more to see it answer"),
        )
    }
}

/// What only several measurements together tell: ICMP or UDP is filtered on the way to an address
/// whose service answers.
#[must_use]
pub fn across(measured: &[(&Measurement, &Context)]) -> Vec<Finding> {
    let silent = measured.iter().filter(|(one, _)| {
        let counters = one.stats.counters();
        let is_silent = counters.received() + counters.late() == 0 && one.tally.rejected.is_empty();
        // What this machine kept back says nothing of the way.
        is_silent && one.settled() >= 3 && !one.is_locally_disturbed()
    });
    let findings = silent.filter_map(|(silent, context)| {
        let service = measured
            .iter()
            .map(|(one, _)| one)
            .find(|one| one.config.protocol.is_service() && one.answers_beside(silent))?;
        silent.filtered_service_up(service, context)
    });
    let mut findings: Vec<Finding> = findings.collect();
    let dead = measured.iter().filter(|(one, _)| {
        let is_dead = one.stats.counters().received() == 0 && one.settled() >= 3;
        // Who refused it, or says that it cannot be had, is told already.
        let is_told = one.tally.refused_by == ECONNREFUSED || !one.tally.icmp_errors.is_empty();
        one.config.protocol.is_dialog() && is_dead && !is_told && !one.is_locally_disturbed()
    });
    findings.extend(dead.filter_map(|(dead, context)| {
        // What says least of a service says most of where it is not.
        let all = measured.iter().map(|(one, _)| *one);
        let alive = all.filter(|one| one.answers_beside(dead));
        Some(dead.service_down_host_up(
            alive.min_by_key(|one| one.config.protocol.is_service())?,
            context,
        ))
    }));
    findings
}

impl Measurement {
    /// Whether the same address answers these probes.
    fn answers_beside(&self, other: &Self) -> bool {
        self.config.destination == other.config.destination && self.stats.counters().received() > 0
    }

    /// That a service does not answer as it should, and the host does answer something else.
    fn service_down_host_up(&self, alive: &Self, context: &Context) -> Finding {
        let (address, sent) = (self.config.destination.address(), self.settled());
        let (name, port) = (self.config.protocol.name(), self.config.protocol.port());
        let (port, other) = (port.unwrap_or_default(), alive.config.protocol);
        let (answered, of) = (alive.stats.counters().received(), alive.settled());
        let place = other.port().map(|port| format!(" at port {port}")).unwrap_or_default();
        let message = format!(
            "{address} is up, its {name} at port {port} is not: 0 of {sent} were answered as they should, and {answered} of {of} by {}{place}",
            other.name()
        );
        let subject = context.target.escaped().to_string();
        let place = with_port(&address.to_string(), port);
        let asked = match name {
            "dns" => format!("`netdiag dns . NS @{address} --port {port}`"),
            "quic" => format!("`netdiag ping --proto udp:{port} {address}`"),
            "tls" => format!("`netdiag tcp-connect -v --tls {place}`"),
            _ => format!("`netdiag tcp-connect -v {place}`"),
        };
        self.finding("service-down-host-up", Severity::Critical, subject, message)
            .with("protocol", name)
            .with("port", port)
            .with("n", sent)
            .with("received", 0)
            .with("errno", Some(self.tally.refused_by).filter(|errno| *errno != 0))
            .with("other_protocol", other.name())
            .with("other_port", other.port())
            .with("other_n", of)
            .with("other_received", answered)
            .with("threshold_n", 3)
            .advise(format!("{asked} says how far it gets"))
    }

    /// That nothing answers these probes, and a service at the same address does.
    fn filtered_service_up(&self, service: &Self, context: &Context) -> Option<Finding> {
        let address = self.config.destination.address();
        let (sent, port) = (self.settled(), service.config.protocol.port().unwrap_or_default());
        let received = service.stats.counters().received();
        let (code, kind, what, probes) = match self.config.protocol {
            Protocol::Icmp => {
                let what = format!("ICMP to {address} is");
                ("icmp-filtered-service-up", "icmp", what, "echo requests")
            }
            Protocol::Udp { port } => {
                let what = format!(
                    "UDP to {address} port {port}, or the \"port unreachable\" that answers it, is"
                );
                ("udp-filtered-service-up", "udp", what, "datagrams")
            }
            _ => return None,
        };
        let answered = match service.config.protocol {
            Protocol::Tls { .. } => format!("{received} TLS handshakes at port {port} were done"),
            Protocol::Http { .. } => format!("{received} requests to port {port} were answered"),
            Protocol::Dns { .. } => format!("{received} questions to port {port} were answered"),
            Protocol::Quic { .. } => {
                format!("{received} handshakes of QUIC at port {port} were done")
            }
            Protocol::Syn { .. } => {
                format!("{received} SYNs to port {port} were answered by SYN-ACKs")
            }
            _ => format!("{received} connections to port {port} opened"),
        };
        let name = service.config.protocol.name();
        let message = format!(
            "{what} probably filtered, its service is up: 0 of {sent} {probes} were answered, {answered}"
        );
        let subject = context.target.escaped().to_string();
        let asked = if kind == "icmp" { "ping" } else { "UDP" };
        Some(
            self.finding(code, Severity::Info, subject, message)
                .with(&format!("{kind}_n"), sent)
                .with(&format!("{kind}_received"), 0)
                .with(&format!("{name}_port"), port)
                .with(&format!("{name}_received"), received)
                .advise(format!("{asked} does not test this host; use `--proto {name}:{port}`")),
        )
    }
}

/// A host and port as one word: an IPv6 address stands in brackets (RFC 3986 section 3.2.2).
fn with_port(host: &str, port: u16) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

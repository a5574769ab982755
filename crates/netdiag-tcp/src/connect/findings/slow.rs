//! Why connections that opened were slow, and why others then did not.

use super::{Found, groups, ports, with_port};
use crate::connect::measurement::Measurement;
use crate::connect::series::Series;
use crate::connect::words::in_bytes;
use netdiag_model::finding::Severity;
use netdiag_model::milliseconds;

/// A rule about a port that loses SYNs while another loses none has at least so many samples of each.
const LEAST_SAMPLES: u64 = 20;
const LEAST_RETRANSMITTED: u64 = 3;
/// So many attempts in a row without any answer, after one that opened.
const LEAST_SILENT: u64 = 2;

impl Measurement {
    /// Connections that needed more than one SYN: the kernel sends it again after a second.
    pub(super) fn syn_retransmitted(&self, series: &[&Series]) -> Vec<Found> {
        let is_one = |one: &Series| one.counts.retransmitted > 0;
        let all = groups(series, |one| is_one(one).then(|| one.address()));
        let found = all.into_iter().map(|(address, group)| {
            let count: u64 = group.iter().map(|one| one.counts.retransmitted).sum();
            let n: u64 = group.iter().map(|one| one.counts.connected).sum();
            let slowest = group.iter().filter_map(|one| one.stats.rtt().max()).max();
            let slowest = milliseconds(slowest.unwrap_or_default());
            let round_trip = self.round_trip(address);
            let usual = round_trip.map(|ms| format!("; the round trip is {ms:.3} ms"));
            let usual = usual.unwrap_or_default();
            let message = match n {
                1 => {
                    let to = group.first().map(|one| with_port(one.destination, one.port));
                    format!(
                        "{}: connect took {slowest:.0} ms because the first SYN or its answer was \
                         lost{usual}",
                        to.unwrap_or_default()
                    )
                }
                _ => format!(
                    "{count} of {n} connections to {address} {} needed more than one SYN, the slowest \
                     took {slowest:.0} ms{usual}",
                    ports(&group)
                ),
            };
            let retransmits = group.iter().filter_map(|one| one.last.as_ref()?.retransmits).max();
            let code = ("syn-retransmitted", Severity::Warning);
            let mut found = self.found(&group, code, address.to_string(), message);
            found.finding = found
                .finding
                .with("connect_ms", slowest)
                .with("handshake_rtt_ms", round_trip)
                .with("retransmits", retransmits)
                .with("count", count)
                .with("n", n)
                .advise(
                    "once: loss on the way; often: the accept queue of the service may be full",
                );
            found
        });
        found.collect()
    }

    /// The kernel there is alive, the program is not.
    pub(super) fn application_silent(&self, series: &[&Series]) -> Vec<Found> {
        const LEAST_ATTEMPTS: u64 = 2;
        let mute = series
            .iter()
            .filter(|one| one.counts.mute >= LEAST_ATTEMPTS && one.counts.talkative == 0);
        let found = mute.map(|one| {
            let (to, count) = (with_port(one.destination, one.port), one.counts.mute);
            let talk = one.last.as_ref().and_then(|attempt| attempt.talk.as_ref());
            // The handshake of TLS is no request.
            let acknowledged =
                talk.filter(|talk| talk.tls.is_none()).and_then(|talk| talk.acknowledged);
            let seconds = self.config.timeout.as_secs_f64();
            let asked = match acknowledged.filter(|bytes| *bytes > 0) {
                Some(bytes) => format!(", though it acknowledged {} of ours", in_bytes(bytes)),
                None => String::new(),
            };
            let message = format!(
                "{to}: {count} connections opened, and not a byte came over any in {seconds:.1} s\
                 {asked}: the kernel there is alive, the program is not"
            );
            let code = ("application-silent", Severity::Warning);
            let mut found = self.found(&[one], code, to, message);
            found.finding = found
                .finding
                .with("count", count)
                .with("acked_bytes", acknowledged)
                .with("seconds", seconds)
                .with("threshold_attempts", LEAST_ATTEMPTS)
                .advise(match self.may_be_told(one) {
                    true => "its workers, its accept loop; or it waits for a request: `--send`",
                    false => "its workers, its accept loop",
                });
            found
        });
        found.collect()
    }

    /// Whether what is said to a target is the user's to choose.
    fn may_be_told(&self, one: &Series) -> bool {
        let target = self.config.targets.get(one.target);
        target.is_some_and(|target| {
            target.url.is_none() && target.tls.as_ref().is_none_or(|tls| tls.starttls.is_none())
        })
    }

    /// A handshake with an address, the median of those that the kernel measured at any port, in
    /// milliseconds.
    fn round_trip(&self, address: std::net::IpAddr) -> Option<f64> {
        let mut of_it = self.series.iter().filter(|one| one.address() == address);
        of_it.find_map(|one| one.handshakes.as_ref()?.percentile(50.0).map(milliseconds))
    }

    /// A service whose accept queue is probably, or possibly, full: Linux drops SYNs then, so that some
    /// connections open after a second, and others do not.
    pub(super) fn accept_queue(&self, series: &[&Series]) -> Vec<Found> {
        let is_one = |one: &&&Series| {
            let counts = &one.counts;
            let late = counts.retransmitted + counts.timeouts;
            counts.connected > 0
                && (late >= LEAST_RETRANSMITTED || counts.silent_at_end >= LEAST_SILENT)
        };
        let found = series.iter().filter(is_one).filter_map(|one| {
            let sister = self.series.iter().find(|other| {
                let counts = &other.counts;
                other.address() == one.address()
                    && other.port != one.port
                    && counts.lost() == 0
                    && counts.retransmitted == 0
                    && counts.answered() > 0
            });
            self.queue_suspected(one, sister).or_else(|| self.queue_possible(one, sister))
        });
        found.collect()
    }

    fn queue_suspected(&self, one: &Series, sister: Option<&Series>) -> Option<Found> {
        let counts = &one.counts;
        let sister = sister.filter(|sister| sister.counts.answered() >= LEAST_SAMPLES)?;
        let (to, address) = (with_port(one.destination, one.port), one.address());
        let (late, n) = (counts.retransmitted + counts.timeouts, counts.measured());
        if n < LEAST_SAMPLES || late < LEAST_RETRANSMITTED {
            return None;
        }
        let message = format!(
            "{late} of {n} connections to {to} needed more than one SYN or did not open, while \
             {} to port {} lost none: probably its accept queue is full",
            sister.counts.answered(),
            sister.port
        );
        let code = ("accept-queue-suspected", Severity::Warning);
        let mut found = self.found(&[one], code, to, message);
        found.finding = found
            .finding
            .with("address", address.to_string())
            .with("retransmitted", counts.retransmitted)
            .with("timeouts", counts.timeouts)
            .with("n", n)
            .with("sister_port", sister.port)
            .with("sister_n", sister.counts.answered())
            .with("threshold_n", LEAST_SAMPLES)
            .advise(queue_advice(one.port));
        Some(found)
    }

    /// Connections opened, and then nothing answered any more.
    fn queue_possible(&self, one: &Series, sister: Option<&Series>) -> Option<Found> {
        let counts = &one.counts;
        let silent = counts.silent_at_end;
        // Whatever it was, the SYNs left, and more than one of each attempt.
        if silent < LEAST_SILENT || counts.timeouts != silent || counts.silent_syns <= silent {
            return None;
        }
        let (to, connected) = (with_port(one.destination, one.port), counts.connected);
        let opened = match connected {
            1 => "1 connection opened".to_owned(),
            _ => format!("{connected} connections opened"),
        };
        let (why, advice) = match sister {
            Some(sister) => (
                format!(
                    "port {} answers all the while: handshake done but probably its accept queue is \
                     full, where Linux drops SYNs",
                    sister.port
                ),
                queue_advice(one.port),
            ),
            None => (
                "the handshake was done but the accept queue is full, where Linux drops SYNs; or the \
                 path was cut meanwhile"
                    .to_owned(),
                format!("another port of the host tells which; {}", queue_advice(one.port)),
            ),
        };
        let message =
            format!("{to}: {opened}, then {silent} attempts in a row had no answer: {why}");
        let code = match sister {
            Some(_) => ("accept-queue-suspected", Severity::Warning),
            None => ("accept-queue-possible", Severity::Warning),
        };
        let mut found = self.found(&[one], code, to, message);
        found.finding = found
            .finding
            .with("connected", connected)
            .with("silent_in_a_row", silent)
            .with("syns", counts.silent_syns)
            .with("sister_port", sister.map(|sister| sister.port))
            .with("sister_n", sister.map(|sister| sister.counts.answered()))
            .with("threshold_silent", LEAST_SILENT)
            .advise(advice);
        Some(found)
    }
}

fn queue_advice(port: u16) -> String {
    format!(
        "on the server: `netdiag sockets :{port} --listening`, raise the backlog, accept faster"
    )
}

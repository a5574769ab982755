//! Verdicts with evidence. Thresholds stand in the evidence.

use super::measurement::Measurement;
use super::result::{BlackHole, Context, Drop};
use super::silence::{APART, LOST, SMALL};
use super::told::Odd;
use crate::protocol::Protocol;
use netdiag_engine::local::Local;
use netdiag_model::Family;
use netdiag_model::finding::{Finding, Severity};

/// Over so many connections a rule that lowers segment sizes is seen.
const SEGMENTS: usize = 2;

impl Measurement {
    /// The verdicts over this target. What this machine did comes first, and silences what it may
    /// explain.
    #[must_use]
    pub fn findings(&self, context: &Context) -> Vec<Finding> {
        let local = self.local(context);
        let said = [local.unsent(), local.no_source(), local.link_changed(), local.receive_drops()];
        let said: Vec<Finding> = said.into_iter().flatten().collect();
        if local.changes.receive_drops > 0 || local.sent == 0 {
            return said;
        }
        let drops = self.drops();
        let told = drops.iter().map(|drop| self.drop_finding(drop));
        let hole = self.black_hole().map(|hole| self.hole_finding(hole));
        let odd = self.odd_findings();
        let end = self.stopped_by_router().or_else(|| self.routing_loop());
        end.into_iter()
            .chain(told)
            .chain(hole)
            .chain(odd)
            .chain(self.clamped(context))
            .chain(said)
            .collect()
    }

    fn local(&self, context: &Context) -> Local<'_> {
        let failed: u64 = self.tally.unsent.all().map(|(_, count)| count).sum();
        Local {
            target_index: self.config.target_index,
            subject: context.target.escaped().to_string(),
            destination: self.config.destination,
            source: self.config.control.source,
            way: self.config.way,
            anchor: context.anchor,
            attempted: self.sent + failed,
            sent: self.sent,
            unknown: self.unknown,
            tcp_port: None,
            unsent: &self.tally.unsent,
            changes: &self.tally.changes,
        }
    }

    pub(super) fn finding(
        &self,
        code: &str,
        severity: Severity,
        subject: String,
        message: String,
    ) -> Finding {
        Finding::new(Some(self.config.target_index), code, severity, subject, message)
    }

    /// A hop and who it is.
    pub(super) fn hop_text(&self, ttl: u8) -> String {
        match (ttl, self.hops.address(ttl)) {
            (0, _) => "this machine".to_owned(),
            (ttl, Some(address)) => format!("hop {ttl} ({address})"),
            (ttl, None) => format!("hop {ttl}"),
        }
    }

    fn drop_finding(&self, drop: &Drop) -> Finding {
        let Drop { ttl, address, mtu_before, mtu_after, mtu_said } = drop;
        let place = ttl.map(|ttl| self.hop_text(ttl));
        let shown = place.clone().unwrap_or_else(|| address.to_string());
        let says = match mtu_said {
            None => "says so".to_owned(),
            Some(0) => "refuses larger ones and names no MTU".to_owned(),
            Some(said) => format!("refuses larger ones and says {said}"),
        };
        let message = format!(
            "the MTU falls from {mtu_before} to {mtu_after} after {shown}: {address} {says}, and \
             packets of {mtu_after} bytes pass"
        );
        let finding = self.finding("mtu-drop", Severity::Info, shown, message);
        let finding = match ttl {
            Some(ttl) => finding.at("hop", *ttl),
            None => finding,
        };
        finding
            .with("hop", *ttl)
            .with("from", address.to_string())
            .with("mtu_before", *mtu_before)
            .with("mtu_after", *mtu_after)
    }

    fn hole_finding(&self, hole: BlackHole) -> Finding {
        let BlackHole { after_ttl, before_ttl, largest_ok, smallest_lost } = hole;
        let after = self.hop_text(after_ttl);
        let place = match before_ttl {
            Some(before) if before > after_ttl + 1 => {
                format!("between {after} and {}", self.hop_text(before))
            }
            Some(1) if after_ttl == 0 => "on the first link".to_owned(),
            _ => format!("after {after}"),
        };
        let message = format!(
            "path MTU black hole {place}: packets above {largest_ok} bytes vanish without a message"
        );
        let all = self.search.trial(smallest_lost);
        let (passed, small) =
            (self.search.trial(largest_ok), self.search.trial(self.search.smallest));
        self.finding("mtu-black-hole", Severity::Critical, after, message)
            .at("hop", after_ttl)
            .with("largest_ok", largest_ok)
            .with("smallest_lost", smallest_lost)
            .with("after_ttl", after_ttl)
            .with("before_ttl", before_ttl)
            .with("largest_passed", passed.passed)
            .with("lost", all.lost)
            .with("n", all.asked)
            .with("small_passed", small.passed)
            .with("small_n", small.asked)
            .with("threshold_lost", LOST)
            .with("threshold_small", SMALL)
            .with("threshold_apart_ms", netdiag_model::milliseconds(APART))
            .with("tcp_mtu_probing", self.config.tcp_mtu_probing)
            .advise(self.hole_advice(hole))
    }

    fn hole_advice(&self, hole: BlackHole) -> String {
        let passes = self.path_mtu().0.map_or(hole.largest_ok, |mtu| mtu.min(hole.largest_ok));
        let segment = self.config.segment(passes);
        let (family, message) = match self.config.destination.family() {
            Family::Ipv4 => ("IPv4", "ICMP 3/4"),
            Family::Ipv6 => ("IPv6", "ICMPv6 type 2"),
        };
        let here = match (hole.after_ttl, hole.before_ttl, &self.config.link) {
            (0, Some(1), Some(link)) => format!(
                "set the MTU of {} to {} if that is what its network has, or let",
                link.name.escaped(),
                hole.largest_ok
            ),
            _ => "let".to_owned(),
        };
        let place = match hole.after_ttl {
            0 => String::new(),
            ttl => format!(" at or after {}", self.hop_text(ttl)),
        };
        let probing = match self.config.tcp_mtu_probing {
            Some(0) => {
                "on this host net.ipv4.tcp_mtu_probing=0: TCP keeps sending what is lost until it \
                 gives up; =1 lets it recover"
            }
            Some(1) => {
                "on this host net.ipv4.tcp_mtu_probing=1: TCP recovers after some retransmissions"
            }
            Some(_) => {
                "on this host net.ipv4.tcp_mtu_probing=2: TCP begins with small segments and \
                 searches upwards"
            }
            None => "net.ipv4.tcp_mtu_probing=1 lets TCP recover",
        };
        format!(
            "{here} {message} through{place}, or clamp the MSS to {segment} ({family}); {probing}"
        )
    }

    fn odd_findings(&self) -> Vec<Finding> {
        let mut odds = self.odds.clone();
        let low = self.search.low();
        for trial in self.search.trials.values() {
            for told in &trial.told {
                let Some(mtu) = told.mtu else { continue };
                if trial.passed > 0 || low.is_some_and(|low| low > mtu) {
                    odds.contradict(told.from, mtu);
                }
            }
        }
        odds.0.iter().map(|odd| self.odd_finding(odd)).collect()
    }

    fn odd_finding(&self, odd: &Odd) -> Finding {
        let Odd { from, mtu, why, count } = odd;
        let message = format!(
            "a \"too big\" message from {from} with an MTU of {mtu} is not believed: {}",
            why.text()
        );
        let is_router =
            self.drops().iter().any(|it| it.address == *from && it.mtu_said == Some(*mtu));
        let advice = match (is_router, *mtu) {
            (false, _) => {
                "it was ignored: somebody forges such messages, or a router is broken".to_owned()
            }
            (true, 0) => {
                "routers older than RFC 1191 name none: senders have to guess, or hang; the \
                          size was found by trying"
                    .to_owned()
            }
            (true, mtu) => format!(
                "it says less than it lets pass, as tunnels that keep room do: who believes it sends \
                 {mtu} bytes at most"
            ),
        };
        let code = "mtu-message-implausible";
        self.finding(code, Severity::Warning, from.to_string(), message)
            .with("mtu", *mtu)
            .with("from", from.to_string())
            .with("count", *count)
            .advise(advice)
    }

    /// That the segment size of the other end is lower than this machine's interface gives.
    fn clamped(&self, context: &Context) -> Option<Finding> {
        let tcp = self.tcp().filter(|tcp| tcp.clamped == Some(true))?;
        let seen = self.segments.as_ref().map_or(0, super::segments::Segments::told);
        let (mss, path) = (tcp.mss_received?, tcp.mss_expected?);
        if seen < SEGMENTS {
            return None;
        }
        let expected = self.config.segment(self.search.top);
        let known = self.path_mtu().0;
        let message = match known {
            Some(mtu) if mss == path => format!(
                "MSS {mss} < {expected}, clamped: it is what the path MTU of {mtu} has room for"
            ),
            Some(mtu) if mss > path => format!(
                "MSS {mss} < {expected}, clamped, and still above {path}, which is what the path \
                 MTU of {mtu} has room for"
            ),
            Some(mtu) => {
                format!("MSS {mss} < {path}, clamped: the path MTU of {mtu} has room for more")
            }
            None => format!("MSS {mss} < {expected}, clamped, or the other end has a smaller MTU"),
        };
        let subject = match self.config.protocol {
            Protocol::Tcp { port } => format!("{} port {port}", context.target.escaped()),
            _ => context.target.escaped().to_string(),
        };
        Some(
            self.finding("mss-clamped", Severity::Info, subject, message)
                .with("mss", mss)
                .with("expected", expected)
                .with("path_mtu", known)
                .with("n", seen)
                .with("threshold_n", SEGMENTS)
                .advise("a tunnel, a rule that lowers it, or the other end's own interface"),
        )
    }
}

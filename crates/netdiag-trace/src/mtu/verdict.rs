//! The path MTU in one sentence.

use super::measurement::Measurement;
use super::result::ConfirmedBy;
use std::time::Duration;

impl Measurement {
    /// What was found, in one sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        let span = self.last_at.zip(self.started_at).map(|(last, first)| last.since(first));
        let took = took(span.unwrap_or_default());
        let top = self.search.top;
        let tcp = self.tcp_text();
        if self.is_unsent() {
            return "not measured: no probe left this machine".to_owned();
        }
        match self.path_mtu() {
            (Some(mtu), ConfirmedBy::Reply) => {
                let known = match (self.black_hole(), self.drops().last(), mtu == top) {
                    (Some(_), ..) => format!(
                        " of {top}; small packets pass, large ones hang: connections open and then \
                         stall"
                    ),
                    (None, _, true) => format!("{}, answered by the target", self.top_text()),
                    (None, Some(drop), _) if drop.mtu_after == mtu => {
                        let address = drop.address;
                        match drop.mtu_said {
                            None => {
                                format!(" of {top}, told by {address} and answered by the target")
                            }
                            Some(_) => format!(
                                " of {top}, answered by the target; {address} refuses larger packets"
                            ),
                        }
                    }
                    _ => format!(" of {top}, answered by the target; larger packets are lost"),
                };
                format!("path MTU {mtu}{known}{tcp}; {took}")
            }
            (Some(mtu), ConfirmedBy::Icmp) => {
                let why = self.stopped_text();
                let why = why.unwrap_or_else(|| "the target answers no packet".to_owned());
                format!(
                    "not reached: routers say that at most {mtu} bytes pass, {why}{tcp}; {took}"
                )
            }
            (Some(_) | None, _) if self.is_reached() => {
                let low = self.search.low().unwrap_or(0);
                let known = format!("packets of {low} bytes pass, of more it is not known");
                match self.is_complete() {
                    true => format!(
                        "{known}: the target limits its answers, and others have had them; {took}"
                    ),
                    false => format!("ended early: {known}; {took}"),
                }
            }
            // Silence that nobody waited for to the end is none of the target's.
            (Some(_) | None, _) if !self.is_complete() && self.stopped_text().is_none() => {
                format!("ended early: nothing was answered until then; {took}")
            }
            (Some(_) | None, _) => {
                let why = self.stopped_text();
                let why =
                    why.unwrap_or_else(|| "the target answers no packet of any size".to_owned());
                format!("not reached: {why}{tcp}; {took}")
            }
        }
    }

    /// What keeps packets from the target, by what routers say.
    fn stopped_text(&self) -> Option<String> {
        if let Some(cycle) = &self.hops.cycle {
            let names: Vec<String> = cycle.addresses.iter().map(ToString::to_string).collect();
            let (names, first) = (names.join(" and "), cycle.first);
            return Some(format!("packets go round between {names} from hop {first} on"));
        }
        if let Some(said) = self.without_neighbour() {
            return Some(said.text());
        }
        let (kind, from) = self.refusal?;
        Some(format!("{} from {from}", kind.name().replace('-', " ")))
    }

    fn top_text(&self) -> &'static str {
        match &self.config.link {
            Some(link) if link.mtu <= self.search.top => ", that of the interface",
            Some(_) => ", the largest packet that was tried",
            None => "",
        }
    }

    fn tcp_text(&self) -> String {
        let Some(tcp) = self.tcp() else { return String::new() };
        let port = tcp.port;
        match (tcp.mss_offered, tcp.mss_received) {
            (Some(offered), Some(received)) => {
                let at_least = if tcp.mss_received_exact { "" } else { "at least " };
                format!("; TCP port {port}: MSS {offered} offered, {at_least}{received} received")
            }
            _ => format!("; TCP port {port} did not open: no segment sizes"),
        }
    }
}

/// How long it took.
fn took(span: Duration) -> String {
    const SHORT: Duration = Duration::from_millis(100);
    match span < SHORT {
        true => format!("{:.1} ms", netdiag_model::milliseconds(span)),
        false => format!("{:.2} s", span.as_secs_f64()),
    }
}

//! The path in one sentence.

use crate::Measurement;
use crate::end::StopReason;
use crate::findings::routers;
use crate::protocol::{Protocol, State};
use netdiag_engine::stats::Loss;
use netdiag_model::way::hops_back;
use netdiag_model::{IcmpKind, milliseconds};
use std::time::Duration;

/// From so many probes on loss is a per cent.
const PERCENT_FROM: u64 = 20;

impl Measurement {
    /// What was found of the path, in one sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        let took = self.span().map_or(0.0, |span| span.as_secs_f64());
        match self.end.map(|end| end.reason) {
            Some(StopReason::Reached) => {
                let (reached, paths) = (self.reached_text(), self.paths_text());
                format!("{reached}{}{paths}; {took:.2} s", self.absence_text())
            }
            Some(StopReason::LocalError) => "not measured: no probe left this machine".to_owned(),
            reason => format!("not reached: {}; {took:.2} s", self.stopped_text(reason)),
        }
    }

    fn reached_text(&self) -> String {
        let Some(hop) = self.reached_at() else { return "reached".to_owned() };
        let target = hop.target(self.config.destination);
        let address = target.map_or(self.config.destination, |who| who.address).address();
        let own = self.config.destination.address();
        let answers_for = match address == own {
            true => String::new(),
            false => format!(", another address of {own},"),
        };
        let place = match (self.hop_count(), hop.ttl - 1) {
            (None, _) => format!("at or before hop {}, the first that was asked", hop.ttl),
            (Some(ttl), before) => format!("at hop {ttl} ({})", routers(before)),
        };
        let rtt = target.and_then(|who| who.rtt.mean());
        let rtt = rtt.map(|mean| format!(", {} ms", figure(mean)));
        let port = match (self.state, self.config.protocol) {
            (Some(State::Open), Protocol::Tcp { port }) => {
                format!(", TCP port {port} open{}", self.offer_text())
            }
            (Some(State::Closed), Protocol::Tcp { port }) => {
                let why = "nothing listens there, or a filter resets in its name";
                format!(", TCP port {port} closed: {why}")
            }
            (Some(State::Filtered), Protocol::Tcp { port }) => {
                format!(", TCP port {port} filtered: the target itself refuses it")
            }
            (Some(State::Filtered), _) => ", which refuses the probes".to_owned(),
            _ => String::new(),
        };
        format!(
            "reached {address}{answers_for} {place}{}{port}{}{}{}",
            self.other_sender_text(),
            rtt.unwrap_or_default(),
            self.back_text(),
            self.loss_text()
        )
    }

    /// How long it was not, on the paths before this one.
    fn absence_text(&self) -> String {
        let ended = self.epochs.past.iter().filter_map(|past| Some((past, past.change?.at)));
        let unreached = ended.filter(|(past, _)| !past.hops.iter().any(|hop| hop.reached));
        let spans = unreached.filter_map(|(past, until)| {
            Some(until.since(past.began_at.or(self.started_at)?).as_secs_f64())
        });
        let seconds: f64 = spans.sum();
        match seconds > 0.0 {
            true => format!(", but not for {seconds:.1} s, before the path changed"),
            false => String::new(),
        }
    }

    /// What the target's SYN-ACK says.
    fn offer_text(&self) -> String {
        let Some(segment) = self.segment else { return String::new() };
        let mss = segment.offer.mss.map(|mss| format!(", MSS {mss}")).unwrap_or_default();
        format!(" ({}{mss}, window {})", segment.flags, segment.window)
    }

    fn back_text(&self) -> String {
        let hop = self.reached_at();
        let to = self.config.destination;
        let ttl = hop.and_then(|hop| Some((hop.ttl, hop.target(to)?.reply_ttl?)));
        match ttl.map(|(there, ttl)| (there - 1, hops_back(ttl))) {
            None => String::new(),
            Some((there, back)) if there == back && self.hop_count().is_some() => {
                ", same number of routers back".to_owned()
            }
            Some((_, back)) => format!(", {} back", routers(back)),
        }
    }

    fn loss_text(&self) -> String {
        let loss = self.reached_at().and_then(|hop| hop.stats.counters().loss());
        let Some(loss) = loss.filter(|loss| loss.lost() > 0) else { return String::new() };
        if self.is_target_limited() {
            return ", loss to the target not told: it limits its answers".to_owned();
        }
        format!(", loss to the target {}", interval(loss))
    }

    fn stopped_text(&self, reason: Option<StopReason>) -> String {
        let farthest = self.path().rfind(|hop| hop.has_answered()).map_or(0, |hop| hop.ttl);
        let hop = self.hop(farthest).and_then(crate::hop::Hop::main);
        let who = hop.map_or_else(
            || "no hop answered".to_owned(),
            |main| format!("the last answer came from hop {farthest} ({})", main.address.address()),
        );
        match reason {
            Some(StopReason::Unreachable) if self.without_neighbour().is_some() => {
                self.without_neighbour().map(|said| said.text()).unwrap_or_default()
            }
            Some(StopReason::Unreachable) => {
                let ttl = self.end.map_or(farthest, |end| end.ttl);
                let by = self.refused_kind().map_or("said no", |kind| match kind {
                    _ if kind.is_prohibited() => "refused by a filter",
                    _ if kind.is_too_big() => "packets too large to go on",
                    _ if kind.is_port_unreachable() => "the port refused",
                    _ if kind.is_unreachable() => "no way on",
                    _ => "the packet not taken",
                });
                let own = if self.may_stand_in() { "'s own address" } else { "" };
                format!(
                    "{by} at hop {ttl}, not by the target{own}; nothing beyond hop {ttl} was measured"
                )
            }
            Some(StopReason::Loop) => format!("packets go round; {who}"),
            Some(StopReason::Deadline) => format!("the time was over; {who}"),
            Some(StopReason::GapLimit) => {
                format!("{who}, then {} hops were silent{}", self.config.gap, self.second_text())
            }
            Some(StopReason::MaxTtl) => {
                let most = self.config.max_ttl;
                format!("{who}; at most {most} hops were asked{}", self.second_text())
            }
            _ => format!("ended early; {who}"),
        }
    }

    /// How far another kind of probe comes.
    fn second_text(&self) -> String {
        let heard = self.second.as_ref().and_then(|second| Some((second, second.heard?)));
        heard.map_or_else(String::new, |(second, (ttl, who))| match self.second_name(second) {
            (name, true) => format!("; {name} go on: {who} at hop {ttl}"),
            (name, false) => format!("; {name} goes on: {who} at hop {ttl}"),
        })
    }

    /// The refusal that ended the path.
    fn refused_kind(&self) -> Option<IcmpKind> {
        let hop = self.hop(self.end?.ttl)?;
        let mut kinds = hop.responders.iter().filter_map(|who| who.icmp);
        kinds.find(|kind| !kind.is_time_exceeded())
    }
}

fn figure(duration: Duration) -> String {
    let ms = milliseconds(duration);
    match ms {
        ..10.0 => format!("{ms:.3}"),
        ..100.0 => format!("{ms:.2}"),
        _ => format!("{ms:.1}"),
    }
}

fn interval(loss: Loss) -> String {
    let (low, high) = loss.wilson95();
    if loss.of() < PERCENT_FROM {
        format!("{}/{} ({low:.1}-{high:.1} %)", loss.lost(), loss.of())
    } else {
        format!("{:.1} % ({low:.1}-{high:.1} %)", loss.percent())
    }
}

//! What was found, as the JSON contract has it.
//!
//! A field once published stays.

pub use super::segments::PortState;
pub use netdiag_model::contract::Context;

use super::hops::Hop as Asked;
use super::measurement::Measurement;
use super::search::Trial;
use super::silence;
use super::told::Told;
use crate::protocol::Protocol;
use netdiag_engine::failure::{local_failure, plain};
use netdiag_model::contract::Method;
use netdiag_model::failure::{Failure, IcmpSource, Stage};
use netdiag_model::{Destination, Family, Untrusted};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One target of `mtu`. All sizes are those of whole packets, with the IP header.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Target {
    /// The target as it was given.
    #[schemars(with = "String")]
    pub target: Untrusted,
    /// The address that was measured; `null` when the name has none.
    pub address: Option<IpAddr>,
    /// The family of that address.
    pub family: Option<Family>,
    /// What was asked for: `icmp`, `udp` or `tcp`.
    pub protocol: String,
    /// The destination port, of protocols that have one.
    pub port: Option<u16>,
    /// How this target was measured; `null` when it was not.
    pub method: Option<Method>,
    /// The name of the interface that packets leave by.
    #[schemars(with = "Option<String>")]
    pub interface: Option<Untrusted>,
    /// Its MTU, in bytes.
    pub interface_mtu: Option<u32>,
    /// Whether the target answered.
    pub reached: bool,
    /// The hop limit that reached it.
    pub hop_count: Option<u8>,
    /// The largest packet that passes, in bytes.
    pub path_mtu: Option<u32>,
    /// How that is known.
    pub confirmed_by: ConfirmedBy,
    /// Where routers said that packets are too big, nearest first.
    pub drops: Vec<Drop>,
    /// Where packets vanish without a message.
    pub black_hole: Option<BlackHole>,
    /// The hops of the path, nearest first.
    pub hops: Vec<Hop>,
    /// What became of each size that was tried to the target, smallest first.
    pub sizes: Vec<Size>,
    /// What connections tell; `null` where TCP was not asked for.
    pub tcp: Option<Tcp>,
    /// `net.ipv4.tcp_mtu_probing` of this machine.
    pub tcp_mtu_probing: Option<u8>,
    /// Packets that claimed to be answers and were not counted, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Why it could not be measured.
    pub failure: Option<Failure>,
}

/// How the path MTU is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConfirmedBy {
    /// The target answered a packet of this size.
    Reply,
    /// A router said so, and the target does not answer.
    Icmp,
    /// It is not.
    None,
}

/// A router that passes no larger packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Drop {
    /// Its hop: what is larger does not come further. 0 is this machine, `null` not located.
    pub ttl: Option<u8>,
    /// The address that it said so from.
    pub address: IpAddr,
    /// The largest packet that comes to it, in bytes.
    pub mtu_before: u32,
    /// The largest packet that it passes on, in bytes.
    pub mtu_after: u32,
    /// The MTU that it says, where larger packets pass; 0 where it names none.
    pub mtu_said: Option<u32>,
}

impl Drop {
    const fn new(mtu_before: u32, address: IpAddr, ttl: Option<u8>, mtu_after: u32) -> Self {
        Self { ttl, address, mtu_before, mtu_after, mtu_said: None }
    }
}

/// Where packets vanish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct BlackHole {
    /// The last hop that larger packets come to; 0 is this machine.
    pub after_ttl: u8,
    /// The first hop behind it that answers, and to which they do not come.
    pub before_ttl: Option<u8>,
    /// The largest packet that passes, in bytes.
    pub largest_ok: u32,
    /// The smallest one that vanishes, in bytes.
    pub smallest_lost: u32,
}

/// One hop.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Hop {
    /// Its hop limit.
    pub ttl: u8,
    /// Who answers there.
    pub address: Option<IpAddr>,
    /// The largest packet that comes to it, in bytes.
    pub mtu: Option<u32>,
    /// `true`: it did not answer, and was not asked long enough to know that it never does: routers limit
    /// their answers, to one a second or so once a few are used up.
    pub may_be_limited: Option<bool>,
    /// Its ICMP error that says that nothing goes further; `null` where it says none.
    pub refusal: Option<IcmpSource>,
}

/// What became of the packets of one size.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Size {
    /// Their length, in bytes.
    pub bytes: u32,
    /// How many were tried.
    pub attempted: u64,
    /// How many the target answered.
    pub passed: u64,
    /// How many were lost.
    pub lost: u64,
    /// Who said that it is too big.
    pub too_big: Vec<IpAddr>,
}

/// What TCP connections tell. Segment sizes are those of the data, without headers.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Tcp {
    /// The port.
    pub port: u16,
    /// What became of the connections.
    pub state: Option<PortState>,
    /// The segment size that this machine offered, in bytes.
    pub mss_offered: Option<u32>,
    /// The one that came from the other end, in bytes.
    pub mss_received: Option<u32>,
    /// Whether that is exact; otherwise it is at least as large.
    pub mss_received_exact: bool,
    /// What the path has room for, in bytes: its MTU less the headers.
    pub mss_expected: Option<u32>,
    /// The segments that the kernel sends, without their options, in bytes.
    pub mss_sent: Option<u32>,
    /// The path MTU that the kernel of this machine goes by, in bytes.
    pub path_mtu: Option<u32>,
    /// Whether something on the way lowered what was offered.
    pub clamped: Option<bool>,
}

impl Target {
    /// A target that was not measured.
    #[must_use]
    pub fn unmeasured(
        target: Untrusted,
        destination: Option<Destination>,
        protocol: Protocol,
        failure: Option<Failure>,
    ) -> Self {
        Self {
            target,
            address: destination.map(Destination::address),
            family: destination.map(Destination::family),
            protocol: protocol.name().to_owned(),
            port: protocol.port(),
            method: None,
            interface: None,
            interface_mtu: None,
            reached: false,
            hop_count: None,
            path_mtu: None,
            confirmed_by: ConfirmedBy::None,
            drops: Vec::new(),
            black_hole: None,
            hops: Vec::new(),
            sizes: Vec::new(),
            tcp: None,
            tcp_mtu_probing: None,
            rejected: BTreeMap::new(),
            failure,
        }
    }
}

impl Measurement {
    /// What was found, so far or in the end.
    #[must_use]
    pub fn result(&self, context: &Context) -> Target {
        let config = &self.config;
        let (path_mtu, confirmed_by) = self.path_mtu();
        let rejected = self.tally.rejected.iter();
        let own = Target::unmeasured(
            context.target.clone(),
            Some(config.destination),
            config.protocol,
            self.failure(),
        );
        Target {
            port: config.protocol.port().or_else(|| config.carrier.port()),
            method: Some(context.method.clone()),
            interface: config.link.as_ref().map(|link| link.name.clone()),
            interface_mtu: config.link.as_ref().map(|link| link.mtu),
            reached: self.is_reached(),
            hop_count: self.hops.target(),
            path_mtu,
            confirmed_by,
            drops: self.drops(),
            black_hole: self.black_hole(),
            hops: self.hop_results(),
            sizes: self.sizes(),
            tcp: self.tcp(),
            tcp_mtu_probing: config.tcp_mtu_probing,
            rejected: rejected.map(|(why, count)| (why.name().to_owned(), *count)).collect(),
            ..own
        }
    }

    /// Whether the target answered.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.search.low().is_some()
    }

    /// Whether nothing left this machine.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        self.sent == 0 && self.tally.unsent.most().is_some()
    }

    pub(super) fn path_mtu(&self) -> (Option<u32>, ConfirmedBy) {
        let told = || self.drops().last().map(|drop| drop.mtu_after);
        match (self.search.low(), self.search.bounds()) {
            (_, Some((low, _))) => (Some(low), ConfirmedBy::Reply),
            // It was ended early.
            (Some(_), None) => (None, ConfirmedBy::None),
            (None, None) => match told() {
                Some(mtu) => (Some(mtu), ConfirmedBy::Icmp),
                None => (None, ConfirmedBy::None),
            },
        }
    }

    /// Where routers said that packets are too big, as far as what they said was tried.
    pub(super) fn drops(&self) -> Vec<Drop> {
        let mut drops = Vec::new();
        for level in self.levels().into_iter().filter(|level| !level.is_silent) {
            let trial = self.search.trial(level.size);
            let found = trial.told.iter().find_map(|told| {
                let ttl = self.hops.told_behind(level.size, told);
                let mtu = told.mtu.filter(|mtu| self.is_true(told, *mtu, ttl))?;
                Some(Drop::new(level.size, told.from, ttl, mtu))
            });
            let is_tried = drops.iter().any(|drop: &Drop| drop.mtu_said.is_some());
            let tried = || self.tried_drop(level.size, &trial).filter(|_| !is_tried);
            drops.extend(found.or_else(tried));
        }
        drops
    }

    /// A router that says another size than it lets pass: which one was found by trying.
    fn tried_drop(&self, size: u32, trial: &Trial) -> Option<Drop> {
        let (passed, first_lost) = self.search.bounds()?;
        let refused = self.search.trial(first_lost?);
        let is_same = |told: &&Told| refused.told.iter().any(|it| it.from == told.from);
        let told = trial.told.iter().find(is_same)?;
        let ttl = self.hops.told_behind(size, told);
        let mtu_said = Some(told.mtu.unwrap_or(0));
        Some(Drop { mtu_said, ..Drop::new(size, told.from, ttl, passed) })
    }

    /// Whether an MTU that was told of was answered once, and nothing larger.
    fn is_true(&self, told: &Told, mtu: u32, ttl: Option<u8>) -> bool {
        if self.search.low().is_some_and(|low| low > mtu) {
            return false;
        }
        let behind = |(hop, asked): (&u8, &Asked)| Some(*hop) > ttl && asked.passed(mtu);
        let is_next = || {
            // The router behind says of this size that it is too big: it came there.
            let next = self.search.trial(mtu);
            next.told.iter().any(|next| next.from != told.from)
        };
        self.search.trial(mtu).passed > 0 || self.hops.by_ttl.iter().any(behind) || is_next()
    }

    pub(super) fn black_hole(&self) -> Option<BlackHole> {
        let (largest_ok, smallest_lost) = silence::black_hole(&self.search)?;
        let after_ttl = self.hops.last_passed(smallest_lost);
        let before_ttl = self.hops.first_lost(after_ttl, smallest_lost);
        Some(BlackHole { after_ttl, before_ttl, largest_ok, smallest_lost })
    }

    fn hop_results(&self) -> Vec<Hop> {
        let (drops, hole) = (self.drops(), self.black_hole());
        // What is lost with nobody saying where is not known of any hop.
        let is_whole = self.search.low() == Some(self.search.top);
        let known = is_whole || !drops.is_empty() || hole.is_some();
        let hops = (1..=self.hops.farthest()).map(|ttl| {
            let mtu = drops.iter().filter(|drop| drop.ttl.is_some_and(|at| at < ttl));
            let mtu = mtu.map(|drop| drop.mtu_after).min().unwrap_or(self.search.top);
            let behind = hole.filter(|hole| hole.after_ttl < ttl);
            // Before the first hop that answers behind a black hole nobody knows.
            let is_known = known && behind.is_none_or(|hole| hole.before_ttl <= Some(ttl));
            let mtu = mtu.min(behind.map_or(u32::MAX, |hole| hole.largest_ok));
            Hop {
                ttl,
                address: self.hops.address(ttl),
                mtu: is_known.then_some(mtu),
                may_be_limited: self.hops.may_be_limited(ttl).then_some(true),
                refusal: self.hops.refusal(ttl),
            }
        });
        hops.collect()
    }

    fn sizes(&self) -> Vec<Size> {
        let sizes = self.search.trials.iter().map(|(bytes, trial)| Size {
            bytes: *bytes,
            attempted: trial.asked,
            passed: trial.passed,
            lost: trial.lost,
            too_big: trial.told.iter().map(|told| told.from).collect(),
        });
        sizes.collect()
    }

    pub(super) fn tcp(&self) -> Option<Tcp> {
        let segments = self.segments.as_ref()?;
        let headers = self.search.top - self.config.segment(self.search.top);
        let received = segments.received(headers);
        let first = segments.seen.first();
        let path_mtu = first.map(|sizes| sizes.path_mtu);
        let known = self.path_mtu().0.or(path_mtu);
        let expected = known.map(|mtu| self.config.segment(mtu));
        let lowered = received.map(|(size, at_least)| {
            let largest = path_mtu.unwrap_or(0).max(self.search.top);
            !at_least && size < self.config.segment(largest)
        });
        Some(Tcp {
            port: segments.port,
            state: segments.state(),
            mss_offered: segments.offered(),
            mss_received: received.map(|(size, _)| size),
            mss_received_exact: received.is_some_and(|(_, at_least)| !at_least),
            mss_expected: expected,
            mss_sent: first.map(|sizes| sizes.send),
            path_mtu,
            clamped: lowered,
        })
    }

    fn failure(&self) -> Option<Failure> {
        if self.is_reached() {
            return None;
        }
        if self.is_unsent() {
            return self.tally.unsent.most().map(|(cause, _)| local_failure(&cause));
        }
        if self.hops.cycle.is_some() {
            return Some(plain(Stage::Request, "loop", "packets go round"));
        }
        if let Some(said) = self.without_neighbour() {
            return Some(said.failure());
        }
        if let Some((kind, from)) = self.refusal {
            return Some(Failure {
                stage: Stage::Request,
                reason: kind.reason(),
                errno: None,
                icmp: Some(IcmpSource::new(kind, from)),
                message: format!("{} from {from}", kind.ping_text()),
            });
        }
        if !self.is_complete() {
            let why = if self.is_late { "deadline" } else { "interrupted" };
            return Some(plain(Stage::Request, why, "ended before the target answered"));
        }
        let message =
            "the target answers no packet of any size, so that nothing can be said of them";
        Some(plain(Stage::Request, "timeout", message))
    }
}

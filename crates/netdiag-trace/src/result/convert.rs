//! From what was measured to the contract's types.

use super::{
    Changed, Final, Flow, Hop, Icmp, Interface, Mpls, Mtr, Path, Responder, Target, Uncounted,
    UnknownObject,
};
use crate::end::StopReason;
use crate::hop::Hop as Measured;
use crate::protocol::{Protocol, State};
use crate::{Measurement, responder};
use netdiag_engine::failure::{local_failure, plain};
use netdiag_engine::outcome::Reason;
use netdiag_model::contract::{Context, Jitter, Rtt};
use netdiag_model::failure::{Failure, IcmpSource, Stage};
use netdiag_model::way::hops_back;
use netdiag_model::{IcmpKind, milliseconds};
use netdiag_wire::extension::InterfaceRole;

impl Measurement {
    /// What was found, so far or in the end.
    #[must_use]
    pub fn result(&self, context: &Context) -> Target {
        let concluded = self.concluded();
        concluded.as_concluded(context)
    }

    fn as_concluded(&self, context: &Context) -> Target {
        let config = &self.config;
        let reached = self.reached_at();
        let varied = config.vary_flow || config.connects() || config.multipath.is_some();
        let (graph, paths) = self.graph().unzip();
        let one = || if varied { Vec::new() } else { vec![self.only_path()] };
        Target {
            target: context.target.clone(),
            address: Some(config.destination.address()),
            family: Some(config.destination.family()),
            protocol: config.protocol.name().to_owned(),
            port: config.protocol.port(),
            flow: if varied { Flow::Varied } else { Flow::Constant },
            method: Some(context.method.clone()),
            reached: reached.is_some(),
            hop_count: self.hop_count(),
            stop_reason: self.end.map(|end| end.reason),
            cycles: self.queries(),
            last: self.last_word(),
            hops: self.path().map(|hop| self.hop_result(hop)).collect(),
            paths: paths.unwrap_or_else(one),
            sent_beyond: self.beyond()
                + self.epochs.past.iter().map(|past| self.as_of(past).beyond()).sum::<u64>()
                + self.second.as_ref().map_or(0, |second| second.sent),
            user_stamps: self.user_stamps(),
            rejected: Reason::named(&self.tally.rejected),
            failure: self.failure(),
            epochs: self.epochs.past.iter().filter_map(|past| self.epoch(past, context)).collect(),
            epochs_omitted: self.epochs.omitted,
            cycles_missed: self.rounds.as_ref().map_or(0, |rounds| rounds.missed),
            graph,
        }
    }

    /// The hops of the path.
    pub(crate) fn path(&self) -> impl DoubleEndedIterator<Item = &Measured> {
        let last = self.last();
        self.hops.iter().filter(move |hop| hop.ttl <= last && hop.asked > 0)
    }

    /// The hop that is the target.
    pub(crate) fn reached_at(&self) -> Option<&Measured> {
        self.path().find(|hop| hop.reached)
    }

    /// How many hops there are to the target, where it is known: not where the first that was asked is
    /// the target already, or behind it.
    pub(crate) fn hop_count(&self) -> Option<u8> {
        let ttl = self.reached_at()?.ttl;
        (ttl == 1 || ttl > self.config.first_ttl).then_some(ttl)
    }

    fn beyond(&self) -> u64 {
        let last = self.last();
        let past = self.hops.iter().filter(|hop| hop.ttl > last);
        past.map(|hop| hop.stats.counters().sent()).sum()
    }

    fn only_path(&self) -> Path {
        let who = |hop: &Measured| hop.main().map(|main| main.address.address());
        Path { flow: 1, addresses: self.path().map(who).collect() }
    }

    fn last_word(&self) -> Option<Final> {
        let target = self.reached_at().and_then(Measured::main);
        let silent = matches!(self.config.protocol, Protocol::Tcp { .. })
            && self.end.is_some_and(|end| end.reason != StopReason::LocalError);
        let state = self.state.or_else(|| silent.then_some(State::Filtered))?;
        Some(Final {
            state,
            reply_ttl: target.and_then(|target| target.reply_ttl),
            icmp: target.and_then(|target| target.icmp).map(icmp),
            flags: self.segment.map(|segment| segment.flags.to_string()),
            window: self.segment.map(|segment| segment.window),
            options: self.segment.and_then(|segment| segment.options()),
        })
    }

    /// One hop as it stands.
    pub(crate) fn hop_result(&self, hop: &Measured) -> Hop {
        let counters = hop.stats.counters();
        // What a target does not answer because of its limit is no loss of the path.
        let target_limited = hop.reached && self.is_target_limited();
        let loss = counters.loss().filter(|_| !target_limited);
        let is_limited = target_limited || self.is_limited(hop);
        let tells = hop.ttl > self.whole_until();
        Hop {
            ttl: hop.ttl,
            sent: counters.sent(),
            received: counters.received(),
            lost: counters.lost(),
            late: counters.late(),
            duplicates: counters.duplicates(),
            net_errors: counters.net_errors(),
            local_errors: counters.local_errors(),
            unknown: counters.unknown(),
            in_flight: counters.in_flight(),
            loss_percent: loss.map(|loss| loss.percent()),
            loss_ci95_percent: loss.map(|loss| loss.wilson95().into()),
            link_loss_percent: self.link_loss(hop).filter(|_| !target_limited),
            rtt_ms: hop.stats.rtt().summary().map(Rtt::from),
            jitter_ms: hop.stats.jitter().map(Jitter::from),
            node_loss_percent: self.node_loss(hop),
            link_loss_is_proven: self.is_link_proven(hop).filter(|_| !target_limited),
            node_loss_is_proven: self.is_node_proven(hop),
            loss_is_forwarding: is_limited.then_some(false),
            gmean_ms: hop.geometric_mean_ms(),
            mtr_ms: self.rounds.as_ref().and_then(|_| hop.letters.figures()).map(Mtr::from),
            responders: hop.responders.iter().map(|who| self.responder(who, tells)).collect(),
            mtu: self.known_mtu(hop),
            uncounted: hop.uncounted.as_deref().map(uncounted),
        }
    }

    fn responder(&self, who: &responder::Responder, checksum_tells: bool) -> Responder {
        let told = &who.told;
        let address = who.address.address();
        let translated = who.is_translated(self.quotes_needed(), checksum_tells);
        Responder {
            address,
            hostname: self.names.get(address).cloned(),
            asn: self.config.systems.as_ref().and_then(|systems| systems.find(address)),
            received: who.received,
            rtt_ms: who.rtt.summary().map(Rtt::from),
            reply_ttl: who.reply_ttl,
            hops_back: who.reply_ttl.map(hops_back),
            icmp: who.icmp.map(icmp),
            mark: who.icmp.and_then(|kind| mark(kind, who.mtu)),
            quoted_ttl: who.quoted_ttl,
            mpls: told
                .mpls
                .iter()
                .map(|label| Mpls {
                    label: label.label,
                    tc: label.tc,
                    bottom: label.bottom,
                    ttl: label.ttl,
                })
                .collect(),
            interfaces: told.interfaces.iter().map(interface).collect(),
            unknown_objects: told.unknown.iter().map(unknown).collect(),
            malformed_extensions: told.malformed.map(|why| why.to_string()),
            nat: translated.then_some(true),
            mtu: who.mtu,
            changed: who
                .changed
                .iter()
                .map(|(change, count)| Changed {
                    field: change.field,
                    sent: change.sent,
                    quoted: change.quoted,
                    count: *count,
                })
                .collect(),
        }
    }

    /// Why the target was not reached.
    fn failure(&self) -> Option<Failure> {
        let end = self.end.filter(|end| end.reason != StopReason::Reached)?;
        let farthest = self.farthest();
        let beyond = match self.hop(farthest).and_then(Measured::main) {
            Some(main) => format!("hop {farthest} ({})", main.address.address()),
            None => "this machine".to_owned(),
        };
        let (reason, message) = match end.reason {
            StopReason::LocalError => {
                return self.tally.unsent.most().map(|(cause, _)| local_failure(&cause));
            }
            StopReason::Unreachable => {
                let said = self.without_neighbour().map(|said| said.failure());
                return said.or_else(|| self.refusal(end.ttl));
            }
            StopReason::Loop => ("loop", "packets go round".to_owned()),
            StopReason::Deadline => ("deadline", "the time was over".to_owned()),
            StopReason::Interrupted => ("interrupted", "the run was ended".to_owned()),
            StopReason::GapLimit | StopReason::MaxTtl | StopReason::Reached => {
                ("timeout", format!("nobody answered from beyond {beyond}"))
            }
        };
        Some(plain(Stage::Request, reason, &message))
    }

    fn refusal(&self, ttl: u8) -> Option<Failure> {
        let who = self
            .hop(ttl)?
            .responders
            .iter()
            .find(|who| who.icmp.is_some_and(|kind| !kind.is_time_exceeded()))?;
        let (kind, from) = (who.icmp?, who.address.address());
        Some(Failure {
            stage: Stage::Request,
            reason: kind.reason(),
            errno: None,
            icmp: Some(IcmpSource::new(kind, from)),
            message: format!("{} from {from} at hop {ttl}", kind.ping_text()),
        })
    }
}

fn uncounted(it: &crate::hop::Uncounted) -> Uncounted {
    let untrue = it.mtu.map(|mtu| format!("!F-{mtu}"));
    Uncounted { address: it.from, rtt_ms: it.rtt.map(milliseconds), mark: untrue }
}

fn icmp(kind: IcmpKind) -> Icmp {
    Icmp { kind: kind.kind, code: kind.code, name: kind.name() }
}

/// traceroute's mark; a "too big" names its MTU.
fn mark(kind: IcmpKind, mtu: Option<u32>) -> Option<String> {
    match mtu.filter(|_| kind.is_too_big()) {
        Some(mtu) => Some(format!("!F-{mtu}")),
        None => kind.mark(),
    }
}

fn interface(interface: &responder::Interface) -> Interface {
    let role = match interface.role {
        InterfaceRole::Incoming => "incoming",
        InterfaceRole::SubIpComponent => "sub-ip",
        InterfaceRole::Outgoing => "outgoing",
        InterfaceRole::NextHop => "next-hop",
    };
    Interface {
        role: role.to_owned(),
        index: interface.index,
        name: interface.name.clone(),
        address: interface.address,
        mtu: interface.mtu,
    }
}

fn unknown(object: &responder::Unknown) -> UnknownObject {
    UnknownObject {
        class: object.class,
        kind: object.ctype,
        data: object.data.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

//! The commands that are kinds of checks.

use super::attempt::{Planned, Prepared};
use super::kind::{self, Conclusion, Kind, Snapshot, Weighed};
use super::{sockets, words};
use crate::args::{
    DnsArguments, MtuArguments, PingArguments, SocketsArguments, SynArguments, TcpConnectArguments,
    TraceArguments,
};
use crate::commands::ending::End;
use crate::commands::frame::Command;
use crate::commands::hosts::HostPlan;
use crate::commands::tcp_connect::Away;
use crate::commands::{dns, ping, syn, tcp_connect};
use crate::{OpenRequest, World};
use netdiag_model::contract::Judgement;
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::metrics::MetricInfo;
use netdiag_report::number::ms3_f64;
use serde_json::json;
use std::cell::Cell;
use std::io::Write;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

/// The kinds, by their names in files and on command lines.
pub(crate) const KINDS: &[&str] = &["ping", "tcp", "syn", "dns", "trace", "mtu", "sockets"];

/// When it is known of a connection at the latest whether this machine keeps it back: it leaves nothing
/// to be seen until its SYN is sent again, after a second.
pub(crate) const KEPT_BACK_AFTER: Duration = Duration::from_millis(1_200);

/// Arguments of a command that is a check.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Ping(Box<PingArguments>),
    Tcp(Box<TcpConnectArguments>),
    Syn(Box<SynArguments>),
    Dns(Box<DnsArguments>),
    Trace(Box<TraceArguments>),
    Mtu(Box<MtuArguments>),
    /// What is read, not sent: no command of the frame.
    Sockets(Box<SocketsArguments>),
}

/// What a check of a kind is asked with where it says nothing else, beside what its command has.
pub(super) fn defaults(kind: &str) -> &'static [&'static str] {
    match kind {
        "ping" => &["--count=5", "--interval=0.2", "--json", "--numeric"],
        "trace" => &["--json", "--numeric"],
        _ => &["--json"],
    }
}

macro_rules! of_each {
    ($asked:expr, $command:ident => $body:expr, $sockets:ident => $read:expr) => {
        match $asked {
            Self::Ping($command) => $body,
            Self::Tcp($command) => $body,
            Self::Syn($command) => $body,
            Self::Dns($command) => $body,
            Self::Trace($command) => $body,
            Self::Mtu($command) => $body,
            Self::Sockets($sockets) => $read,
        }
    };
}

impl Asked {
    /// A check of this kind by the options of its command.
    ///
    /// # Errors
    /// What is wrong with them, in a line.
    pub(crate) fn new(kind: &str, options: &[String], targets: &[String]) -> Result<Self, String> {
        let words = words::all(defaults(kind), options, targets);
        Ok(match kind {
            "ping" => Self::Ping(words::arguments(&words)?),
            "tcp" => Self::Tcp(words::arguments(&words)?),
            "syn" => Self::Syn(words::arguments(&words)?),
            "dns" => Self::Dns(words::arguments(&words)?),
            "trace" => Self::Trace(words::arguments(&words)?),
            "mtu" => Self::Mtu(words::arguments(&words)?),
            "sockets" => Self::Sockets(words::arguments(&words)?),
            _ => return Err(format!("no kind of check; one of {}", KINDS.join(", "))),
        })
    }

    /// What is known of its kind.
    pub(crate) const fn known(&self) -> Known {
        of_each!(self, command => Known::of(&**command), _sockets => sockets::KNOWN)
    }

    /// Whether the arguments fit together, and what must be open for them.
    ///
    /// # Errors
    /// What is wrong with them, in a line.
    pub(crate) fn request<W: World>(&self, world: &mut W) -> Result<OpenRequest, String> {
        let terminal = world.terminal();
        of_each!(self, command => {
            let checked = command.check(world)?;
            Ok(command.request(&checked, terminal))
        }, sockets => sockets::request(sockets))
    }

    /// The same check once more and with more patience, where silence was too short to tell whether
    /// this machine kept back what was sent.
    pub(crate) fn second_look(&self) -> Option<Self> {
        let Self::Tcp(command) = self else { return None };
        let mut command = command.clone();
        command.count = 1;
        let is_short = command.timeout.duration < KEPT_BACK_AFTER;
        command.timeout.duration = KEPT_BACK_AFTER;
        is_short.then_some(Self::Tcp(command))
    }

    /// Reads the files that were named, to see whether they can be used.
    ///
    /// # Errors
    /// What is wrong with one, in a line that names the option.
    pub(crate) fn check_files<W: World>(&self, world: &mut W) -> Result<(), String> {
        of_each!(self, command => command.check_files(world), _sockets => Ok(()))
    }

    /// How it is measured.
    ///
    /// # Errors
    /// What is wrong with the arguments, in a line.
    pub(crate) fn plan<W: World>(
        &self,
        world: &mut W,
        network: &mut W::Network,
        err: &mut dyn Write,
    ) -> Result<Rc<dyn Prepared>, String> {
        of_each!(
            self,
            command => planned(&**command, world, network, err),
            sockets => sockets::planned(sockets, world)
        )
    }
}

/// What can be expected of each kind.
pub(crate) const fn known() -> [(&'static str, &'static [MetricInfo]); 7] {
    [
        ("ping", PingArguments::METRICS),
        ("tcp", TcpConnectArguments::METRICS),
        ("syn", SynArguments::METRICS),
        ("dns", DnsArguments::METRICS),
        ("trace", TraceArguments::METRICS),
        ("mtu", MtuArguments::METRICS),
        ("sockets", netdiag_sockets::metrics::WITHOUT_OWNERS),
    ]
}

/// What is known of a kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// What expectations can name.
    pub(crate) metrics: &'static [MetricInfo],
    /// Those that say themselves what is right.
    pub(crate) outcomes: &'static [&'static str],
    /// Those that monitoring is told in any case.
    pub(crate) figures: &'static [&'static str],
    /// Of several targets one must be as it is expected.
    pub(crate) one_is_enough: bool,
}

impl Known {
    const fn of<K: Kind>(_: &K) -> Self {
        Self {
            metrics: K::METRICS,
            outcomes: K::OUTCOMES,
            figures: K::FIGURES,
            one_is_enough: K::ONE_IS_ENOUGH,
        }
    }
}

fn planned<K: Kind + 'static, W: World>(
    command: &K,
    world: &mut W,
    network: &mut W::Network,
    err: &mut dyn Write,
) -> Result<Rc<dyn Prepared>, String> {
    let checked = command.check(world)?;
    let plan = command.plan(checked, world, network, err)?;
    if K::measurements(&plan).len() > 1 {
        return Err("a check has one target".to_owned());
    }
    Ok(Rc::new(Planned::<K>(Rc::new(plan))))
}

impl Kind for PingArguments {
    type Measurement = ping::Lane;

    const METRICS: &'static [MetricInfo] = netdiag_ping::metrics::METRICS;
    const OUTCOMES: &'static [&'static str] = &["loss", "received", "lost", "net_errors"];
    const FIGURES: &'static [&'static str] = &["loss", "mean"];

    fn measurements(plan: &Self::Plan) -> Vec<Self::Measurement> {
        plan.measurements()
    }

    fn conclude(plan: &Self::Plan, measured: Vec<Self::Measurement>, end: End) -> Conclusion {
        let mut conclusion = kind::of_hosts(plan, measured, end, |target, findings| {
            let metrics = netdiag_ping::metrics::TargetMetrics { target, findings };
            let lost = target.lost + target.net_errors;
            let of = target.sent.saturating_sub(target.unknown + target.in_flight);
            let p95 = target.rtt_ms.as_ref().map(|rtt| format!(", p95 {} ms", ms3_f64(rtt.p95)));
            let is_silent = target.received == 0 && of > 0;
            let silence = is_silent.then(|| timeout(Stage::Request));
            Weighed {
                name: None,
                snapshots: vec![Snapshot::of(Self::METRICS, &metrics)],
                failure: target.failure.clone().or(silence),
                peer: peer(target.address, target.port),
                figures: format!("loss {lost}/{of}{}", p95.unwrap_or_default()),
            }
        });
        if plan.has_stand_ins() {
            words::silent_stand_in(&mut conclusion);
        }
        conclusion
    }
}

impl Kind for TcpConnectArguments {
    type Measurement = netdiag_tcp::connect::Measurement;

    const METRICS: &'static [MetricInfo] = netdiag_tcp::connect::metrics::METRICS;
    const OUTCOMES: &'static [&'static str] = &[
        "open",
        "succeeded",
        "failed",
        "refused",
        "reset",
        "timeouts",
        "net_errors",
        "unexpected",
    ];
    const FIGURES: &'static [&'static str] = &["connect"];

    fn check_files<W: World>(&self, world: &mut W) -> Result<(), String> {
        tcp_connect::check_files(self, world)
    }

    fn away(plan: &Self::Plan) -> Option<Rc<Away>> {
        Some(plan.away())
    }

    fn measurements(plan: &Self::Plan) -> Vec<Self::Measurement> {
        plan.measurements()
    }

    fn conclude(plan: &Self::Plan, measured: Vec<Self::Measurement>, end: End) -> Conclusion {
        let each = plan.of_each(&measured);
        let place = Cell::new(0);
        let mut conclusion = kind::of_hosts(plan, measured, end, |target, findings| {
            let attempts = each.get(place.replace(place.get() + 1));
            let metrics = netdiag_tcp::connect::metrics::TargetMetrics { target, findings };
            let open = target.connect_ms.as_ref().filter(|_| target.succeeded > 0);
            let answered = target.addresses.iter().find(|one| one.connect_ms.is_some());
            let address = answered.map(|one| one.address).or(target.address);
            let address = address.or_else(|| target.addresses.first().map(|one| one.address));
            Weighed {
                name: Some(target.target.escaped().to_string()),
                snapshots: words::of_attempts(&metrics, attempts.map_or(&[], Vec::as_slice)),
                failure: target.failure.clone(),
                peer: peer(address, Some(target.proxy.as_ref().map_or(target.port, |it| it.port))),
                figures: words::connected(open.map(|rtt| rtt.p50), target.http.as_ref()),
            }
        });
        conclusion.is_of_attempts = each.iter().any(|attempts| !attempts.is_empty());
        words::not_to_itself(&mut conclusion);
        if plan.is_of_status() {
            words::by_status(&mut conclusion);
        }
        conclusion
    }
}

impl Kind for DnsArguments {
    type Measurement = netdiag_dns::Walk;

    const METRICS: &'static [MetricInfo] = netdiag_dns::metrics::METRICS;
    const OUTCOMES: &'static [&'static str] = &["outcome", "rcode", "answers", "loss", "received"];
    const FIGURES: &'static [&'static str] = &["p50"];
    const ONE_IS_ENOUGH: bool = true;

    fn check_files<W: World>(&self, world: &mut W) -> Result<(), String> {
        dns::check_files(self, world)
    }

    fn measurements(plan: &Self::Plan) -> Vec<Self::Measurement> {
        plan.measurements()
    }

    fn conclude(plan: &Self::Plan, measured: Vec<Self::Measurement>, end: End) -> Conclusion {
        let is_unasked = Cell::new(true);
        let mut conclusion = kind::of_hosts(plan, measured, end, |target, findings| {
            let target = target.target();
            is_unasked.set(is_unasked.get() && words::is_unasked(&target.results));
            let asked = target.decisive();
            let target = target.as_ref();
            let snapshots = asked.map(|result| {
                let metrics = netdiag_dns::metrics::ResultMetrics { target, result, findings };
                Snapshot::of(Self::METRICS, &metrics)
            });
            let failure = asked.and_then(words::dns_failure).or_else(|| target.failure.clone());
            Weighed {
                name: None,
                snapshots: Vec::from_iter(snapshots),
                failure,
                peer: asked.map(|result| result.server.clone()),
                figures: asked.map(words::dns_figures).unwrap_or_default(),
            }
        });
        if is_unasked.get() {
            conclusion.judgement = Judgement::Unmeasured;
        }
        conclusion
    }
}

impl Kind for TraceArguments {
    type Measurement = netdiag_trace::Measurement;

    const METRICS: &'static [MetricInfo] = netdiag_trace::metrics::METRICS;
    const OUTCOMES: &'static [&'static str] = &["reached"];
    const FIGURES: &'static [&'static str] = &["hop_count"];

    fn measurements(plan: &Self::Plan) -> Vec<Self::Measurement> {
        plan.measurements()
    }

    fn conclude(plan: &Self::Plan, measured: Vec<Self::Measurement>, end: End) -> Conclusion {
        kind::of_hosts(plan, measured, end, |target, findings| {
            let metrics = netdiag_trace::metrics::TargetMetrics { target, findings };
            let end = target.hops.last().filter(|_| target.reached);
            let at = end.map(|hop| format!("reached at hop {}", hop.ttl));
            Weighed {
                name: None,
                snapshots: vec![Snapshot::of(Self::METRICS, &metrics)],
                failure: target.failure.clone(),
                peer: peer(target.address, target.port),
                figures: at.unwrap_or_default(),
            }
        })
    }
}

impl Kind for MtuArguments {
    type Measurement = netdiag_trace::mtu::Measurement;

    const METRICS: &'static [MetricInfo] = netdiag_trace::mtu::metrics::METRICS;
    const OUTCOMES: &'static [&'static str] = &["reached", "black_hole"];
    const FIGURES: &'static [&'static str] = &["path_mtu"];

    fn measurements(plan: &Self::Plan) -> Vec<Self::Measurement> {
        plan.measurements()
    }

    fn conclude(plan: &Self::Plan, measured: Vec<Self::Measurement>, end: End) -> Conclusion {
        kind::of_hosts(plan, measured, end, |target, findings| {
            let metrics = netdiag_trace::mtu::metrics::TargetMetrics { target, findings };
            let hole = target.black_hole.as_ref().map(|hole| {
                let message =
                    format!("packets above {} bytes vanish without a message", hole.largest_ok);
                failure(Stage::Request, "mtu-black-hole", message)
            });
            Weighed {
                name: None,
                snapshots: vec![Snapshot::of(Self::METRICS, &metrics)],
                failure: target.failure.clone().or(hole),
                peer: peer(target.address, target.port),
                figures: target.path_mtu.map_or_else(String::new, |mtu| format!("path MTU {mtu}")),
            }
        })
    }
}

impl Kind for SynArguments {
    type Measurement = netdiag_tcp::syn::Measurement;

    const METRICS: &'static [MetricInfo] = netdiag_tcp::syn::metrics::METRICS;
    const OUTCOMES: &'static [&'static str] =
        &["open", "closed", "filtered", "prohibited", "unreachable", "reached"];
    const FIGURES: &'static [&'static str] = &["open"];

    fn measurements(plan: &Self::Plan) -> Vec<Self::Measurement> {
        vec![syn::measurement(plan)]
    }

    fn conclude(plan: &Self::Plan, measured: Vec<Self::Measurement>, end: End) -> Conclusion {
        let value = |target: &netdiag_tcp::syn::result::Target| json!(target);
        let document = syn::document(plan, measured, end);
        let mut conclusion = kind::of_document(document, value, |target, findings| {
            let metrics = netdiag_tcp::syn::metrics::TargetMetrics { target, findings };
            let said = words::syn_failure(&target.ports);
            let words =
                target.ports.iter().map(|port| format!("{} {}", port.port, port.state.name()));
            Weighed {
                name: target.address.map(|address| address.to_string()),
                snapshots: vec![Snapshot::of(Self::METRICS, &metrics)],
                failure: target.failure.clone().or(said),
                peer: peer(target.address, target.ports.first().map(|port| port.port)),
                figures: words.take(5).collect::<Vec<_>>().join(", "),
            }
        });
        words::each_port(&mut conclusion);
        conclusion
    }
}

/// A failure that neither an error number nor an ICMP message tells of.
pub(super) fn failure(stage: Stage, reason: &str, message: String) -> Failure {
    Failure { stage, reason: reason.to_owned(), errno: None, icmp: None, message }
}

fn timeout(stage: Stage) -> Failure {
    failure(stage, "timeout", "no answer in time".to_owned())
}

/// Who was asked, as an address and perhaps a port.
fn peer(address: Option<IpAddr>, port: Option<u16>) -> Option<String> {
    let address = address?;
    Some(match port {
        Some(port) => std::net::SocketAddr::new(address, port).to_string(),
        None => address.to_string(),
    })
}

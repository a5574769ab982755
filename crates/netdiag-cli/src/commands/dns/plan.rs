//! From what was typed to what will be done: what is left cannot be invalid.

use super::check::{self, Checked};
use super::servers::{self, Asked, Servers, family, text_of};
use super::setup;
use super::words::Words;
use crate::args::DnsArguments;
use crate::args::form::Output;
use crate::commands::checks;
use crate::commands::hosts::Outline;
use crate::commands::lines::Lines;
use crate::commands::resolve::literal;
use crate::commands::{ladder, trust, user};
use crate::{Backend, MARKED_SOCKETS, OpenRequest, UdpSockets, World};
use netdiag_dns::config::{Clock, HttpMethod, Target, Tls};
use netdiag_dns::dnssec::{Anchors, Validation};
use netdiag_dns::tsig::{Tsig, TsigKey};
use netdiag_dns::walk::{Delegation, Goal, Host, hints};
use netdiag_dns::{Choice, Config, Transport};
use netdiag_engine::Secret;
use netdiag_engine::port::{Control, Network};
use netdiag_model::contract::{Method, SocketKind, Timestamps};
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::{Family, Untrusted, milliseconds};
use netdiag_report::dns::Resolved;
use netdiag_tls::Demand;
use serde_json::json;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// How long a full queue of this machine may delay a query.
const PATIENCE: Duration = Duration::from_millis(200);
/// The most questions of a run.
const MOST: usize = 1_000_000;

/// Whose exit codes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codes {
    /// Our own.
    Own,
    /// 9 where no server answers a question, else 0.
    Dig,
}

/// What will be done.
pub(crate) struct Plan {
    pub(super) outline: Outline,
    pub(super) resolved: Vec<Resolved>,
    pub(super) config: Arc<Config>,
    /// How many measurements were made of it: a check makes one for each attempt.
    pub(super) made: Cell<u64>,
    /// Why nobody can be asked.
    pub(super) fault: Option<String>,
    /// Whose exit codes are wanted.
    pub(super) codes: Codes,
    /// What is looked for beyond the first round.
    pub(super) goal: Goal,
}

impl Plan {
    /// Reads files and looks up the names of servers.
    pub(super) fn new<W: World>(
        arguments: &DnsArguments,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Self, String> {
        let Checked { fail_if, mut targets, servers: asked, query, control, .. } = checked;
        let (key, transfer) = (checked.key, checked.transfer);
        if let Some(source) = control.source.filter(|source| !world.owns(*source)) {
            return Err(format!("--source: {source} is not an address of this machine"));
        }
        if let Some(path) = &arguments.file {
            read(path, arguments, world, &mut targets)?;
        }
        if targets.is_empty() {
            return Err("no NAME to ask for".to_owned());
        }
        let understood =
            as_understood(arguments, &targets, &asked, (&control, checked.interface.as_ref()));
        let asked_for = (understood, targets.len());
        let mut outline = Outline::new("dns", Backend::Linux, asked_for, world, network);
        let goal = goal(arguments, &targets, world, network)?;
        let mut servers = match arguments.trace {
            true => Servers::default(),
            false => servers::find(&asked, (arguments, &control), &mut outline, world, network),
        };
        if let Some(shown) = &arguments.shown_server {
            let given = Untrusted::from(shown.as_str());
            servers.all.iter_mut().for_each(|server| server.given = given.clone());
        }
        outline.run.method = method(arguments, outline.run.method.socket);
        outline.fail_if = fail_if;
        let tls = tls(arguments, world, &mut outline)?;
        let key = key.map_or_else(|| key_of_file(arguments, world), |key| Ok(Some(key)))?;
        let clock = arguments
            .transport()
            .is_over_quic()
            .then(|| Clock { at: world.anchor().instant, std: world.std_now() });
        let setup = arguments.check.then(|| setup::read(arguments, &targets, world));
        let is_list = asked.is_empty() && setup.is_none();
        let choice = if is_list { Choice::FirstThatAnswers } else { Choice::Each };
        let spent = network.now().since(outline.run.started_at);
        let own = targets.len();
        let mut config = Config {
            secret: Secret::new(world.random()),
            numbers_from: 0,
            servers: servers.all,
            choice,
            query,
            transport: arguments.transport(),
            control,
            tls,
            clock,
            http_method: if arguments.tls.https_get { HttpMethod::Get } else { HttpMethod::Post },
            follow_truncation: !arguments.message.ignore_truncation,
            count: arguments.count,
            interval: arguments.interval,
            timeout: arguments.timeout.duration,
            patience: PATIENCE,
            tries: arguments.retries.saturating_add(1),
            deadline: arguments.deadline.map(|deadline| deadline.saturating_sub(spent)),
            spacing: spacing(arguments, world),
            keep_bytes: arguments.dnssec || arguments.message.wire,
            tells_wire: arguments.message.wire,
            setup,
            tsig: key.map(|key| Tsig { key, anchor: world.anchor() }),
            transfer,
            targets,
        };
        config.ask_beside();
        check_marked(arguments, &config)?;
        let at = network.now();
        // Nobody else tells of them.
        let told = if arguments.form.output() == Output::Jsonl { usize::MAX } else { 0 };
        let resolved = (0..told.min(own)).map(|target_index| Resolved { target_index, at });
        let resolved = resolved.collect();
        let fault = servers.fault.filter(|_| config.servers.is_empty());
        let codes = match arguments.classic || arguments.classic_exit {
            true => Codes::Dig,
            false => Codes::Own,
        };
        Ok(Self {
            outline,
            resolved,
            config: Arc::new(config),
            made: Cell::new(0),
            fault,
            codes,
            goal,
        })
    }

    /// Why nobody can be asked, as a failure.
    pub(super) fn failure(&self) -> Option<Failure> {
        let message = self.fault.clone()?;
        let reason = "no-resolver".to_owned();
        Some(Failure { stage: Stage::Resolve, reason, errno: None, icmp: None, message })
    }
}

/// A mark takes a right, so that connections with one are opened beforehand.
fn check_marked(arguments: &DnsArguments, config: &Config) -> Result<(), String> {
    let queries = (config.targets.len() * config.servers.len()) as u64 * config.count;
    let is_tcp = arguments.outgoing.mark.is_some() && config.transport == Transport::Tcp;
    match is_tcp && queries > u64::from(MARKED_SOCKETS) {
        true => Err(format!("--mark: with --tcp at most {MARKED_SOCKETS} queries, not {queries}")),
        false => Ok(()),
    }
}

/// How TLS is spoken, where it is.
fn tls<W: World>(
    arguments: &DnsArguments,
    world: &mut W,
    outline: &mut Outline,
) -> Result<Option<Tls>, String> {
    let wanted = &arguments.tls;
    if !arguments.transport().is_over_tls() {
        return Ok(None);
    }
    let (client, note) = trust::client(wanted.ca.as_deref(), world)?;
    outline.note(note);
    let demand = if wanted.insecure { Demand::Spoken } else { Demand::Believed };
    let pins = wanted.pin.iter().map(|pin| pin.0).collect();
    Ok(Some(Tls {
        client,
        name: wanted.sni.clone(),
        demand,
        pins,
        anchor: world.anchor(),
        alpn: if arguments.transport().is_over_http() { &["h3"] } else { &["doq"] },
    }))
}

/// What is looked for beyond what is asked first.
fn goal<W: World>(
    arguments: &DnsArguments,
    targets: &[Target],
    world: &mut W,
    network: &W::Network,
) -> Result<Goal, String> {
    if arguments.dnssec {
        let anchors = anchors(arguments, world)?;
        return Ok(Goal::Validation(Box::new(Validation::new(anchors, world.anchor()))));
    }
    let Some(target) = targets.first().filter(|_| arguments.trace) else { return Ok(Goal::Plain) };
    let roots = roots(arguments, world)?;
    let is_open = |family: Family| network.opened().udp(family).is_ok() || arguments.message.tcp;
    let wanted = family(arguments);
    let is_usable = |own: Family| is_open(own) && wanted.is_none_or(|wanted| wanted == own);
    let families = [Family::Ipv4, Family::Ipv6].map(is_usable);
    let delegation = Delegation::new(&target.question, roots, arguments.usual_port(), families);
    Ok(Goal::Delegation(Box::new(delegation)))
}

/// Where the delegations begin.
fn roots<W: World>(arguments: &DnsArguments, world: &mut W) -> Result<Vec<Host>, String> {
    let shown = Untrusted::from(arguments.hints.as_str());
    let wrong = |why: &str| format!("--hints {}: {why}", shown.escaped());
    let text = text_of(&arguments.hints, world).map_err(|why| wrong(&why))?;
    let roots = hints(&text);
    if roots.is_empty() {
        return Err(wrong("no server in an NS record of `.` has an address there"));
    }
    Ok(roots)
}

/// By what queries are signed, where a file has it.
fn key_of_file<W: World>(
    arguments: &DnsArguments,
    world: &mut W,
) -> Result<Option<TsigKey>, String> {
    let Some(path) = &arguments.signed.tsig_file else { return Ok(None) };
    let shown = Untrusted::from(path.as_str());
    let wrong = |why: String| format!("--tsig-file {}: {why}", shown.escaped());
    let text = text_of(path, world).map_err(wrong)?;
    TsigKey::parse_file(&text).map(Some).map_err(wrong)
}

/// Reads the files that were named, to see whether they can be used.
pub(crate) fn check_files<W: World>(arguments: &DnsArguments, world: &mut W) -> Result<(), String> {
    if arguments.dnssec {
        anchors(arguments, world)?;
    }
    if arguments.transport().is_over_tls() {
        trust::check_file(arguments.tls.ca.as_deref(), world)?;
    }
    if arguments.trace {
        roots(arguments, world)?;
    }
    key_of_file(arguments, world)?;
    Ok(())
}

/// What is believed without a signature.
fn anchors<W: World>(arguments: &DnsArguments, world: &mut W) -> Result<Anchors, String> {
    let Some(path) = &arguments.anchor else { return Ok(Anchors::default()) };
    let shown = Untrusted::from(path.as_str());
    let wrong = |why: String| format!("--anchor {}: {why}", shown.escaped());
    let text = text_of(path, world).map_err(wrong)?;
    Anchors::parse(&text).map_err(wrong)
}

/// Adds the questions of a file: a name a line, with types behind it.
fn read<W: World>(
    path: &str,
    arguments: &DnsArguments,
    world: &mut W,
    targets: &mut Vec<Target>,
) -> Result<(), String> {
    let shown = || Untrusted::from(path).escaped().to_string();
    let unreadable = |fault: std::io::Error| format!("--file: {}: {fault}", shown());
    let mut lines = Lines::new(world.input(path).map_err(unreadable)?);
    while let Some(line) = lines.next().map_err(unreadable)? {
        let number = line.number;
        let wrong = |why: String| format!("--file: {} line {number}: {why}", shown());
        let Some(text) = line.text else { return Err(wrong("the line is too long".to_owned())) };
        let text = text.split('#').next().unwrap_or_default();
        let words: Vec<String> = text.split_whitespace().map(ToOwned::to_owned).collect();
        let Some((name, types)) = words.split_first() else { continue };
        // The first word is a name, whatever it looks like.
        let name = if name.ends_with('.') { name.clone() } else { format!("{name}.") };
        let name = if literal(name.trim_end_matches('.')).is_some() {
            name.trim_end_matches('.').to_owned()
        } else {
            name
        };
        let words: Vec<String> = std::iter::once(name).chain(types.iter().cloned()).collect();
        let words = Words::sort(&words).map_err(wrong)?;
        if !words.servers.is_empty() {
            return Err(wrong("servers are named on the command line".to_owned()));
        }
        if words.types.iter().any(|kind| kind.is_transfer()) {
            return Err(wrong("zones are transferred one by one, without a file".to_owned()));
        }
        let first = targets.last().map_or(0, |target| target.group + 1);
        targets.extend(words.targets(&arguments.types, arguments.class, first).map_err(wrong)?);
        if targets.len() > MOST {
            return Err(wrong(format!("more than {MOST} questions")));
        }
    }
    Ok(())
}

/// The least time between two queries: users who are not root are held to a rate for each address.
fn spacing<W: World>(arguments: &DnsArguments, world: &W) -> Duration {
    match (world.may_flood(), arguments.transport()) {
        (true, _) => Duration::ZERO,
        (false, Transport::Udp) => user::LEAST_INTERVAL,
        (false, _) => user::LEAST_CONNECT_INTERVAL,
    }
}

/// How queries are sent.
fn method(arguments: &DnsArguments, opened: SocketKind) -> Method {
    let because = match arguments.transport() {
        Transport::Tcp if arguments.is_transfer() => "zones are transferred over TCP",
        Transport::Tcp => "TCP was asked for",
        Transport::Tls => "TLS was asked for",
        Transport::Https => "HTTPS was asked for",
        Transport::Quic => "QUIC was asked for",
        Transport::Https3 => "HTTP/3 was asked for",
        Transport::Udp => {
            return Method {
                socket: opened,
                timestamps: Timestamps::Kernel,
                because: "DNS over UDP".to_owned(),
                lost: vec!["ICMP errors that found no room in the socket".to_owned()],
                remedy: None,
            };
        }
    };
    ladder::by_kernel(because)
}

/// The sockets and their options.
pub(super) fn open_request(arguments: &DnsArguments, checked: &Checked) -> OpenRequest {
    let hosts = || checked.servers.iter().filter_map(|server| server.host()).map(|(host, _)| host);
    let families = hosts().map(|host| literal(host).map(Family::of));
    let system = check::needs_resolv_conf(checked);
    let only = if system { None } else { checks::only_family(families) };
    OpenRequest {
        family: family(arguments).or(only),
        udp: match arguments.transport() {
            Transport::Udp => UdpSockets::Always,
            _ => UdpSockets::Never,
        },
        queries: true,
        mark: arguments.outgoing.mark,
        marked_connects: arguments.outgoing.mark.map_or(0, |_| MARKED_SOCKETS.into()),
        control: checked.control,
        patience: Some(netdiag_engine::remembered_for(arguments.timeout.duration)),
        names: hosts().any(|host| literal(host).is_none()),
        files: check::files(arguments, checked),
        own_lookup: setup::own_lookup(arguments, checked),
        ..OpenRequest::default()
    }
}

fn as_understood(
    arguments: &DnsArguments,
    targets: &[Target],
    asked: &[Asked],
    (control, interface): (&Control, Option<&Untrusted>),
) -> serde_json::Value {
    /// More of them are only counted.
    const SHOWN: usize = 100;
    let questions = targets.iter().take(SHOWN).map(|target| target.question.to_string());
    let servers = asked.iter().map(|server| match server {
        Asked::System => "system".to_owned(),
        Asked::Url(url) => url.to_string(),
        Asked::Http3(url) => url.to_string().replacen("https", "h3", 1),
        Asked::Quic(host, port) => match port {
            Some(port) => format!("quic://{host} port {port}"),
            None => format!("quic://{host}"),
        },
        Asked::Host(host, port) => match port {
            Some(port) => format!("{host} port {port}"),
            None => host.clone(),
        },
    });
    let message = &arguments.message;
    json!({
        "questions": questions.collect::<Vec<String>>(),
        "question_count": targets.len(),
        "servers": servers.collect::<Vec<String>>(),
        "port": arguments.usual_port(),
        "transport": arguments.transport().name(),
        "https_get": arguments.tls.https_get,
        "sni": arguments.tls.sni,
        "ca": arguments.tls.ca,
        "insecure": arguments.tls.insecure,
        "pins": arguments.tls.pin.len(),
        "recursion": !message.no_recursion,
        "edns": !message.no_edns,
        "udp_size": message.udp_size,
        "count": arguments.count,
        "interval_ms": milliseconds(arguments.interval),
        "timeout_ms": milliseconds(arguments.timeout.duration),
        "retries": arguments.retries,
        "deadline_ms": arguments.deadline.map(milliseconds),
        "check": arguments.check,
        "trace": arguments.trace,
        "hints": arguments.trace.then_some(&arguments.hints),
        "dnssec": arguments.dnssec,
        "anchor": arguments.anchor,
        "tsig": arguments.signed.tsig.is_some() || arguments.signed.tsig_file.is_some(),
        "tsig_file": arguments.signed.tsig_file,
        "fail_if": arguments.fail_if,
        "source": control.source,
        "interface": interface,
        "ttl": control.hop_limit,
        "traffic_class": control.traffic_class,
        "mark": arguments.outgoing.mark,
    })
}

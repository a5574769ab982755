//! From what was typed to what will be done: what is left cannot be invalid.

use super::away::Away;
use super::check::{Checked, Host, family};
use super::each::Each;
use super::reach::Reach;
use super::{proxy, tls};
use crate::args::TcpConnectArguments;
use crate::args::form::Output;
use crate::commands::hosts::Outline;
use crate::commands::resolve::literal;
use crate::commands::user::LEAST_CONNECT_INTERVAL;
use crate::commands::{checks, ladder, services, trust};
use crate::{Backend, OpenRequest, World};
use netdiag_check::expr::Expr;
use netdiag_engine::port::{Control, Network, Opened};
use netdiag_model::contract::Method;
use netdiag_model::{Family, Untrusted};
use netdiag_report::connect::Resolved;
use netdiag_tcp::connect::dialogue::Pattern;
use netdiag_tcp::connect::http::{REDIRECTS, Spoken};
use netdiag_tcp::connect::starttls::Protocol;
use netdiag_tcp::connect::{Config, Dialogue, Target};
use serde_json::json;
use std::rc::Rc;
use std::time::Duration;

/// What will be done.
pub(crate) struct Plan {
    pub(super) outline: Outline,
    pub(super) resolved: Vec<Resolved>,
    pub(super) config: Config,
    /// What must hold of each target, one after the other.
    pub(super) expect: Vec<Expr>,
    /// The same of each attempt, with what must not hold.
    pub(super) each: Each,
    /// The proxy, as it is shown.
    proxy: Option<String>,
    /// The hosts that redirects lead to.
    pub(super) away: Rc<Away>,
}

impl Plan {
    /// Looks up the names; what cannot be looked up stays as a target with a failure.
    pub(super) fn new<W: World>(
        arguments: &TcpConnectArguments,
        mut checked: Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Self, String> {
        let proxy = checked.proxy.take();
        let proxy = proxy.map(|proxy| proxy::with_login(proxy, arguments, world)).transpose()?;
        checked.proxy.clone_from(&proxy);
        let ports = numbers(&checked.hosts, world)?;
        let target_count = ports.iter().map(Vec::len).sum();
        let asked = (as_understood(arguments, &checked), target_count);
        let outline = Outline::new("tcp-connect", Backend::Linux, asked, world, network);
        let (resolved, config) = (Vec::new(), Config::new(Vec::new()));
        let away = Rc::new(Away::new(family(arguments)));
        let (expect, each) = (Vec::new(), Each::default());
        let shown = proxy.as_ref().map(ToString::to_string);
        let mut plan = Self { outline, resolved, config, expect, each, proxy: shown, away };
        if let Some(source) = arguments.source.filter(|source| !world.owns(*source)) {
            return Err(format!("--source: {source} is not an address of this machine"));
        }
        let all = match &proxy {
            Some(proxy) => plan.through(proxy, arguments, &checked, world, network)?,
            None => plan.direct(arguments, &checked, world, network)?,
        };
        for ((host, ports), reach) in checked.hosts.iter().zip(&ports).zip(all) {
            plan.add(host, ports, &reach, arguments, network);
        }
        plan.config.proxy = proxy.map(Box::new);
        let of = |family: Family| {
            let all = plan.config.targets.iter().flat_map(|target| &target.addresses);
            all.filter(|(to, _)| to.family() == family).count() as u64
        };
        check_marked(arguments.count, (of(Family::Ipv4), of(Family::Ipv6)), network.opened())?;
        plan.configure(arguments, &checked, world, network);
        let may_be = |target: &Target| target.tls.is_some() || target.tls_later.is_some();
        if plan.config.targets.iter().any(may_be) {
            let (client, note) = trust::client(arguments.ca.as_deref(), world)?;
            plan.config.tls = Some(client);
            plan.outline.note(note);
        }
        let methods = plan.resolved.iter().filter_map(|resolved| resolved.method.as_ref());
        plan.outline.measured_by(methods);
        plan.outline.fail_if = checked.fail_if;
        plan.expect = checked.expect;
        let resolved = plan.resolved.iter().map(|resolved| resolved.resolve).collect();
        plan.each = Each::new(plan.expect.clone(), plan.outline.fail_if.clone(), resolved);
        Ok(plan)
    }

    /// Whether all that is wanted of an answer by HTTP is its status.
    pub(crate) const fn is_of_status(&self) -> bool {
        self.config.only_head
    }

    /// Who looks up the hosts that redirects lead to.
    pub(crate) fn away(&self) -> Rc<Away> {
        Rc::clone(&self.away)
    }

    /// Adds a target for each port of a host that was looked up.
    fn add<N: Network>(
        &mut self,
        host: &Host,
        ports: &[u16],
        reach: &Reach,
        arguments: &TcpConnectArguments,
        network: &mut N,
    ) {
        for port in ports {
            let index = self.resolved.len();
            let name = Untrusted::from(host.name.as_str());
            let addresses = reach.addresses.clone();
            if reach.unmeasured {
                self.outline.unmeasured.push(index);
            }
            let tls = tls::of(arguments, host, *port);
            self.resolved.push(Resolved {
                tls: tls.is_some(),
                target_index: index,
                target: Untrusted::from(host.with_port(*port)),
                host: name.clone(),
                port: *port,
                addresses: addresses.iter().map(|(to, _)| *to).collect(),
                failure: reach.failure.clone(),
                resolve: reach.resolve,
                proxy: self.proxy.clone(),
                method: (!addresses.is_empty()).then(|| method(network.opened())),
                at: network.now(),
            });
            if !addresses.is_empty() {
                self.config.targets.push(Target {
                    index,
                    host: name,
                    port: *port,
                    tls,
                    tls_later: tls::later(arguments, host, *port),
                    url: host.url.clone(),
                    addresses,
                    behind: reach.behind,
                });
            }
        }
    }

    fn configure<W: World>(
        &mut self,
        arguments: &TcpConnectArguments,
        checked: &Checked,
        world: &mut W,
        network: &mut W::Network,
    ) {
        let took = network.now().since(self.outline.run.started_at);
        let (wanted, most) =
            (usize::try_from(arguments.parallel).unwrap_or(usize::MAX), world.connections());
        let series: usize = self.config.targets.iter().map(|one| one.addresses.len()).sum();
        if wanted > most
            && u64::try_from(series).unwrap_or(u64::MAX) * arguments.count > most as u64
        {
            self.outline.note(Some(format!(
                "at most {most} attempts at once, by the limit of open files (`ulimit -n`)"
            )));
        }
        self.config = Config {
            count: arguments.count,
            interval: arguments.interval,
            timeout: arguments.timeout.duration,
            deadline: arguments.deadline.map(|deadline| deadline.saturating_sub(took)),
            parallel: wanted.min(most),
            spacing: match world.may_flood() {
                true => Duration::ZERO,
                false => LEAST_CONNECT_INTERVAL,
            },
            control: control(arguments, checked),
            source_port: arguments.source_port.unwrap_or(0),
            only_head: arguments.only_head,
            reuses: arguments.reuse,
            redirects: redirects(arguments),
            names: None,
            proxy: self.config.proxy.take(),
            jury: None,
            http: arguments.http,
            dialogue: dialogue(arguments),
            tls: None,
            anchor: self.outline.run.anchor,
            keeps_results: arguments.form.output() == Output::Json,
            sees_answers: network.opened().sees_answers,
            keeps_states: arguments.verbose,
            targets: std::mem::take(&mut self.config.targets),
        };
    }
}

/// What is done with connections that open.
fn dialogue(arguments: &TcpConnectArguments) -> Option<Dialogue> {
    let TcpConnectArguments { send, expect_banner, hold, .. } = arguments;
    let is_any = send.is_some() || expect_banner.is_some() || hold.is_some();
    is_any.then(|| Dialogue {
        send: send.as_ref().map(|send| send.0.clone()).unwrap_or_default(),
        expect: expect_banner.clone(),
        hold: hold.unwrap_or_default(),
    })
}

/// The ports of each host; a list of services is read where names stand among them.
fn numbers<W: World>(hosts: &[Host], world: &mut W) -> Result<Vec<Vec<u16>>, String> {
    let has_names = hosts.iter().any(|host| host.ports.has_names());
    let service = services::ports(has_names, world);
    hosts.iter().map(|host| host.numbers(&service)).collect()
}

fn method(opened: &Opened) -> Method {
    ladder::connects_seen("TCP was asked for".to_owned(), opened.sees_answers)
}

/// Whether there are as many sockets with a mark as attempts.
///
/// # Errors
/// How many there may be, in a line.
fn check_marked(attempts: u64, (v4, v6): (u64, u64), opened: &Opened) -> Result<(), String> {
    let [ipv4, ipv6] = &opened.marked_connects;
    for (wanted, there) in [(v4, ipv4), (v6, ipv6)] {
        if let Ok(there) = there
            && wanted.saturating_mul(attempts) > *there as u64
        {
            return Err(format!(
                "--mark: at most {there} attempts in all: their sockets are opened while there is a right to mark them"
            ));
        }
    }
    Ok(())
}

/// What every packet carries.
pub(super) fn control(arguments: &TcpConnectArguments, checked: &Checked) -> Control {
    Control {
        hop_limit: arguments.ttl,
        traffic_class: arguments.marking.traffic_class(),
        source: arguments.source,
        interface: checked.interface.as_ref().map(|(number, _)| *number),
        ..Control::default()
    }
}

/// What is opened: connections need nothing beforehand.
pub(super) fn open_request(arguments: &TcpConnectArguments, checked: &Checked) -> OpenRequest {
    let has_names = checked.hosts.iter().any(|host| host.ports.has_names());
    let mut files = tls::files(arguments, checked);
    files.extend(has_names.then(|| netdiag_tcp::services::FILE.to_owned()));
    files.extend(proxy::file(arguments));
    let looks_up = checked
        .hosts
        .iter()
        .any(|host| literal(&host.name).is_none() || (host.url.is_some() && follows(arguments)));
    OpenRequest {
        family: only_family(arguments, checked),
        control: control(arguments, checked),
        names: match &checked.proxy {
            Some(proxy) => literal(&proxy.host).is_none() || (looks_up && !proxy.takes_names()),
            None => looks_up,
        },
        files,
        mark: arguments.mark,
        marked_connects: arguments.mark.map_or(0, |_| marked(arguments, checked)),
        tcp_answers: attempts(arguments, checked) <= SEEN,
        ..OpenRequest::default()
    }
}

/// The only family that can come up, of whose sockets the other ones would cost time to the first SYN: the
/// one that was asked for, or that of all hosts where these are addresses, and lead nowhere else.
fn only_family(arguments: &TcpConnectArguments, checked: &Checked) -> Option<Family> {
    let of = |host: &Host| literal(&host.name).filter(|_| host.url.is_none()).map(Family::of);
    family(arguments).or_else(|| match &checked.proxy {
        Some(proxy) => literal(&proxy.host).map(Family::of),
        None => checks::only_family(checked.hosts.iter().map(of)),
    })
}

/// Up to so many attempts it is seen from how far they are answered: each answer is told twice then.
const SEEN: u64 = 1_000;
/// How many addresses a name has at most, as far as sockets are opened for them beforehand.
const ADDRESSES: u64 = 8;
/// How many sockets are opened beforehand at most.
const MARKED: u64 = 1_024;

/// How many attempts there will be to a single address of each host.
fn attempts(arguments: &TcpConnectArguments, checked: &Checked) -> u64 {
    let ports = checked.hosts.iter().map(|host| host.ports.most()).sum::<u64>();
    ports.saturating_mul(arguments.count)
}

/// How many sockets with a mark they may need.
fn marked(arguments: &TcpConnectArguments, checked: &Checked) -> usize {
    let has_names = match &checked.proxy {
        Some(proxy) => literal(&proxy.host).is_none(),
        None => checked.hosts.iter().any(|host| literal(&host.name).is_none()),
    };
    let mut wanted = attempts(arguments, checked);
    if has_names {
        wanted = wanted.saturating_mul(ADDRESSES);
    }
    if checked.hosts.iter().any(|host| host.url.is_some()) && follows(arguments) {
        wanted = wanted.saturating_mul(redirects(arguments) as u64 + 1);
    }
    usize::try_from(wanted.min(MARKED)).unwrap_or(usize::MAX)
}

/// How many redirects are followed.
fn redirects(arguments: &TcpConnectArguments) -> usize {
    arguments.max_redirects.map_or(REDIRECTS, usize::from)
}

/// Whether any are.
fn follows(arguments: &TcpConnectArguments) -> bool {
    !arguments.only_head && redirects(arguments) > 0
}

fn as_understood(arguments: &TcpConnectArguments, checked: &Checked) -> serde_json::Value {
    json!({
        "targets": arguments.targets,
        "count": arguments.count,
        "interval_ms": netdiag_model::milliseconds(arguments.interval),
        "timeout_ms": netdiag_model::milliseconds(arguments.timeout.duration),
        "deadline_ms": arguments.deadline.map(netdiag_model::milliseconds),
        "parallel": arguments.parallel,
        "send_bytes": arguments.send.as_ref().map(|send| send.0.len()),
        "expect_banner": arguments.expect_banner.as_ref().map(Pattern::text),
        "expect": checked.expect.iter().map(ToString::to_string).collect::<Vec<String>>(),
        "http": arguments.http.map(|it| if it == Spoken::Http2 { "2" } else { "1.1" }),
        "max_redirects": redirects(arguments),
        "reuse": arguments.reuse,
        "proxy": checked.proxy.as_ref().map(ToString::to_string),
        "proxy_login": arguments.proxy_login,
        "hold_ms": arguments.hold.map(netdiag_model::milliseconds),
        "tls": arguments.tls,
        "no_tls": arguments.no_tls,
        "starttls": arguments.starttls.map(Protocol::name),
        "sni": arguments.sni,
        "ca": arguments.ca,
        "insecure": arguments.insecure,
        "ttl": arguments.ttl,
        "traffic_class": arguments.marking.traffic_class(),
        "mark": arguments.mark,
        "source": arguments.source,
        "source_port": arguments.source_port,
        "interface": checked.interface.as_ref().map(|(_, name)| name),
        "fail_if": checked.fail_if.as_ref().map(ToString::to_string),
    })
}

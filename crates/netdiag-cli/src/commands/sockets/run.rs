//! The look itself, and what it comes to.

use super::check::Checked;
use super::{NAME, ending};
use crate::args::SocketsArguments;
use crate::args::form::Output;
use crate::commands::ending::{End, Measured, Outcome};
use crate::commands::verdict;
use crate::{ExitStatus, World};
use netdiag_model::contract::{Judgement, Method, SocketKind, Timestamps};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{Instant, Untrusted, milliseconds};
use netdiag_report::Run;
use netdiag_report::sockets::{
    CsvSheet, Ended, JsonLinesSheet, JsonSheet, Sheet, Shown, TextOptions, TextSheet,
};
use netdiag_sockets::counters::{self, Counted, Memory};
use netdiag_sockets::findings::Judge;
use netdiag_sockets::look::{LookError, Plan, Seen, look};
use netdiag_sockets::port::Kernel;
use netdiag_sockets::result::Summary;
use netdiag_sockets::{Filter, Owners, Protocol, audit, metrics, summary, verdict as said};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The ports of a kernel that does not tell its own.
pub(super) const PORTS: (u16, u16) = (32_768, 60_999);

/// Reads the tables, writes what is in them, and judges.
pub(super) fn run<W: World>(
    arguments: &SocketsArguments,
    checked: &Checked,
    world: &mut W,
    tables: &mut Box<dyn Kernel>,
    out: &mut dyn Write,
) -> Result<Measured, LookError> {
    let plan = &checked.plan;
    let anchor = world.anchor();
    let started_at = tables.now();
    let owners = plan.owners.then(|| tables.owners());
    let owners = owners.as_ref();
    let ports = counters::ephemeral(tables.as_mut());
    let opened = opened(tables.as_mut());
    let run = Run {
        command: NAME,
        version: env!("CARGO_PKG_VERSION"),
        anchor,
        started_at,
        method: method(owners),
        arguments: described(arguments, plan),
        target_count: 0,
    };
    let at = tables.now();
    let mut sheet = sheet(arguments, plan, owners, world, (&run, at), out)?;
    let range = ports.map_or(PORTS, |(range, _)| range);
    let mut interfaces = Interfaces { world, known: BTreeMap::new() };
    let seen = look(tables.as_mut(), plan, owners, range, &mut |entry| {
        let name = interfaces.name(entry.socket.interface);
        sheet.row(entry, name)
    })?;
    let opened =
        opened.zip(self::opened(tables.as_mut())).map(|(before, after)| after - before.min(after));
    let memory = plan.summary.then(|| Memory::read(tables.as_mut()));
    let counted = plan.summary.then(|| Counted::read(tables.as_mut()));
    let judge = Judge {
        kernel: tables.as_mut(),
        seen: &seen,
        plan,
        owners,
        reserved: ports.map_or(0, |(_, reserved)| reserved),
        counted: counted.as_ref(),
        memory: memory.as_ref(),
    };
    let mut findings = judge.findings();
    let mut rows = Vec::new();
    if arguments.audit {
        // Who can be reached is part of it, how busy this machine is is not.
        findings.retain(|finding| finding.code == "listen-all-addresses");
        let (audited, more) = audit::audit(tables.as_mut());
        rows = audited;
        findings.splice(0..0, more);
    }
    let mut summary = summary::summary(&seen, plan, owners, ports, (memory, counted));
    summary.opened_while_read = opened;
    let failed = fails(checked, &summary, &findings);
    let is_critical = |finding: &Finding| finding.severity == Severity::Critical;
    let fails = failed.is_some() || (arguments.audit && findings.iter().any(is_critical));
    let (judgement, status) = match fails {
        true => (Judgement::Fails, ExitStatus::FAILS),
        false => (Judgement::Holds, ExitStatus::HOLDS),
    };
    findings.extend(failed);
    let said = match arguments.audit {
        true => said::audited(&rows, &findings),
        false => said::verdict(&summary, &findings),
    };
    let end = End { at: tables.now(), stopped: None, cannot_go_on: false };
    let outcome = Outcome { judgement, status, findings, complete: true };
    let method = told(run.method.clone(), &seen);
    let document = ending::document(&run, end, outcome, method, Vec::new());
    let ended = Ended { document: &document, summary: &summary, audit: &rows, verdict: &said };
    sheet.finish(&ended).map_err(LookError::Write)?;
    Ok(Measured { status, last_words: None })
}

fn sheet<'a, W: World>(
    arguments: &SocketsArguments,
    plan: &Plan,
    owners: Option<&'a Owners>,
    world: &W,
    (run, at): (&Run, Instant),
    out: &'a mut dyn Write,
) -> Result<Box<dyn Sheet + 'a>, LookError> {
    let is_summary = plan.summary;
    let sheet: io::Result<Box<dyn Sheet + 'a>> = match arguments.form.output() {
        Output::Json => Ok(Box::new(JsonSheet::new(out, is_summary))),
        Output::Jsonl => {
            JsonLinesSheet::new(out, run, at, is_summary).map(|sheet| Box::new(sheet) as Box<_>)
        }
        Output::Csv => CsvSheet::new(out).map(|sheet| Box::new(sheet) as Box<_>),
        Output::Text => {
            let options = TextOptions {
                header: header(arguments, plan, owners),
                quiet: arguments.quiet,
                verbose: arguments.verbose,
                shown: match (arguments.audit, is_summary) {
                    (true, _) => Shown::Audit,
                    (_, true) => Shown::Summary,
                    _ => Shown::Sockets,
                },
                style: arguments.form.color.style(world.terminal()),
            };
            TextSheet::new(out, options, owners).map(|sheet| Box::new(sheet) as Box<_>)
        }
    };
    sheet.map_err(LookError::Write)
}

/// The first line, which says what is listed.
fn header(arguments: &SocketsArguments, plan: &Plan, owners: Option<&Owners>) -> String {
    if arguments.audit {
        return "sockets --audit, the sysctls of TCP in this network namespace".to_owned();
    }
    let protocols: Vec<&str> = plan.protocols.iter().map(|protocol| protocol.name()).collect();
    let mut parts = vec![match plan.summary {
        true => "sockets --summary".to_owned(),
        false => "sockets".to_owned(),
    }];
    parts.push(protocols.join(" and "));
    if plan.listening {
        parts.push("those that wait for others".to_owned());
    }
    if let Some(filter) = &plan.filter {
        parts.push(format!("filter '{}'", Untrusted::from(filter.text()).escaped()));
    }
    parts.push("this network namespace".to_owned());
    match owners.map(Owners::refused) {
        None => {}
        Some(0) => parts.push("owners of all processes".to_owned()),
        Some(1) => parts.push("owners but those of 1 process that is hidden".to_owned()),
        Some(n) => parts.push(format!("owners but those of {n} processes that are hidden")),
    }
    parts.join(", ")
}

pub(super) fn described(arguments: &SocketsArguments, plan: &Plan) -> serde_json::Value {
    json!({
        "filter": plan.filter.as_ref().map(Filter::text),
        "protocols": plan.protocols,
        "listening": plan.listening,
        "processes": plan.owners,
        "summary": arguments.summary,
        "audit": arguments.audit,
        "watch_ms": arguments.watch.map(milliseconds),
        "count": arguments.count,
        "verbose": arguments.verbose,
        "threshold": arguments.threshold,
    })
}

pub(super) fn method(owners: Option<&Owners>) -> Method {
    let hidden = owners.map_or(0, Owners::refused);
    let mut lost = Vec::new();
    if hidden > 0 {
        lost.push(format!("the descriptors of {hidden} processes, which this user may not see"));
    }
    Method {
        socket: SocketKind::Netlink,
        timestamps: Timestamps::User,
        because: "sock_diag(7) lists the sockets of this network namespace".to_owned(),
        lost,
        remedy: (hidden > 0).then(|| {
            "root, or `setcap cap_sys_ptrace,cap_dac_read_search+p netdiag`, sees every owner"
                .to_owned()
        }),
    }
}

/// The method with what turned out to be lost.
fn told(mut method: Method, seen: &Seen) -> Method {
    let names = |protocols: &[Protocol]| {
        protocols.iter().map(|protocol| protocol.name()).collect::<Vec<_>>().join(", ")
    };
    if !seen.from_files.is_empty() {
        method.lost.push(format!(
            "what /proc/net does not tell of {}: the limits of accept queues, TCP_INFO",
            names(&seen.from_files)
        ));
    }
    for (protocol, fault) in &seen.refused {
        let error = netdiag_model::errno::Errno::new(fault.errno).name;
        method.lost.push(format!("{} ({}: {error})", protocol.name(), fault.call));
    }
    method
}

fn fails(checked: &Checked, summary: &Summary, findings: &[Finding]) -> Option<Finding> {
    let measured = metrics::Measured { summary, findings };
    let target = Untrusted::from("the sockets");
    verdict::fail_if(checked.fail_if.as_ref(), &measured, None, &target).map(|(finding, _)| finding)
}

/// Connections that have begun in this namespace, at either end.
fn opened(tables: &mut dyn Kernel) -> Option<u64> {
    let text = tables.file("/proc/net/snmp")?;
    let count = |name| counters::counter(&text, "Tcp", name);
    Some(count("ActiveOpens")? + count("PassiveOpens")?)
}

/// The names of interfaces, by index.
struct Interfaces<'a, W> {
    world: &'a mut W,
    known: BTreeMap<u32, Option<Untrusted>>,
}

impl<W: World> Interfaces<'_, W> {
    fn name(&mut self, index: u32) -> Option<&Untrusted> {
        if index == 0 {
            return None;
        }
        let world = &mut self.world;
        let name = || world.link(index).map(|link| link.name);
        self.known.entry(index).or_insert_with(name).as_ref()
    }
}

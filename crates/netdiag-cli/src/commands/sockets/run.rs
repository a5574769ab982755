//! The look itself, and what it comes to.

use super::check::Checked;
use super::header::{described, header, method, saved, told};
use super::looks::{Looked, looks};
use super::names::Names;
use super::{NAME, ending};
use crate::args::SocketsArguments;
use crate::args::form::Output;
use crate::args::sockets::ClassicProgram;
use crate::commands::ending::{End, Measured, Outcome};
use crate::commands::verdict;
use crate::{ExitStatus, World};
use netdiag_model::contract::Judgement;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{Instant, Untrusted};
use netdiag_report::Run;
use netdiag_report::sockets::{
    Classic, ClassicOptions, ClassicSheet, CsvSheet, Ended, JsonLinesSheet, JsonSheet, Sheet,
    Shown, TextOptions, TextSheet,
};
use netdiag_sockets::look::{LookError, Plan};
use netdiag_sockets::namespaces::Namespaces;
use netdiag_sockets::port::{Fault, Kernel, Origin};
use netdiag_sockets::result::Summary;
use netdiag_sockets::totals::Totals;
use netdiag_sockets::{Owners, Ports, State, audit, metrics, summary, verdict as said};
use std::io::{self, Write};

/// The error number of a file that is not there (errno(3)).
const ENOENT: i32 = 2;

/// Reads the tables, writes what is in them, and judges.
pub(super) fn run<W: World>(
    arguments: &SocketsArguments,
    checked: &Checked,
    world: &mut W,
    tables: &mut Box<dyn Kernel>,
    out: &mut dyn Write,
) -> Result<Measured, LookError> {
    let plan = &checked.plan;
    let origin = tables.origin();
    let origin = origin.as_ref();
    if let Some(fault) = no_counters(arguments, plan, origin, tables.as_mut()) {
        return Err(fault);
    }
    let anchor = world.anchor();
    let started_at = tables.now();
    let owners = plan.owners.then(|| tables.owners());
    let owners = owners.as_ref();
    let namespaces = tables.namespaces();
    let run = Run {
        command: NAME,
        version: env!("CARGO_PKG_VERSION"),
        anchor,
        started_at,
        method: match origin {
            Some(origin) => saved(origin),
            None => method(owners, &namespaces),
        },
        arguments: described(arguments, plan),
        target_count: 0,
    };
    let at = tables.now();
    let shown = (owners, &namespaces, origin, Names::read(arguments, owners, tables.as_mut()));
    let mut sheet = sheet(arguments, plan, shown, world, (&run, at), out)?;
    let looked = looks(tables.as_mut(), plan, owners, &namespaces, world, sheet.as_mut())?;
    let Looked { seen, mut findings, not_listed, ports, memory, counted, opened, lost, ports_of } =
        looked;
    let mut rows = Vec::new();
    if arguments.audit {
        // Who can be reached is part of it, how busy this machine is is not.
        findings.retain(|finding| finding.code == "listen-all-addresses");
        let (audited, more) = audit::audit(tables.as_mut());
        rows = audited;
        findings.splice(0..0, more);
    }
    let mut summary = summary::summary(
        &seen,
        plan,
        owners,
        (ports.as_ref(), ports_of.as_ref()),
        (memory, counted),
    );
    summary.opened_while_read = opened;
    summary.warnings_not_listed = (!plan.protocols.is_empty()).then_some(not_listed);
    summary.totals = plan.protocols.is_empty().then(|| Totals::read(tables.as_mut()));
    let failed = fails(checked, &summary, &findings);
    let is_critical = |finding: &Finding| finding.severity == Severity::Critical;
    let fails = failed.is_some() || (arguments.audit && findings.iter().any(is_critical));
    let (judgement, status) = match fails {
        true => (Judgement::Fails, ExitStatus::FAILS),
        false => (Judgement::Holds, ExitStatus::HOLDS),
    };
    findings.extend(failed);
    let mut said = match arguments.audit {
        true => said::audited(&rows, &findings),
        false => said::verdict(plan, &summary, &findings),
    };
    said.push_str(&left_out(&namespaces, origin));
    let end = End { at: tables.now(), stopped: None, cannot_go_on: false };
    let outcome = Outcome { judgement, status, findings, complete: true };
    let method = told(run.method.clone(), &seen, lost);
    let document = ending::document(&run, end, outcome, method, Vec::new());
    let ended = Ended {
        document: &document,
        summary: &summary,
        audit: &rows,
        namespaces: &namespaces.rows(),
        verdict: &said,
    };
    sheet.finish(&ended).map_err(LookError::Write)?;
    Ok(Measured { status, last_words: None })
}

/// What could not be read, where what was asked for is not in tables.
pub(super) fn no_counters(
    arguments: &SocketsArguments,
    plan: &Plan,
    origin: Option<&Origin>,
    tables: &mut dyn Kernel,
) -> Option<LookError> {
    if !arguments.audit && !plan.protocols.is_empty() {
        return None;
    }
    let (call, is_there) = match (arguments.audit, origin) {
        (true, _) => ("reading /proc/sys/net/ipv4", Ports::read(tables).is_some()),
        (_, None) => ("reading /proc/net/sockstat", tables.file("/proc/net/sockstat").is_some()),
        _ => ("reading the saved sockstat", tables.file("/proc/net/sockstat").is_some()),
    };
    (!is_there).then_some(LookError::Kernel(Fault { call, errno: ENOENT }))
}

/// What is not in the list, as the end of a sentence.
fn left_out(namespaces: &Namespaces, origin: Option<&Origin>) -> String {
    let mut said = match namespaces.missing() {
        none if none.is_empty() => String::new(),
        missing => format!("; not in the list: {}", missing.join(", and ")),
    };
    if origin.is_some() {
        said.push_str(
            "; a copy tells no ages, queue limits and TCP_INFO: what needs these was not judged",
        );
    }
    match origin.map_or(0, |origin| origin.broken) {
        0 => {}
        1 => said.push_str("; 1 line of the copy is no socket's"),
        n => said.push_str(&format!("; {n} lines of the copy are no socket's")),
    }
    said
}

/// What is known before the first socket: owners, namespaces, where saved tables are from, names.
type Around<'a> = (Option<&'a Owners>, &'a Namespaces, Option<&'a Origin>, Names);

fn sheet<'a, W: World>(
    arguments: &SocketsArguments,
    plan: &Plan,
    (owners, namespaces, origin, names): Around<'a>,
    world: &W,
    (run, at): (&Run, Instant),
    out: &'a mut dyn Write,
) -> Result<Box<dyn Sheet + 'a>, LookError> {
    let is_summary = plan.summary;
    if let Some(classic) = arguments.classic {
        let classic = match classic {
            ClassicProgram::Netstat => Classic::Netstat,
            ClassicProgram::Ss => Classic::Ss,
            ClassicProgram::Lsof => Classic::Lsof,
        };
        let options = ClassicOptions {
            listening: plan.listening,
            processes: plan.owners,
            one_state: plan.filter.as_ref().is_some_and(|filter| {
                let wanted = State::ALL.into_iter().filter(|of| of.mask() & filter.states() != 0);
                wanted.count() == 1
            }),
            protocols: plan.protocols.clone(),
            users: names.users,
            programs: names.programs,
        };
        return Ok(Box::new(ClassicSheet::new(out, classic, options)));
    }
    let sheet: io::Result<Box<dyn Sheet + 'a>> = match arguments.form.output() {
        Output::Json => Ok(Box::new(JsonSheet::new(out, is_summary))),
        Output::Jsonl => {
            JsonLinesSheet::new(out, run, at, is_summary).map(|sheet| Box::new(sheet) as Box<_>)
        }
        Output::Csv => CsvSheet::new(out).map(|sheet| Box::new(sheet) as Box<_>),
        Output::Text => {
            let options = TextOptions {
                header: header(arguments, plan, owners, (namespaces, origin)),
                namespaces: !namespaces.entered.is_empty(),
                filtered: plan.filter.is_some(),
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

fn fails(checked: &Checked, summary: &Summary, findings: &[Finding]) -> Option<Finding> {
    let measured = metrics::Measured { summary, findings };
    let target = Untrusted::from("the sockets");
    verdict::fail_if(checked.fail_if.as_ref(), &measured, None, &target).map(|(finding, _)| finding)
}

//! A look at each network namespace, and what they come to together.

use crate::World;
use netdiag_model::Untrusted;
use netdiag_model::errno::Errno;
use netdiag_model::finding::Finding;
use netdiag_report::sockets::Sheet;
use netdiag_sockets::counters::{self, Counted, Memory};
use netdiag_sockets::findings::{Judge, Judged};
use netdiag_sockets::look::{LookError, Plan, Seen, look};
use netdiag_sockets::namespaces::{Namespace, Namespaces, Place};
use netdiag_sockets::port::Kernel;
use netdiag_sockets::{Owners, Ports};
use std::collections::BTreeMap;

/// What was seen.
pub(super) struct Looked {
    pub(super) seen: Seen,
    pub(super) findings: Vec<Finding>,
    /// How many warnings and worse are only about sockets that are not listed.
    pub(super) not_listed: u64,
    /// The ports that the kernel picks from.
    pub(super) ports: Option<Ports>,
    /// The namespace that these are of, where several are looked at.
    pub(super) ports_of: Option<Namespace>,
    pub(super) memory: Option<Memory>,
    pub(super) counted: Option<Counted>,
    /// Connections that began meanwhile.
    pub(super) opened: Option<u64>,
    /// What could not be read.
    pub(super) lost: Vec<String>,
}

/// Looks at each namespace in turn.
pub(super) fn looks<W: World>(
    tables: &mut dyn Kernel,
    plan: &Plan,
    owners: Option<&Owners>,
    namespaces: &Namespaces,
    world: &mut W,
    sheet: &mut dyn Sheet,
) -> Result<Looked, LookError> {
    let mut known = BTreeMap::new();
    let mut names = |index: u32| -> Option<Untrusted> {
        let name = || world.link(index).map(|link| link.name);
        known.entry(index).or_insert_with(name).clone()
    };
    let mut all = one(tables, plan, owners, namespaces.entered.first(), &mut names, sheet)?;
    for (turn, namespace) in namespaces.entered.iter().enumerate().skip(1) {
        tables.turn_to(turn);
        // Interfaces have the same numbers there, and are others.
        match one(tables, plan, owners, Some(namespace), &mut |_| None, sheet) {
            Ok(one) => all.absorb(one),
            Err(LookError::Kernel(fault)) => {
                let (label, error) = (namespace.label(), Errno::new(fault.errno).name);
                all.lost.push(format!("the sockets of {label} ({}: {error})", fault.call));
            }
            Err(fault) => return Err(fault),
        }
    }
    tables.turn_to(0);
    all.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(all)
}

/// Looks at the namespace that tables are turned to.
pub(super) fn one(
    tables: &mut dyn Kernel,
    plan: &Plan,
    owners: Option<&Owners>,
    namespace: Option<&Namespace>,
    names: &mut dyn FnMut(u32) -> Option<Untrusted>,
    sheet: &mut dyn Sheet,
) -> Result<Looked, LookError> {
    let ports = Ports::read(tables).filter(|_| !plan.protocols.is_empty());
    let before = counters::opened(tables);
    let picked = ports.clone().unwrap_or_default();
    let seen = look(tables, plan, owners, &picked, &mut |entry| {
        let name = match entry.socket.interface {
            0 => None,
            index => names(index),
        };
        sheet.row(entry, Place { interface: name.as_ref(), namespace })
    })?;
    let after = counters::opened(tables).filter(|_| !plan.protocols.is_empty());
    let opened = before.zip(after).map(|(before, after)| after - before.min(after));
    let memory = plan.summary.then(|| Memory::read(tables));
    let counted = plan.summary.then(|| Counted::read(tables));
    let judge = Judge {
        kernel: tables,
        seen: &seen,
        plan,
        owners,
        counted: counted.as_ref(),
        memory: memory.as_ref(),
        not_listed: 0,
    };
    let Judged { mut findings, not_listed } = judge.findings();
    if let Some(namespace) = namespace {
        findings = findings.into_iter().map(|finding| there(finding, namespace)).collect();
    }
    let (lost, ports_of) = (Vec::new(), namespace.cloned());
    Ok(Looked { seen, findings, not_listed, ports, ports_of, memory, counted, opened, lost })
}

/// The finding with its namespace, in which its addresses and ports are meant.
fn there(mut finding: Finding, namespace: &Namespace) -> Finding {
    if is_global(&finding) {
        return finding;
    }
    finding.message = format!("{}: {}", namespace.label(), finding.message);
    finding.with("namespace", namespace.id)
}

impl Looked {
    /// Adds what was seen in another namespace.
    fn absorb(&mut self, other: Self) {
        let share = |looked: &Self| {
            let busiest = looked.seen.tally.destinations.busiest(1);
            let available = looked.ports.as_ref()?.available();
            Some(f64::from(busiest.first()?.1.used) / available.max(1) as f64)
        };
        // Each has its own ports: those are told that are nearest to their end.
        if share(&other) > share(self) {
            (self.ports, self.ports_of) = (other.ports, other.ports_of);
            self.seen.tally.destinations = other.seen.tally.destinations.clone();
        }
        let Seen { tally, states, retries, interrupted, from_files, refused } = other.seen;
        self.not_listed += other.not_listed;
        self.seen.states |= states;
        self.seen.tally.absorb(tally);
        self.seen.retries = self.seen.retries.max(retries);
        self.seen.interrupted |= interrupted;
        add_new(&mut self.seen.from_files, from_files);
        add_new(&mut self.seen.refused, refused);
        // What is of the whole machine is a finding once.
        let told = |finding: &Finding| (finding.code.clone(), finding.subject.clone());
        let global: Vec<_> =
            self.findings.iter().filter(|finding| is_global(finding)).map(told).collect();
        let more = other.findings.into_iter();
        self.findings
            .extend(more.filter(|finding| !is_global(finding) || !global.contains(&told(finding))));
        if let (Some(sum), Some(more)) = (&mut self.counted, &other.counted) {
            sum.add(more);
        }
        if let (Some(sum), Some(more)) = (&mut self.memory, other.memory) {
            sum.add(more);
        }
        self.opened = self.opened.zip(other.opened).map(|(one, other)| one + other);
        self.lost.extend(other.lost);
    }
}

/// Adds what is not there yet: what is refused in one namespace mostly is in each.
fn add_new<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

/// Whether it is about a limit that all namespaces share. Each has interfaces and tracked connections of
/// its own.
fn is_global(finding: &Finding) -> bool {
    finding.code == "resource-near-limit"
        && !finding.evidence.contains_key("direction")
        && !finding.subject.starts_with("tracked connections")
}

//! One look for whoever counts sockets beside other things: no owners, no rows.

use super::check::{Checked, check};
use super::header::{method, told};
use super::looks::{Looked, one};
use crate::args::SocketsArguments;
use netdiag_model::contract::Method;
use netdiag_model::finding::Finding;
use netdiag_report::sockets::{Ended, Sheet};
use netdiag_sockets::filter::Names;
use netdiag_sockets::look::{Entry, LookError, Plan};
use netdiag_sockets::namespaces::{Namespaces, Place};
use netdiag_sockets::port::{Fault, Kernel};
use netdiag_sockets::result::Summary;
use netdiag_sockets::{Filter, summary};
use std::io;

/// What is looked at; it cannot be invalid.
pub(crate) struct Glance {
    plan: Plan,
    /// The filter cannot be answered without a look at processes.
    names_owners: bool,
}

/// What was seen.
pub(crate) struct Glanced {
    pub(crate) summary: Summary,
    pub(crate) findings: Vec<Finding>,
    pub(crate) method: Method,
}

impl Glance {
    /// Checks the arguments, in which these names stand for numbers.
    ///
    /// # Errors
    /// What is wrong with them, in a line.
    pub(crate) fn new(arguments: &SocketsArguments, names: Names<'_>) -> Result<Self, String> {
        let in_a_line = |fault: String| fault.lines().next().unwrap_or_default().to_owned();
        let Checked { mut plan, .. } = check(arguments, names).map_err(in_a_line)?;
        let names_owners = plan.filter.as_ref().is_some_and(Filter::names_owners);
        (plan.owners, plan.summary) = (false, true);
        Ok(Self { plan, names_owners })
    }

    /// Whether the filter is about processes.
    pub(crate) const fn names_owners(&self) -> bool {
        self.names_owners
    }

    /// Reads the tables.
    ///
    /// # Errors
    /// When none can be read.
    pub(crate) fn look(&self, tables: &mut dyn Kernel) -> Result<Glanced, Fault> {
        let plan = &self.plan;
        let looked = match one(tables, plan, None, None, &mut |_| None, &mut Unseen) {
            Ok(looked) => looked,
            Err(LookError::Kernel(fault)) => return Err(fault),
            // Nobody writes.
            Err(LookError::Write(_)) => return Err(Fault { call: "write", errno: 5 }),
        };
        let Looked { seen, findings, ports, memory, counted, opened, lost, .. } = looked;
        let mut summary =
            summary::summary(&seen, plan, None, (ports.as_ref(), None), (memory, counted));
        summary.opened_while_read = opened;
        let method = told(method(None, &Namespaces::default()), &seen, lost);
        Ok(Glanced { summary, findings, method })
    }
}

/// What shows no row.
struct Unseen;

impl Sheet for Unseen {
    fn row(&mut self, _: &Entry<'_>, _: Place<'_>) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &Ended<'_>) -> io::Result<()> {
        Ok(())
    }
}

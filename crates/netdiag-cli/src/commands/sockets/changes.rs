//! Looks one after the other, and what was seen of changes.

use super::check::Checked;
use netdiag_report::sockets::WatchSheet;
use netdiag_sockets::look::{LookError, Plan, look};
use netdiag_sockets::namespaces::{Namespaces, Place};
use netdiag_sockets::port::Kernel;
use netdiag_sockets::sample::Sampler;
use netdiag_sockets::watch::{Happened, Watch};
use netdiag_sockets::{Owners, Ports};
use std::time::Duration;

/// Looks, and what was seen of changes.
pub(super) struct Looks<'a> {
    /// What is told.
    plan: &'a Plan,
    /// What is looked at: also what a filter leaves out, into which a socket may go on.
    all: Plan,
    ports: Ports,
    samples: bool,
    namespaces: &'a Namespaces,
    /// What is known of each namespace, or of the only one.
    watches: Vec<Watch>,
    /// The owners by the last look, where they are wanted: of what has gone since nobody else knows.
    pub(super) before: Option<Owners>,
    sampler: Sampler,
    counts: [u64; 4],
    /// Of how many sockets at most it was not known whether they are meant.
    hidden: u64,
    /// Looks at tables that could not be read.
    failed: u64,
    /// Looks at tables that changed while they were read.
    interrupted: u64,
}

impl<'a> Looks<'a> {
    pub(super) fn new(checked: &'a Checked, samples: bool, namespaces: &'a Namespaces) -> Self {
        Self {
            plan: &checked.plan,
            all: checked.plan.unfiltered(),
            ports: Ports::default(),
            samples,
            namespaces,
            watches: vec![Watch::default(); namespaces.entered.len().max(1)],
            before: None,
            sampler: Sampler::default(),
            counts: [0; 4],
            hidden: 0,
            failed: 0,
            interrupted: 0,
        }
    }

    /// The look that the others are compared with.
    pub(super) fn first(&mut self, tables: &mut dyn Kernel) -> Result<(), LookError> {
        match self.samples {
            true => Ok(()),
            false => self.tables(tables, None),
        }
    }

    /// A look.
    pub(super) fn look(
        &mut self,
        tables: &mut dyn Kernel,
        sheet: &mut dyn WatchSheet,
    ) -> Result<(), LookError> {
        self.counts[3] += 1;
        if self.samples {
            let (at, sample) = self.sampler.sample(tables);
            return sheet.sample(at, &sample).map_err(LookError::Write);
        }
        self.tables(tables, Some(sheet))
    }

    /// A look at the tables of each namespace.
    fn tables(
        &mut self,
        tables: &mut dyn Kernel,
        mut sheet: Option<&mut dyn WatchSheet>,
    ) -> Result<(), LookError> {
        let owners = self.plan.owners.then(|| tables.owners());
        let mut hidden = 0;
        for turn in 0..self.watches.len() {
            tables.turn_to(turn);
            match self.one(tables, turn, owners.as_ref(), &mut sheet) {
                Ok(unknown) => hidden += unknown,
                // The others are there all the same.
                Err(LookError::Kernel(_)) if turn > 0 => self.failed += 1,
                Err(fault) => return Err(fault),
            }
        }
        tables.turn_to(0);
        self.hidden = self.hidden.max(hidden);
        self.before = owners;
        Ok(())
    }

    /// A look at the namespace that tables are turned to; of how many sockets it is not known whether they
    /// are meant.
    fn one(
        &mut self,
        tables: &mut dyn Kernel,
        turn: usize,
        owners: Option<&Owners>,
        sheet: &mut Option<&mut dyn WatchSheet>,
    ) -> Result<u64, LookError> {
        let at = tables.now();
        let (counts, plan) = (&mut self.counts, self.plan);
        let Some(watch) = self.watches.get_mut(turn) else { return Ok(0) };
        let place = Place { interface: None, namespace: self.namespaces.entered.get(turn) };
        watch.begin();
        let mut hidden = 0;
        let seen = look(tables, &self.all, owners, &self.ports, &mut |entry| {
            let wants = plan.wants(&entry.socket, entry.owners);
            hidden += u64::from(wants.is_none());
            let change = watch.take(at, &entry.socket, wants == Some(true));
            match change.zip(sheet.as_mut()) {
                Some((change, sheet)) => {
                    counts[usize::from(change.happened == Happened::State)] += 1;
                    sheet.change(&change, place, owners)
                }
                None => Ok(()),
            }
        })?;
        if seen.interrupted {
            // One that was not seen may be there: the next look tells.
            self.interrupted += 1;
            return Ok(hidden);
        }
        for change in watch.end(at) {
            counts[2] += 1;
            if let Some(sheet) = sheet.as_mut() {
                sheet.change(&change, place, self.before.as_ref()).map_err(LookError::Write)?;
            }
        }
        Ok(hidden)
    }

    /// What was seen so far.
    pub(super) fn said(&self, took: Duration) -> String {
        let [opened, changed, closed, looks] = self.counts;
        let seconds = took.as_secs_f64();
        let (sample, look) = if looks == 1 { ("sample", "look") } else { ("samples", "looks") };
        if self.samples {
            return format!("{looks} {sample} in {seconds:.1} s");
        }
        let mut said = format!(
            "{looks} {look} in {seconds:.1} s: {opened} opened, {changed} changed their state, \
             {closed} closed; what came and went between two looks was not seen"
        );
        let more = [
            (self.hidden, "owners of", "not visible to this user: they may be meant"),
            (
                self.interrupted,
                "at",
                "looks a table changed while it was read, and what has gone was not told",
            ),
            (self.failed, "at", "looks the tables of another namespace could not be read"),
        ];
        for (count, before, after) in more.into_iter().filter(|(count, ..)| *count > 0) {
            said.push_str(&format!("; {before} {count} {after}"));
        }
        match self.namespaces.missing() {
            none if none.is_empty() => {}
            missing => said.push_str(&format!("; not looked at: {}", missing.join(", and "))),
        }
        if !self.namespaces.entered.is_empty() {
            said.push_str("; nor were namespaces that began meanwhile");
        }
        said
    }
}

//! What commands have in common whose targets are hosts: their plan, and the frame of their run.

use super::drive::{Drive, Listener};
use super::ending::{self, End, Measured, Outcome};
use super::judged::Judged;
use super::{ladder, resolve};
use crate::{Backend, ExitStatus, World};
use netdiag_check::expr::Expr;
use netdiag_engine::port::Network;
use netdiag_engine::{Measurement, Pause};
use netdiag_model::contract::{Context, Document, Judgement, Method, Timestamps};
use netdiag_model::failure::{Failure, LookupError};
use netdiag_model::finding::Finding;
use netdiag_model::{Instant, Untrusted};
use netdiag_report::{Report, Run, Subject, interim};
use serde_json::Value;
use std::io::{self, Write};
use std::time::Duration;

/// What every plan for hosts has.
pub(crate) struct Outline {
    pub(crate) run: Run,
    pub(crate) fail_if: Option<Expr>,
    /// Targets of which nothing can be known from here: nobody could be asked for their address, or
    /// no socket can reach it.
    pub(crate) unmeasured: Vec<usize>,
    /// What stands in for what was asked for, to be said once.
    pub(crate) notes: Vec<String>,
    /// The run was ended while names were looked up.
    pub(crate) interrupted: bool,
}

impl Outline {
    /// A run that starts now, before any name is looked up.
    pub(crate) fn new<W: World>(
        command: &'static str,
        backend: Backend,
        (arguments, target_count): (Value, usize),
        world: &mut W,
        network: &mut W::Network,
    ) -> Self {
        let run = Run {
            command,
            version: env!("CARGO_PKG_VERSION"),
            anchor: world.anchor(),
            started_at: network.now(),
            method: ladder::weakest(network.opened(), backend),
            arguments,
            target_count,
        };
        Self { run, fail_if: None, unmeasured: Vec::new(), notes: Vec::new(), interrupted: false }
    }

    /// Takes a note, unless the same was noted.
    pub(crate) fn note(&mut self, note: Option<String>) {
        self.notes.extend(note.filter(|note| !self.notes.contains(note)));
    }

    /// Why a host has no address.
    pub(crate) fn lookup_failure(&mut self, host: &str, error: &LookupError) -> Failure {
        self.interrupted |= *error == LookupError::Interrupted;
        resolve::lookup_failure(host, error)
    }

    /// The run is measured as its weakest target is.
    pub(crate) fn measured_by<'a>(&mut self, methods: impl Iterator<Item = &'a Method>) {
        if let Some(weakest) = ending::weakest(methods) {
            self.run.method = weakest;
        }
    }

    /// What a target comes to that there is no measurement of.
    pub(crate) fn judge_unmeasured(&self, target_index: usize) -> Judgement {
        match self.unmeasured.contains(&target_index) {
            true => Judgement::Unmeasured,
            false => Judgement::Fails,
        }
    }

    /// What the result of a target needs; `user_stamps`: of at least one sample.
    pub(crate) fn context(
        &self,
        target: &Untrusted,
        method: Option<&Method>,
        user_stamps: bool,
    ) -> Context {
        let mut method = method.unwrap_or(&self.run.method).clone();
        if user_stamps {
            method.timestamps = Timestamps::User;
        }
        let (anchor, started_at) = (self.run.anchor, self.run.started_at);
        Context { target: target.clone(), anchor, started_at, method }
    }
}

/// What the targets of a run came to, before they are judged together.
pub(crate) struct Found {
    pub(crate) judged: Judged,
    pub(crate) findings: Vec<Finding>,
    /// Every measurement ended by itself.
    pub(crate) complete: bool,
}

/// The document of a run of hosts, measured by its weakest method, and how the process ends.
pub(crate) fn document<T>(
    outline: &Outline,
    end: End,
    found: Found,
    targets: Vec<T>,
    method: impl Fn(&T) -> Option<&Method>,
) -> (Document<T>, ExitStatus) {
    let Found { mut judged, findings, complete } = found;
    if end.cannot_go_on || outline.interrupted {
        judged = Judged::nothing();
    }
    let (judgement, status) = (judged.together(), judged.status(false));
    // What was interrupted before it began may have no measurement.
    let complete = !outline.interrupted && complete;
    let weakest = ending::weakest(targets.iter().filter_map(method));
    let method = weakest.unwrap_or_else(|| outline.run.method.clone());
    let outcome = Outcome { judgement, status, findings, complete };
    (ending::document(&outline.run, end, outcome, method, targets), status)
}

/// What will be done to hosts, and what a result is made of.
pub(crate) trait HostPlan {
    /// What the reports are about.
    type Subject: Subject;
    /// What measures a target.
    type Measurement: Measurement<Event = <Self::Subject as Subject>::Event>;

    /// What every plan for hosts has.
    fn outline(&self) -> &Outline;

    /// The targets, in order.
    fn resolved(&self) -> &[<Self::Subject as Subject>::Resolved];

    /// One for each target that can be measured.
    fn measurements(&self) -> Vec<Self::Measurement>;

    /// From one packet to the next one at the least, where there are so many targets that the pace of one
    /// is no measure.
    fn spacing(&self) -> Option<Duration> {
        None
    }

    /// Looks after what goes on beside the run, and says whether measurements are to be asked about it.
    fn beside<W: World>(&self, now: Instant, world: &mut W) -> Pause {
        let _ = (now, world);
        Pause { until: Instant::FAR, ask: false }
    }

    /// Makes the document, has it written, and says how the process ends.
    ///
    /// # Errors
    /// When the report's writer fails.
    fn conclude(
        &self,
        measurements: Vec<Self::Measurement>,
        end: End,
        report: &mut dyn Report<Self::Subject>,
    ) -> io::Result<ExitStatus>;
}

/// A form of output; and where it is said how far a run has come, unless the form says that itself.
pub(crate) struct Form<'a, S: Subject> {
    pub(crate) report: Box<dyn Report<S> + 'a>,
    err: Option<&'a mut dyn Write>,
}

impl<'a, S: Subject> Form<'a, S> {
    /// One for people.
    pub(crate) fn told(report: impl Report<S> + 'a) -> Self {
        Self { report: Box::new(report), err: None }
    }

    /// One for programs.
    pub(crate) fn written(report: impl Report<S> + 'a, err: &'a mut dyn Write) -> Self {
        Self { report: Box::new(report), err: Some(err) }
    }
}

/// Tells what is known before anything is sent.
pub(crate) fn begin<P: HostPlan>(plan: &P, form: &mut Form<'_, P::Subject>) -> io::Result<()> {
    form.report.start(&plan.outline().run)?;
    plan.resolved().iter().try_for_each(|resolved| form.report.resolved(resolved))
}

/// Measures what is planned.
pub(crate) fn measure<P: HostPlan, W: World>(
    plan: &P,
    world: &mut W,
    network: &mut W::Network,
    form: &mut Form<'_, P::Subject>,
) -> io::Result<Measured> {
    let interrupted = plan.outline().interrupted;
    let drive = Drive::new(plan.measurements(), interrupted, world, network);
    let drive = match plan.spacing().filter(|_| world.may_flood()) {
        Some(spacing) => drive.at_rate(spacing, true),
        None => drive,
    };
    drive.run(world, network, &mut Reporting { plan, form })
}

/// The same as a part of a longer run, which signals end.
pub(crate) fn measure_unwatched<P: HostPlan, W: World>(
    plan: &P,
    world: &mut W,
    network: &mut W::Network,
    form: &mut Form<'_, P::Subject>,
) -> io::Result<Measured> {
    let mut drive = Drive::new(plan.measurements(), plan.outline().interrupted, world, network);
    drive.is_watched = false;
    drive.run(world, network, &mut Reporting { plan, form })
}

/// A report that is told of a run.
struct Reporting<'a, 'b, P: HostPlan> {
    plan: &'a P,
    form: &'a mut Form<'b, P::Subject>,
}

impl<P: HostPlan> Listener<P::Measurement> for Reporting<'_, '_, P> {
    fn event(&mut self, event: &<P::Measurement as Measurement>::Event) -> io::Result<()> {
        if let Some(err) = &mut self.form.err
            && let Some(line) = interim::<P::Subject>(event, self.plan.outline().run.target_count)
        {
            let _ = writeln!(err, "{line}");
        }
        self.form.report.event(event)
    }

    fn flush(&mut self, _: Instant) -> io::Result<Instant> {
        self.form.report.flush().map(|()| Instant::FAR)
    }

    fn beside<W: World>(&mut self, now: Instant, world: &mut W, _: &mut W::Network) -> Pause {
        self.plan.beside(now, world)
    }

    fn conclude(&mut self, measurements: Vec<P::Measurement>, end: End) -> io::Result<ExitStatus> {
        self.plan.conclude(measurements, end, self.form.report.as_mut())
    }
}

//! `netdiag wait-for`.

mod conclude;
mod spec;
mod waiting;

use crate::args::WaitForArguments;
use crate::args::form::Output;
use crate::commands::check;
use crate::commands::checks;
use crate::commands::drive::{Drive, Listener};
use crate::commands::ending::{End, Measured};
use crate::commands::frame::Command;
use crate::commands::ladder;
use crate::commands::lanes::{Lane, Planner, Prepared, Told, merged};
use crate::commands::secret::without_secrets;
use crate::{Backend, ExitStatus, OpenRequest, Terminal, World};
use netdiag_check::result::Check;
use netdiag_engine::Pause;
use netdiag_engine::port::Network;
use netdiag_model::{Instant, Untrusted, milliseconds};
use netdiag_report::Run;
use netdiag_report::checks::{ChecksReport, TextOptions};
use serde_json::json;
use spec::Spec;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use waiting::Waiting;

/// What is waited for.
pub(crate) struct Checked {
    specs: Vec<Spec>,
    request: OpenRequest,
    warnings: Vec<String>,
}

/// What will be done.
pub(crate) struct Plan {
    run: Run,
    specs: Vec<Spec>,
    /// Of those that no name has to be looked up for.
    plans: Vec<Option<Rc<dyn Prepared>>>,
    planner: Rc<RefCell<Planner>>,
}

impl Command for WaitForArguments {
    type Checked = Checked;
    type Plan = Plan;

    const NAME: &'static str = "wait-for";

    fn form(&self) -> Output {
        self.form.output()
    }

    fn check<W: World>(&self, world: &mut W) -> Result<Checked, String> {
        let mut specs = Vec::new();
        let mut request: Option<OpenRequest> = None;
        for text in &self.specs {
            let spec = Spec::parse(text, self)?;
            let shown = Untrusted::from(without_secrets(text));
            let own = spec.asked.request(world);
            let own = own.map_err(|message| format!("SPEC `{}`: {message}", shown.escaped()))?;
            request = Some(match request {
                Some(request) => merged(request, own)?,
                None => own,
            });
            specs.push(spec);
        }
        spec::check_options(self, &specs)?;
        let warnings = Vec::from_iter(checks::odd_timeout(self.timeout));
        Ok(Checked { specs, request: request.unwrap_or_default(), warnings })
    }

    fn warnings(checked: &Checked) -> &[String] {
        &checked.warnings
    }

    fn request(&self, checked: &Checked, _: Terminal) -> OpenRequest {
        checked.request.clone()
    }

    fn plan<W: World>(
        &self,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
        _: &mut dyn Write,
    ) -> Result<Plan, String> {
        let specs = checked.specs;
        let run = Run {
            command: Self::NAME,
            version: env!("CARGO_PKG_VERSION"),
            anchor: world.anchor(),
            started_at: network.now(),
            method: ladder::weakest(network.opened(), Backend::Linux),
            arguments: json!({
                "specs": self.specs,
                "timeout_ms": milliseconds(self.timeout.duration),
                "consecutive": self.consecutive,
                "any": self.any,
            }),
            target_count: specs.len(),
        };
        let planner = Planner::new(specs.iter().map(|spec| spec.asked.clone()).collect());
        let mut plans = Vec::new();
        for (lane, spec) in specs.iter().enumerate() {
            plans.push(planner.at_once(lane, world, network).map_err(|message| {
                format!(
                    "SPEC `{}`: {message}",
                    Untrusted::from(without_secrets(&spec.text)).escaped()
                )
            })?);
        }
        Ok(Plan { run, specs, plans, planner: Rc::new(RefCell::new(planner)) })
    }

    fn notes(_: &Plan) -> &[String] {
        &[]
    }

    fn measure<W: World>(
        &self,
        plan: &Plan,
        world: &mut W,
        network: &mut W::Network,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Measured> {
        let style = self.form.color.style(world.terminal());
        let options = TextOptions { quiet: self.quiet, style };
        let mut report = check::report::report(self.form.output().into(), options, out);
        let rows = plan.specs.iter().map(|spec| {
            let shown = Untrusted::from(without_secrets(&spec.text)).escaped().to_string();
            (shown.clone(), shown)
        });
        report.start(&plan.run, &rows.collect::<Vec<_>>())?;
        let how = (self.any, self.consecutive);
        let started_at = plan.run.started_at;
        let waiting = Waiting::new(&plan.specs, how, started_at, self.timeout.duration);
        let waiting = Rc::new(RefCell::new(waiting));
        let over = wait(plan, &waiting, world, network, (report.as_mut(), err))?;
        let status = self.conclude(plan, &waiting.borrow(), &over, report.as_mut())?;
        Ok(Measured { status: over.status.unwrap_or(status), last_words: over.last_words })
    }
}

impl WaitForArguments {
    /// Makes the document, has it written, and says how the process ends.
    fn conclude(
        &self,
        plan: &Plan,
        waiting: &Waiting,
        over: &Over,
        report: &mut dyn ChecksReport,
    ) -> io::Result<ExitStatus> {
        let started_at = plan.run.started_at;
        let all = plan.specs.iter().enumerate();
        let checks: Vec<Check> = all
            .filter_map(|(place, spec)| {
                conclude::check(spec, waiting, place, started_at, over.end.at)
            })
            .collect();
        let is_ready = waiting.is_ready();
        let is_silent = self.quiet && is_ready && self.form.output() == Output::Text;
        // One line says it all of one.
        let has_rows = plan.specs.len() > 1 || self.form.output() != Output::Text;
        for (place, check) in checks.iter().enumerate().filter(|_| has_rows && !is_silent) {
            let ready = waiting.waiters.get(place).and_then(|waiter| waiter.ready_at);
            report.check(place, ready.unwrap_or(over.end.at), check)?;
        }
        let status = match is_ready {
            true => ExitStatus::HOLDS,
            false => check::conclude::code(&checks),
        };
        let told = conclude::told(waiting);
        let complete = over.end.stopped.is_none();
        let mut document = check::conclude::document(&plan.run, over.end, complete, checks, told);
        document.document.exit_code = status.code();
        let seconds = document.document.elapsed_ms / 1e3;
        let verdict = conclude::verdict(&document.checks, waiting, seconds, status);
        if !is_silent {
            report.finish(&document, &verdict)?;
        }
        report.flush()?;
        Ok(status)
    }
}

/// How the run ended.
struct Over {
    end: End,
    /// By a signal.
    status: Option<ExitStatus>,
    last_words: Option<String>,
}

/// Waits until all is ready, or the time is over.
fn wait<W: World>(
    plan: &Plan,
    waiting: &Rc<RefCell<Waiting>>,
    world: &mut W,
    network: &mut W::Network,
    (report, err): (&mut dyn ChecksReport, &mut dyn Write),
) -> io::Result<Over> {
    let (planner, now) = (&plan.planner, plan.run.started_at);
    let lanes = plan.plans.iter().zip(0..);
    let lanes = lanes.map(|(plan, number)| Lane::new(number, plan.clone(), planner, waiting, now));
    let drive = Drive::new(lanes.collect(), false, world, network);
    let mut ending = Ending { waiting, planner, end: None, report, err, said_at: None };
    let measured = drive.run(world, network, &mut ending)?;
    let end =
        ending.end.unwrap_or_else(|| End { at: network.now(), stopped: None, cannot_go_on: false });
    let status = Some(measured.status).filter(|status| matches!(status, ExitStatus::Signal(_)));
    Ok(Over { end, status, last_words: measured.last_words })
}

/// Hears how the run ended, and says how far it has come where somebody asks.
struct Ending<'a> {
    waiting: &'a RefCell<Waiting>,
    planner: &'a RefCell<Planner>,
    end: Option<End>,
    /// What it begins with is shown when signals are watched.
    report: &'a mut dyn ChecksReport,
    err: &'a mut dyn Write,
    said_at: Option<Instant>,
}

impl Listener<Lane<Waiting>> for Ending<'_> {
    fn event(&mut self, told: &Told) -> io::Result<()> {
        if let Told::Interim(at) = *told
            && self.said_at.replace(at) != Some(at)
        {
            let waiting = self.waiting.borrow();
            let attempts: u64 = waiting.waiters.iter().map(|one| one.attempts).sum();
            let ready = waiting.waiters.iter().filter(|one| one.ready_at.is_some()).count();
            let all = waiting.waiters.len();
            let _ = writeln!(self.err, "{ready} of {all} ready, {attempts} attempts");
        }
        Ok(())
    }

    fn flush(&mut self, _: Instant) -> io::Result<Instant> {
        self.report.flush().map(|()| Instant::FAR)
    }

    fn beside<W: World>(&mut self, now: Instant, world: &mut W, network: &mut W::Network) -> Pause {
        self.planner.borrow_mut().serve(now, world, network)
    }

    fn conclude(&mut self, _: Vec<Lane<Waiting>>, end: End) -> io::Result<ExitStatus> {
        self.end = Some(end);
        Ok(ExitStatus::HOLDS)
    }
}

//! `netdiag mtr`: a trace whose hops are asked again and again.

pub(crate) mod classic;
mod report;

use super::trace::{Checked, Plan, check, open_request};
use crate::args::MtrArguments;
use crate::args::form::Output;
use crate::commands::ending::Measured;
use crate::commands::frame::Command;
use crate::commands::{hosts, user};
use crate::world::Terminal;
use crate::{OpenRequest, World};
use netdiag_model::milliseconds;
use netdiag_report::trace::mtr::Column;
use netdiag_trace::Rounds;
use serde_json::json;
use std::io::{self, Write};
use std::time::Duration;

/// Cycles of a report, where nobody said how many.
const CYCLES: u64 = 10;
/// How often a screen shows new figures.
const FRAME: Duration = Duration::from_millis(100);

/// From one cycle to the next one, where there is no interval.
const BACK_TO_BACK: Duration = Duration::from_millis(1);

/// How often a stream of events has all hops as they stand, where cycles are no longer.
const STREAMED: Duration = Duration::from_secs(1);

/// The arguments, and whether there is a screen.
pub(crate) struct Mtr<'a> {
    pub(crate) arguments: &'a MtrArguments,
    pub(crate) is_live: bool,
}

impl<'a> Mtr<'a> {
    pub(crate) fn new<W: World>(arguments: &'a MtrArguments, world: &W) -> Self {
        let wants_screen =
            !is_report(arguments) && !arguments.quiet && arguments.form().output() == Output::Text;
        Self { arguments, is_live: wants_screen && world.screen().is_some() }
    }

    /// From one cycle to the next one.
    fn interval(&self) -> Duration {
        self.arguments.interval.max(BACK_TO_BACK)
    }

    fn rounds(&self) -> Rounds {
        let count = self.arguments.count.or_else(|| (!self.is_live).then_some(CYCLES));
        let streams = self.form() == Output::Jsonl && !self.arguments.quiet;
        let figures = match self.is_live {
            true => Some(FRAME),
            false => streams.then_some(self.arguments.interval.max(STREAMED)),
        };
        Rounds { interval: self.interval(), count, figures }
    }
}

/// Whether a table is wanted instead of a screen.
const fn is_report(arguments: &MtrArguments) -> bool {
    arguments.report || arguments.report_wide
}

impl Command for Mtr<'_> {
    type Checked = Checked;
    type Plan = Plan;

    const NAME: &'static str = "mtr";

    fn form(&self) -> Output {
        self.arguments.form().output()
    }

    fn check<W: World>(&self, world: &mut W) -> Result<Checked, String> {
        let arguments = self.arguments;
        if (arguments.order.is_some() || arguments.pathping) && self.form() != Output::Text {
            let option = if arguments.pathping { "--pathping" } else { "--order" };
            return Err(format!("{option}: only with --output text, or --classic"));
        }
        if arguments.report_wide && self.form() != Output::Text {
            return Err("--report-wide: only with --output text, or --classic".to_owned());
        }
        if arguments.verbose && self.is_live {
            return Err("--verbose: a screen has no room for it; with --report".to_owned());
        }
        let wants_mtus = arguments.order.as_ref().is_some_and(|order| order.has(Column::Mtu));
        if wants_mtus && !arguments.mtu {
            return Err("--order: U is known only with --mtu".to_owned());
        }
        if arguments.interval < user::LEAST_INTERVAL && !world.may_flood() {
            return Err("--interval: below 2 ms only root may send".to_owned());
        }
        check(&arguments.trace(), world)
    }

    fn warnings(checked: &Checked) -> &[String] {
        &checked.warnings
    }

    fn request(&self, checked: &Checked, terminal: Terminal) -> OpenRequest {
        let request = open_request(&self.arguments.trace(), checked, terminal);
        OpenRequest { screen: self.is_live, ..request }
    }

    fn plan<W: World>(
        &self,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
        _: &mut dyn Write,
    ) -> Result<Plan, String> {
        let mut plan = Plan::new(Self::NAME, &self.arguments.trace(), checked, world, network)?;
        let rounds = self.rounds();
        for config in plan.resolved.iter_mut().filter_map(|resolved| resolved.config.as_mut()) {
            config.rounds = Some(rounds.clone());
        }
        if let Some(understood) = plan.outline.run.arguments.as_object_mut() {
            understood.remove("queries");
            understood.insert("count".to_owned(), json!(rounds.count));
            understood.insert("interval_ms".to_owned(), json!(milliseconds(rounds.interval)));
        }
        Ok(plan)
    }

    fn notes(plan: &Plan) -> &[String] {
        &plan.outline.notes
    }

    fn measure<W: World>(
        &self,
        plan: &Plan,
        world: &mut W,
        network: &mut W::Network,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Measured> {
        let mut form = report::report(self, world, out, err);
        hosts::begin(plan, &mut form)?;
        hosts::measure(plan, world, network, &mut form)
    }
}

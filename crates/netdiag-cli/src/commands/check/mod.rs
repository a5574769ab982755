//! `netdiag check`.

mod board;
pub(crate) mod conclude;
mod gather;
mod item;
pub(crate) mod plugin;
pub(crate) mod report;
pub(crate) mod schema;
mod uses;

use crate::args::CheckArguments;
use crate::args::check::Output;
use crate::args::form;
use crate::commands::drive::Drive;
use crate::commands::ending::Measured;
use crate::commands::frame::{self, Command};
use crate::commands::ladder;
use crate::commands::lanes::{Lane, Planner, Prepared, merged};
use crate::commands::secret::without_secrets;
use crate::commands::sockets::PASSWD;
use crate::{Backend, DontFragment, ExitStatus, OpenRequest, Terminal, UdpSockets, World, usage};
use board::Board;
use conclude::Collector;
use gather::Gathered;
use netdiag_engine::port::Network;
use netdiag_model::{Instant, Untrusted, milliseconds};
use netdiag_report::Run;
use netdiag_report::checks::TextOptions;
use serde_json::json;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

/// The ports that SYNs of checks leave from, where a file may ask for some.
const SYN_PORTS: u8 = 4;
/// How long after its request an answer can still be told from others, at most.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Runs checks, or looks whether they are valid.
pub(crate) fn run<W: World>(
    arguments: &CheckArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let mut run = |out: &mut dyn Write, err: &mut dyn Write| match arguments.validate {
        true => validate(arguments, world, out, err),
        false => frame::run(arguments, world, out, err),
    };
    match arguments.output() {
        Output::Nagios => plugin::run(out, err, run),
        _ => run(out, err),
    }
}

fn validate<W: World>(
    arguments: &CheckArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let program = arguments.program();
    let gathered = uses::check(arguments).and_then(|()| Gathered::new(arguments, world));
    let gathered = gathered.and_then(|gathered| {
        let requests = gathered.items.iter().map(|item| item.asked.request(world));
        let all = requests.collect::<Result<Vec<OpenRequest>, String>>()?;
        all.into_iter().try_fold(fixed(arguments), merged).map(|_| gathered)
    });
    match gathered {
        Ok(gathered) => {
            let count = gathered.items.len();
            let checks = if count == 1 { "check" } else { "checks" };
            usage::say(&format!("= {count} {checks}, valid; nothing was measured\n"), out, err)
        }
        Err(message) => usage::report(&format!("{program}: {message}"), err),
    }
}

/// What is opened where files say only later what they need: privileges are given up before anything
/// from outside is read.
fn fixed(arguments: &CheckArguments) -> OpenRequest {
    let files = arguments.given.iter().filter(|given| !item::is_line(given) && *given != "-");
    OpenRequest {
        icmp: true,
        udp: UdpSockets::Always,
        udp_quotes: true,
        tcp_ports: SYN_PORTS,
        dont_fragment: Some(DontFragment::Probe),
        patience: Some(REMEMBERED),
        names: true,
        tables: true,
        files: files
            .cloned()
            .chain(["/etc/resolv.conf", netdiag_tcp::services::FILE, PASSWD].map(str::to_owned))
            .collect(),
        confine_later: true,
        ..OpenRequest::default()
    }
}

/// What is asked for, as far as that is known before files are read.
pub(crate) struct Checked {
    request: OpenRequest,
}

/// What will be done.
pub(crate) struct Plan {
    run: Run,
    gathered: Gathered,
    /// Of those that no name has to be looked up for.
    plans: Vec<Option<Rc<dyn Prepared>>>,
    planner: Rc<RefCell<Planner>>,
    /// When all must have ended.
    until: Instant,
}

impl Command for CheckArguments {
    type Checked = Checked;
    type Plan = Plan;

    const NAME: &'static str = "check";

    fn form(&self) -> form::Output {
        match self.output() {
            Output::Json => form::Output::Json,
            _ => form::Output::Text,
        }
    }

    fn check<W: World>(&self, world: &mut W) -> Result<Checked, String> {
        uses::check(self)?;
        let lines: Vec<&String> = self.given.iter().filter(|one| item::is_line(one)).collect();
        let mut request = (lines.len() < self.given.len()).then(|| fixed(self));
        for line in lines {
            let shown = Untrusted::from(without_secrets(line));
            let own = item::from_line(line)?.asked.request(world);
            let own = own.map_err(|message| format!("`{}`: {message}", shown.escaped()))?;
            request = Some(match request {
                Some(request) => merged(request, own)?,
                None => own,
            });
        }
        Ok(Checked { request: request.unwrap_or_default() })
    }

    fn warnings(_: &Checked) -> &[String] {
        &[]
    }

    fn request(&self, checked: &Checked, _: Terminal) -> OpenRequest {
        checked.request.clone()
    }

    fn plan<W: World>(
        &self,
        Checked { request }: Checked,
        world: &mut W,
        network: &mut W::Network,
        _: &mut dyn Write,
    ) -> Result<Plan, String> {
        let gathered = Gathered::new(self, world)?;
        if request.confine_later {
            // What a file of checks names is known only now.
            let mut files = request.files;
            files.extend(gathered.items.iter().flat_map(|item| item.files.iter().cloned()));
            files.sort();
            files.dedup();
            world.confine(&files);
        }
        let (anchor, started_at) = (world.anchor(), network.now());
        let planner = Planner::new(gathered.items.iter().map(|item| item.asked.clone()).collect());
        let mut plans = Vec::new();
        for (lane, item) in gathered.items.iter().enumerate() {
            plans.push(planner.at_once(lane, world, network).map_err(|message| {
                format!("`{}`: {message}", Untrusted::from(item.name.as_str()).escaped())
            })?);
        }
        let planner = Rc::new(RefCell::new(planner));
        let run = Run {
            command: Self::NAME,
            version: env!("CARGO_PKG_VERSION"),
            anchor,
            started_at,
            method: ladder::weakest(network.opened(), Backend::Linux),
            arguments: json!({
                "checks": gathered.items.iter().map(|item| &item.name).collect::<Vec<_>>(),
                "only": self.only,
                "deadline_ms": milliseconds(gathered.deadline),
            }),
            target_count: gathered.items.len(),
        };
        let until = started_at + gathered.deadline;
        Ok(Plan { run, gathered, plans, planner, until })
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
        let style = self.color.style(world.terminal());
        let options = TextOptions { quiet: self.quiet, style };
        let mut report = report::report(self.output(), options, out);
        let rows = plan.gathered.items.iter().map(|item| {
            let shown = |text: &str| Untrusted::from(text).escaped().to_string();
            (shown(&item.name), format!("{} {}", item.kind, shown(&item.target)))
        });
        // Shown when signals are watched: who has seen it may ask for the summary.
        report.start(&plan.run, &rows.collect::<Vec<_>>())?;
        let board = Board::new(plan.gathered.items.clone(), &plan.planner, plan.until);
        let board = Rc::new(RefCell::new(board));
        let (planner, now) = (&plan.planner, plan.run.started_at);
        let lanes = plan.plans.iter().zip(0..);
        let lanes =
            lanes.map(|(plan, number)| Lane::new(number, plan.clone(), planner, &board, now));
        let drive = Drive::new(lanes.collect(), false, world, network);
        let as_plugin = self.output() == Output::Nagios;
        let run = &plan.run;
        let report = report.as_mut();
        let planner = Rc::clone(planner);
        let mut collector =
            Collector { run, board, report, as_plugin, err, said_at: None, planner };
        drive.run(world, network, &mut collector)
    }
}

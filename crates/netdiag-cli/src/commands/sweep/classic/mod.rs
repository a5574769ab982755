//! `--classic`: what fping does, by the same measurement.

mod targets;

use super::{OUTPUT_BUFFER, drive, limits};
use crate::args::FpingArguments;
use crate::commands::drive::Listener;
use crate::commands::ending::{self, End};
use crate::commands::ladder;
use crate::{Backend, DontFragment, ExitStatus, OpenRequest, UdpSockets, World, usage};
use netdiag_engine::Pattern;
use netdiag_engine::port::{Control, Network, Opened, StopCause};
use netdiag_model::{Family, Instant, errno};
use netdiag_ping::sweep::{Config, Event, Fping, Manner, Measurement};
use netdiag_report::Run;
use netdiag_report::sweep::{ClassicOptions, ClassicReport, Setting};
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use targets::Gathered;

/// Some targets did not answer.
pub(super) const UNREACHABLE: u8 = 1;
/// Some names have no address.
pub(super) const UNKNOWN: u8 = 2;
/// Arguments that cannot be had.
const CANNOT_BE_HAD: u8 = 3;
/// The system refused something.
pub(super) const SYSTEM: u8 = 4;

const EADDRNOTAVAIL: i32 = 99;

/// The run ends before it begins.
pub(super) struct Refused {
    /// A line for standard error.
    pub(super) message: Option<String>,
    pub(super) code: u8,
}

impl Refused {
    pub(super) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), code }
    }
}

pub(crate) fn run<W: World>(
    arguments: &FpingArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let (setting, options, mut network) = match prepare(arguments, world, err) {
        Ok(prepared) => prepared,
        Err(refused) => {
            // A closed standard error cannot be told about; the exit code still says it.
            if let Some(message) = refused.message {
                let _ = writeln!(err, "{message}");
            }
            return ExitStatus::Code(refused.code);
        }
    };
    let unknown = options.unknown;
    let report =
        ClassicReport::new(BufWriter::with_capacity(OUTPUT_BUFFER, &mut *out), err, options);
    let mut reporting = Reporting { arguments, setting: &setting, report, unknown };
    let measured = reporting.report.start(&setting).and_then(|()| {
        drive(&setting, false, world, &network).run(world, &mut network, &mut reporting)
    });
    drop(reporting);
    // From here on whoever writes waits for the reader.
    drop(network);
    ending::conclude(measured, arguments.program.escaped(), out, err, usage::write_fault)
}

fn code(arguments: &FpingArguments, answered: u32, all: u32, unknown: u32) -> u8 {
    match arguments.reachable {
        Some(wanted) if answered >= wanted => 0,
        Some(_) => UNREACHABLE,
        None if unknown > 0 => UNKNOWN,
        None if answered < all => UNREACHABLE,
        None => 0,
    }
}

/// fping's report, and the codes that it ends with.
struct Reporting<'a, 'e, O: Write> {
    arguments: &'a FpingArguments,
    setting: &'a Setting,
    report: ClassicReport<'e, O>,
    /// Names without an address.
    unknown: u32,
}

impl<O: Write> Listener<Measurement> for Reporting<'_, '_, O> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.report.event(self.setting, event)
    }

    fn flush(&mut self, _: Instant) -> io::Result<Instant> {
        self.report.flush().map(|()| Instant::FAR)
    }

    fn conclude(&mut self, measurements: Vec<Measurement>, end: End) -> io::Result<ExitStatus> {
        if let Some(StopCause::Signal(signal)) = end.stopped {
            // fping says nothing then.
            return self.report.flush().map(|()| ExitStatus::Signal(signal));
        }
        let [measurement] = measurements.as_slice() else { return Ok(ExitStatus::Code(SYSTEM)) };
        let config = &self.setting.config;
        self.report.finish(config, measurement.totals().sent, end.at)?;
        Ok(ExitStatus::Code(match end.cannot_go_on {
            true => SYSTEM,
            false => {
                code(self.arguments, measurement.answered(), config.targets.len(), self.unknown)
            }
        }))
    }
}

/// Everything up to the first packet, in fping's order and with its words.
fn prepare<W: World>(
    arguments: &FpingArguments,
    world: &mut W,
    err: &mut dyn Write,
) -> Result<(Setting, ClassicOptions, W::Network), Refused> {
    let program = arguments.program.escaped();
    let interface = match &arguments.interface {
        None => None,
        Some(name) => Some(world.interface(name).ok_or_else(|| {
            let words = "binding to specific interface (SO_BINTODEVICE): No such device";
            Refused::new(UNREACHABLE, words)
        })?),
    };
    let control = Control {
        hop_limit: u8::try_from(arguments.ttl).ok().filter(|ttl| *ttl > 0),
        traffic_class: arguments.tos,
        source: arguments.source,
        interface,
        ..Control::default()
    };
    let opened = world.open(&open_request(arguments, control));
    let mut network = opened.map_err(|_| no_socket(arguments))?;
    check_opened(network.opened(), arguments)?;
    let anchor = world.anchor();
    let started_at = network.now();
    let gathered = Gathered::new(arguments, world, err)?;
    if gathered.targets.is_empty() {
        let code = if gathered.unknown > 0 { UNKNOWN } else { UNREACHABLE };
        return Err(Refused { message: None, code });
    }
    if let Some(source) = arguments.source
        && !world.owns(source)
    {
        let why = errno::text(EADDRNOTAVAIL);
        return Err(Refused::new(SYSTEM, format!("{program}: cannot bind source address : {why}")));
    }
    let options = options(arguments, gathered.unknown);
    let target_count = gathered.targets.len() as usize;
    let is_shared = gathered.is_shared;
    let mut config = config(arguments, gathered, control, world.random());
    limits::keep(&mut config, world.may_flood(), is_shared);
    let run = Run {
        command: "fping",
        version: env!("CARGO_PKG_VERSION"),
        anchor,
        started_at,
        method: ladder::weakest(network.opened(), Backend::Linux),
        arguments: serde_json::Value::Null,
        target_count,
    };
    let setting = Setting { run, config: Arc::new(config), ipv4: None, ipv6: None };
    Ok((setting, options, network))
}

/// Without a socket of any family that was asked for nothing can be measured.
fn check_opened(opened: &Opened, arguments: &FpingArguments) -> Result<(), Refused> {
    let mut families = [Family::Ipv4, Family::Ipv6].into_iter();
    match families.any(|family| opened.family(family).is_ok()) {
        true => Ok(()),
        false => Err(no_socket(arguments)),
    }
}

fn no_socket(arguments: &FpingArguments) -> Refused {
    let program = arguments.program.escaped();
    let said = format!("{program}: can't create socket (must run as root?)");
    Refused { message: Some(said), code: SYSTEM }
}

fn open_request(arguments: &FpingArguments, control: Control) -> OpenRequest {
    let longest = arguments.timeout().mul_f64(arguments.backoff.powi(4));
    OpenRequest {
        family: arguments.family,
        dont_fragment: arguments.dont_fragment.then_some(DontFragment::Do),
        mark: arguments.mark,
        icmp: true,
        udp: UdpSockets::Never,
        control,
        patience: Some(netdiag_engine::remembered_for(longest)),
        names: true,
        files: Vec::from_iter(arguments.file.clone().filter(|path| path != "-")),
        ..OpenRequest::default()
    }
}

fn config(
    arguments: &FpingArguments,
    gathered: Gathered,
    control: Control,
    random: [u8; 18],
) -> Config {
    let counts = arguments.counts();
    let bytes = if arguments.random { random.get(..16).unwrap_or_default() } else { &[0][..] };
    Config {
        manner: Manner::Fping(Fping {
            counts,
            enough: arguments.reachable.filter(|_| arguments.fast),
            report_every: Some(arguments.report_every).filter(|every| counts && !every.is_zero()),
            named: gathered.named,
        }),
        count: match (arguments.loops, arguments.count) {
            (true, _) => u64::MAX,
            (false, count) => count.unwrap_or(1).into(),
        },
        retries: if counts { 0 } else { arguments.retries },
        backoff: arguments.backoff,
        interval: arguments.period,
        spacing: arguments.interval,
        timeout: arguments.timeout(),
        size: u16::try_from(arguments.size).unwrap_or(u16::MAX),
        pattern: Pattern::repeated(bytes).unwrap_or(Pattern::COUNTING),
        control,
        ..Config::new(gathered.targets)
    }
}

fn options(arguments: &FpingArguments, unknown: u32) -> ClassicOptions {
    let chosen = !arguments.counts();
    ClassicOptions {
        verbose: arguments.verbose(),
        alive: arguments.alive && chosen,
        unreachable: arguments.unreachable && chosen,
        each_probe: arguments.each_probe(),
        per_target: arguments.counts(),
        loops: arguments.loops,
        quiet: arguments.quiet,
        elapsed: arguments.elapsed,
        dated: arguments.dated,
        outage: arguments.outage,
        all_times: arguments.all_times,
        stats: arguments.stats,
        netdata: arguments.netdata.then_some(arguments.report_every),
        addresses: arguments.addresses,
        named: arguments.names || arguments.all_names,
        reachable: arguments.reachable,
        unknown,
    }
}

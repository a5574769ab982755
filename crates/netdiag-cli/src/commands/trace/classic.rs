//! `--classic`: what traceroute does, by the same engine.

use super::plan::{VARIED_PORTS, syn_of};
use crate::args::TracerouteArguments;
use crate::commands::drive::{Drive, Listener};
use crate::commands::ending::{self, End};
use crate::commands::resolve::{classic_failure, literal};
use crate::commands::user;
use crate::{DontFragment, ExitStatus, OpenRequest, SignalRule, UdpSockets, World, usage};
use netdiag_engine::port::{Control, Network, NetworkError, SendError, StopCause};
use netdiag_model::{Destination, Family, Instant, Untrusted, errno};
use netdiag_report::trace::{ClassicOptions, ClassicReport};
use netdiag_trace::Protocol;
use netdiag_trace::classic::{Config, Event, Measurement};
use std::io::{self, BufWriter, Write};
use std::time::Duration;

/// The system refused something.
const SYSTEM: u8 = 1;
/// The line is not understood, or what it asks for cannot be had.
const USAGE: u8 = 2;

const EPERM: i32 = 1;
const EACCES: i32 = 13;
const ENODEV: i32 = 19;

const SIGINT: i32 = 2;

/// What the headers of a probe take behind the IP header: of ICMP and UDP alike.
const HEADER: u32 = 8;
/// A packet without its IP header, where nothing else was asked for.
const DEFAULT_BYTES: u32 = 40;

/// The run ends before anything is sent.
struct Refused {
    message: String,
    code: u8,
}

impl Refused {
    fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: USAGE }
    }

    /// What the system refused, behind the line that was begun or is empty.
    fn system(call: &str, number: i32) -> Self {
        Self { message: format!("\n{call}: {}", errno::text(number)), code: SYSTEM }
    }
}

pub(crate) fn run<W: World>(
    arguments: &TracerouteArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let options = ClassicOptions {
        numeric: arguments.numeric,
        extensions: arguments.extensions,
        flags: arguments.flags,
        back: arguments.back,
    };
    let mut report = ClassicReport::new(BufWriter::new(&mut *out), options);
    let (config, mut network) = match prepare(arguments, world, &mut report) {
        Ok(prepared) => prepared,
        Err(refused) => {
            let shown = report.flush();
            drop(report);
            // A closed standard error cannot be told about; the exit code still says it.
            let _ = writeln!(err, "{}", refused.message);
            let refused = ExitStatus::Code(refused.code);
            return shown.map_or_else(|fault| usage::write_fault(&fault, err), |()| refused);
        }
    };
    let mut reporting = Reporting { report, refused: None, err: &mut *err };
    let drive = Drive::new(vec![Measurement::new(config)], false, world, &network);
    let measured = drive.run(world, &mut network, &mut reporting);
    drop(reporting);
    // From here on whoever writes waits for the reader.
    drop(network);
    ending::conclude(measured, "traceroute", out, err, usage::write_fault)
}

/// Everything up to the first packet, in traceroute's order and with its words. UDP finds out what
/// cannot be done when it has begun.
fn prepare<W: World, O: Write>(
    arguments: &TracerouteArguments,
    world: &mut W,
    report: &mut ClassicReport<O>,
) -> Result<(Config, W::Network), Refused> {
    let interface = arguments.interface.as_ref().map(|name| world.interface(name));
    let control = Control {
        traffic_class: arguments.tos,
        source: arguments.source,
        interface: interface.flatten(),
        flow_label: arguments.flow_label,
        ..Control::default()
    };
    let request = open_request(arguments, control);
    let mut network = world.open(&request).map_err(|error| no_socket(&error))?;
    let destination = destination(arguments, world)?;
    let is_udp = matches!(arguments.protocol, Protocol::Udp { .. });
    let bytes = bytes(arguments, destination.family());
    if is_udp {
        start(arguments, destination, bytes, report)?;
    }
    if interface == Some(None) {
        return Err(Refused::system("setsockopt SO_BINDTODEVICE", ENODEV));
    }
    check_opened(arguments, destination, world, &mut network)?;
    let source = world.source(destination, arguments.source, control.interface);
    let source = source.map_err(|error| Refused::system(error.call, error.errno))?;
    if !is_udp {
        start(arguments, destination, bytes, report)?;
    }
    // Of the raw socket that SYNs leave by.
    let opened = network.opened().tcp(destination.family()).ok();
    let ports = opened.map(|opening| opening.identifiers).filter(|_| sends_syns(arguments));
    let floor = match world.may_flood() {
        true => Duration::ZERO,
        false if arguments.is_tcp() && ports.is_none() => user::LEAST_CONNECT_INTERVAL,
        false => user::LEAST_INTERVAL,
    };
    let headers = HEADER + header_len(destination.family());
    let path = netdiag_trace::Config {
        protocol: arguments.protocol,
        vary_flow: !is_udp || arguments.vary_port,
        first_ttl: arguments.first_ttl,
        max_ttl: arguments.max_ttl,
        queries: arguments.queries,
        spacing: arguments.spacing.max(floor),
        timeout: arguments.wait,
        size: u16::try_from(bytes.saturating_sub(headers)).unwrap_or(u16::MAX),
        finds_mtu: arguments.finds_mtu,
        source_port: ports.map(|ports| ports.first),
        syn: ports.map(|ports| syn_of(destination, ports.count)),
        // The checksum of a SYN covers it.
        control: Control { source: control.source.or_else(|| ports.map(|_| source)), ..control },
        wants_names: !arguments.numeric,
        ..netdiag_trace::Config::new(0, destination)
    };
    let config = Config {
        path,
        at_once: arguments.at_once,
        here: arguments.here,
        near: arguments.near,
        source: Some(source),
    };
    Ok((config, network))
}

fn open_request(arguments: &TracerouteArguments, control: Control) -> OpenRequest {
    let is_udp = matches!(arguments.protocol, Protocol::Udp { .. });
    let named = literal(&arguments.host.text);
    OpenRequest {
        family: arguments.family.or_else(|| named.map(Family::of)),
        dont_fragment: match arguments.dont_fragment {
            _ if arguments.is_tcp() => None,
            true => Some(DontFragment::Probe),
            false => Some(DontFragment::Dont),
        },
        mark: arguments.mark,
        prompt_stamps: true,
        direct: arguments.direct,
        debug: arguments.debug,
        flow_label: arguments.flow_label,
        // Beside SYNs for what routers say of them.
        icmp: arguments.protocol == Protocol::Icmp || sends_syns(arguments),
        tcp_ports: if sends_syns(arguments) { VARIED_PORTS } else { 0 },
        udp: if is_udp { UdpSockets::Always } else { UdpSockets::Never },
        udp_port: arguments.source_port,
        control,
        patience: Some(netdiag_engine::remembered_for(arguments.wait)),
        names: named.is_none() || !arguments.numeric,
        signals: SignalRule::QuitEnds,
        ..OpenRequest::default()
    }
}

/// Where it goes: IPv4 where a name has both.
fn destination<W: World>(
    arguments: &TracerouteArguments,
    world: &mut W,
) -> Result<Destination, Refused> {
    let host = &arguments.host;
    let name = host.text.as_str();
    let found = world.resolve(&[name.to_owned()], arguments.family, Duration::MAX);
    let said = |said: String| {
        let shown = Untrusted::from(name);
        let (shown, place) = (shown.escaped(), host.place);
        let what = "Cannot handle \"host\" cmdline arg";
        Refused::usage(format!("{said}\n{what} `{shown}' on position 1 (argc {place})"))
    };
    let found = match found.into_iter().next() {
        Some((Ok(found), _)) => found,
        Some((Err(error), _)) => return Err(said(classic_failure(name, arguments.family, &error))),
        None => return Err(said(String::new())),
    };
    let is_v4 = |to: &&Destination| to.family() == Family::Ipv4;
    let to = found.iter().find(is_v4).or_else(|| found.first()).copied();
    let to = to.ok_or_else(|| said(String::new()))?;
    if to.address().is_multicast() || to.address().is_unspecified() {
        return Err(Refused::usage(format!("{to}: a path leads to one host")));
    }
    if arguments.source.is_some_and(|source| Family::of(source) != to.family()) {
        return Err(Refused::usage("IP version mismatch in addresses specified"));
    }
    Ok(to)
}

/// Whether there is a socket for what is to be sent.
fn check_opened<W: World>(
    arguments: &TracerouteArguments,
    destination: Destination,
    world: &mut W,
    network: &mut W::Network,
) -> Result<(), Refused> {
    let family = destination.family();
    match arguments.protocol {
        Protocol::Icmp => network.opened().family(family).map(|_| ()).map_err(no_socket),
        Protocol::Tcp { .. } => world.tcp(family).map_err(|error| no_socket(&error)),
        Protocol::Udp { .. } => network.opened().udp(family).map(|_| ()).map_err(|error| {
            let call = error.call.replace('(', " ").replace(')', "");
            match call.split_once(' ') {
                Some(("setsockopt", _)) => Refused::system(&call, error.errno),
                Some((call, _)) => Refused::system(call, error.errno),
                None => Refused::system(&call, error.errno),
            }
        }),
    }
}

fn no_socket(error: &NetworkError) -> Refused {
    let refused = format!("socket: {}", errno::text(error.errno));
    let hint = "You do not have enough privileges to use this traceroute method.";
    let message = match error.errno {
        // What is missing is the right to a raw socket, whichever kind was tried last.
        EPERM | EACCES => format!("{hint}\nsocket: {}", errno::text(EPERM)),
        _ => format!("\n{refused}"),
    };
    Refused { message, code: SYSTEM }
}

fn start<O: Write>(
    arguments: &TracerouteArguments,
    destination: Destination,
    bytes: u32,
    report: &mut ClassicReport<O>,
) -> Result<(), Refused> {
    let target = Untrusted::from(arguments.host.text.as_str());
    let started = report.start(&target, destination.address(), arguments.max_ttl, bytes);
    started.map_err(|fault| Refused { message: format!("\n{fault}"), code: SYSTEM })
}

const fn sends_syns(arguments: &TracerouteArguments) -> bool {
    arguments.is_tcp() && !arguments.connects
}

fn header_len(family: Family) -> u32 {
    u32::try_from(family.header_len()).unwrap_or_default()
}

/// The bytes of a packet; a connection's are the kernel's.
fn bytes(arguments: &TracerouteArguments, family: Family) -> u32 {
    let header = header_len(family);
    let asked = arguments.bytes.filter(|_| !sends_syns(arguments));
    asked.map_or(header + DEFAULT_BYTES, |bytes| bytes.max(header + HEADER))
}

/// traceroute's report, and the codes that it ends with.
struct Reporting<'e, O: Write> {
    report: ClassicReport<O>,
    /// What this machine refuses to send.
    refused: Option<SendError>,
    err: &'e mut dyn Write,
}

impl<O: Write> Listener<Measurement> for Reporting<'_, O> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Probe(shown) => self.report.probe(shown)?,
            Event::Refused(error) => self.refused = Some(*error),
        }
        Ok(())
    }

    fn flush(&mut self, _: Instant) -> io::Result<Instant> {
        self.report.flush().map(|()| Instant::FAR)
    }

    fn conclude(&mut self, _: Vec<Measurement>, end: End) -> io::Result<ExitStatus> {
        if let Some(cause) = end.stopped {
            // It says nothing then, and is ended by all of them.
            let signal = match cause {
                StopCause::Signal(signal) => signal,
                StopCause::Interrupt => SIGINT,
            };
            return self.report.flush().map(|()| ExitStatus::Signal(signal));
        }
        if let Some(error) = self.refused {
            self.report.flush()?;
            // A closed standard error cannot be told about; the exit code still says it.
            let call = if error.errno == EPERM { "send" } else { "connect" };
            let _ = writeln!(self.err, "{}", Refused::system(call, error.errno).message);
            return Ok(ExitStatus::Code(SYSTEM));
        }
        self.report.finish()?;
        Ok(ExitStatus::Code(if end.cannot_go_on { SYSTEM } else { 0 }))
    }
}

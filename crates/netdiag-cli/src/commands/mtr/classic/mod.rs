//! `--classic`: what mtr does, by the same engine: hosts one after the other, each to its end.

mod reporting;

use super::FRAME;
use crate::args::ClassicMtrArguments;
use crate::commands::checks::only_family;
use crate::commands::drive::{Drive, Listener};
use crate::commands::ending::{self, End, Measured};
use crate::commands::resolve::{classic_failure, literal};
use crate::commands::trace::{VARIED_PORTS, syn_of};
use crate::commands::user;
use crate::{DontFragment, ExitStatus, OpenRequest, SignalRule, UdpSockets, World, usage};
use netdiag_engine::Pattern;
use netdiag_engine::port::{Control, Network, SendError, Size};
use netdiag_model::{Destination, Family, Untrusted, errno};
use netdiag_report::trace::mtr::{ClassicForm, ClassicOptions, ClassicReport, ClassicScreen};
use netdiag_trace::Protocol;
use netdiag_trace::mtr::{Config, Measurement};
use reporting::{Reporting, Shown};
use std::io::{self, BufRead, BufWriter, Write};
use std::net::IpAddr;
use std::time::Duration;

/// mtr's only code for what does not succeed.
const FAILURE: u8 = 1;
/// What the headers of a probe take behind the IP header: of ICMP and UDP alike.
const HEADER: u32 = 8;
/// No packet is larger.
const MOST_BYTES: u32 = u16::MAX as u32;

const EINVAL: i32 = 22;
const EHOSTUNREACH: i32 = 113;

/// Why nothing more is measured, in mtr's words.
struct Refused(String);

/// One host that was found.
struct Host {
    name: Untrusted,
    destination: Destination,
    /// Where packets to it leave from, where that is known.
    source: Option<IpAddr>,
}

pub(crate) fn run<W: World>(
    arguments: &ClassicMtrArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let screen = world.screen().filter(|_| arguments.form.is_none());
    let opened = open(arguments, screen.is_some(), world);
    let prepared = opened.and_then(|opened| Ok((hosts(arguments, world)?, opened)));
    let (hosts, (interface, mut network)) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => return refused(arguments, &why, err),
    };
    if arguments.form.is_none() && screen.is_none() {
        // As the library of its screen says it, without the name of the program.
        let _ = writeln!(err, "Error opening terminal: unknown.");
        return ExitStatus::Code(FAILURE);
    }
    let mut all = All { arguments, world, network: &mut network, interface, screen };
    let measured = all.each(&hosts, out, err);
    // From here on whoever writes waits for the reader.
    drop(network);
    ending::conclude(measured, arguments.program.escaped(), out, err, usage::write_fault)
}

fn refused(arguments: &ClassicMtrArguments, why: &Refused, err: &mut dyn Write) -> ExitStatus {
    // A closed standard error cannot be told about; the exit code still says it.
    let _ = writeln!(err, "{}: {}", arguments.program.escaped(), why.0);
    ExitStatus::Code(FAILURE)
}

/// The sockets, and the interface by its number.
fn open<W: World>(
    arguments: &ClassicMtrArguments,
    screen: bool,
    world: &mut W,
) -> Result<(Option<u32>, W::Network), Refused> {
    let interface = match &arguments.interface {
        None => None,
        Some(name) => {
            let number = world.interface(name);
            Some(number.ok_or_else(|| Refused("no such interface".to_owned()))?)
        }
    };
    let request = open_request(arguments, interface, screen);
    let network = world.open(&request).map_err(|error| {
        Refused(format!("Failure to open sockets: {}", errno::text(error.errno)))
    })?;
    Ok((interface, network))
}

fn open_request(
    arguments: &ClassicMtrArguments,
    interface: Option<u32>,
    screen: bool,
) -> OpenRequest {
    let literals = || arguments.hosts.iter().map(|host| literal(host).map(Family::of));
    let protocol = arguments.protocol();
    let is_tcp = matches!(protocol, Protocol::Tcp { .. });
    OpenRequest {
        family: arguments
            .family
            .or_else(|| only_family(literals()).filter(|_| arguments.file.is_none())),
        dont_fragment: (!is_tcp).then_some(DontFragment::Dont),
        mark: arguments.mark,
        // Beside SYNs for what routers say of them.
        icmp: protocol == Protocol::Icmp || is_tcp,
        tcp_ports: if is_tcp { VARIED_PORTS } else { 0 },
        udp: match protocol {
            Protocol::Udp { .. } => UdpSockets::Always,
            _ => UdpSockets::Never,
        },
        udp_port: arguments.source_port,
        control: control(arguments, interface),
        patience: Some(netdiag_engine::remembered_for(arguments.timeout)),
        names: !arguments.numeric || literals().any(|family| family.is_none()),
        screen,
        // A screen is put away first.
        signals: if screen { SignalRule::Usual } else { SignalRule::QuitEnds },
        files: Vec::from_iter(arguments.file.clone().filter(|path| path != "-")),
        ..OpenRequest::default()
    }
}

/// What every packet carries, beside its hop limit.
fn control(arguments: &ClassicMtrArguments, interface: Option<u32>) -> Control {
    Control {
        traffic_class: Some(arguments.tos),
        source: arguments.source_address().and_then(Result::ok),
        interface,
        ..Control::default()
    }
}

/// All hosts: those of the file come first.
fn hosts<W: World>(arguments: &ClassicMtrArguments, world: &mut W) -> Result<Vec<String>, Refused> {
    let Some(path) = &arguments.file else { return Ok(arguments.hosts.clone()) };
    let shown = Untrusted::from(path.as_str());
    let refused = |what: &str, fault: &io::Error| {
        let why =
            fault.raw_os_error().map_or_else(|| fault.to_string(), |it| errno::text(it).to_owned());
        Refused(format!("{what} {}: {why}", shown.escaped()))
    };
    let lines = world.input(path).map_err(|fault| refused("open", &fault))?.lines();
    let mut hosts = Vec::new();
    for line in lines {
        let line = line.map_err(|fault| refused("ferror", &fault))?;
        hosts.push(line.trim().to_owned());
    }
    hosts.extend(arguments.hosts.iter().cloned());
    Ok(hosts)
}

/// All that the hosts have in common.
struct All<'a, W: World> {
    arguments: &'a ClassicMtrArguments,
    world: &'a mut W,
    network: &'a mut W::Network,
    interface: Option<u32>,
    screen: Option<Size>,
}

impl<W: World> All<'_, W> {
    /// One host after the other; a screen is of the first one.
    fn each(
        &mut self,
        hosts: &[String],
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Measured> {
        let well = ExitStatus::HOLDS;
        for name in hosts {
            let measured = match self.find(name, err) {
                Ok(Some(host)) => self.measure(&host, out, err)?,
                // mtr says so in its report alone, and goes on with the next one.
                Ok(None) if self.screen.is_none() => continue,
                Ok(None) => Measured { status: ExitStatus::Code(FAILURE), last_words: None },
                Err(why) => {
                    Measured { status: refused(self.arguments, &why, err), last_words: None }
                }
            };
            if measured.status != well || measured.last_words.is_some() || self.screen.is_some() {
                return Ok(measured);
            }
        }
        Ok(Measured { status: well, last_words: None })
    }

    /// Looks a host up; `None` where it has no address, which is said.
    fn find(&mut self, name: &str, err: &mut dyn Write) -> Result<Option<Host>, Refused> {
        let family = self.arguments.family;
        let found = self.world.resolve(&[name.to_owned()], family, Duration::MAX);
        let found = match found.into_iter().next() {
            Some((Ok(found), _)) => found.first().copied(),
            Some((Err(error), _)) => {
                let program = self.arguments.program.escaped();
                let shown = Untrusted::from(name);
                // "name: why" as others say it.
                let why = classic_failure(name, family, &error);
                let why = why.rsplit(": ").next().unwrap_or_default();
                let _ =
                    writeln!(err, "{program}: Failed to resolve host: {}: {why}", shown.escaped());
                None
            }
            None => None,
        };
        let Some(destination) = found else { return Ok(None) };
        let source = self.source(destination)?;
        Ok(Some(Host { name: Untrusted::from(name), destination, source }))
    }

    /// Where packets leave from, unless nothing can.
    fn source(&mut self, to: Destination) -> Result<Option<IpAddr>, Refused> {
        let from = match self.arguments.source_address() {
            None => None,
            Some(Ok(from)) if Family::of(from) == to.family() && self.world.owns(from) => {
                Some(from)
            }
            Some(_) => return Err(Refused("invalid local address".to_owned())),
        };
        if to.address().is_multicast() {
            return Err(Refused(format!("{to}: a path leads to one host")));
        }
        let opened = self.network.opened();
        let opening = match self.arguments.protocol() {
            Protocol::Icmp => opened.family(to.family()).map(|_| ()).map_err(|error| error.errno),
            Protocol::Udp { .. } => {
                opened.udp(to.family()).map(|_| ()).map_err(|error| error.errno)
            }
            Protocol::Tcp { .. } => self.world.tcp(to.family()).map_err(|error| error.errno),
        };
        let family = match to.family() {
            Family::Ipv4 => "IPv4",
            Family::Ipv6 => "IPv6",
        };
        opening.map_err(|number| {
            Refused(format!("Failure to open {family} sockets: {}", errno::text(number)))
        })?;
        match self.world.source(to, from, self.interface) {
            Ok(source) => Ok(Some(source)),
            // It goes on then, and says of no hop anything.
            Err(error) if error.errno == EHOSTUNREACH => Ok(None),
            Err(_) if self.interface.is_some() => {
                Err(Refused(format!("interface missing {family} address")))
            }
            Err(error) => {
                let why = errno::text(error.errno);
                Err(Refused(format!("udp socket connect failed: {why}")))
            }
        }
    }

    /// One host to its end.
    fn measure(
        &mut self,
        host: &Host,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Measured> {
        let anchor = self.world.anchor();
        let started_at = anchor.rfc3339(self.network.now());
        let options = self.options();
        let out = BufWriter::new(out);
        let shown = match self.screen {
            Some(size) => {
                let title = self.title(host);
                let backlog = self.world.backlog();
                Shown::Screen(ClassicScreen::new(out, options, title, size, backlog))
            }
            None => Shown::Report(ClassicReport::new(out, options)),
        };
        let config = self.config(host);
        let too_large = self.arguments.bytes > MOST_BYTES;
        let mut reporting = Reporting {
            program: &self.arguments.program,
            name: &host.name,
            anchor,
            started_at,
            shown,
            refused: too_large.then(|| SendError::new(EINVAL)),
            err,
        };
        if too_large {
            let end = End { at: self.network.now(), stopped: None, cannot_go_on: false };
            let status = reporting.conclude(vec![Measurement::new(config)], end)?;
            return Ok(Measured { status, last_words: None });
        }
        let drive = Drive::new(vec![Measurement::new(config)], false, self.world, self.network);
        drive.run(self.world, self.network, &mut reporting)
    }

    fn title(&mut self, host: &Host) -> String {
        let source = host.source.map_or_else(|| "?".to_owned(), |source| source.to_string());
        let (here, there) = (self.world.host_name(), host.name.escaped());
        format!("{here} ({source}) -> {there} ({})", host.destination.address())
    }

    fn options(&mut self) -> ClassicOptions {
        let arguments = self.arguments;
        ClassicOptions {
            form: arguments.form.unwrap_or(ClassicForm::Report),
            order: arguments.order.clone(),
            wide: arguments.wide,
            numeric: arguments.numeric,
            show_ips: arguments.show_ips,
            labels: arguments.labels,
            host: self.world.host_name(),
            traffic_class: arguments.tos,
            packet_size: arguments.bytes,
            pattern: arguments.pattern,
            rounds: arguments.rounds.unwrap_or_default(),
        }
    }

    fn config(&mut self, host: &Host) -> Config {
        let arguments = self.arguments;
        let (to, protocol) = (host.destination, arguments.protocol());
        let headers = HEADER + u32::try_from(to.family().header_len()).unwrap_or_default();
        let ports = match protocol {
            Protocol::Tcp { .. } => self.network.opened().tcp(to.family()).ok(),
            _ => None,
        };
        let ports = ports.map(|opening| opening.identifiers);
        let connects = matches!(protocol, Protocol::Tcp { .. }) && ports.is_none();
        let spacing = match self.world.may_flood() {
            true => Duration::ZERO,
            false if connects => user::LEAST_CONNECT_INTERVAL,
            false => user::LEAST_INTERVAL,
        };
        let control = control(arguments, self.interface);
        let random = self.world.random();
        let byte = arguments.pattern.or_else(|| random.first().copied()).unwrap_or_default();
        let path = netdiag_trace::Config {
            protocol,
            vary_flow: !matches!(protocol, Protocol::Udp { .. }) || arguments.port.is_none(),
            first_ttl: arguments.first_ttl,
            max_ttl: arguments.max_ttl,
            spacing,
            timeout: arguments.timeout.max(Duration::from_millis(1)),
            size: u16::try_from(arguments.bytes.saturating_sub(headers)).unwrap_or(u16::MAX),
            pattern: Pattern::repeated(&[byte]).unwrap_or(Pattern::COUNTING),
            source_port: ports.map(|ports| ports.first),
            syn: ports.map(|ports| syn_of(to, ports.count)),
            // The checksum of a SYN covers it.
            control: Control {
                source: control.source.or_else(|| host.source.filter(|_| ports.is_some())),
                ..control
            },
            wants_names: !arguments.numeric,
            ..netdiag_trace::Config::new(0, to)
        };
        Config {
            path,
            interval: arguments.interval,
            rounds: arguments.rounds,
            grace: arguments.grace,
            max_silent: arguments.max_silent,
            figures: self.screen.map(|_| FRAME),
        }
    }
}

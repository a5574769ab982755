//! The machine that this process runs on.

use netdiag_cli::{
    Backend, DontFragment, LookUps, LookedUp, MARKED_SOCKETS, OpenRequest, OwnLookup, SignalRule,
    TablesRequest, Terminal, UdpSockets, World,
};
use netdiag_engine::Sources;
use netdiag_engine::port::{Control, NetworkError, Size};
use netdiag_model::{ClockAnchor, Destination, Family, Link, Way};
use netdiag_sockets::port::{ByteOrder, Kernel};
use netdiag_sys::programs::{self, Ran};
use netdiag_sys::sandbox::Reads;
use netdiag_sys::tables::{SavedFiles, Tables};
use netdiag_sys::{
    MachineNetwork, PortableRequest, Stdout, clock, console, files, interfaces, names, privileges,
    random, sandbox, signals,
};
use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal};
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// The machine that this process runs on.
pub(crate) struct SystemWorld {
    /// What is written to it must not make probes late.
    pub(crate) out: Stdout,
    /// Whether a screen is drawn.
    pub(crate) screen: bool,
    /// What this machine's own look-up said.
    pub(crate) own_lookup: Option<OwnLookup>,
    /// The tables of its sockets, where they were asked for beside a network.
    pub(crate) tables: Option<Rc<RefCell<Tables>>>,
}

impl World for SystemWorld {
    type Network = Box<dyn MachineNetwork>;

    fn open(&mut self, request: &OpenRequest) -> Result<Self::Network, NetworkError> {
        self.tables = request.tables.then(|| Rc::new(RefCell::new(Tables::open())));
        // Nothing from outside has been read yet, and nothing is read before this.
        let (network, dropped): (Self::Network, _) = match request.backend {
            Backend::Linux => {
                let (network, dropped) = linux(request).open_then(privileges::drop_all);
                (Box::new(network), dropped)
            }
            Backend::Portable => (Box::new(portable(request).open()?), privileges::drop_all()),
        };
        if request.prompt_stamps {
            // The kernel turns receive stamps on by a work item of this CPU (net/core/dev.c).
            std::thread::yield_now();
        }
        dropped.map_err(|_| NetworkError { call: "giving up capabilities", errno: 1 })?;
        let wanted = request.own_lookup.as_ref();
        self.own_lookup = wanted.map(|(name, patience)| own_lookup(name, *patience));
        self.screen = request.screen;
        match request.signals {
            SignalRule::Usual => {}
            SignalRule::QuitEnds => signals::leave_quit(),
            SignalRule::End { line } => signals::end_with_1(line),
        }
        if !request.confine_later {
            self.enter_sandbox(request.names, &request.files);
        }
        Ok(network)
    }

    fn confine(&mut self, files: &[String]) {
        self.enter_sandbox(true, files);
    }

    fn sandbox(&mut self) -> String {
        match privileges::drop_all() {
            Ok(()) => sandbox::enter(&Reads { names: true, ..Reads::default() }).to_string(),
            Err(fault) => format!("none ({fault})"),
        }
    }

    fn watch(&mut self, network: &mut Self::Network) -> Result<(), NetworkError> {
        network.write_behind(self.out.clone());
        if self.screen { network.watch_console() } else { network.watch() }
    }

    fn resolve(
        &mut self,
        names: &[String],
        family: Option<Family>,
        patience: Duration,
    ) -> Vec<LookedUp> {
        names::resolve_all(names, family, patience)
    }

    fn look_up_beside(
        &mut self,
        names: &[String],
        family: Option<Family>,
        patience: Duration,
    ) -> LookUps {
        let mut begun = names::begin(names, family, patience);
        Box::new(move || begun.known())
    }

    fn tcp(&mut self, family: Family) -> Result<(), NetworkError> {
        netdiag_sys::tcp(family)
    }

    fn connections(&self) -> usize {
        netdiag_sys::connections_at_once()
    }

    fn input_within(&mut self, path: &str, patience: Duration) -> io::Result<Box<dyn BufRead>> {
        files::input(path, patience)
    }

    fn link_target(&mut self, path: &str) -> Option<String> {
        let target = std::fs::read_link(path).ok()?;
        Some(target.to_string_lossy().into_owned())
    }

    fn own_lookup(&mut self) -> Option<OwnLookup> {
        self.own_lookup.take()
    }

    fn interface(&mut self, name: &str) -> Option<u32> {
        names::interface_index(name)
    }

    fn way(&mut self, destination: Destination, control: &Control) -> Option<Way> {
        interfaces::way(destination, control.source, control.interface).ok()
    }

    fn link(&mut self, interface: u32) -> Option<Link> {
        interfaces::link(interface).ok()
    }

    fn has_address(&mut self, interface: u32, address: IpAddr) -> bool {
        // What cannot be asked is not said to be wrong.
        interfaces::has_address(interface, address).unwrap_or(true)
    }

    fn owns(&mut self, address: IpAddr) -> bool {
        names::owns(address)
    }

    fn source(
        &mut self,
        destination: Destination,
        from: Option<IpAddr>,
        interface: Option<u32>,
    ) -> Result<IpAddr, NetworkError> {
        names::source(destination, from, interface)
    }

    fn sources(
        &mut self,
        targets: &mut dyn Iterator<Item = (u32, Destination)>,
        interface: Option<u32>,
    ) -> Sources {
        names::sources(targets, interface)
    }

    fn broadcast_source(
        &mut self,
        destination: Destination,
        from: Option<IpAddr>,
        interface: Option<u32>,
    ) -> Option<IpAddr> {
        names::broadcast_source(destination, from, interface)
    }

    fn random(&mut self) -> [u8; 18] {
        random::bytes().expect("Linux since 3.17 has getrandom, and it does not fail for 18 bytes")
    }

    fn anchor(&mut self) -> ClockAnchor {
        clock::anchor()
    }

    fn std_now(&mut self) -> std::time::Instant {
        clock::std_now()
    }

    fn terminal(&self) -> Terminal {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_terminal = io::stdout().is_terminal();
        Terminal {
            stdin: io::stdin().is_terminal(),
            stdout: is_terminal,
            stderr: io::stderr().is_terminal(),
            no_color: set("NO_COLOR") || dumb,
            width: if is_terminal { columns() } else { None },
        }
    }

    fn screen(&self) -> Option<Size> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
        console::size().filter(|_| !is_dumb)
    }

    fn host_name(&mut self) -> String {
        names::host_name()
    }

    fn link_to_itself(&mut self, path: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(std::env::current_exe()?, path)
    }

    fn backlog(&self) -> Box<dyn Fn() -> bool> {
        let out = self.out.clone();
        Box::new(move || out.is_waiting())
    }

    fn sockets(&mut self, request: TablesRequest) -> Result<Box<dyn Kernel>, NetworkError> {
        let TablesRequest { owners, all_namespaces } = request;
        let tables = match all_namespaces {
            true => Tables::open().with_namespaces(),
            false => Tables::open(),
        };
        let dropped = match owners {
            true => privileges::keep_reading(),
            false => privileges::drop_all().map(|()| false),
        };
        let all = dropped.map_err(|_| NetworkError { call: "giving up capabilities", errno: 1 })?;
        sandbox::enter_tables(owners);
        Ok(Box::new(tables.with_all(all)))
    }

    fn saved_sockets(
        &mut self,
        path: &Path,
        order: Option<ByteOrder>,
    ) -> Result<Box<dyn Kernel>, NetworkError> {
        // Only what this user may read: rights of the program are for its own tables.
        privileges::drop_all()
            .map_err(|_| NetworkError { call: "giving up capabilities", errno: 1 })?;
        let failed = |error: io::Error| NetworkError {
            call: "reading the saved tables",
            errno: error.raw_os_error().unwrap_or(5),
        };
        let files = SavedFiles::open(path).map_err(failed)?;
        sandbox::enter_tables(false);
        let saved = files.read(order).map_err(failed)?;
        Ok(Box::new(saved))
    }

    fn tables(&mut self) -> Option<Rc<RefCell<dyn Kernel>>> {
        let tables = self.tables.clone()?;
        Some(tables)
    }

    fn may_flood(&self) -> bool {
        privileges::is_root()
    }
}

impl SystemWorld {
    /// Without a sandbox it is still a measurement.
    fn enter_sandbox(&self, names: bool, files: &[String]) {
        let counters = self.tables.is_some();
        sandbox::enter(&Reads { names, keys: self.screen, files, counters });
    }
}

/// getaddrinfo(3) as programs call it: this one is static and may not.
fn own_lookup(name: &str, patience: Duration) -> OwnLookup {
    const GETENT: &[&str] = &["/usr/bin/getent", "/bin/getent"];
    const LONGEST: usize = 16 << 10;
    match programs::run(GETENT, &["ahosts", "--", name], LONGEST, patience) {
        Ran::Missing => OwnLookup::Missing,
        Ran::Ended { code, out, took } => OwnLookup::Ended { code, out, took },
        Ran::TimedOut(after) => OwnLookup::TimedOut(after),
    }
}

/// How wide the terminal is: as it says itself, else as the shell does.
fn columns() -> Option<u16> {
    let told = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0);
    console::columns().or_else(told)
}

fn linux(request: &OpenRequest) -> netdiag_sys::OpenRequest {
    netdiag_sys::OpenRequest {
        family: request.family,
        identifier: request.identifier,
        mark: request.mark,
        mark_or_none: request.mark_or_none,
        dont_fragment: request.dont_fragment.map(|policy| match policy {
            DontFragment::Do => netdiag_sys::DontFragment::Do,
            DontFragment::Want => netdiag_sys::DontFragment::Want,
            DontFragment::Dont => netdiag_sys::DontFragment::Dont,
            DontFragment::Probe => netdiag_sys::DontFragment::Probe,
        }),
        send_buffer: request.send_buffer,
        direct: request.direct,
        broadcast: request.broadcast,
        debug: request.debug,
        flow_label: request.flow_label,
        ip_options: request.ip_options,
        no_loopback: request.no_loopback,
        user_stamps: request.user_stamps,
        no_icmp: !request.icmp,
        udp_quotes: request.udp_quotes,
        tcp_ports: request.tcp_ports,
        tcp_answers: request.tcp_answers,
        marked_connects: request.marked_connects,
        udp: request.udp == UdpSockets::Always,
        udp_port: request.udp_port,
        // What sets a mark has no right to it later.
        query_sockets: if request.queries && request.mark.is_some() { MARKED_SOCKETS } else { 0 },
        udp_instead: request.udp == UdpSockets::InsteadOfIcmp,
        ..netdiag_sys::OpenRequest::default()
    }
}

fn portable(request: &OpenRequest) -> PortableRequest {
    PortableRequest {
        hop_limit: request.control.hop_limit,
        source: request.control.source,
        interface: request.control.interface,
        patience: request.patience,
    }
}

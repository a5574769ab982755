//! The program in a simulated world: [`run`] gives what it wrote, how it ended, and what really
//! happened.

use super::process;
use netdiag_cli::{ExitStatus, LookedUp, OpenRequest, Terminal, World};
use netdiag_engine::port::{Control, Inputs, Network, NetworkError, Opened, Operations, Size};
use netdiag_model::contract::SocketKind;
use netdiag_model::failure::LookupError;
use netdiag_model::{ClockAnchor, Destination, Family, Found, Instant, Link, Untrusted, Way};
use netdiag_sim::{Recording, Scenario, VirtualNetwork};
use std::cell::RefCell;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// How much of the truth is kept.
const RECORDED: usize = 100_000;
/// The index of the only interface.
const LAB0: u32 = 2;

/// A simulated machine.
pub(crate) struct SimWorld {
    scenario: Scenario,
    network: Rc<RefCell<VirtualNetwork>>,
    terminal: Terminal,
    screen: Option<Size>,
}

/// The network that the program gets; the world keeps its other end for the truth.
pub(crate) struct Shared {
    opened: Opened,
    network: Rc<RefCell<VirtualNetwork>>,
}

impl Network for Shared {
    fn opened(&self) -> &Opened {
        &self.opened
    }

    fn now(&mut self) -> Instant {
        self.network.borrow_mut().now()
    }

    fn submit(&mut self, operations: &mut Operations) -> Result<(), NetworkError> {
        self.network.borrow_mut().submit(operations)
    }

    fn wait(&mut self, until: Instant, inputs: &mut Inputs) -> Result<(), NetworkError> {
        self.network.borrow_mut().wait(until, inputs)
    }
}

impl SimWorld {
    pub(crate) fn new(scenario: &str, socket: SocketKind) -> Self {
        let scenario = Scenario::load(&process::scenario(scenario));
        Self::of(scenario.unwrap_or_else(|fault| panic!("{fault}")), socket)
    }

    fn of(scenario: Scenario, socket: SocketKind) -> Self {
        let mut network = VirtualNetwork::with_socket(&scenario, socket);
        network.internet().record(Recording::Memory(RECORDED));
        let terminal = Terminal::default();
        Self { scenario, network: Rc::new(RefCell::new(network)), terminal, screen: None }
    }
}

impl SimWorld {
    fn look_up(&self, name: &str, family: Option<Family>) -> Result<Vec<Destination>, LookupError> {
        let mut found = self.network.borrow().resolve(name)?;
        found.retain(|destination| family.is_none_or(|family| destination.family() == family));
        if found.is_empty() {
            let what = format!("no {} address", family.map_or("", Family::name));
            return Err(LookupError::NotFound { what, by: "the scenario".to_owned() });
        }
        Ok(found)
    }
}

impl World for SimWorld {
    type Network = Shared;

    fn open(&mut self, _: &OpenRequest) -> Result<Shared, NetworkError> {
        let opened = self.network.borrow().opened().clone();
        Ok(Shared { opened, network: Rc::clone(&self.network) })
    }

    fn sandbox(&mut self) -> String {
        "none (a simulated machine)".to_owned()
    }

    fn watch(&mut self, _: &mut Shared) -> Result<(), NetworkError> {
        Ok(())
    }

    fn resolve(&mut self, names: &[String], family: Option<Family>, _: Duration) -> Vec<LookedUp> {
        names
            .iter()
            .map(|name| (self.look_up(name, family).map(Found::from), Duration::ZERO))
            .collect()
    }

    fn tcp(&mut self, _: Family) -> Result<(), NetworkError> {
        Ok(())
    }

    fn connections(&self) -> usize {
        usize::MAX
    }

    fn input_within(&mut self, path: &str, _: Duration) -> io::Result<Box<dyn BufRead>> {
        let path = process::scenario(path).with_extension("").with_extension("txt");
        Ok(Box::new(BufReader::new(File::open(path)?)))
    }

    fn interface(&mut self, name: &str) -> Option<u32> {
        (name == "lab0").then_some(LAB0)
    }

    fn way(&mut self, destination: Destination, _: &Control) -> Option<Way> {
        let source = self.source(destination, None, None).ok()?;
        Some(Way { source: Some(source), interface: LAB0, is_broadcast: false })
    }

    fn link(&mut self, interface: u32) -> Option<Link> {
        let mtu = self.scenario.here.mtu.unwrap_or(1_500);
        (interface == LAB0).then(|| Link { name: Untrusted::from("lab0"), mtu })
    }

    fn has_address(&mut self, interface: u32, address: IpAddr) -> bool {
        interface == LAB0 && self.owns(address)
    }

    fn owns(&mut self, address: IpAddr) -> bool {
        let here = &self.scenario.here;
        here.ipv4.iter().chain(&here.ipv6).any(|prefix| prefix.address == address)
    }

    fn source(
        &mut self,
        destination: Destination,
        _: Option<IpAddr>,
        _: Option<u32>,
    ) -> Result<IpAddr, NetworkError> {
        let own = match destination.family() {
            Family::Ipv4 => self.scenario.here.ipv4.first(),
            Family::Ipv6 => self.scenario.here.ipv6.first(),
        };
        let none = NetworkError { call: "connect", errno: nix::libc::ENETUNREACH };
        own.map(|prefix| prefix.address).ok_or(none)
    }

    fn broadcast_source(
        &mut self,
        _: Destination,
        _: Option<IpAddr>,
        _: Option<u32>,
    ) -> Option<IpAddr> {
        None
    }

    fn random(&mut self) -> [u8; 18] {
        *b"eighteen bytes it."
    }

    fn anchor(&mut self) -> ClockAnchor {
        self.network.borrow().clock_anchor()
    }

    #[expect(clippy::disallowed_methods, reason = "any will do: only differences count")]
    fn std_now(&mut self) -> std::time::Instant {
        std::time::Instant::now()
    }

    fn terminal(&self) -> Terminal {
        self.terminal
    }

    fn screen(&self) -> Option<Size> {
        self.screen
    }

    fn host_name(&mut self) -> String {
        "here".to_owned()
    }

    fn link_to_itself(&mut self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn backlog(&self) -> Box<dyn Fn() -> bool> {
        Box::new(|| false)
    }

    fn may_flood(&self) -> bool {
        true
    }
}

/// What is left of a run.
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: ExitStatus,
    network: Rc<RefCell<VirtualNetwork>>,
}

impl Ran {
    /// Asks what really happened.
    pub(crate) fn truth<T>(&self, ask: impl FnOnce(&netdiag_sim::Truth) -> T) -> T {
        ask(self.network.borrow().truth())
    }
}

/// `netdiag` with these arguments, in a scenario.
pub(crate) fn run(scenario: &str, socket: SocketKind, arguments: &[&str]) -> Ran {
    run_in(SimWorld::new(scenario, socket), arguments)
}

/// The same in a scenario that is given as its text.
pub(crate) fn run_text(scenario: &str, socket: SocketKind, arguments: &[&str]) -> Ran {
    let scenario = scenario.parse().unwrap_or_else(|fault| panic!("{fault}"));
    run_in(SimWorld::of(scenario, socket), arguments)
}

/// A terminal, which both streams may go to: what comes on it stands in the order in which it came.
#[derive(Clone, Default)]
struct Screen(Rc<RefCell<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same on a terminal without colours, where standard output goes to it, too, if `with_out`.
/// `err` is what stands on it.
pub(crate) fn run_on_terminal(scenario: &str, arguments: &[&str], with_out: bool) -> Ran {
    let mut world = SimWorld::new(scenario, SocketKind::Raw);
    world.terminal =
        Terminal { stdout: with_out, stderr: true, no_color: true, ..Terminal::default() };
    let (screen, mut out) = (Screen::default(), Screen::default());
    if with_out {
        out = screen.clone();
    }
    let status = netdiag_cli::run(argv(arguments), &mut world, &mut out, &mut screen.clone());
    let text = |screen: &Screen| String::from_utf8(screen.0.take()).expect("the output is UTF-8");
    let err = text(&screen);
    Ran { out: text(&out), err, status, network: world.network }
}

/// The same on a terminal of this width that standard error does not go to.
pub(crate) fn run_at_width(scenario: &str, arguments: &[&str], width: u16) -> Ran {
    let mut world = SimWorld::new(scenario, SocketKind::Raw);
    world.terminal =
        Terminal { stdout: true, no_color: true, width: Some(width), ..Terminal::default() };
    run_in(world, arguments)
}

/// The same in a scenario that is given as its text, on a terminal that a screen can be drawn on.
pub(crate) fn run_on_screen(scenario: &str, arguments: &[&str]) -> Ran {
    let scenario = scenario.parse().unwrap_or_else(|fault| panic!("{fault}"));
    let mut world = SimWorld::of(scenario, SocketKind::Raw);
    world.terminal = Terminal {
        stdout: true,
        stderr: true,
        no_color: true,
        width: Some(100),
        ..Terminal::default()
    };
    world.screen = Some(Size { columns: 100, rows: 24 });
    run_in(world, arguments)
}

fn argv(arguments: &[&str]) -> impl Iterator<Item = OsString> {
    std::iter::once("netdiag").chain(arguments.iter().copied()).map(OsString::from)
}

fn run_in(mut world: SimWorld, arguments: &[&str]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = netdiag_cli::run(argv(arguments), &mut world, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Ran { out: text(out), err: text(err), status, network: world.network }
}

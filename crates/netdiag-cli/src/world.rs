//! Everything of the machine that a command may touch.

use netdiag_engine::Sources;
use netdiag_engine::port::{Control, Network, NetworkError, SendError, Size};
use netdiag_model::failure::LookupError;
use netdiag_model::{ClockAnchor, Destination, Family, Found, Link, Way};
use netdiag_sockets::port::{ByteOrder, Kernel};
use std::cell::RefCell;
use std::io::{self, BufRead};
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// The machine, or a simulated one.
pub trait World {
    /// Its network.
    type Network: Network;

    /// Opens the sockets that a command needs, gives up every privilege and confines the process
    /// before it returns.
    /// A family that cannot be opened is told in the network's `opened`.
    ///
    /// # Errors
    /// When there is nothing to measure with at all.
    fn open(&mut self, request: &OpenRequest) -> Result<Self::Network, NetworkError>;

    /// Confines the process where [`open`](Self::open) was told to leave that for later, so that it can
    /// read these files and no others.
    fn confine(&mut self, files: &[String]) {
        let _ = files;
    }

    /// Confines the process as [`open`](Self::open) does, and says by what, or why not.
    fn sandbox(&mut self) -> String;

    /// From now on signals are inputs of the network instead of ending the process, and so is what
    /// changes at this machine's interfaces; and until the network is dropped, no output waits for
    /// its reader. Called when nothing but the measurement can block any more.
    ///
    /// # Errors
    /// When signals cannot be watched.
    fn watch(&mut self, network: &mut Self::Network) -> Result<(), NetworkError>;

    /// The addresses of host names, each in the order in which they should be tried, and how long
    /// each look-up took; one for each name, in their order. Literal addresses are answered without
    /// asking anybody, the others are looked up at the same time, all of them within `patience` and
    /// never for more than 5 s. An error: the name does not exist, or nobody could be asked.
    fn resolve(
        &mut self,
        names: &[String],
        family: Option<Family>,
        patience: Duration,
    ) -> Vec<LookedUp>;

    /// Begins to look up names as [`resolve`](Self::resolve) does, beside whatever follows, and returns
    /// at once. Without `patience` `resolve` itself knows what no server has to be asked for.
    fn look_up_beside(
        &mut self,
        names: &[String],
        family: Option<Family>,
        patience: Duration,
    ) -> LookUps {
        let mut found = self.resolve(names, family, patience).into_iter().enumerate();
        Box::new(move || found.next())
    }

    /// Whether TCP connections of a family can be opened here; sends nothing.
    ///
    /// # Errors
    /// Why not.
    fn tcp(&mut self, family: Family) -> Result<(), NetworkError>;

    /// How many connections may be open at once, by the limit of open files.
    fn connections(&self) -> usize;

    /// A file of this machine, to be read line by line; `-` is standard input. Another must have been
    /// named to [`open`](Self::open).
    ///
    /// # Errors
    /// When it cannot be opened.
    fn input(&mut self, path: &str) -> io::Result<Box<dyn BufRead>> {
        self.input_within(path, Duration::MAX)
    }

    /// The same, read for no longer than `patience` from now on: reading fails with
    /// [`io::ErrorKind::TimedOut`] then.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn input_within(&mut self, path: &str, patience: Duration) -> io::Result<Box<dyn BufRead>>;

    /// What the symbolic link at a path says; `None` where there is none.
    fn link_target(&mut self, path: &str) -> Option<String> {
        let _ = path;
        None
    }

    /// What this machine's own look-up of the name said that [`open`](Self::open) was told, once;
    /// `None` where there is none.
    fn own_lookup(&mut self) -> Option<OwnLookup> {
        None
    }

    /// The index of a network interface.
    fn interface(&mut self, name: &str) -> Option<u32>;

    /// The way that packets to a destination take out of this machine, from a source and by an
    /// interface where those are fixed; `None` where there is none. Asks the kernel's routes and
    /// sends nothing.
    fn way(&mut self, destination: Destination, control: &Control) -> Option<Way>;

    /// The interface with this index; `None` where there is none.
    fn link(&mut self, interface: u32) -> Option<Link>;

    /// Whether the interface with this index has an address.
    fn has_address(&mut self, interface: u32, address: IpAddr) -> bool;

    /// Whether packets can leave from an address: it is one of this machine.
    fn owns(&mut self, address: IpAddr) -> bool;

    /// The address that packets to a destination leave from, given a source or an interface; asks
    /// the kernel's routes and sends nothing.
    ///
    /// # Errors
    /// `bind`: the source is no address of this machine. `connect`: there is no route.
    fn source(
        &mut self,
        destination: Destination,
        from: Option<IpAddr>,
        interface: Option<u32>,
    ) -> Result<IpAddr, NetworkError>;

    /// The same of many targets, which come in the order of their numbers; why there is none, as a
    /// send would say it.
    fn sources(
        &mut self,
        targets: &mut dyn Iterator<Item = (u32, Destination)>,
        interface: Option<u32>,
    ) -> Sources {
        let mut sources = Sources::default();
        for (number, to) in targets {
            let found = self.source(to, None, interface);
            sources.push(number, found.map_err(|error| SendError::new(error.errno)));
        }
        sources
    }

    /// The address that packets to a destination leave from, where the kernel says that it is a
    /// broadcast address of the network that they leave by; sends nothing.
    fn broadcast_source(
        &mut self,
        destination: Destination,
        from: Option<IpAddr>,
        interface: Option<u32>,
    ) -> Option<IpAddr>;

    /// Unpredictable bytes, for the key of the tags.
    fn random(&mut self) -> [u8; 18];

    /// Both clocks, read together.
    fn anchor(&mut self) -> ClockAnchor;

    /// The monotonic clock as Rust's own library has it, for other libraries that want it so: only how
    /// far two of its times are apart counts.
    fn std_now(&mut self) -> std::time::Instant;

    /// What the output goes to.
    fn terminal(&self) -> Terminal;

    /// The terminal that a screen can be drawn on and keys be read from, by its size; `None` where
    /// standard output or input is none, or too dumb.
    fn screen(&self) -> Option<Size>;

    /// The name of this machine.
    fn host_name(&mut self) -> String;

    /// Makes a link to this program.
    ///
    /// # Errors
    /// When there is something already, or none can be made.
    fn link_to_itself(&mut self, path: &Path) -> io::Result<()>;

    /// Tells, when it is asked, whether what was written is still kept for a reader that does not read.
    fn backlog(&self) -> Box<dyn Fn() -> bool>;

    /// Opens the tables of this machine's sockets, of all network namespaces where that is asked for and
    /// allowed, gives up every privilege but those for looking at
    /// the processes of others, which only owners need, and confines the process. A simulated
    /// machine has none.
    ///
    /// # Errors
    /// When rights cannot be given up, or there are no tables.
    fn sockets(&mut self, request: TablesRequest) -> Result<Box<dyn Kernel>, NetworkError> {
        let _ = request;
        Err(NetworkError { call: "tables of sockets", errno: 38 })
    }

    /// Gives up every privilege, reads tables that were saved in a folder or a file, with addresses in
    /// this order, or the one that they show, and confines the process. A simulated machine has none.
    ///
    /// # Errors
    /// When rights cannot be given up, or there are no tables that this user may read.
    fn saved_sockets(
        &mut self,
        path: &Path,
        order: Option<ByteOrder>,
    ) -> Result<Box<dyn Kernel>, NetworkError> {
        let _ = (path, order);
        Err(NetworkError { call: "saved tables of sockets", errno: 38 })
    }

    /// The tables of this machine's sockets that [`open`](Self::open) was asked for; `None` where there are
    /// none.
    fn tables(&mut self) -> Option<Rc<RefCell<dyn Kernel>>> {
        None
    }

    /// Whether the user may send as fast as they like: root, and with rights over this network.
    fn may_flood(&self) -> bool;
}

/// What became of the look-up of a name, and how long that took.
pub type LookedUp = (Result<Found, LookupError>, Duration);

/// Look-ups under way: each call gives one that is known by now, by the place of its name, and none
/// twice.
pub type LookUps = Box<dyn FnMut() -> Option<(usize, LookedUp)>>;

/// What a command needs of the tables of sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TablesRequest {
    /// The owners of sockets.
    pub owners: bool,
    /// The tables of every network namespace.
    pub all_namespaces: bool,
}

/// What the look-up of this machine's own programs came to (getaddrinfo(3), by `getent ahosts`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnLookup {
    /// There is no program to do it.
    Missing,
    /// It ended.
    Ended {
        /// The exit code: 0, or 2 where the name was not found (getent(1)).
        code: Option<i32>,
        /// What was written: a line for each address.
        out: Vec<u8>,
        /// How long it took.
        took: Duration,
    },
    /// It was given up after this time.
    TimedOut(Duration),
}

/// What a command needs open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenRequest {
    /// By what to send and receive.
    pub backend: Backend,
    /// Only this family; `None` for both.
    pub family: Option<Family>,
    /// The echo identifier to use instead of a random block.
    pub identifier: Option<u16>,
    /// How the kernel treats packets larger than the path.
    pub dont_fragment: Option<DontFragment>,
    /// The firewall mark of every packet.
    pub mark: Option<u32>,
    /// Without the right to a mark, packets leave without it: [`Opened::unmarked`].
    ///
    /// [`Opened::unmarked`]: netdiag_engine::port::Opened::unmarked
    pub mark_or_none: bool,
    /// The send buffer in bytes.
    pub send_buffer: Option<usize>,
    /// Only to directly attached networks, past every router.
    pub direct: bool,
    /// Packets to broadcast addresses may leave; only root gets it.
    pub broadcast: bool,
    /// SO_DEBUG, where this user may set it.
    pub debug: bool,
    /// The flow label that IPv6 packets carry.
    pub flow_label: Option<u32>,
    /// The IPv4 options of replies are wanted.
    pub ip_options: bool,
    /// Do not hear one's own packets to a group.
    pub no_loopback: bool,
    /// No kernel time stamps: round trips by the process's clock.
    pub user_stamps: bool,
    /// Answers may come within microseconds, so the kernel is given the time to turn its stamps on.
    pub prompt_stamps: bool,
    /// Sockets for ICMP.
    pub icmp: bool,
    /// Sockets for UDP.
    pub udp: UdpSockets,
    /// Queries leave by UDP, each from a port of its own as far as that goes.
    pub queries: bool,
    /// The source port of UDP instead of a random one.
    pub udp_port: Option<u16>,
    /// A raw ICMP socket hears what routers quote of UDP datagrams, too.
    pub udp_quotes: bool,
    /// How many ports raw TCP leaves from, a power of two up to 128; 0: no such socket. Where it is
    /// refused, connections do.
    pub tcp_ports: u8,
    /// The TTLs are seen that SYN-ACKs and resets of connections come with, where there is a right to.
    pub tcp_answers: bool,
    /// How many connections to each family can have the mark.
    pub marked_connects: usize,
    /// What every packet carries, for a backend that fixes it when it opens.
    pub control: Control,
    /// How long after its request a reply can still be told from others, likewise.
    pub patience: Option<Duration>,
    /// Names, or the names of addresses, may be looked up.
    pub names: bool,
    /// Keys will be read, and a screen drawn, from [`World::watch`] on until the network is dropped.
    pub screen: bool,
    /// What signals do.
    pub signals: SignalRule,
    /// The files that will be read.
    pub files: Vec<String>,
    /// The tables of this machine's sockets, without their owners: [`World::tables`].
    pub tables: bool,
    /// Which those are is known later: [`World::confine`] is told before anything is heard.
    pub confine_later: bool,
    /// A name that this machine's own programs shall look up, and how long they may take: before the
    /// process is confined, since it could start none afterwards.
    pub own_lookup: Option<(String, Duration)>,
}

/// What signals do, since a classic tool may have rules of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignalRule {
    /// What [`World::watch`] says.
    #[default]
    Usual,
    /// The same, but SIGQUIT does what it did before, which is to end the process.
    QuitEnds,
    /// SIGINT, SIGTERM and SIGHUP end the process at once with code 1, some with an empty line before.
    End {
        /// With the line.
        line: bool,
    },
}

/// Sockets with a mark that are opened for queries, of each family: connections beyond them cannot be had.
pub const MARKED_SOCKETS: u8 = 32;

/// When sockets for UDP are opened. They need no right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UdpSockets {
    /// Not at all.
    #[default]
    Never,
    /// For a family whose ICMP sockets are refused.
    InsteadOfIcmp,
    /// In any case.
    Always,
}

/// By what to send and receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// The kernel's own time stamps, ICMP errors and options.
    #[default]
    Linux,
    /// The crate surge-ping: what it takes elsewhere, and less of it.
    Portable,
}

/// `IP_MTU_DISCOVER` (ip(7)), by the names of iputils' `-M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DontFragment {
    /// Set DF, and refuse what is larger than the known path MTU.
    Do,
    /// Set DF for what fits, fragment what is larger.
    Want,
    /// Never set DF.
    Dont,
    /// Set DF and ignore the known path MTU.
    Probe,
}

/// What the output goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Standard input is a terminal.
    pub stdin: bool,
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
    /// `NO_COLOR` is set and not empty, or `TERM` is `dumb`.
    pub no_color: bool,
    /// The columns of the terminal that standard output is; `None`: it is none, or nobody knows.
    pub width: Option<u16>,
}

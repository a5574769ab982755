//! What to ask, and whom.

use crate::query::QueryOptions;
use crate::question::Question;
use crate::setup::Setup;
use crate::transfer::TransferQuery;
use crate::tsig::Tsig;
use netdiag_engine::Secret;
use netdiag_engine::port::Control;
pub use netdiag_http::{Method as HttpMethod, Url};
use netdiag_model::failure::Failure;
use netdiag_model::{ClockAnchor, Destination, Untrusted, Way};
pub use netdiag_quic::Clock;
use netdiag_tls::{Client, Demand, Terms};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the numbers of queries and the cookies come from.
    pub secret: Secret,
    /// Numbers of queries are drawn from behind this one: 0, or where another measurement of the same
    /// run leaves off, so that an answer to the one is none to the other.
    pub numbers_from: u64,
    /// What is asked.
    pub targets: Vec<Target>,
    /// Who is asked.
    pub servers: Vec<Server>,
    /// Which of them.
    pub choice: Choice,
    /// What queries are made of.
    pub query: QueryOptions,
    /// What carries them.
    pub transport: Transport,
    /// What their packets carry, and where they leave from.
    pub control: Control,
    /// How TLS is spoken, where that carries them.
    pub tls: Option<Tls>,
    /// Time as the library of QUIC wants it, where that carries them.
    pub clock: Option<Clock>,
    /// How they are put by HTTP, where that carries them: by POST or GET.
    pub http_method: HttpMethod,
    /// Whether what is cut over UDP is asked for over TCP.
    pub follow_truncation: bool,
    /// How queries are signed; `None`: they are not.
    pub tsig: Option<Tsig>,
    /// The one question is a transfer of a zone.
    pub transfer: Option<TransferQuery>,
    /// How often each is asked.
    pub count: u64,
    /// The time from one query of a series to the next.
    pub interval: Duration,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// How long a full queue of this machine may delay a query.
    pub patience: Duration,
    /// How often a server that says nothing is asked, at least once. Not in a series.
    pub tries: u32,
    /// When the run ends whatever is under way, from its start.
    pub deadline: Option<Duration>,
    /// The least time between two queries.
    pub spacing: Duration,
    /// Whether answers are kept as they came, for validation.
    pub keep_bytes: bool,
    /// Whether results have them.
    pub tells_wire: bool,
    /// What of this machine is judged; `None`: it is not.
    pub setup: Option<Setup>,
}

/// How TLS is spoken with servers.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Whom to trust.
    pub client: Client,
    /// The name that all certificates must be for; `None`: each the one that its server was given by.
    pub name: Option<String>,
    /// What is asked of it.
    pub demand: Demand,
    /// SHA-256 of public keys of which a server's must be one; none: whoever is trusted.
    pub pins: Vec<[u8; 32]>,
    /// The time of day, by which certificates are judged.
    pub anchor: ClockAnchor,
    /// What is offered over QUIC, the best first: "doq" (RFC 9250 section 4.1.1), "h3" (RFC 9114 section
    /// 3.1), or what else is looked for.
    pub alpn: &'static [&'static str],
}

impl Tls {
    /// What is asked of one session.
    pub(crate) fn terms<'a>(&'a self, name: &'a str, alpn: &'a [&'a str]) -> Terms<'a> {
        Terms { name, alpn, demand: self.demand, pins: &self.pins }
    }
}

/// One question as it was given.
#[derive(Clone, Debug)]
pub struct Target {
    /// The text that named it.
    pub given: Untrusted,
    /// What is asked.
    pub question: Question,
    /// Targets of one group hold when one of them has an answer and the others at least no data: the
    /// types that are asked for where none was named.
    pub group: usize,
}

/// One server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address, or why there is none.
    pub destination: Result<Destination, Failure>,
    /// Its port.
    pub port: u16,
    /// What named it.
    pub given: Untrusted,
    /// Who named it.
    pub origin: Origin,
    /// The way to it out of this machine, where that is known.
    pub way: Option<Way>,
    /// What is asked for by HTTP, where that carries queries.
    pub url: Option<Url>,
}

impl Server {
    /// Address and port, with brackets around an IPv6 address; without an address what named it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match &self.destination {
            Ok(to @ Destination::V6(_, scope)) if *scope != 0 => format!("[{to}]:{}", self.port),
            Ok(to) => SocketAddr::new(to.address(), self.port).to_string(),
            Err(_) => format!("{}:{}", self.given.host().escaped(), self.port),
        }
    }

    /// The same as people read it: the port only where it is not the usual one.
    #[must_use]
    pub fn short(&self, usual: u16) -> String {
        match (&self.destination, self.port == usual) {
            (Ok(destination), true) => destination.to_string(),
            (Err(_), true) => self.given.host().escaped().to_string(),
            _ => self.endpoint(),
        }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.destination.as_ref().ok().map(|destination| destination.address())
    }
}

/// Who named a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The user.
    CommandLine,
    /// /etc/resolv.conf.
    ResolvConf,
    /// systemd-resolved, which asks them in its turn.
    Resolved,
    /// The zone above, or the hints.
    Delegation,
}

/// Which servers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All of them, and what they say is compared.
    Each,
    /// One after the other, until one says something.
    FirstThatAnswers,
}

/// What carries a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A TCP connection (RFC 7766).
    Tcp,
    /// TLS over a TCP connection (RFC 7858).
    Tls,
    /// HTTP over TLS (RFC 8484).
    Https,
    /// QUIC (RFC 9250).
    Quic,
    /// HTTP/3, which goes over QUIC (RFC 8484, RFC 9114).
    Https3,
}

impl Transport {
    /// Whether TLS carries it, so that nobody else can answer.
    #[must_use]
    pub const fn is_over_tls(self) -> bool {
        !matches!(self, Self::Udp | Self::Tcp)
    }

    /// Whether QUIC carries it.
    #[must_use]
    pub const fn is_over_quic(self) -> bool {
        matches!(self, Self::Quic | Self::Https3)
    }

    /// Whether HTTP carries it.
    #[must_use]
    pub const fn is_over_http(self) -> bool {
        matches!(self, Self::Https | Self::Https3)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Https => "HTTPS",
            Self::Quic => "QUIC",
            Self::Https3 => "HTTP/3",
        })
    }
}

/// Of more questions than these little is kept of each.
const LONG: usize = 10_000;

impl Config {
    /// Whether there are so many questions that little is kept of each; not where answers are compared.
    pub(crate) fn is_long(&self) -> bool {
        let is_compared = self.choice == Choice::Each && self.servers.len() > 1;
        let is_plain = self.setup.is_none() && !self.keep_bytes && self.count == 1;
        self.targets.len() > LONG && is_plain && !is_compared
    }

    /// How many pairs of a question and a server there are.
    pub(crate) const fn pairs(&self) -> usize {
        self.targets.len() * self.servers.len()
    }

    /// The number of a pair.
    pub(crate) const fn pair(&self, target: usize, server: usize) -> usize {
        target * self.servers.len() + server
    }
}

//! What to do: which targets, and how connections to them are opened.

use super::dialogue::Dialogue;
use super::http::{REDIRECTS, Spoken, Url};
use super::jury::Jury;
use super::names::Names;
use super::proxy::{Goal, Proxy};
use super::tls::Tls;
use netdiag_engine::port::Control;
use netdiag_model::{ClockAnchor, Destination, Instant, Untrusted, Way};
use netdiag_tls::Client;
use std::net::IpAddr;
use std::time::Duration;

/// How many attempts are kept one by one for the result of a target.
pub const RESULTS_KEPT: usize = 10_000;

/// A run of connections to many targets.
#[derive(Clone, Debug)]
pub struct Config {
    /// The targets that have addresses, in order.
    pub targets: Vec<Target>,
    /// How often each address is tried.
    pub count: u64,
    /// From one attempt to an address to the next. Zero: as soon as there is room.
    pub interval: Duration,
    /// After which time without an answer an attempt is given up.
    pub timeout: Duration,
    /// After which time the run ends, whatever is under way.
    pub deadline: Option<Duration>,
    /// How many connections may be open or being opened at once; at least 1.
    pub parallel: usize,
    /// The least time from one attempt to an address, whatever its port, to the next.
    pub spacing: Duration,
    /// What every packet carries.
    pub control: Control,
    /// The local port; 0: any that is free.
    pub source_port: u16,
    /// Of an answer by HTTP only its head is read, and no redirect is followed.
    pub only_head: bool,
    /// What was asked for last is asked for once more over the connection that is open, to compare.
    pub reuses: bool,
    /// How many redirects are followed.
    pub redirects: usize,
    /// Who looks up the hosts that redirects lead to; `None`: nobody, and they are not followed to
    /// names.
    pub names: Option<Names>,
    /// Who looks at each attempt as it ends.
    pub jury: Option<Jury>,
    /// The proxy that connections go to, and that opens those to targets; then the addresses of
    /// targets are the proxy's.
    pub proxy: Option<Box<Proxy>>,
    /// Which HTTP is spoken; `None`: what the server chooses, and without TLS HTTP/1.1.
    pub http: Option<Spoken>,
    /// What is done with connections that open; without it they are closed at once.
    pub dialogue: Option<Dialogue>,
    /// What all TLS sessions have in common; without it there are none.
    pub tls: Option<Client>,
    /// What the date is, for what has one.
    pub anchor: ClockAnchor,
    /// Whether single attempts are kept for the result, the last [`RESULTS_KEPT`] of each target.
    pub keeps_results: bool,
    /// Whether the TTLs are seen that SYN-ACKs and resets come with.
    pub sees_answers: bool,
    /// Whether what the kernel knew of each connection is kept with its attempt.
    pub keeps_states: bool,
}

/// One port of a host, and its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its place in the run.
    pub index: usize,
    /// The host as it was given, without the port.
    pub host: Untrusted,
    /// The port.
    pub port: u16,
    /// How TLS is spoken with it, if at all.
    pub tls: Option<Tls>,
    /// How TLS is spoken where a redirect leads to it.
    pub tls_later: Option<Tls>,
    /// What is asked of it by HTTP, if anything.
    pub url: Option<Url>,
    /// The addresses in the order in which a program would try them, each with the way that packets
    /// take out of this machine, where known.
    pub addresses: Vec<(Destination, Option<Way>)>,
    /// The address that a proxy is asked for; `None`: it is asked for the host.
    pub behind: Option<IpAddr>,
}

impl Target {
    /// What a proxy is asked for.
    pub(super) fn goal(&self) -> Goal {
        match self.behind {
            Some(address) => Goal::new(&address.to_string(), self.port),
            None => self.named(),
        }
    }

    /// The host by its name, and its port.
    pub(super) fn named(&self) -> Goal {
        Goal::new(self.host.host().as_raw(), self.port)
    }
}

impl Config {
    /// The defaults of `tcp-connect`: each address once, given up after 5 s, 64 at once.
    #[must_use]
    pub fn new(targets: Vec<Target>) -> Self {
        Self {
            targets,
            count: 1,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            deadline: None,
            parallel: 64,
            spacing: Duration::ZERO,
            control: Control::default(),
            source_port: 0,
            only_head: false,
            reuses: false,
            redirects: REDIRECTS,
            names: None,
            proxy: None,
            jury: None,
            http: None,
            dialogue: None,
            tls: None,
            anchor: ClockAnchor { instant: Instant::ZERO, unix_nanos: 0 },
            keeps_results: false,
            sees_answers: false,
            keeps_states: false,
        }
    }
}

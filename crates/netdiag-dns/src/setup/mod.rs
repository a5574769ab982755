//! How this machine is set up to look up names, as its files say it, and whether that is right.

mod beside;
mod diverge;
mod hosts;
mod lints;
mod nsswitch;
mod options;
mod steps;
mod verdict;
mod words;

use crate::resolv::ResolvConf;
pub(crate) use beside::invented;
pub use hosts::{Entry, Hosts};
use netdiag_model::{Untrusted, parse_address};
pub use nsswitch::{Nsswitch, Service};
pub use options::ResolverOptions;
use std::net::IpAddr;
use std::time::Duration;

/// The servers that glibc asks at most (`MAXNS` of resolv.h).
pub const MOST_SERVERS: usize = 3;

/// What there is on this machine, beside its servers, that decides what programs are told.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The folder of the files.
    pub etc: String,
    /// How many of the questions are about the name itself; those behind them are about what the search
    /// list makes of it, as many for each, and then about names that do not exist.
    pub own: usize,
    /// How many are about names that do not exist.
    pub invented: usize,
    /// The name that is looked up, as it was given; `None`: the root, which no program looks up.
    pub name: Option<String>,
    /// resolv.conf; in words why it cannot be read.
    pub resolv: Result<ResolvConf, String>,
    /// What the symbolic link says that resolv.conf is.
    pub link: Option<Untrusted>,
    /// hosts; in words why it cannot be read.
    pub hosts: Result<Hosts, String>,
    /// The line `hosts:` of nsswitch.conf; in words why there is none.
    pub nsswitch: Result<Nsswitch, String>,
    /// The name of this machine.
    pub host_name: String,
    /// What getaddrinfo(3) gives to programs.
    pub programs: Programs,
}

/// What programs are told of the name by getaddrinfo(3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Programs {
    /// Nobody asked, in words why not.
    NotMeasured(String),
    /// They are given these addresses, each once.
    Found {
        /// The addresses.
        addresses: Vec<IpAddr>,
        /// The name that they belong to, as the system has it.
        canonical: Option<Untrusted>,
        /// How long that took.
        took: Duration,
    },
    /// They are given no address: there is no such name, or nobody who says.
    NotFound(Duration),
    /// They wait longer than this.
    TimedOut(Duration),
}

impl Programs {
    /// Reads what `getent ahosts` wrote: a line for each address and kind of socket, the canonical name
    /// behind the first (getent(1)).
    #[must_use]
    pub fn of_getent(code: Option<i32>, out: &[u8], took: Duration) -> Self {
        match code {
            Some(0) => {}
            Some(2) => return Self::NotFound(took),
            Some(code) => return Self::NotMeasured(format!("getent ended with {code}")),
            None => return Self::NotMeasured("getent died by a signal".to_owned()),
        }
        let text = String::from_utf8_lossy(out);
        let (mut addresses, mut canonical) = (Vec::new(), None);
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let address = words.next().and_then(|word| word.split('%').next());
            let Some(address) = address.and_then(|word| word.parse().ok()) else { continue };
            if !addresses.contains(&address) {
                addresses.push(address);
            }
            canonical = canonical.or_else(|| words.nth(1).map(Untrusted::from));
        }
        match addresses.is_empty() {
            true => Self::NotMeasured("getent wrote no address".to_owned()),
            false => Self::Found { addresses, canonical, took },
        }
    }

    /// How long it took.
    #[must_use]
    pub const fn took(&self) -> Option<Duration> {
        match self {
            Self::NotMeasured(_) => None,
            Self::Found { took, .. } | Self::NotFound(took) | Self::TimedOut(took) => Some(*took),
        }
    }
}

impl Setup {
    /// The options of resolv.conf, or the defaults.
    #[must_use]
    pub fn options(&self) -> ResolverOptions {
        self.resolv.as_ref().map(ResolverOptions::of).unwrap_or_default()
    }

    /// The domains that are tried behind a name.
    #[must_use]
    pub fn search(&self) -> Vec<&Untrusted> {
        let lines = self.resolv.iter().flat_map(|conf| &conf.search);
        lines.map(|line| &line.text).filter(|text| text.as_raw() != ".").collect()
    }

    /// The modules in whose order programs look up names.
    #[must_use]
    pub fn services(&self) -> Vec<Service> {
        self.nsswitch.as_ref().map(|it| it.services.clone()).unwrap_or_else(|_| nsswitch::default())
    }

    /// The lines of the hosts file that have the name.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let name = self.name.as_deref().unwrap_or_default();
        self.hosts.iter().flat_map(move |hosts| hosts.of(name))
    }

    /// resolv.conf names nobody whom programs could ask.
    #[must_use]
    pub fn names_nobody(&self) -> bool {
        let address = |text: &str| text.split('%').next().and_then(parse_address);
        self.resolv
            .as_ref()
            .is_ok_and(|conf| conf.servers.iter().all(|line| address(line.text.as_raw()).is_none()))
    }

    /// The path of one of the files.
    #[must_use]
    pub fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.etc.trim_end_matches('/'))
    }

    /// The names that programs ask for before the one that was given itself, by the search list
    /// (resolv.conf(5), ndots).
    #[must_use]
    pub fn tried_before(&self, given: &str) -> Vec<String> {
        let dots = given.matches('.').count();
        let is_absolute = given.ends_with('.');
        if is_absolute || u64::try_from(dots).unwrap_or(u64::MAX) >= self.options().ndots {
            return Vec::new();
        }
        let search = self.search().into_iter();
        let domains = search.map(|domain| domain.escaped().to_string());
        domains.map(|domain| format!("{given}.{}", domain.trim_matches('.'))).collect()
    }
}

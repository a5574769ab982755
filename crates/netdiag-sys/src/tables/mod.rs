//! The kernel's tables of sockets: sock_diag(7), /proc/net, and who has which descriptor.
//!
//! Their bytes are handed on as they come; what they mean is decided in netdiag-sockets.

mod descriptors;
mod dump;
mod fallback;
mod namespaces;
mod part;
mod saved;

use crate::raw::PollFd;
use crate::signals::Signals;
use crate::{clock, files, raw};
pub use saved::{SavedFiles, SavedTables};

use dump::Diag;
use namespaces::Other;
use netdiag_engine::port::{InputKind, Inputs, StopCause};
use netdiag_model::Instant;
use netdiag_sockets::namespaces::Namespaces;
use netdiag_sockets::port::{Fault, Kernel, Question, Reading, Stop};
use netdiag_sockets::{Owners, Protocol, Socket};
use std::io::Read as _;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// No file of settings or counters is longer, in bytes.
const LONGEST: u64 = 16 << 20;

/// The tables of the network namespace of this process.
pub struct Tables {
    diag: Result<Diag, Fault>,
    /// Whether every process may be looked at.
    all: bool,
    signals: Option<Signals>,
    namespaces: Namespaces,
    /// What all but the first namespace are asked by.
    others: Vec<Other>,
    /// Which of [`others`](Self::others) is looked at; `None`: the namespace of this process.
    turned: Option<usize>,
}

impl Tables {
    /// Opens what tables are asked by. Where this kernel has no sock_diag, /proc/net stands in.
    #[must_use]
    pub fn open() -> Self {
        Self {
            diag: Diag::open(),
            all: false,
            signals: None,
            namespaces: Namespaces::default(),
            others: Vec::new(),
            turned: None,
        }
    }

    /// Opens the tables of the other network namespaces, too, as far as that is allowed.
    #[must_use]
    pub fn with_namespaces(self) -> Self {
        let (namespaces, others) = namespaces::open();
        Self { namespaces, others, ..self }
    }

    /// What is asked now.
    fn other(&mut self) -> Option<&mut Other> {
        self.turned.and_then(|place| self.others.get_mut(place))
    }

    /// Says that the process has the right to look at every other one.
    #[must_use]
    pub fn with_all(self, all: bool) -> Self {
        Self { all, ..self }
    }
}

impl Kernel for Tables {
    fn now(&mut self) -> Instant {
        clock::now()
    }

    fn namespaces(&self) -> Namespaces {
        self.namespaces.clone()
    }

    fn turn_to(&mut self, namespace: usize) {
        self.turned = namespace.checked_sub(1);
    }

    fn dump(
        &mut self,
        question: Question,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Reading, Fault> {
        if let Some(other) = self.other() {
            return other.diag.dump(question, each);
        }
        let asked = match &mut self.diag {
            Ok(diag) => diag.dump(question, each),
            // Whatever refused the socket, the files may still be there.
            Err(fault) => return fallback::dump(question, each).map_err(|_| *fault),
        };
        match asked {
            // There is no module for this protocol.
            Err(Fault { errno, .. }) if is_missing(errno) => fallback::dump(question, each),
            other => other,
        }
    }

    fn look(&mut self, socket: &Socket) -> Option<Vec<u8>> {
        if socket.protocol != Protocol::Tcp {
            return None;
        }
        if let Some(other) = self.other() {
            return other.diag.look(socket);
        }
        self.diag.as_mut().ok()?.look(socket)
    }

    fn owners(&mut self) -> Owners {
        descriptors::owners(self.all, None)
    }

    fn owners_of(&mut self, inodes: &[u32]) -> Owners {
        descriptors::owners(self.all, Some(inodes))
    }

    fn file(&mut self, path: &str) -> Option<String> {
        if let Some(other) = self.other().filter(|_| Other::is_own(path)) {
            return other.file(path);
        }
        let mut bytes = Vec::new();
        files::regular(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn identity(&mut self, path: &str) -> Option<(u64, u64)> {
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    }

    fn folder(&mut self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    fn watch(&mut self) -> Result<(), Fault> {
        let watched = Signals::watch();
        self.signals =
            Some(watched.map_err(|error| Fault { call: error.call, errno: error.errno })?);
        Ok(())
    }

    fn pause(&mut self, time: Duration) -> Option<Stop> {
        let until = clock::now() + time;
        loop {
            let left = until.since(clock::now());
            let set = self.signals.as_ref().map(|signals| PollFd::new(signals.as_fd(), false));
            let waited = raw::poll(set.into_iter().collect::<Vec<_>>().as_mut_slice(), left);
            if let Some(stop) = self.signals.as_mut().and_then(stop) {
                return Some(stop);
            }
            if left.is_zero() || waited.is_err() {
                return None;
            }
        }
    }
}

/// The first signal that came and ends the run, else one that only asks.
fn stop(signals: &mut Signals) -> Option<Stop> {
    let mut inputs = Inputs::new();
    signals.read(&mut inputs);
    let mut asked = None;
    let ended = inputs.iter().find_map(|input| match input.kind {
        InputKind::Stop(StopCause::Interrupt) => Some(Stop::Interrupt),
        InputKind::Stop(StopCause::Signal(number)) => Some(Stop::Signal(number)),
        InputKind::Interim => {
            asked = Some(Stop::Interim);
            None
        }
        _ => None,
    });
    ended.or(asked)
}

const fn is_missing(errno: i32) -> bool {
    matches!(errno, libc::ENOENT | libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT | libc::EINVAL)
}

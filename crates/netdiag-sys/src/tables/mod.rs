//! The kernel's tables of sockets: sock_diag(7), /proc/net, and who has which descriptor.
//!
//! Their bytes are handed on as they come; what they mean is decided in netdiag-sockets.

mod descriptors;
mod dump;
mod fallback;
mod part;

use crate::{clock, raw};
use dump::Diag;
use netdiag_model::Instant;
use netdiag_sockets::port::{Fault, Kernel, Question, Reading};
use netdiag_sockets::{Owners, Protocol, Socket};
use std::time::Duration;

/// The tables of the network namespace of this process.
pub struct Tables {
    diag: Result<Diag, Fault>,
    /// Whether every process may be looked at.
    pub(crate) all: bool,
}

impl Tables {
    /// Opens what tables are asked by. Where this kernel has no sock_diag, /proc/net stands in.
    #[must_use]
    pub fn open() -> Self {
        Self { diag: Diag::open(), all: false }
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

    fn dump(
        &mut self,
        question: Question,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Reading, Fault> {
        let asked = match &mut self.diag {
            Ok(diag) => diag.dump(question, each),
            Err(fault) => Err(*fault),
        };
        match asked {
            // There is no module for this protocol, or none at all.
            Err(Fault { errno, .. }) if is_missing(errno) => fallback::dump(question, each),
            other => other,
        }
    }

    fn look(&mut self, socket: &Socket) -> Option<Vec<u8>> {
        self.diag.as_mut().ok().filter(|_| socket.protocol == Protocol::Tcp)?.look(socket)
    }

    fn owners(&mut self) -> Owners {
        descriptors::owners(self.all)
    }

    fn file(&mut self, path: &str) -> Option<String> {
        let bytes = std::fs::read(path).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn folder(&mut self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    fn pause(&mut self, time: Duration) {
        let until = clock::now() + time;
        while let Some(left) = Some(until.since(clock::now())).filter(|left| !left.is_zero()) {
            if raw::poll(&mut [], left).is_err() {
                return;
            }
        }
    }
}

const fn is_missing(errno: i32) -> bool {
    matches!(errno, libc::ENOENT | libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT | libc::EINVAL)
}

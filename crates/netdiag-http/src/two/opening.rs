//! The first bytes of a server: whether they are HTTP/2 at all.

use crate::fault::Fault;

/// Length, type, flags and stream of a frame (RFC 9113 section 4.1).
const HEADER: usize = 9;
/// The type of the frame that comes first (RFC 9113 section 3.4: "The server connection preface
/// consists of a potentially empty SETTINGS frame").
const SETTINGS: u8 = 4;

/// What came first.
#[derive(Debug, Default)]
pub(super) struct Opening {
    first: Vec<u8>,
    is_known: bool,
}

impl Opening {
    /// Whether what came with these bytes can be no HTTP/2.
    pub(super) fn is_foreign(&mut self, bytes: &[u8]) -> bool {
        const KEPT: usize = 64;
        if self.is_known {
            return false;
        }
        let room = KEPT.saturating_sub(self.first.len());
        self.first.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.is_known = self.first.len() >= HEADER;
        self.first.get(3).is_some_and(|kind| *kind != SETTINGS)
    }

    pub(super) fn fault(&self) -> Fault {
        match self.first.starts_with(b"HTTP/1.") {
            true => Fault::foreign("HTTP/1, not HTTP/2", &self.first),
            false => Fault::malformed("HTTP/2 begins by SETTINGS", &self.first),
        }
    }
}

//! One question and the servers that it is put to, one after the other.

use netdiag_engine::schedule::Schedule;
use std::ops::Range;

/// A question, and who is asked next.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) target: usize,
    /// The server that is asked now, and those after it.
    pub(super) servers: Range<usize>,
    /// How often the server was asked without a word.
    pub(super) tries: u32,
    /// How many queries were begun.
    pub(super) begun: u64,
    /// A server has said something.
    pub(super) is_answered: bool,
    /// Of a series: when the next is due.
    pub(super) schedule: Option<Schedule>,
}

impl Seat {
    pub(super) const fn new(target: usize, servers: Range<usize>) -> Self {
        Self { target, servers, tries: 0, begun: 0, is_answered: false, schedule: None }
    }

    /// Goes on to the next server, if there is one.
    pub(super) fn go_on(&mut self) -> bool {
        if self.servers.len() < 2 {
            return false;
        }
        self.servers.start += 1;
        self.tries = 0;
        true
    }
}

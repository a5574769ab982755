//! What the engine puts out.

use crate::port::Operation;
use netdiag_model::Instant;

/// One thing that the engine wants done or known.
#[derive(Debug)]
pub enum Output<'a, E> {
    /// Give this to the network; submit what was gathered before the next wait.
    Operation(Operation<&'a [u8]>),
    /// Tell the outside.
    Event(E),
    /// Nothing to do before this time, unless the network has something.
    Wait(Instant),
    /// Every measurement has finished.
    Finished,
}

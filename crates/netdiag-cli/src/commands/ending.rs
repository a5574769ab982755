//! A run that was ended before it began.

use netdiag_engine::RunEnd;
use netdiag_engine::port::{InputKind, Inputs, Network, NetworkError};
use netdiag_model::Instant;

/// What a run comes to that was ended by a signal while names were looked up: nothing is sent.
///
/// # Errors
/// When the network as a whole cannot go on.
pub(crate) fn before_it_began<N: Network, B>(network: &mut N) -> Result<RunEnd<B>, NetworkError> {
    let mut inputs = Inputs::new();
    network.wait(Instant::ZERO, &mut inputs)?;
    let cause = inputs.iter().find_map(|input| match input.kind {
        InputKind::Stop(cause) => Some(cause),
        _ => None,
    });
    Ok(RunEnd::Finished(cause))
}

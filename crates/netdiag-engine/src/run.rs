//! The loop around the engine: the only place where an engine and a network meet.

use crate::engine::Engine;
use crate::measurement::Measurement;
use crate::output::Output;
use crate::port::{Input, InputKind, Inputs, Network, NetworkError, Operations, StopCause};
use netdiag_model::Instant;
use std::ops::ControlFlow;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd<B> {
    /// Every measurement finished; by which signal, if one ended it.
    Finished(Option<StopCause>),
    /// The receiver of the events wanted no more.
    Broken(B),
}

/// What whoever is called before a wait makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// When it wants to be called again at the latest; [`Instant::FAR`] where it does not matter.
    pub until: Instant,
    /// Something changed beside the run, about which measurements are asked now.
    pub ask: bool,
}

/// Runs an engine on a network until every measurement has finished.
///
/// Operations are submitted before events are told, so that a slow receiver of events does not make
/// probes late. `on_wait` is called with the time before each wait that may take any time: the place to
/// flush what was written. It returns when it wants to be called again at the latest,
/// [`Instant::FAR`] where it does not matter.
///
/// # Errors
/// When the network as a whole cannot go on.
pub fn run<M: Measurement, N: Network + ?Sized, B>(
    engine: &mut Engine<M>,
    network: &mut N,
    on_event: impl FnMut(M::Event) -> ControlFlow<B>,
    mut on_wait: impl FnMut(Instant) -> ControlFlow<B, Instant>,
) -> Result<RunEnd<B>, NetworkError> {
    run_beside(engine, network, on_event, |now, _| match on_wait(now) {
        ControlFlow::Continue(until) => ControlFlow::Continue(Pause { until, ask: false }),
        ControlFlow::Break(broken) => ControlFlow::Break(broken),
    })
}

/// The same where something else goes on beside the run, which `on_wait` looks after: it is given the
/// network, too, and can have measurements asked that wait for it.
///
/// # Errors
/// When the network as a whole cannot go on.
pub fn run_beside<M: Measurement, N: Network + ?Sized, B>(
    engine: &mut Engine<M>,
    network: &mut N,
    mut on_event: impl FnMut(M::Event) -> ControlFlow<B>,
    mut on_wait: impl FnMut(Instant, &mut N) -> ControlFlow<B, Pause>,
) -> Result<RunEnd<B>, NetworkError> {
    let mut operations = Operations::new();
    let mut inputs = Inputs::new();
    inputs.set_now(network.now());
    let mut stopped = None;
    loop {
        let mut until = loop {
            match engine.poll_output() {
                Output::Operation(operation) => operations.push(operation),
                Output::Event(event) => {
                    submit(engine, network, &mut operations)?;
                    if let ControlFlow::Break(broken) = on_event(event) {
                        return Ok(RunEnd::Broken(broken));
                    }
                }
                Output::Wait(until) => break until,
                Output::Finished => {
                    submit(engine, network, &mut operations)?;
                    return Ok(RunEnd::Finished(stopped));
                }
            }
        };
        submit(engine, network, &mut operations)?;
        // When something is due already the wait is no more than a look at the sockets.
        if until > inputs.now() {
            match on_wait(inputs.now(), network) {
                ControlFlow::Continue(Pause { ask: true, .. }) => {
                    engine.ask_again();
                    continue;
                }
                ControlFlow::Continue(pause) => until = until.min(pause.until),
                ControlFlow::Break(broken) => return Ok(RunEnd::Broken(broken)),
            }
        }
        inputs.clear();
        network.wait(until, &mut inputs)?;
        for input in inputs.iter() {
            if let InputKind::Stop(cause) = &input.kind {
                stopped.get_or_insert(*cause);
            }
            engine.handle_input(inputs.now(), input);
        }
        // Only now, with everything handed in that came before, may a deadline pass.
        engine.handle_input(inputs.now(), Input { at: inputs.now(), kind: InputKind::Timeout });
    }
}

fn submit<M: Measurement, N: Network + ?Sized>(
    engine: &mut Engine<M>,
    network: &mut N,
    operations: &mut Operations,
) -> Result<(), NetworkError> {
    if operations.is_empty() {
        return Ok(());
    }
    let result = network.submit(operations);
    engine.submitted(network.now());
    operations.clear();
    result
}

//! The run itself: measurements on a network, and whoever is told of what they meet.

use super::ending::{End, Measured};
use super::user;
use crate::{ExitStatus, World};
use netdiag_engine::port::{InputKind, Inputs, Network, NetworkError, StopCause};
use netdiag_engine::{Engine, EngineConfig, Measurement, Pause, RunEnd, Secret};
use netdiag_model::Instant;
use std::cell::RefCell;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

/// The most packets of a user who is not root in a millisecond. The sender holds them to 2,500 in a
/// second; below that what is late can be caught up.
const BURST_OF_A_USER: u32 = 8;
/// The most packets that leave together.
const BURST: u32 = 32;

/// Who is told of a run, and makes a result of it.
///
/// # Errors
/// Each method fails when its writer does.
pub(crate) trait Listener<M: Measurement> {
    /// Something happened.
    fn event(&mut self, event: &M::Event) -> io::Result<()>;

    /// Shows what was written: what comes now may take any time. Returns when it wants to be called
    /// again at the latest.
    fn flush(&mut self, now: Instant) -> io::Result<Instant>;

    /// Looks after what goes on beside the run, and says whether measurements are to be asked about it.
    fn beside<W: World>(&mut self, now: Instant, world: &mut W, network: &mut W::Network) -> Pause {
        let _ = (now, world, network);
        Pause { until: Instant::FAR, ask: false }
    }

    /// The run is over: makes the document, has it written, and says how the process ends.
    fn conclude(&mut self, measurements: Vec<M>, end: End) -> io::Result<ExitStatus>;
}

/// Measurements to be run to their ends.
pub(crate) struct Drive<M> {
    pub(crate) config: EngineConfig,
    pub(crate) measurements: Vec<M>,
    /// The run was ended while names were looked up.
    pub(crate) interrupted: bool,
    /// Signals end the run, not the process.
    pub(crate) is_watched: bool,
}

impl<M> Drive<M> {
    /// Measurements at the pace that every user may have.
    pub(crate) fn new<W: World>(
        measurements: Vec<M>,
        interrupted: bool,
        world: &mut W,
        network: &W::Network,
    ) -> Self {
        let mut config = EngineConfig::new(Secret::new(world.random()), network.opened().clone());
        if !world.may_flood() {
            config.burst = user::BURST;
        }
        Self { config, measurements, interrupted, is_watched: true }
    }
}

impl<M> Drive<M> {
    /// Packets to many targets at one rate. No burst above 32, however high the rate: above 16,000 a
    /// second those follow each other faster, each when half the time that its packets take has passed
    /// since the one before had left.
    pub(crate) fn at_rate(mut self, spacing: Duration, may_flood: bool) -> Self {
        let config = &mut self.config;
        if may_flood {
            config.tick = config.tick.min(spacing.saturating_mul(BURST / 2));
            config.burst = BURST;
        } else {
            config.tick = Duration::from_millis(1);
            config.burst = BURST_OF_A_USER;
        }
        self
    }
}

impl<M: Measurement> Drive<M> {
    /// Runs them, and has the result made.
    ///
    /// # Errors
    /// When a writer takes no more.
    pub(crate) fn run<W: World>(
        self,
        world: &mut W,
        network: &mut W::Network,
        listener: &mut impl Listener<M>,
    ) -> io::Result<Measured> {
        let mut engine = Engine::new(self.config, network.now());
        for measurement in self.measurements {
            engine.add(measurement);
        }
        let told = RefCell::new(&mut *listener);
        let watched = if self.is_watched { world.watch(network) } else { Ok(()) };
        let end = watched.and_then(|()| {
            if self.interrupted {
                return before_it_began(network);
            }
            netdiag_engine::run_beside(
                &mut engine,
                network,
                |event| into_flow(told.borrow_mut().event(&event)),
                |now, network| {
                    let mut listener = told.borrow_mut();
                    let pause = listener.beside(now, world, network);
                    let again = listener.flush(now);
                    into_flow(again.map(|at| Pause { until: pause.until.min(at), ..pause }))
                },
            )
        });
        let (stopped, fault) = match end {
            Ok(RunEnd::Finished(stopped)) => (stopped, None),
            Ok(RunEnd::Broken(fault)) => return Err(fault),
            Err(fault) => (None, Some(fault)),
        };
        let end = End { at: network.now(), stopped, cannot_go_on: fault.is_some() };
        let status = listener.conclude(engine.into_measurements(), end)?;
        let status = match stopped {
            Some(StopCause::Signal(signal)) => ExitStatus::Signal(signal),
            Some(StopCause::Interrupt) | None => status,
        };
        Ok(Measured { status, last_words: fault.map(|fault| format!("cannot go on: {fault}")) })
    }
}

/// A writer that takes no more ends the run.
fn into_flow<C>(result: io::Result<C>) -> ControlFlow<io::Error, C> {
    match result {
        Ok(value) => ControlFlow::Continue(value),
        Err(fault) => ControlFlow::Break(fault),
    }
}

/// What a run comes to that was ended by a signal while names were looked up: nothing is sent.
///
/// # Errors
/// When the network as a whole cannot go on.
fn before_it_began<N: Network, B>(network: &mut N) -> Result<RunEnd<B>, NetworkError> {
    let mut inputs = Inputs::new();
    network.wait(Instant::ZERO, &mut inputs)?;
    let cause = inputs.iter().find_map(|input| match input.kind {
        InputKind::Stop(cause) => Some(cause),
        _ => None,
    });
    Ok(RunEnd::Finished(cause))
}

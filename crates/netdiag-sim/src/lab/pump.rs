//! Real time: packets between the wire and the internet, until the command ends.

use super::LabError;
use super::namespace::{link_down, link_up};
use super::wire::Wire;
use crate::internet::Internet;
use crate::scenario::{Here, LocalLink, Scenario, SignalName};
use netdiag_model::Instant;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use std::os::fd::AsFd;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// A signal that the kernel itself sent, such as ^C of a terminal: the command has got it too.
const FROM_KERNEL: i32 = 0x80;

/// How many packets are read in one go.
const BATCH: usize = 32;

/// What happens to the machine at a time.
#[derive(Debug)]
enum Local {
    LinkDown,
    LinkUp,
    Send(Signal),
}

/// A running lab.
#[derive(Debug)]
pub(super) struct Pump<'a> {
    wire: Wire,
    internet: &'a mut Internet,
    here: &'a Here,
    signals: SignalFd,
    /// Soonest last.
    locals: Vec<(Instant, Local)>,
}

/// The monotonic clock.
pub(super) fn now() -> Result<Instant, LabError> {
    read_clock(ClockId::CLOCK_MONOTONIC)
}

/// The Unix time of the monotonic clock's zero, in nanoseconds.
pub(super) fn epoch() -> Result<u64, LabError> {
    let wall = read_clock(ClockId::CLOCK_REALTIME)?;
    Ok(wall.as_nanos().saturating_sub(now()?.as_nanos()))
}

fn read_clock(clock: ClockId) -> Result<Instant, LabError> {
    let time = clock_gettime(clock)
        .map_err(|errno| LabError::Failed(format!("clock_gettime: {errno}")))?;
    Ok(Instant::ZERO + Duration::from(time))
}

/// The signals that netlab hears, blocked so that none is lost.
pub(super) fn block_signals() -> Result<SignalFd, LabError> {
    let mut set = SigSet::empty();
    for signal in
        [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGTERM, Signal::SIGQUIT, Signal::SIGHUP]
    {
        set.add(signal);
    }
    let failed = |errno: Errno| LabError::Failed(format!("signals: {errno}"));
    set.thread_block().map_err(failed)?;
    let flags =
        nix::sys::signalfd::SfdFlags::SFD_NONBLOCK | nix::sys::signalfd::SfdFlags::SFD_CLOEXEC;
    SignalFd::with_flags(&set, flags).map_err(failed)
}

impl<'a> Pump<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        internet: &'a mut Internet,
        wire: Wire,
        signals: SignalFd,
        start: Instant,
    ) -> Self {
        let mut locals = Vec::new();
        for local in &scenario.locals {
            let at = start + local.at.duration();
            if local.link == Some(LocalLink::Down) {
                locals.push((at, Local::LinkDown));
                let until = local.until.map(|until| start + until.duration());
                locals.extend(until.map(|until| (until, Local::LinkUp)));
            }
            if let Some(signal) = local.signal {
                locals.push((at, Local::Send(signal_of(signal))));
            }
        }
        locals.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Self { wire, internet, here: &scenario.here, signals, locals }
    }

    /// Runs until the command ends.
    pub(super) fn run(&mut self, child: &mut Child) -> Result<ExitStatus, LabError> {
        let pid = Pid::from_raw(child.id() as i32);
        loop {
            self.take_packets()?;
            let mut now = now()?;
            while let Some(arrival) = self.internet.poll(now) {
                self.wire.write(arrival.packet);
            }
            while let Some((_, local)) = self.locals.pop_if(|(at, _)| *at <= now) {
                self.on_local(&local, pid)?;
            }
            if self.take_signals(pid)
                && let Some(status) = ended(child)?
            {
                return Ok(status);
            }
            now = self::now()?;
            self.wait(now)?;
        }
    }

    /// Takes what the kernel sends, each packet at the time it is read; not so many at once that
    /// arrivals would have to wait.
    fn take_packets(&mut self) -> Result<(), LabError> {
        for _ in 0..BATCH {
            let Some(packet) = self.wire.read() else { break };
            let now = now()?;
            self.internet.inject(now, packet);
        }
        Ok(())
    }

    fn wait(&self, now: Instant) -> Result<(), LabError> {
        let local = self.locals.last().map(|(at, _)| *at);
        let next = [self.internet.next_event(), local].into_iter().flatten().min();
        let timeout = next.map(|next| TimeSpec::from_duration(next.since(now)));
        let mut fds = [
            PollFd::new(self.wire.fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        match ppoll(&mut fds, timeout, None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(LabError::Failed(format!("ppoll: {errno}"))),
        }
    }

    /// Passes signals on; whether a child may have ended.
    fn take_signals(&mut self, child: Pid) -> bool {
        let mut ended = false;
        while let Ok(Some(info)) = self.signals.read_signal() {
            let Ok(signal) = Signal::try_from(info.ssi_signo as i32) else { continue };
            if signal == Signal::SIGCHLD {
                ended = true;
            } else if info.ssi_code != FROM_KERNEL {
                let _ = kill(child, signal);
            }
        }
        ended
    }

    fn on_local(&self, local: &Local, child: Pid) -> Result<(), LabError> {
        match local {
            Local::LinkDown => link_down(),
            Local::LinkUp => link_up(self.here),
            Local::Send(signal) => {
                let _ = kill(child, *signal);
                Ok(())
            }
        }
    }
}

fn ended(child: &mut Child) -> Result<Option<ExitStatus>, LabError> {
    child.try_wait().map_err(|error| LabError::Failed(format!("wait: {error}")))
}

const fn signal_of(name: SignalName) -> Signal {
    match name {
        SignalName::Int => Signal::SIGINT,
        SignalName::Term => Signal::SIGTERM,
        SignalName::Hup => Signal::SIGHUP,
        SignalName::Quit => Signal::SIGQUIT,
    }
}

//! The engine's port on the operating system: one measuring thread, ppoll, for each family one socket
//! for ICMP and one for UDP.

mod answers;
mod begin;
mod connect;
mod errors;
mod flows;
mod gate;
pub(crate) mod handshake;
mod lane;
mod marked;
mod memory;
mod ports;
mod queries;
mod queue;
mod receive;
mod send;
mod talks;
mod tcp_info;
mod unstamped;

use crate::console::Console;
use crate::dialog::Dialogs;
use crate::interfaces::Interfaces;
use crate::open::{OpenRequest, ProbeSocket};
use crate::output::{Behind, Stdout};
use crate::raw::{self, PollFd};
use crate::signals::Signals;
use crate::{clock, privileges};
pub(crate) use answers::Answers;
use connect::Connects;
pub use connect::connections_at_once;
use gate::Gate;
use lane::{Lane, Lanes, Shared};
pub(crate) use marked::Marked;
use netdiag_engine::port::{
    ExchangeError, InputKind, Inputs, Network, NetworkError, Opened, Operation, Operations,
    SendError,
};
use netdiag_model::Instant;
use netdiag_model::failure::LookupError;
use ports::Ports;
use receive::Drained;
use std::os::fd::AsFd;
use std::time::Duration;

/// From this many operations on datagrams leave together, under one user stamp.
const MANY: usize = 8;

/// How long after its time a wait may end before that counts as late.
const LATE: Duration = Duration::from_millis(1);

/// For how long answers to many queries gather: the time that a quick server takes for some ten of them.
const TOGETHER: Duration = Duration::from_micros(100);

/// The network of this machine, opened by [`OpenRequest::open`](crate::OpenRequest::open).
pub struct SystemNetwork {
    opened: Opened,
    lanes: Lanes,
    /// What queries leave by.
    ports: Ports,
    shared: Shared,
    /// What is known before the next wait.
    early: Inputs,
    connects: Connects,
    /// Started when the first dialog is.
    dialogs: Option<Dialogs>,
    signals: Option<Signals>,
    interfaces: Option<Interfaces>,
    /// Where a screen is drawn, and keys are pressed.
    console: Option<Console>,
    /// For users who are not root.
    gate: Option<Gate>,
    /// What is to be written while waiting.
    output: Option<Behind>,
    set: Vec<PollFd>,
}

/// What a poll found.
enum Polled {
    /// Nothing until this time.
    Nothing(Instant),
    /// Something.
    Something,
    /// Standard output takes no more: whoever writes must be told.
    BrokenOutput,
    /// A signal came in between.
    Interrupted,
}

impl SystemNetwork {
    /// `request`: what all of them were opened with; `queries`: those that were opened for queries alone.
    pub(crate) fn new(
        opened: Opened,
        sockets: impl Iterator<Item = ProbeSocket>,
        request: OpenRequest,
        queries: Vec<ProbeSocket>,
    ) -> Self {
        Self {
            opened,
            lanes: Lanes::new(sockets),
            ports: Ports::new(request, queries.into_iter().map(Lane::new).collect()),
            shared: Shared::new(),
            early: Inputs::new(),
            connects: Connects::new(),
            dialogs: None,
            signals: None,
            interfaces: None,
            console: None,
            gate: (!privileges::is_root()).then(Gate::default),
            output: None,
            set: Vec::new(),
        }
    }

    /// With what was opened for connections.
    pub(crate) fn connecting(mut self, answers: Answers, marked: Marked) -> Self {
        self.connects.with(answers, marked);
        self
    }

    /// From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT are inputs of [`Network::wait`], called from
    /// this thread, instead of ending the process: `Stop(Interrupt)`, `Stop(Signal)` and `Interim`.
    /// A second SIGINT within a second of the first ends the process at once with code 130. A SIGHUP
    /// that the process was started with ignored stays so.
    ///
    /// Call it when nothing blocks the measuring thread any more but `wait`; no thread may have been
    /// started by others than this crate before.
    ///
    /// # Errors
    /// When there is no descriptor to be had (signalfd(2)).
    pub fn watch_signals(&mut self) -> Result<(), NetworkError> {
        self.signals = Some(Signals::watch()?);
        Ok(())
    }

    /// The same, and from now on keys and the size of the terminal are inputs, too, and the terminal
    /// is this program's until the network is dropped, whatever ends it.
    ///
    /// # Errors
    /// When the terminal cannot be had.
    pub fn watch_console(&mut self) -> Result<(), NetworkError> {
        self.signals = Some(Signals::watch_with_screen()?);
        self.console = Some(Console::open()?);
        Ok(())
    }

    /// From now on changes of interfaces, addresses and routes are inputs of [`Network::wait`]. An
    /// interface that is made again under its name is found again.
    ///
    /// # Errors
    /// When the kernel does not tell (rtnetlink(7)).
    pub fn watch_interfaces(&mut self) -> Result<(), NetworkError> {
        self.interfaces = Some(Interfaces::watch()?);
        Ok(())
    }

    /// From now on, as long as this network lives, writing to standard output does not wait for its
    /// reader: what the reader does not take is written while [`Network::wait`] waits.
    pub fn write_behind(&mut self, out: Stdout) {
        self.output = Some(Behind::new(out));
    }

    /// Starts each operation by itself: each datagram has a user stamp of its own.
    fn submit_each(&mut self, operations: &Operations) -> Result<(), NetworkError> {
        for operation in operations.iter() {
            if let Operation::Transmit(transmit) = &operation
                && let Some(lane) = self.lanes.for_transmit(transmit)
            {
                let prepared = lane.prepare(transmit);
                lane.send_one(&mut self.shared, &prepared, &mut self.early)?;
            } else if !self.is_query(&operation) {
                self.start(operation);
            }
        }
        Ok(())
    }

    /// Starts the operations with the datagrams of each socket together.
    fn submit_many(&mut self, operations: &Operations) -> Result<(), NetworkError> {
        for operation in operations.iter() {
            let is_ours = matches!(&operation, Operation::Transmit(transmit)
                if self.lanes.for_transmit(transmit).is_some());
            if !is_ours && !self.is_query(&operation) {
                self.start(operation);
            }
        }
        for lane in self.lanes.iter_mut() {
            let ours = operations.iter().filter_map(|operation| match operation {
                Operation::Transmit(transmit) => lane.carries(&transmit).then_some(transmit),
                _ => None,
            });
            let prepared: Vec<_> = ours.map(|transmit| lane.prepare(&transmit)).collect();
            lane.send_many(&mut self.shared, &prepared, &mut self.early)?;
        }
        Ok(())
    }

    /// Starts what is no datagram, or is one that cannot leave.
    fn start(&mut self, operation: Operation<&[u8]>) {
        match operation {
            Operation::Transmit(transmit) => {
                let family = transmit.destination.family();
                let closed = self.opened.channel(transmit.channel, family).err();
                let errno = closed.map_or(libc::EOPNOTSUPP, |error| error.errno);
                let failed =
                    InputKind::SendFailed { id: transmit.id, error: SendError::new(errno) };
                self.early.push(clock::now(), failed);
            }
            Operation::Connect(connect) => {
                self.connects.start(&connect, &mut self.shared.errors, &mut self.early);
            }
            Operation::Exchange(exchange) => {
                let socket = self.connects.prepared(exchange.destination, &exchange.control);
                let started = socket.and_then(|socket| {
                    let dialogs = self.dialogs().map_err(|error| error.errno)?;
                    dialogs.exchange(&exchange, socket);
                    Ok(())
                });
                if let Err(errno) = started {
                    let cause = connect::cause(errno, exchange.destination, &exchange.control, 0);
                    let error = SendError { cause, ..SendError::new(errno) };
                    let result = Err(ExchangeError::Connect(error));
                    let (id, phases) = (exchange.id, Default::default());
                    self.early.push(clock::now(), InputKind::Exchanged { id, phases, result });
                }
            }
            Operation::Lookup(lookup) => {
                let started = self.dialogs().map(|dialogs| dialogs.look_up(&lookup));
                if let Err(error) = started {
                    let result = Err(LookupError::no_resolver(error.to_string()));
                    self.early.push(clock::now(), InputKind::Named { id: lookup.id, result });
                }
            }
            Operation::Say(say) => {
                self.connects.say(&say, &mut self.shared.errors, &mut self.early);
            }
            Operation::HangUp(id) => self.connects.hang_up(id, &mut self.early),
            Operation::Close(id) => {
                self.ports.close(id);
                self.connects.close(id);
                if let Some(dialogs) = &mut self.dialogs {
                    dialogs.close(id);
                }
            }
        }
    }

    /// The second thread, started if need be.
    fn dialogs(&mut self) -> Result<&mut Dialogs, NetworkError> {
        if self.dialogs.is_none() {
            self.dialogs = Some(Dialogs::start()?);
        }
        Ok(self.dialogs.as_mut().expect("started above"))
    }

    fn deliver_early(&mut self, inputs: &mut Inputs) {
        for input in self.early.iter() {
            inputs.push(input.at, input.kind);
        }
        self.early.clear();
    }

    /// Waits for the descriptors: sockets, then connections, then signals and dialogs.
    fn poll(&mut self, until: Instant) -> Result<Polled, NetworkError> {
        let start = clock::now();
        let timeout = until.since(start);
        self.set.clear();
        self.set.extend(self.lanes.active().map(|lane| PollFd::new(lane.socket.as_fd(), false)));
        self.set.extend(self.ports.poll());
        self.set.extend(self.connects.poll_set());
        self.set.extend(self.interfaces.iter().map(|news| PollFd::new(news.as_fd(), false)));
        self.set.extend(self.signals.iter().map(|signals| PollFd::new(signals.as_fd(), false)));
        self.set.extend(self.dialogs.iter().map(|dialogs| PollFd::new(dialogs.as_fd(), false)));
        self.set.extend(self.console.iter().filter_map(Console::poll));
        let output = self.output.as_ref().filter(|output| output.is_waiting());
        self.set.extend(output.map(|_| PollFd::stdout()));
        let ready = raw::poll(&mut self.set, timeout);
        // Nobody else needs to know of it.
        if let Some(output) = output
            && self.set.pop().is_some_and(PollFd::is_ready)
            && output.give()
        {
            return Ok(Polled::BrokenOutput);
        }
        match ready {
            Ok(0) => {
                let (known, woken) = (start + timeout, clock::now());
                if woken <= known + LATE {
                    return Ok(Polled::Nothing(known));
                }
                // This process was held up, so whoever asked must learn how late it is; first all that
                // came meanwhile must be known.
                match raw::poll(&mut self.set, Duration::ZERO) {
                    Ok(0) => Ok(Polled::Nothing(woken)),
                    Ok(_) => Ok(Polled::Something),
                    Err(libc::EINTR) => Ok(Polled::Interrupted),
                    Err(errno) => Err(NetworkError { call: "ppoll", errno }),
                }
            }
            Ok(_) => Ok(Polled::Something),
            Err(libc::EINTR) => Ok(Polled::Interrupted),
            Err(errno) => Err(NetworkError { call: "ppoll", errno }),
        }
    }

    /// Where many answers are awaited some are read together: the kernel has stamped each by then, and
    /// one wake-up is worth as much as the reading of several. Nothing is late for it that is due.
    fn let_more_come(&self, until: Instant) {
        if self.ports.is_crowded() && until.since(clock::now()) > TOGETHER * 2 {
            // That it was interrupted is told by the next one.
            let _ = raw::poll(&mut [], TOGETHER);
        }
    }

    /// Reads all that the poll may have found. Sockets are read whether it did or not, so that it
    /// is known up to which time everything is told.
    fn drain(&mut self, inputs: &mut Inputs) -> Result<(), NetworkError> {
        let told = self.shared.clock.observe();
        let start = inputs.len();
        let mut drained = Drained::Empty;
        let mut polled = self.set.as_slice();
        for lane in self.lanes.active() {
            let has_error = polled.split_off_first().is_some_and(|polled| polled.has_error());
            drained = drained.min(lane.drain(&mut self.shared, has_error, inputs)?);
        }
        self.connects.hear_answers(&mut self.shared.errors, inputs);
        if self.ports.poll().is_some() {
            polled.split_off_first();
            drained = drained.min(self.ports.drain(&mut self.shared, inputs)?);
        }
        self.connects.finish(polled, &mut self.shared.errors, inputs);
        // The keys are last, if there can be any.
        let mut behind = usize::from(self.dialogs.is_some());
        if let Some(console) = self.console.as_mut().filter(|console| console.poll().is_some()) {
            if self.set.last().is_some_and(|polled| polled.is_ready()) {
                console.read(clock::now(), inputs);
            }
            behind += 1;
        }
        // Before the dialogs; read only when there is something, which the
        // next poll tells as well.
        let place = self.set.len().checked_sub(1 + behind);
        let signalled = place.and_then(|place| self.set.get(place)).is_some_and(|p| p.is_ready());
        if let Some(signals) = self.signals.as_mut().filter(|_| signalled) {
            signals.read(inputs);
        }
        if let Some(dialogs) = &mut self.dialogs {
            dialogs.finish(inputs);
        }
        // Before the signals in the set, if these are watched.
        let place = place.and_then(|place| place.checked_sub(usize::from(self.signals.is_some())));
        let changed = place.and_then(|place| self.set.get(place)).is_some_and(|p| p.is_ready());
        if let Some(interfaces) = self.interfaces.as_mut().filter(|_| changed) {
            interfaces.read(inputs);
        }
        if let Some(interfaces) = self.interfaces.as_ref().filter(|known| known.renamed()) {
            inputs.rename_interfaces(start, |current| interfaces.first(current));
        }
        match drained {
            Drained::Empty => {
                self.shared.clock.settle();
                inputs.set_now(told);
            }
            Drained::Until(stamp) => inputs.set_now(stamp.min(told)),
        }
        Ok(())
    }

    /// When something must be done even if nothing happens.
    fn next_deadline(&mut self, until: Instant) -> Instant {
        let signals = self.signals.as_ref().map_or(Instant::FAR, Signals::deadline);
        let queries = self.ports.lanes().filter_map(|lane| lane.unstamped.deadline()).min();
        let until = self.lanes.next_deadline(until).min(queries.unwrap_or(Instant::FAR));
        until.min(signals).min(self.connects.next_look())
    }

    /// Does what time alone brings.
    fn pass_time(&mut self, now: Instant, inputs: &mut Inputs) {
        self.shared.report_changes(now, inputs);
        for lane in self.lanes.active().chain(self.ports.lanes()) {
            lane.give_up_stamps(now - unstamped::PATIENCE, inputs);
        }
        self.connects.look(now, inputs);
        if let Some(signals) = &mut self.signals {
            signals.disarm(now);
        }
    }
}

impl Network for SystemNetwork {
    fn opened(&self) -> &Opened {
        &self.opened
    }

    fn now(&mut self) -> Instant {
        clock::now()
    }

    fn submit(&mut self, operations: &mut Operations) -> Result<(), NetworkError> {
        if let Some(interfaces) = self.interfaces.as_ref().filter(|known| known.renamed()) {
            operations.rename_interfaces(|first| interfaces.current(first));
        }
        if let Some(gate) = &mut self.gate {
            gate.hold(clock::now(), operations, &mut self.early);
        }
        self.submit_queries(operations)?;
        if operations.len() < MANY {
            self.submit_each(operations)?;
        } else {
            self.submit_many(operations)?;
        }
        operations.clear();
        Ok(())
    }

    fn wait(&mut self, until: Instant, inputs: &mut Inputs) -> Result<(), NetworkError> {
        let before = inputs.len();
        self.deliver_early(inputs);
        loop {
            let wake = if inputs.len() > before { Instant::ZERO } else { until };
            let wake = self.next_deadline(wake);
            match self.poll(wake)? {
                Polled::Nothing(now) => {
                    self.shared.clock.observe();
                    inputs.set_now(now);
                }
                Polled::Something => {
                    self.let_more_come(wake);
                    self.drain(inputs)?;
                }
                Polled::BrokenOutput => return Ok(()),
                Polled::Interrupted => {}
            }
            let now = inputs.now();
            self.pass_time(now, inputs);
            if inputs.len() > before {
                return Ok(());
            }
            if now >= until {
                // A probe may be given up now; it must be known first whether we lost its reply.
                let lanes = self.lanes.active().chain(self.ports.waiting());
                lanes.for_each(|lane| lane.check_drops(false, now, inputs));
                return Ok(());
            }
        }
    }
}

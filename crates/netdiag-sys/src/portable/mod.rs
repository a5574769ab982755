//! The engine's port on the crate surge-ping, for systems that the rest of this room does not know.
//!
//! surge-ping sends, receives and matches on a tokio runtime on a second thread; the measuring
//! thread waits at a channel. Of a reply it hands out the type, the length and how long it took,
//! and of what it drops nothing: [`Opening::lost`](netdiag_engine::port::Opening::lost) lists it.

mod answer;
mod open;
mod probe;

use crate::dialog::Reverse;
use crate::{clock, signals};
use netdiag_engine::port::{
    Channel, Control, ExchangeError, InputKind, Inputs, Network, NetworkError, Opened, Operation,
    OperationId, Operations, SendError, Transmit,
};
use netdiag_model::{Family, Instant};
use netdiag_wire::icmp::{self, Icmp};
pub use open::PortableRequest;
use probe::Probe;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use surge_ping::Client;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// How often the second thread looks at its sockets before all that they had is told. A receive
/// buffer of the usual size holds some 280 small packets, and tokio lets a task read 128 in a go.
const LOOKS: usize = 6;

/// ICMP echo by surge-ping, opened by [`PortableRequest::open`].
pub struct PortableNetwork {
    opened: Opened,
    ipv4: Option<Client>,
    ipv6: Option<Client>,
    /// What every packet carries: options of the sockets.
    control: Control,
    patience: Duration,
    handle: Handle,
    /// Until the second thread is started.
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    /// What is under way on it, by the ticket that names it.
    tasks: BTreeMap<OperationId, (u64, AbortHandle)>,
    next_ticket: u64,
    sender: Sender<News>,
    receiver: Receiver<News>,
    reverse: Reverse,
}

/// What other threads tell the measuring thread.
enum News {
    /// Something happened, in a task or to all.
    Input { of: Option<Ticket>, at: Instant, kind: InputKind<Vec<u8>> },
    /// A task has ended.
    Over(Ticket),
}

/// Names one task: an operation that did not leave may be tried again under its name.
#[derive(Clone, Copy)]
struct Ticket {
    id: OperationId,
    number: u64,
}

impl PortableNetwork {
    /// From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT are inputs of [`Network::wait`], as
    /// [`SystemNetwork::watch_signals`](crate::SystemNetwork::watch_signals) has it. Call it from
    /// the measuring thread.
    ///
    /// # Errors
    /// When there is no descriptor or thread to be had.
    pub fn watch_signals(&mut self) -> Result<(), NetworkError> {
        let news = self.sender.clone();
        signals::forward(move |at, kind| {
            let kind = kind.map_bytes(<[u8]>::to_vec);
            // Fails when the network is gone, and then so is the process soon.
            let _ = news.send(News::Input { of: None, at, kind });
        })
    }

    /// Starts the second thread, if it was not: not before the privileges are dropped, which belong
    /// to a thread.
    fn start(&mut self) -> Result<(), NetworkError> {
        let Some(runtime) = self.runtime.take() else { return Ok(()) };
        // Else the first requests would leave in any order, once the runtime knows that they may.
        for (family, client) in [(Family::Ipv4, &self.ipv4), (Family::Ipv6, &self.ipv6)] {
            if let Some(client) = client {
                runtime.block_on(probe::refused_send(&client.get_socket(), family));
            }
        }
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        signals::spawn("portable", move || {
            // Ends when the other half is dropped.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })
        .map_err(|error| open::failed("clone", &error))
    }

    fn begin(&mut self, operation: Operation<&[u8]>) {
        match operation {
            Operation::Transmit(transmit) => {
                if let Err(errno) = self.transmit(&transmit) {
                    let (id, error) = (transmit.id, SendError::new(errno));
                    self.tell(InputKind::SendFailed { id, error });
                }
            }
            Operation::Connect(connect) => {
                let (id, stamp) = (connect.id, netdiag_model::Stamp::user(clock::now()));
                let error = SendError::new(libc::EOPNOTSUPP);
                self.tell(InputKind::ConnectFailed { id, stamp, error, icmp: None });
            }
            Operation::Exchange(exchange) => {
                let result = Err(ExchangeError::Connect(SendError::new(libc::EOPNOTSUPP)));
                let (id, phases) = (exchange.id, Default::default());
                self.tell(InputKind::Exchanged { id, phases, result });
            }
            Operation::Lookup(lookup) => {
                let (id, reverse) = (lookup.id, self.reverse.clone());
                self.spawn(id, |news| async move {
                    let result = reverse.name(lookup.address).await;
                    news.input(clock::now(), InputKind::Named { id, result });
                });
            }
            Operation::Close(id) => {
                if let Some((_, task)) = self.tasks.remove(&id) {
                    task.abort();
                }
            }
        }
    }

    /// Hands one echo request to surge-ping, or says why not.
    fn transmit(&mut self, transmit: &Transmit<&[u8]>) -> Result<(), i32> {
        let family = transmit.destination.family();
        self.opened.family(family).map_err(|error| error.errno)?;
        let (client, parsed) = match family {
            Family::Ipv4 => (&self.ipv4, icmp::parse_v4(transmit.bytes)),
            Family::Ipv6 => (&self.ipv6, icmp::parse_v6(transmit.bytes)),
        };
        let Some(client) = client.clone() else { return Err(libc::EOPNOTSUPP) };
        if transmit.channel != Channel::Icmp || !self.carries(&transmit.control) {
            return Err(libc::EOPNOTSUPP);
        }
        let Ok(Icmp::EchoRequest(request)) = parsed else { return Err(libc::EOPNOTSUPP) };
        let probe = Probe {
            id: transmit.id,
            destination: transmit.destination,
            identifier: request.ident,
            sequence: request.seq,
            payload: request.payload.to_vec(),
            patience: self.patience,
        };
        self.spawn(transmit.id, |news| probe::run(probe, client, news));
        Ok(())
    }

    /// Whether the sockets do what a packet is to carry.
    fn carries(&self, wanted: &Control) -> bool {
        let Control { hop_limit, traffic_class, source, interface } = *wanted;
        (hop_limit.is_none() || hop_limit == self.control.hop_limit)
            && traffic_class.is_none()
            && (source.is_none() || source == self.control.source)
            && (interface.is_none() || interface == self.control.interface)
    }

    /// Starts something on the second thread.
    fn spawn<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        id: OperationId,
        task: impl FnOnce(Teller) -> F,
    ) {
        let ticket = Ticket { id, number: self.next_ticket };
        self.next_ticket += 1;
        let over = self.sender.clone();
        let body = task(Teller { ticket, news: self.sender.clone() });
        let task = self.handle.spawn(async move {
            body.await;
            // Fails when nobody listens any more.
            let _ = over.send(News::Over(ticket));
        });
        self.tasks.insert(id, (ticket.number, task.abort_handle()));
    }

    /// Tells something on this thread.
    fn tell(&self, kind: InputKind<Vec<u8>>) {
        // The receiver is our own.
        let _ = self.sender.send(News::Input { of: None, at: clock::now(), kind });
    }

    /// Turns one piece of news into an input. Returns when it happened.
    fn take(&mut self, news: News, inputs: &mut Inputs) -> Instant {
        match news {
            News::Over(ticket) => {
                if self.is_under_way(ticket) {
                    self.tasks.remove(&ticket.id);
                }
                Instant::ZERO
            }
            News::Input { of: Some(ticket), .. } if !self.is_under_way(ticket) => Instant::ZERO,
            News::Input { at, kind, .. } => {
                let mut bytes = Vec::new();
                let kind = kind.map_bytes(|own| bytes = own).map_bytes(|()| bytes.as_slice());
                inputs.push(at, kind);
                at
            }
        }
    }

    /// Whether a task has neither ended nor been closed.
    fn is_under_way(&self, ticket: Ticket) -> bool {
        self.tasks.get(&ticket.id).is_some_and(|(number, _)| *number == ticket.number)
    }

    /// Takes all the news there is. Returns when the latest happened.
    fn take_all(&mut self, inputs: &mut Inputs) -> Instant {
        let mut latest = Instant::ZERO;
        while let Ok(news) = self.receiver.try_recv() {
            latest = latest.max(self.take(news, inputs));
        }
        latest
    }

    /// Waits until the second thread has told all that its sockets have now. A probe may be given
    /// up after this, and not before: its reply may be there already.
    fn catch_up(&mut self, inputs: &mut Inputs) -> Result<Instant, NetworkError> {
        let (sender, receiver) = channel();
        self.handle.spawn(async move {
            let at = clock::now();
            for _ in 0..LOOKS {
                // The runtime polls the sockets before it comes back to this task.
                tokio::task::yield_now().await;
            }
            let _ = sender.send(at);
        });
        let ended = NetworkError { call: "the second thread has ended", errno: libc::EIO };
        let at = receiver.recv().map_err(|_| ended)?;
        Ok(at.max(self.take_all(inputs)))
    }
}

impl Network for PortableNetwork {
    fn opened(&self) -> &Opened {
        &self.opened
    }

    fn now(&mut self) -> Instant {
        clock::now()
    }

    fn submit(&mut self, operations: &mut Operations) -> Result<(), NetworkError> {
        self.start()?;
        operations.iter().for_each(|operation| self.begin(operation));
        operations.clear();
        Ok(())
    }

    fn wait(&mut self, until: Instant, inputs: &mut Inputs) -> Result<(), NetworkError> {
        self.start()?;
        let before = inputs.len();
        let mut told = self.take_all(inputs);
        while inputs.len() == before && told < until {
            // Fails only when the time is over: a sender is our own.
            let Ok(news) = self.receiver.recv_timeout(until.since(clock::now())) else { break };
            told = told.max(self.take(news, inputs)).max(self.take_all(inputs));
        }
        if inputs.len() == before || told >= until {
            told = told.max(self.catch_up(inputs)?);
        }
        inputs.set_now(told);
        Ok(())
    }
}

/// Tells the measuring thread of one task.
struct Teller {
    ticket: Ticket,
    news: Sender<News>,
}

impl Teller {
    fn input(&self, at: Instant, kind: InputKind<Vec<u8>>) {
        // Fails when nobody listens any more.
        let _ = self.news.send(News::Input { of: Some(self.ticket), at, kind });
    }
}

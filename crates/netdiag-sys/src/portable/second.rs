//! The second thread, with the tokio runtime that surge-ping runs on, as the measuring thread sees
//! it.

use super::open;
use crate::{clock, signals};
use netdiag_engine::port::{InputKind, Inputs, NetworkError, OperationId};
use netdiag_model::Instant;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// How often the second thread looks at its sockets before all that they had is told. A receive
/// buffer of the usual size holds some 280 small packets, and tokio lets a task read 128 in a go.
const LOOKS: usize = 6;

/// The second thread. Dropping it ends the thread without waiting for it.
pub(super) struct Second {
    handle: Handle,
    /// Until the thread is started.
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    /// What is under way on it, by the ticket that names it.
    tasks: BTreeMap<OperationId, (u64, AbortHandle)>,
    next_ticket: u64,
    sender: Sender<News>,
    receiver: Receiver<News>,
}

/// What other threads tell the measuring thread.
pub(super) enum News {
    /// Something happened, in a task or to all.
    Input { of: Option<Ticket>, at: Instant, kind: InputKind<Vec<u8>> },
    /// A task has ended.
    Over(Ticket),
}

/// Names one task: an operation that did not leave may be tried again under its name.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    id: OperationId,
    number: u64,
}

impl Second {
    pub(super) fn new(runtime: Runtime) -> Self {
        let (sender, receiver) = channel();
        Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            stop: None,
            tasks: BTreeMap::new(),
            next_ticket: 0,
            sender,
            receiver,
        }
    }

    /// Starts the thread, if it was not, after this thread has done something on the runtime.
    pub(super) fn start(&mut self, first: impl Future<Output = ()>) -> Result<(), NetworkError> {
        let Some(runtime) = self.runtime.take() else { return Ok(()) };
        runtime.block_on(first);
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        signals::spawn("portable", move || {
            // Ends when the other half is dropped.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })
        .map_err(|error| open::failed("clone", &error))
    }

    /// Where other threads send their news.
    pub(super) fn sender(&self) -> Sender<News> {
        self.sender.clone()
    }

    /// Tells something on this thread.
    pub(super) fn tell(&self, kind: InputKind<Vec<u8>>) {
        // The receiver is our own.
        let _ = self.sender.send(News::Input { of: None, at: clock::now(), kind });
    }

    /// Starts something on the second thread.
    pub(super) fn spawn<F: Future<Output = ()> + Send + 'static>(
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

    /// Forgets one: nothing more is heard of it.
    pub(super) fn close(&mut self, id: OperationId) {
        if let Some((_, task)) = self.tasks.remove(&id) {
            task.abort();
        }
    }

    /// Waits until something happens, at the latest until `until`. Returns up to which time
    /// everything is told.
    pub(super) fn wait(
        &mut self,
        until: Instant,
        inputs: &mut Inputs,
    ) -> Result<Instant, NetworkError> {
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
        Ok(told)
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

/// Tells the measuring thread of one task.
pub(super) struct Teller {
    ticket: Ticket,
    news: Sender<News>,
}

impl Teller {
    pub(super) fn input(&self, at: Instant, kind: InputKind<Vec<u8>>) {
        // Fails when nobody listens any more.
        let _ = self.news.send(News::Input { of: Some(self.ticket), at, kind });
    }
}

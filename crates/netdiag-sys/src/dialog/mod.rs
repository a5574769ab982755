//! Dialogs: what takes several messages each way and is not timed to the microsecond. They run on
//! a tokio runtime on a thread of its own, which starts with the first of them.

mod exchange;
mod lookup;

pub(crate) use lookup::Reverse;

use crate::{raw, signals};
use netdiag_engine::port::{
    Exchange, ExchangeError, InputKind, Inputs, Lookup, NetworkError, OperationId,
};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use socket2::Socket;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// The second thread, as the measuring thread sees it. Dropping it ends the thread without waiting
/// for it.
pub(crate) struct Dialogs {
    handle: Handle,
    tasks: BTreeMap<OperationId, AbortHandle>,
    bell: Arc<File>,
    sender: Sender<Ended>,
    receiver: Receiver<Ended>,
    reverse: Reverse,
    _stop: oneshot::Sender<()>,
}

/// A dialog that ended.
struct Ended {
    id: OperationId,
    at: Instant,
    how: How,
}

enum How {
    Exchanged { phases: [Duration; 2], result: Result<Vec<u8>, ExchangeError> },
    Named(Result<Option<Untrusted>, LookupError>),
}

impl Dialogs {
    /// Starts the thread.
    pub(crate) fn start() -> Result<Self, NetworkError> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| failed("epoll_create", &error))?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        signals::spawn("dialogs", move || {
            // Ends when the other half is dropped.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })
        .map_err(|error| failed("clone", &error))?;
        let bell = raw::event_counter().map_err(|errno| NetworkError { call: "eventfd", errno })?;
        let (sender, receiver) = channel();
        let tasks = BTreeMap::new();
        let reverse = Reverse::default();
        Ok(Self { handle, tasks, bell: Arc::new(bell), sender, receiver, reverse, _stop: stop })
    }

    /// Starts an exchange over a socket that is not connected yet.
    pub(crate) fn exchange(&mut self, exchange: &Exchange<&[u8]>, socket: Socket) {
        self.spawn(exchange.id, exchange::run(exchange, socket));
    }

    /// Starts a reverse look-up.
    pub(crate) fn look_up(&mut self, lookup: &Lookup) {
        let (reverse, address) = (self.reverse.clone(), lookup.address);
        self.spawn(lookup.id, async move { How::Named(reverse.name(address).await) });
    }

    fn spawn(&mut self, id: OperationId, dialog: impl Future<Output = How> + Send + 'static) {
        let bell = Arc::clone(&self.bell);
        let sender = self.sender.clone();
        let task = self.handle.spawn(async move {
            let how = dialog.await;
            // Neither can fail while somebody still waits for the outcome.
            let _ = sender.send(Ended { id, at: crate::clock::now(), how });
            let _ = (&*bell).write(&1_u64.to_ne_bytes());
        });
        self.tasks.insert(id, task.abort_handle());
    }

    /// Forgets one: nothing more is heard of it.
    pub(crate) fn close(&mut self, id: OperationId) {
        if let Some(task) = self.tasks.remove(&id) {
            task.abort();
        }
    }

    /// Turns the dialogs that ended into inputs.
    pub(crate) fn finish(&mut self, inputs: &mut Inputs) {
        let mut rung = [0; 8];
        // An empty bell is no error here: the queue says what there is.
        let _ = (&*self.bell).read(&mut rung);
        while let Ok(Ended { id, at, how }) = self.receiver.try_recv() {
            if self.tasks.remove(&id).is_none() {
                continue;
            }
            match how {
                How::Exchanged { phases, result } => {
                    let result = result.as_deref().map_err(|error| *error);
                    inputs.push(at, InputKind::Exchanged { id, phases, result });
                }
                How::Named(result) => inputs.push(at, InputKind::Named { id, result }),
            }
        }
    }
}

impl AsFd for Dialogs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

fn failed(call: &'static str, error: &std::io::Error) -> NetworkError {
    NetworkError { call, errno: error.raw_os_error().unwrap_or(libc::EIO) }
}

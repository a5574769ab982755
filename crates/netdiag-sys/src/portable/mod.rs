//! The engine's port on the crate surge-ping, for systems that the rest of this room does not know.
//!
//! surge-ping sends, receives and matches on a tokio runtime on a second thread; the measuring
//! thread waits at a channel. Of a reply it hands out the type, the length and how long it took,
//! and of what it drops nothing: [`Opening::lost`](netdiag_engine::port::Opening::lost) lists it.

mod answer;
mod open;
mod probe;
mod second;

use crate::dialog::Reverse;
use crate::output::{Behind, Stdout};
use crate::{clock, signals};
use netdiag_engine::port::{
    Channel, Control, ExchangeError, InputKind, Inputs, Network, NetworkError, Opened, Operation,
    Operations, SendError, Transmit,
};
use netdiag_model::{Family, Instant};
use netdiag_wire::icmp::{self, Icmp};
pub use open::PortableRequest;
use probe::Probe;
use second::{News, Second};
use std::time::Duration;
use surge_ping::Client;

/// How often a reader that does not read is looked at.
const LOOK_AT_OUTPUT: Duration = Duration::from_millis(20);

/// ICMP echo by surge-ping, opened by [`PortableRequest::open`].
pub struct PortableNetwork {
    opened: Opened,
    ipv4: Option<Client>,
    ipv6: Option<Client>,
    /// What every packet carries: options of the sockets.
    control: Control,
    patience: Duration,
    second: Second,
    /// What is to be written while waiting.
    output: Option<Behind>,
    reverse: Reverse,
}

impl PortableNetwork {
    /// From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT are inputs of [`Network::wait`], as
    /// [`SystemNetwork::watch_signals`](crate::SystemNetwork::watch_signals) has it. Call it from
    /// the measuring thread.
    ///
    /// # Errors
    /// When there is no descriptor or thread to be had.
    pub fn watch_signals(&mut self) -> Result<(), NetworkError> {
        let news = self.second.sender();
        signals::forward(move |at, kind| {
            let kind = kind.map_bytes(<[u8]>::to_vec);
            // Fails when the network is gone, and then so is the process soon.
            let _ = news.send(News::Input { of: None, at, kind });
        })
    }

    /// From now on, as long as this network lives, writing to standard output does not wait for its
    /// reader: what the reader does not take is written while [`Network::wait`] waits.
    pub fn write_behind(&mut self, out: Stdout) {
        self.output = Some(Behind::new(out));
    }

    /// Starts the second thread, if it was not: not before the privileges are dropped, which belong
    /// to a thread.
    fn start(&mut self) -> Result<(), NetworkError> {
        let clients = [(Family::Ipv4, &self.ipv4), (Family::Ipv6, &self.ipv6)];
        self.second.start(async {
            // Else the first requests would leave in any order, once the runtime knows that they
            // may.
            for (family, client) in clients {
                if let Some(client) = client {
                    probe::refused_send(&client.get_socket(), family).await;
                }
            }
        })
    }

    fn begin(&mut self, operation: Operation<&[u8]>) {
        match operation {
            Operation::Transmit(transmit) => {
                if let Err(errno) = self.transmit(&transmit) {
                    let (id, error) = (transmit.id, SendError::new(errno));
                    self.second.tell(InputKind::SendFailed { id, error });
                }
            }
            Operation::Connect(connect) => {
                let (id, stamp) = (connect.id, netdiag_model::Stamp::user(clock::now()));
                let error = SendError::new(libc::EOPNOTSUPP);
                self.second.tell(InputKind::ConnectFailed { id, stamp, error, icmp: None });
            }
            Operation::Exchange(exchange) => {
                let result = Err(ExchangeError::Connect(SendError::new(libc::EOPNOTSUPP)));
                let (id, phases) = (exchange.id, Default::default());
                self.second.tell(InputKind::Exchanged { id, phases, result });
            }
            Operation::Lookup(lookup) => {
                let (id, reverse) = (lookup.id, self.reverse.clone());
                self.second.spawn(id, |news| async move {
                    let result = reverse.name(lookup.address).await;
                    news.input(clock::now(), InputKind::Named { id, result });
                });
            }
            // No connection opens here, so none stays open.
            Operation::Say(_) | Operation::HangUp(_) => {}
            Operation::Close(id) => self.second.close(id),
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
        self.second.spawn(transmit.id, |news| probe::run(probe, client, news));
        Ok(())
    }

    /// Whether the sockets do what a packet is to carry.
    fn carries(&self, wanted: &Control) -> bool {
        let Control { hop_limit, traffic_class, source, interface, flow_label, options } = *wanted;
        (hop_limit.is_none() || hop_limit == self.control.hop_limit)
            && traffic_class.is_none()
            && flow_label.is_none()
            && options.is_none()
            && (source.is_none() || source == self.control.source)
            && (interface.is_none() || interface == self.control.interface)
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
        loop {
            // It waits at a channel, which cannot be polled beside a descriptor.
            let waiting = self.output.as_ref().filter(|output| output.is_waiting());
            let turn = waiting.map_or(until, |_| until.min(clock::now() + LOOK_AT_OUTPUT));
            let told = self.second.wait(turn, inputs)?;
            inputs.set_now(told);
            let is_broken = self.output.as_ref().is_some_and(Behind::give_what_fits);
            if is_broken || inputs.len() > before || told >= until {
                return Ok(());
            }
        }
    }
}

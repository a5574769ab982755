//! The one port between the engine and a network: operations out, inputs in.
//!
//! `netdiag-sys` implements it on the operating system, `netdiag-sim` in virtual time. Batches own
//! the bytes of what they carry, so that nothing is allocated for a packet.

mod input;
mod ip_options;
mod network;
mod operation;

pub use input::{
    Change, ErrorOrigin, ExchangeError, Input, InputKind, Inputs, InterfaceChange, InterfaceEvent,
    Message, QueuedError, Received, SendCause, SendError, StopCause, TcpInfo,
};
pub use ip_options::{IpOption, IpOptions, IpTimestamps, Stamping};
pub use network::{Identifiers, Network, NetworkError, Opened, Opening, Refused, UNTOLD_SENDS};
pub use operation::{
    Channel, Connect, Control, Exchange, ExchangeFraming, Lookup, Operation, OperationId,
    Operations, Transmit,
};

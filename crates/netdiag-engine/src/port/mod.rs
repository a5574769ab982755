//! The one port between the engine and a network: operations out, inputs in.
//!
//! `netdiag-sys` implements it on the operating system, `netdiag-sim` in virtual time. Batches own
//! the bytes of what they carry, so that nothing is allocated for a packet.

mod change;
mod console;
mod input;
mod inputs;
mod ip_options;
mod network;
mod operation;
mod packet;
mod send_error;
mod tcp_info;

pub use change::{Change, InterfaceChange, InterfaceEvent};
pub use console::{Console, Key, Size};
pub use input::{AnswerKind, ExchangeError, Input, InputKind, StopCause, TalkEnd};
pub use inputs::Inputs;
pub use ip_options::{IpOption, IpOptions, IpTimestamps, Stamping};
pub use network::{
    Identifiers, Mend, Network, NetworkError, Opened, Opening, Refused, UNSEEN_TTLS, UNTOLD_SENDS,
};
pub use operation::{
    Channel, Connect, Control, Exchange, ExchangeFraming, Lookup, Operation, OperationId,
    Operations, Over, Say, Transmit,
};
pub use packet::{ErrorOrigin, Message, QueuedError, Received};
pub use send_error::{SendCause, SendError};
pub use tcp_info::{SegmentSizes, TcpInfo, TcpState};

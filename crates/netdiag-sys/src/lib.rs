//! The operating system: sockets with kernel timestamps, clocks, signals, privileges, names.
//!
//! This is the only room with system calls. It implements the engine's port,
//! [`Network`](netdiag_engine::port::Network), with [`SystemNetwork`], and a second time, by the
//! crate surge-ping, with [`PortableNetwork`]. It decides nothing: it does not parse a packet beyond
//! what the kernel says about it, knows no prober and prints nothing.
//!
//! The order of a start is fixed, since a right that was dropped does not come back and
//! capabilities belong to a thread:
//!
//! 1. [`privileges::ensure_standard_descriptors`], before anything is opened: [`program!`] does it;
//! 2. [`OpenRequest::open`] or [`PortableRequest::open`], each family that may be needed;
//! 3. [`privileges::drop_all`], then [`programs::run`] where another program is asked, and then
//!    [`sandbox::enter`], before another thread starts;
//! 4. files, names ([`names::resolve`]), and then [`MachineNetwork::watch`]: until then
//!    Ctrl-C ends the process in the usual way.
//!
//! ```
//! use netdiag_engine::port::Network;
//! use netdiag_sys::OpenRequest;
//!
//! let mut network = OpenRequest::default().open();
//! let before = network.now();
//! assert!(network.now() >= before);
//! ```

mod address;
pub mod clock;
pub mod console;
mod control;
mod dialog;
pub mod files;
mod filter;
pub mod interfaces;
mod machine;
pub mod names;
mod network;
mod open;
mod output;
mod portable;
pub mod privileges;
pub mod programs;
pub mod random;
mod raw;
pub mod sandbox;
pub mod signals;
pub mod tables;

pub use machine::MachineNetwork;
pub use network::{SystemNetwork, connections_at_once};
pub use open::{DontFragment, OpenRequest, tcp};
pub use output::Stdout;
pub use portable::{PortableNetwork, PortableRequest};
#[doc(hidden)]
pub use raw::start;
pub use sandbox::Sandbox;

//! The engine in virtual time: inputs pushed at chosen instants, outcomes compared.
#![expect(clippy::print_stdout, reason = "the throughput figure and the seeds are for the reader")]

mod dialogs;
mod errors;
mod forged;
mod harness;
mod interleavings;
mod lifecycle;
mod names;
mod pacing;
mod packets;
mod properties;
mod replies;
mod running;
mod script;
mod sending;
mod stamps;
mod throughput;
mod udp;
mod wrap;

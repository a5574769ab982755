//! The engine in virtual time: inputs pushed at chosen instants, outcomes compared.
#![expect(clippy::print_stdout, reason = "the throughput figure and the seeds are for the reader")]

mod bytes;
mod dialogs;
mod errors;
mod forged;
mod groups;
mod harness;
mod headers;
mod interleavings;
mod lifecycle;
mod messages;
mod mutated;
mod names;
mod pacing;
mod packets;
mod properties;
mod queries;
mod replies;
mod running;
mod script;
mod segments;
mod sending;
mod stamps;
mod steps;
mod throughput;
mod udp;
mod wrap;

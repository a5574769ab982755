//! Measurements of several kinds on one engine: a lane each, whatever its command is.
//!
//! A command's own arguments, plan, measurement and result are used as they are ([`Kind`]). Its plan
//! makes an [`Attempt`] at a time, a measurement that tells nobody anything; a [`Lane`] is the
//! measurement that the engine knows: it asks its attempts in turn and tells their probes apart. When
//! an attempt begins, and whether another follows, is decided by the [`Supervisor`] of all lanes.

mod attempt;
mod expected;
mod kind;
mod kinds;
mod lane;
mod looked;
mod merge;
mod options;
mod sockets;
mod words;

pub(crate) use attempt::Prepared;
pub(crate) use expected::{Expected, Verdict};
pub(crate) use kind::Conclusion;
pub(crate) use kinds::{Asked, KINDS, known};
pub(crate) use lane::{Lane, Supervisor, Told, Turn};
pub(crate) use looked::Looked;
pub(crate) use merge::merged;
pub(crate) use options::{Choice, choices};

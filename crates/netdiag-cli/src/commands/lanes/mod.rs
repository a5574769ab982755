//! Measurements of several kinds on one engine: a lane each, whatever its command is.
//!
//! A command's own arguments, plan, measurement and result are used as they are ([`Kind`]). Its plan
//! makes an [`Attempt`] at a time, a measurement that tells nobody anything; a [`Lane`] is the
//! measurement that the engine knows: it asks its attempts in turn and tells their probes apart. When
//! an attempt begins, and whether another follows, is decided by the [`Supervisor`] of all lanes. Where
//! names must be looked up first, the [`Planner`] has that done beside whatever is under way.

mod attempt;
mod expected;
mod kind;
mod kinds;
mod lane;
mod looked;
mod merge;
mod options;
mod planner;
mod sockets;
mod supervisor;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use attempt::Prepared;
pub(crate) use expected::{Expected, Verdict, interrupted, kept_back_or_silent};
pub(crate) use kind::Conclusion;
pub(crate) use kinds::{Asked, KEPT_BACK_AFTER, KINDS, known};
pub(crate) use lane::Lane;
pub(crate) use merge::merged;
pub(crate) use options::{Choice, choices};
pub(crate) use planner::{PATIENCE, Planner};
pub(crate) use supervisor::{Ended, Supervisor, Told, Turn};

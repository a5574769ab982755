//! The commands, a module each: plan, run, result; and what they share.

pub(crate) mod ending;
pub(crate) mod judged;
pub(crate) mod ladder;
pub(crate) mod ping;
pub(crate) mod remedy;
pub(crate) mod resolve;
pub(crate) mod schema;
pub(crate) mod sweep;
pub(crate) mod trace;

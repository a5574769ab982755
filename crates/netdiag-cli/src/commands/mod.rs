//! The commands, a module each: plan, run, result.

pub(crate) mod ping;
pub(crate) mod schema;

//! The commands, a module each: plan, measurement, conclusion, reports. What they share is beside
//! them: `frame` is that of every command, `hosts` of those whose targets are hosts.

pub(crate) mod check;
pub(crate) mod checks;
pub(crate) mod dns;
pub(crate) mod drive;
pub(crate) mod ending;
pub(crate) mod explain;
pub(crate) mod frame;
pub(crate) mod hosts;
pub(crate) mod judged;
pub(crate) mod ladder;
pub(crate) mod lanes;
pub(crate) mod lines;
pub(crate) mod links;
pub(crate) mod mtr;
pub(crate) mod mtu;
pub(crate) mod nslookup;
pub(crate) mod ping;
pub(crate) mod remedy;
pub(crate) mod resolve;
pub(crate) mod schema;
mod secret;
pub(crate) mod services;
pub(crate) mod sockets;
pub(crate) mod sweep;
pub(crate) mod syn;
pub(crate) mod targets;
pub(crate) mod tcp_connect;
pub(crate) mod trace;
pub(crate) mod trust;
pub(crate) mod user;
pub(crate) mod verdict;
pub(crate) mod wait_for;

//! The checks of the rows of the feature list, on the built program in real network namespaces.

mod classic;
mod interfaces;
mod measuring;
mod names;
mod network;
mod portable;
mod protocols;
mod rights;

use crate::support::process::{Ended, NETDIAG, Namespace, netlab, run};
use std::path::Path;

/// The program, as root, in a scenario; `None` where there can be no lab.
fn in_scenario(scenario: &Path, arguments: &[&str]) -> Option<Ended> {
    let namespace = Namespace::loopback()?;
    Some(run(namespace
        .command(netlab().to_str()?)
        .arg(scenario)
        .arg("--")
        .arg(NETDIAG)
        .args(arguments)))
}

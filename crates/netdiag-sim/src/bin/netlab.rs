//! Runs a program inside a simulated internet: `netlab SCENARIO.toml -- COMMAND...`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(netdiag_sim::lab::netlab(std::env::args_os().skip(1)))
}

//! What was typed: syntax only. What it means is decided in the plan.

pub(crate) mod fping;
pub(crate) mod ping;
pub(crate) mod schema;
pub(crate) mod sweep;
pub(crate) mod trace;
pub(crate) mod value;

pub(crate) use fping::{FpingArguments, FpingWords};
pub(crate) use ping::PingArguments;
pub(crate) use schema::SchemaArguments;
pub(crate) use sweep::SweepArguments;
pub(crate) use trace::TraceArguments;

/// Network diagnostics that do not lie.
///
/// Measures with kernel time stamps, and says in a sentence what is wrong. What was not measured is
/// said to be not measured. `netdiag --version --verbose` also says what confines the program.
#[derive(Debug, clap::Parser)]
#[command(
    name = "netdiag",
    version,
    max_term_width = 100,
    propagate_version = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Ping(Box<PingArguments>),
    Sweep(Box<SweepArguments>),
    #[command(visible_alias = "traceroute")]
    Trace(Box<TraceArguments>),
    Fping(FpingWords),
    Schema(SchemaArguments),
}

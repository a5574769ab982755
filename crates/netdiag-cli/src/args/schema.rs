//! `netdiag schema`.

/// Print the JSON Schema of a command's document, or its metrics.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "EXAMPLES\n  netdiag schema ping\n  netdiag schema --metrics ping")]
pub(crate) struct SchemaArguments {
    /// List the metrics that --fail-if knows, instead of the schema.
    #[arg(long)]
    pub(crate) metrics: bool,
    /// The command whose document it is.
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Documented,
}

/// The commands that have documents.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Documented {
    Ping,
    Sweep,
    Trace,
    Mtr,
    Mtu,
    Sockets,
    Dns,
    TcpConnect,
    Syn,
    Check,
    WaitFor,
    Explain,
    /// Files of checks.
    CheckFile,
}

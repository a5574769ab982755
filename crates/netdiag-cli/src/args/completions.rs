//! `netdiag completions`.

/// Print the completions of a shell.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "EXAMPLES\n  netdiag completions bash > /usr/share/bash-completion/completions/netdiag\n  source <(netdiag completions zsh)"
)]
pub(crate) struct CompletionsArguments {
    /// Which shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

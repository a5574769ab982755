//! What was typed: syntax only. What it means is decided in the plan.

pub(crate) mod check;
pub(crate) mod classic_mtr;
pub(crate) mod completions;
pub(crate) mod dns;
pub(crate) mod explain;
pub(crate) mod form;
pub(crate) mod fping;
pub(crate) mod links;
pub(crate) mod marking;
pub(crate) mod mtr;
pub(crate) mod mtu;
mod multipath;
pub(crate) mod outgoing;
pub(crate) mod ping;
pub(crate) mod schema;
pub(crate) mod sockets;
pub(crate) mod sweep;
pub(crate) mod syn;
pub(crate) mod tcp_connect;
pub(crate) mod trace;
pub(crate) mod traceroute;
pub(crate) mod value;
pub(crate) mod wait_for;

use crate::adapters;

pub(crate) use check::CheckArguments;
pub(crate) use classic_mtr::ClassicMtrArguments;
pub(crate) use completions::CompletionsArguments;
pub(crate) use dns::DnsArguments;
pub(crate) use explain::ExplainArguments;
pub(crate) use fping::{FpingArguments, FpingWords};
pub(crate) use links::LinksArguments;
pub(crate) use mtr::MtrArguments;
pub(crate) use mtu::MtuArguments;
pub(crate) use ping::PingArguments;
pub(crate) use schema::SchemaArguments;
pub(crate) use sockets::SocketsArguments;
pub(crate) use sweep::SweepArguments;
pub(crate) use syn::SynArguments;
pub(crate) use tcp_connect::TcpConnectArguments;
pub(crate) use trace::TraceArguments;
pub(crate) use traceroute::{Operand, TracerouteArguments};
pub(crate) use wait_for::WaitForArguments;

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

/// Makes the enumeration of the commands. What a command's options are is built when it is the one
/// asked for (`defer`), so that a start takes no longer for each command that there is. Behind `|` stand
/// the further names of a command.
macro_rules! commands {
    ($(#[doc = $about:literal] $command:ident($arguments:ty) = $name:literal $(| $alias:literal)*,)+) => {
        #[derive(Debug)]
        pub(crate) enum Command {
            $(#[doc = $about] $command($arguments),)+
        }

        impl clap::Subcommand for Command {
            fn augment_subcommands(program: clap::Command) -> clap::Command {
                program$(.subcommand(
                    clap::Command::new($name)
                        $(.visible_alias($alias))*
                        .about($about.trim_ascii_start().trim_end_matches('.'))
                        .defer(|command| {
                            adapters::option($name, <$arguments as clap::Args>::augment_args(command))
                        }),
                ))+
            }

            fn augment_subcommands_for_update(program: clap::Command) -> clap::Command {
                Self::augment_subcommands(program)
            }

            fn has_subcommand(name: &str) -> bool {
                [$($name, $($alias,)*)+].contains(&name)
            }
        }

        impl clap::FromArgMatches for Command {
            fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
                Self::from_arg_matches_mut(&mut matches.clone())
            }

            fn from_arg_matches_mut(matches: &mut clap::ArgMatches) -> Result<Self, clap::Error> {
                let Some((name, mut matches)) = matches.remove_subcommand() else {
                    return Err(clap::Error::new(clap::error::ErrorKind::MissingSubcommand));
                };
                match name.as_str() {
                    $($name => <$arguments as clap::FromArgMatches>::from_arg_matches_mut(&mut matches)
                        .map(Self::$command),)+
                    _ => Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand)),
                }
            }

            fn update_from_arg_matches(
                &mut self,
                matches: &clap::ArgMatches,
            ) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    };
}

commands! {
    /// Echo requests to one or more hosts: latency, jitter, loss, hops back.
    Ping(Box<PingArguments>) = "ping",
    /// Many targets, one row each: alive, unreachable and by whom, silent, or not measured from here.
    Sweep(Box<SweepArguments>) = "sweep",
    /// The path to one or more hosts: each router on the way, where it ends, and by whom.
    Trace(Box<TraceArguments>) = "trace" | "traceroute",
    /// The path to one or more hosts, cycle by cycle: loss and times of every hop, and where loss is real.
    Mtr(Box<MtrArguments>) = "mtr",
    /// The path MTU to one or more hosts: which packets pass, and where larger ones end.
    Mtu(Box<MtuArguments>) = "mtu",
    /// The sockets of this machine: their states, who has them, and what is wrong.
    Sockets(Box<SocketsArguments>) = "sockets" | "ss",
    /// Ask name servers: what they say, how fast, and what each says differently.
    Dns(Box<DnsArguments>) = "dns" | "lookup",
    /// TCP connections to one or more ports: whether they open, how fast, and if not, why.
    TcpConnect(Box<TcpConnectArguments>) = "tcp-connect" | "tcp",
    /// Half-open SYN probes to ports: open, closed, filtered, prohibited or unreachable, and by whom.
    Syn(Box<SynArguments>) = "syn",
    /// Many checks at once, each with what is expected: pass, warn, fail, unknown or skip.
    Check(Box<CheckArguments>) = "check",
    /// Wait until something answers: a port, a web page, a name, a host.
    WaitFor(Box<WaitForArguments>) = "wait-for",
    /// fping's own options, output and exit codes, as version 5.1 has them.
    Fping(FpingWords) = "fping",
    /// What a word means that netdiag prints, and what to do next.
    Explain(ExplainArguments) = "explain",
    /// Print the JSON Schema of a command's document, or its metrics.
    Schema(SchemaArguments) = "schema",
    /// Print the completions of a shell.
    Completions(CompletionsArguments) = "completions",
    /// Make links under the names of the classic tools, which the program then is.
    InstallLinks(LinksArguments) = "install-links",
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    /// The list of commands says of each what its own help says.
    #[test]
    fn a_command_has_one_sentence() {
        let listed = Arguments::command();
        let mut built = Arguments::command();
        built.build();
        for command in listed.get_subcommands() {
            let own = built.find_subcommand(command.get_name()).expect("the same commands");
            assert_eq!(
                command.get_about().map(ToString::to_string),
                own.get_about().map(ToString::to_string)
            );
        }
    }
}

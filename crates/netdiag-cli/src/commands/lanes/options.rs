//! Which options of its command a kind of check can have.

use super::kinds::KINDS;
use crate::args::{
    DnsArguments, MtuArguments, PingArguments, SocketsArguments, SynArguments, TcpConnectArguments,
    TraceArguments,
};
use std::sync::OnceLock;

/// Options that are no check's: what all share, what says how it is shown, and what checks have words
/// of their own for.
const NONE_OF_A_CHECK: &[&str] = &[
    "help",
    "version",
    "color",
    "output",
    "json",
    "quiet",
    "verbose",
    "fail-if",
    "expect",
    "deadline",
    "file",
    "classic",
    "classic-exit",
    "backend",
    "mark",
    "ident",
    "df",
    "send-buffer",
    "direct",
    "broadcast",
    "debug",
    "flow-label",
    "no-loopback",
    "user-stamps",
    "flood",
    "audible",
    "dates",
    "short",
    "outstanding",
    "graph",
    "multipath",
    "names",
    "until-up",
    "until-down",
    "first",
    "open",
    "i-know",
    "preload",
    "adaptive",
    "program",
    "proto",
    "asn-file",
    "confidence",
    "rate",
    "seed",
];

/// Those of `sockets` that show it otherwise, or need rights that checks give up.
const NONE_OF_SOCKETS: &[&str] =
    &["processes", "summary", "all-namespaces", "watch", "count", "audit"];

/// An option of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Its long name, without dashes.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) help: String,
    /// Whether it has a value.
    pub(crate) takes_value: bool,
    /// Whether it may be given several times.
    pub(crate) is_list: bool,
}

/// The options of a kind, which are found out once.
pub(crate) fn choices(kind: &str) -> &'static [Choice] {
    static OF_EACH: [OnceLock<Vec<Choice>>; KINDS.len()] = [const { OnceLock::new() }; KINDS.len()];
    let place = KINDS.iter().position(|known| *known == kind);
    let of_kind = place.and_then(|place| OF_EACH.get(place));
    of_kind.map_or(&[], |known| known.get_or_init(|| found(kind)))
}

fn found(kind: &str) -> Vec<Choice> {
    match kind {
        "ping" => of::<PingArguments>(),
        "tcp" => of::<TcpConnectArguments>(),
        "syn" => of::<SynArguments>(),
        "dns" => of::<DnsArguments>(),
        "trace" => of::<TraceArguments>(),
        "mtu" => of::<MtuArguments>(),
        "sockets" => {
            let none = |name: &str| NONE_OF_SOCKETS.contains(&name);
            of::<SocketsArguments>().into_iter().filter(|choice| !none(&choice.name)).collect()
        }
        _ => Vec::new(),
    }
}

fn of<A: clap::Args>() -> Vec<Choice> {
    let mut command = A::augment_args(clap::Command::new("check"));
    command.build();
    let options = command.get_arguments().filter_map(|argument| {
        let name = argument.get_long()?;
        let is_ours = !NONE_OF_A_CHECK.contains(&name) && !argument.is_hide_set();
        is_ours.then(|| Choice {
            name: name.to_owned(),
            help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
            takes_value: argument.get_action().takes_values(),
            is_list: matches!(argument.get_action(), clap::ArgAction::Append),
        })
    });
    options.collect()
}

//! Which options of its command a kind of check can have.

use super::kinds::{KINDS, defaults};
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
    "wire",
    "outstanding",
    "graph",
    "multipath",
    "names",
    "numeric",
    "until-up",
    "until-down",
    "first",
    "open",
    "i-know",
    "preload",
    "adaptive",
    "program",
    "proto",
    "probe-interface",
    "probe-cap",
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
    /// What it is where a check says nothing else, where that is a value.
    pub(crate) default: Option<String>,
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
        "ping" => of::<PingArguments>(kind),
        "tcp" => of::<TcpConnectArguments>(kind),
        "syn" => of::<SynArguments>(kind),
        "dns" => of::<DnsArguments>(kind),
        "trace" => of::<TraceArguments>(kind),
        "mtu" => of::<MtuArguments>(kind),
        "sockets" => {
            let none = |name: &str| NONE_OF_SOCKETS.contains(&name);
            of::<SocketsArguments>(kind).into_iter().filter(|choice| !none(&choice.name)).collect()
        }
        _ => Vec::new(),
    }
}

fn of<A: clap::Args>(kind: &str) -> Vec<Choice> {
    let mut command = A::augment_args(clap::Command::new("check"));
    command.build();
    let options = command.get_arguments().filter_map(|argument| {
        let name = argument.get_long()?;
        let is_ours = !NONE_OF_A_CHECK.contains(&name) && !argument.is_hide_set();
        let takes_value = argument.get_action().takes_values();
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let own = own_default(kind, name);
        let usual = || argument.get_default_values().first().and_then(|value| value.to_str());
        let default = own.or_else(usual).or_else(|| told_default(&help));
        let default = default.filter(|_| takes_value).map(str::to_owned);
        let is_told = own.is_some() || told_default(&help).is_some();
        is_ours.then(|| Choice {
            name: name.to_owned(),
            help: if is_told { without_default(&help) } else { help },
            default,
            takes_value,
            is_list: matches!(argument.get_action(), clap::ArgAction::Append),
        })
    });
    options.collect()
}

/// What an option is in a check of a kind, where that is not what its command has.
fn own_default(kind: &str, option: &str) -> Option<&'static str> {
    let mut words =
        defaults(kind).iter().filter_map(|word| word.strip_prefix("--")?.split_once('='));
    words.find(|(name, _)| *name == option).map(|(_, value)| value)
}

/// What a command has where nobody says it and where that it is said makes a difference: a number in the
/// text.
fn told_default(help: &str) -> Option<&str> {
    let (value, _) = help.split_once("[default: ")?.1.split_once(']')?;
    Some(value).filter(|value| value.parse::<u64>().is_ok())
}

/// What an option is for without what its command has where nobody says it.
fn without_default(help: &str) -> String {
    let Some((before, rest)) = help.split_once(" [default: ") else { return help.to_owned() };
    let (_, after) = rest.split_once(']').unwrap_or_default();
    format!("{before}{after}")
}

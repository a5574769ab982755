//! The sysctls that are looked at.

use super::given_up_s;
use super::setting::number;
use crate::findings::{a_second, many, shown};
use crate::verdict::thousands;

/// One sysctl.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// `None`: it depends on the memory of the machine.
    pub(super) default: Option<&'static str>,
    /// What a value does, by its first number and as a whole.
    pub(super) effect: fn(u64, &str) -> String,
    /// Why a value harms, if it does.
    pub(super) risk: fn(u64) -> Option<&'static str>,
}

/// Why a value that somebody has set does not do what it is set for, if so, beside that of
/// `tcp_syncookies`.
pub(super) fn believed(name: &str, value: u64, cookies: u64) -> Option<&'static str> {
    match name {
        "net.ipv4.tcp_fin_timeout" if value < 60 => Some(
            "it does not shorten TIME-WAIT, which is 60 s whatever this says, and acts on orphans in \
             FIN-WAIT-2 only",
        ),
        "net.ipv4.tcp_max_syn_backlog" if cookies != 0 => Some(
            "it acts only with tcp_syncookies=0; half-open connections are bounded by the backlog of \
             listen() and by net.core.somaxconn",
        ),
        // Fewer than the ports to one destination.
        "net.ipv4.tcp_max_tw_buckets" if value < 16_384 => Some(
            "a connection in TIME-WAIT takes about 0.3 KiB, and what is thrown away early lets old \
             segments harm new connections",
        ),
        _ => None,
    }
}

const fn key(
    name: &'static str,
    default: Option<&'static str>,
    effect: fn(u64, &str) -> String,
    risk: fn(u64) -> Option<&'static str>,
) -> Key {
    Key { name, default, effect, risk }
}

/// When connect() gives up.
pub(super) fn given_up(retries: u64, linear: u64) -> String {
    format!("connect() gives up after about {} s without an answer", doubled(retries, linear))
}

const fn harmless(_: u64) -> Option<&'static str> {
    None
}

/// Seconds until the last of so many timeouts is over that double from a second to 120 (TCP_RTO_MAX of
/// net/tcp.h); `linear`: as many more are of a second before that (`tcp_syn_linear_timeouts`).
pub(super) fn doubled(retries: u64, linear: u64) -> u64 {
    /// The kernel has no more of either.
    const MOST: u64 = 255;
    let doubled = (0..=retries.min(MOST)).map(|n| (1_u64 << n.min(20)).min(120));
    doubled.sum::<u64>() + linear.min(MOST)
}

/// What a value must be for the kernel to take it, where that is not; of the others any number is taken.
pub(super) fn refused(name: &str, value: &str) -> Option<&'static str> {
    let (least, most, wanted) = match name {
        "net.ipv4.tcp_syn_retries" => (1, 127, "a number from 1 to 127"),
        "net.ipv4.tcp_synack_retries"
        | "net.ipv4.tcp_retries2"
        | "net.ipv4.tcp_orphan_retries"
        | "net.ipv4.tcp_keepalive_probes" => (0, 255, "a number from 0 to 255"),
        "net.ipv4.ip_local_port_range" => {
            let mut ports = value.split(' ').map(number);
            let (first, last) = (ports.next().flatten(), ports.next().flatten());
            let is_wrong = first.zip(last).is_some_and(|(first, last)| first > last);
            return is_wrong.then_some("a first port that is not above the last");
        }
        _ => return None,
    };
    number(value).is_none_or(|number| !(least..=most).contains(&number)).then_some(wanted)
}

pub(super) const KEYS: &[Key] = &[
    key(
        "net.ipv4.tcp_syncookies",
        Some("1"),
        |value, _| match value {
            0 => "a SYN flood fills the queue of half-open connections".to_owned(),
            1 => "SYN cookies when a queue of half-open connections is full".to_owned(),
            _ => "SYN cookies for every connection".to_owned(),
        },
        |value| match value {
            0 => Some("a SYN flood makes services unreachable"),
            2 => Some("every connection loses options that a cookie has no room for"),
            _ => None,
        },
    ),
    key(
        "net.core.somaxconn",
        Some("4096"),
        |value, _| {
            format!(
                "no accept queue is longer than {}, whatever listen() asks for",
                thousands(value)
            )
        },
        |value| (value < 128).then_some("bursts of connections overflow every accept queue"),
    ),
    key(
        "net.ipv4.tcp_max_syn_backlog",
        None,
        |value, _| {
            let value = thousands(value);
            format!("{value} half-open connections; acts only with tcp_syncookies=0")
        },
        harmless,
    ),
    key(
        "net.ipv4.tcp_abort_on_overflow",
        Some("0"),
        |value, _| match value {
            0 => "a full accept queue drops, and the client tries again".to_owned(),
            _ => "a full accept queue answers RST".to_owned(),
        },
        |value| (value != 0).then_some("a short burst becomes errors at the clients"),
    ),
    key("net.ipv4.tcp_syn_retries", Some("6"), |value, _| given_up(value, 0), harmless),
    key(
        "net.ipv4.tcp_synack_retries",
        Some("5"),
        |value, _| format!("a half-open connection is kept for {} s", doubled(value, 0)),
        harmless,
    ),
    key(
        "net.ipv4.tcp_retries2",
        Some("15"),
        |value, _| {
            format!(
                "a dead peer with data unacknowledged is given up after about {} s",
                given_up_s(value)
            )
        },
        |value| {
            (value < 8)
                .then_some("a short outage ends connections; RFC 1122 asks for 100 s at least")
        },
    ),
    key(
        "net.ipv4.tcp_keepalive_time",
        Some("7200"),
        |value, _| {
            format!("the first question after {value} s of silence, where a program asks for it")
        },
        harmless,
    ),
    key(
        "net.ipv4.tcp_keepalive_intvl",
        Some("75"),
        |value, _| format!("further questions every {value} s"),
        harmless,
    ),
    key(
        "net.ipv4.tcp_keepalive_probes",
        Some("9"),
        |value, _| format!("dead after {value} questions without an answer"),
        harmless,
    ),
    key(
        "net.ipv4.tcp_fin_timeout",
        Some("60"),
        |value, _| {
            format!(
                "orphans in FIN-WAIT-2 end after {value} s; TIME-WAIT is 60 s whatever this says"
            )
        },
        harmless,
    ),
    key(
        "net.ipv4.tcp_tw_reuse",
        Some("2"),
        |value, _| {
            match value {
            0 => "no port in TIME-WAIT is used again early".to_owned(),
            1 => "connects from here use ports in TIME-WAIT again after a second; nothing for servers".to_owned(),
            _ => "connects over loopback use ports in TIME-WAIT again, others do not".to_owned(),
        }
        },
        |value| {
            (value == 1).then_some(
                "it helps outgoing connects only, and does nothing for a server whose clients come",
            )
        },
    ),
    key(
        "net.ipv4.tcp_max_tw_buckets",
        None,
        |value, _| format!("above {} TIME-WAIT sockets are thrown away early", thousands(value)),
        |value| {
            (value < 4096)
                .then_some("TIME-WAIT ends early, and old segments may harm new connections")
        },
    ),
    key(
        "net.ipv4.tcp_timestamps",
        Some("1"),
        |value, _| match value {
            0 => "no time stamps: no protection against old segments, worse round trips".to_owned(),
            _ => "time stamps (RFC 7323)".to_owned(),
        },
        |value| {
            (value == 0)
                .then_some("fast connections lose protection against old segments (RFC 7323), and tcp_tw_reuse its ground")
        },
    ),
    key(
        "net.ipv4.tcp_max_orphans",
        None,
        |value, _| format!("above {} orphans connections are reset", thousands(value)),
        harmless,
    ),
    key(
        "net.ipv4.tcp_orphan_retries",
        Some("0"),
        |value, _| match value {
            0 => "orphans repeat their FIN 8 times".to_owned(),
            value => format!("orphans repeat their FIN {value} times"),
        },
        harmless,
    ),
    key(
        "net.ipv4.ip_local_port_range",
        Some("32768 60999"),
        |first, value| {
            let last = value.split(' ').nth(1).and_then(|last| last.parse().ok()).unwrap_or(first);
            let ports = last.saturating_sub(first) + 1;
            let rate = shown(a_second(ports));
            format!(
                "{} to each destination: {rate} new connections a second",
                many(ports, "port", "ports")
            )
        },
        harmless,
    ),
    key(
        "net.ipv4.tcp_mtu_probing",
        Some("0"),
        |value, _| match value {
            0 => "a path MTU black hole hangs connections".to_owned(),
            1 => "smaller segments are tried when a black hole is met".to_owned(),
            _ => "segment sizes are probed on every connection".to_owned(),
        },
        harmless,
    ),
];

/// What this kernel, or every kernel since, does not have any more.
pub(super) const GONE: &[(&str, &str)] = &[
    (
        "net.ipv4.tcp_tw_recycle",
        "removed in Linux 4.12, and it broke clients behind one NAT address before",
    ),
    ("net.ipv4.tcp_low_latency", "without effect since Linux 4.14"),
    ("net.ipv4.tcp_fack", "without effect since Linux 4.14"),
    ("net.ipv4.tcp_frto_response", "removed in Linux 3.10"),
    ("net.ipv4.tcp_abc", "removed in Linux 3.9"),
    ("net.ipv4.tcp_cookie_size", "removed in Linux 3.10"),
    ("net.ipv4.tcp_max_ssthresh", "removed in Linux 3.9"),
    ("net.ipv4.tcp_dma_copybreak", "removed in Linux 3.18"),
];

//! `netdiag tcp-connect`.

use super::form::Form;
use super::marking::Marking;
use super::value::{self, Timeout};
use netdiag_tcp::connect::dialogue::{self, Pattern};
use netdiag_tcp::connect::http::Spoken;
use netdiag_tcp::connect::starttls::Protocol;
use std::net::IpAddr;
use std::time::Duration;

/// TCP connections to one or more ports: whether they open, how fast, and if not, why.
///
/// Every address of each name is tried, IPv4 and IPv6 side by side, and it is said which one a program
/// would come to use (RFC 8305). Each failure names its cause: refused, reset, timeout, unreachable,
/// prohibited or local, and who said so.
///
/// PORT is a number, the name of a service, or a list with ranges: 22,https,8000-8010.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct TcpConnectArguments {
    /// Hosts and ports: `host:80`, `[::1]:443`, `192.0.2.1:22,80`; or one HOST and its PORT; or
    /// `http://` and `https://` URLs, which are asked for.
    #[arg(value_name = "HOST:PORT", required = true)]
    pub(crate) targets: Vec<String>,

    /// IPv4 only.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Source address.
    #[arg(short = 'S', long, value_name = "ADDR")]
    pub(crate) source: Option<IpAddr>,
    /// Source port [default: any that is free].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    pub(crate) source_port: Option<u16>,
    /// Interface to connect by.
    #[arg(short = 'I', long, value_name = "NAME")]
    pub(crate) interface: Option<String>,

    /// Attempts to each address; with a URL so many requests, and one more for each redirect.
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = value::count, allow_negative_numbers = true)]
    pub(crate) count: u64,
    /// From one attempt to an address to the next; 0: as there is room. Below 20 ms only for root.
    #[arg(short, long, value_name = "DUR", default_value = "1", value_parser = value::duration_or_zero, allow_hyphen_values = true)]
    pub(crate) interval: Duration,
    /// Give an attempt up after this time without an answer.
    #[arg(short = 'W', long, value_name = "DUR", default_value = "5", value_parser = value::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Timeout,
    /// End after this time, whatever is under way, also the look-up of a name (after half of it
    /// where there are several targets).
    #[arg(short = 'w', long, value_name = "DUR", value_parser = value::duration, allow_hyphen_values = true)]
    pub(crate) deadline: Option<Duration>,
    /// At most so many attempts at once.
    #[arg(long, value_name = "N", default_value = "64", value_parser = clap::value_parser!(u32).range(1..=65_535), allow_negative_numbers = true)]
    pub(crate) parallel: u32,

    /// Send this once a connection is open, and wait for an answer; \\r \\n \\t \\0 \\xHH stand for bytes.
    #[arg(long, value_name = "TEXT", value_parser = send, allow_hyphen_values = true)]
    pub(crate) send: Option<Bytes>,
    /// What the service says must match this, within the timeout and its first 16 KiB.
    #[arg(long, value_name = "REGEX", value_parser = Pattern::new, allow_hyphen_values = true)]
    pub(crate) expect_banner: Option<Pattern>,
    /// Exit with 1 unless all of this holds, of every attempt what each has for itself; the first that
    /// does not is told: such as 'status=200; ttfb<100ms; body~ready; header:server~nginx'. Of a body
    /// the first 64 KiB are looked at.
    #[arg(long, value_name = "EXPR")]
    pub(crate) expect: Option<String>,
    /// Speak this version of HTTP with URLs, 1.1 or 2 [default: over TLS what the server chooses of
    /// both, else 1.1].
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) http: Option<Spoken>,
    /// Follow so many redirects, to whatever host they lead; 0: none [default: 10].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=50), allow_negative_numbers = true)]
    pub(crate) max_redirects: Option<u8>,
    /// Ask for each URL twice over one connection, a new and a used one, and compare: each attempt is
    /// two requests.
    #[arg(long)]
    pub(crate) reuse: bool,
    /// Of an answer by HTTP only the head is read, and no redirect followed: what waits for a page
    /// wants no more of it.
    #[arg(skip)]
    pub(crate) only_head: bool,
    /// Go through this proxy: socks5://HOST:PORT is asked for the address of a target, of several the
    /// first; socks5h:// for its name, which it looks up; http:// for its name by CONNECT.
    /// USER:PASSWORD@ may stand before HOST, but other users of this machine see what stands on a
    /// command line.
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// The proxy is told USER:PASSWORD of the first line of this file.
    #[arg(long, value_name = "FILE", requires = "proxy")]
    pub(crate) proxy_login: Option<String>,
    /// Keep each connection open for this time.
    #[arg(long, value_name = "DUR", value_parser = value::duration, allow_hyphen_values = true)]
    pub(crate) hold: Option<Duration>,

    /// Speak TLS: what it shows must be to be believed. Without it TLS is tried at ports where it is
    /// usual (443, 465, 636, 853, 990, 993, 995, 8443), and faults fail nothing.
    #[arg(long, conflicts_with = "no_tls")]
    pub(crate) tls: bool,
    /// Speak TLS nowhere.
    #[arg(long)]
    pub(crate) no_tls: bool,
    /// Agree on TLS first, as this protocol does.
    #[arg(long, value_name = "PROTO", value_parser = protocol, conflicts_with = "no_tls")]
    pub(crate) starttls: Option<Protocol>,
    /// The name to ask for, and that the certificate must be for [default: that of the host].
    #[arg(long, value_name = "NAME", conflicts_with = "no_tls")]
    pub(crate) sni: Option<String>,
    /// Trust the certificates of this file (PEM), and no others [default: those that the machine
    /// trusts].
    #[arg(long, value_name = "FILE", conflicts_with = "no_tls")]
    pub(crate) ca: Option<String>,
    /// What is wrong with certificates is told, and fails nothing.
    #[arg(long, conflicts_with = "no_tls")]
    pub(crate) insecure: bool,

    /// TTL or hop limit of every packet.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) ttl: Option<u8>,
    #[command(flatten)]
    pub(crate) marking: Marking,
    /// Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17).
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) mark: Option<u32>,

    /// Only what is wrong and the verdict.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Below each attempt when it began, its ends, what the kernel knows of it, and certificates.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Exit with 1 when this holds for a target, or one attempt, such as 'loss>0 or p95>80ms'.
    #[arg(long, value_name = "EXPR")]
    pub(crate) fail_if: Option<String>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

fn send(text: &str) -> Result<Bytes, String> {
    match dialogue::unescape(text)? {
        bytes if bytes.is_empty() => Err("nothing to send".to_owned()),
        bytes => Ok(Bytes(bytes)),
    }
}

fn version(text: &str) -> Result<Spoken, String> {
    match text {
        "1.1" => Ok(Spoken::Http1),
        "2" => Ok(Spoken::Http2),
        _ => Err("1.1 or 2".to_owned()),
    }
}

fn protocol(text: &str) -> Result<Protocol, String> {
    let known = Protocol::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, protocol)| *protocol).ok_or_else(|| {
        let names: Vec<&str> = Protocol::ALL.iter().map(|(name, _)| *name).collect();
        format!("one of {}", names.join(", "))
    })
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag tcp-connect example.net:443
  netdiag tcp-connect example.net 22,80,8000-8010
  netdiag tcp-connect -c 20 -i 0.2 --fail-if 'p95>50ms' [2001:db8::1]:5432
  netdiag tcp-connect --expect 'status=200; ttfb<100ms' https://example.net/health
  netdiag tcp-connect --tls --fail-if 'days_left<21' mail.example.net:993
  netdiag tcp-connect --proxy socks5h://proxy.example.net:1080 https://example.net
  netdiag tcp-connect --starttls smtp mail.example.net:25
  netdiag tcp-connect --expect-banner '^220 ' mail.example.net:25
  netdiag tcp-connect --json example.net:ssh | jq '.targets[] | [.target, .connect_ms.p50, .failure]'

EXIT STATUS
  0  a connection to every target opened, and no --fail-if holds
  1  measured, and it does not hold for at least one target
  2  usage error
  3  nothing could be measured, or the result could not be written";

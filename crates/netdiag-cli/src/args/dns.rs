//! `netdiag dns`.

use super::form::Form;
use super::outgoing::Outgoing;
use super::value::{self, Timeout};
use netdiag_dns::config::{Transport, Url};
use netdiag_dns::{RecordClass, RecordType, UDP_SIZE};
use std::net::IpAddr;
use std::time::Duration;

/// Ask name servers: what they say, how fast, and what each says differently.
///
/// Without a type it asks for A and AAAA, for an address for its name. Without a server those of
/// /etc/resolv.conf are asked, one after the other, until one says something. Several servers are all
/// asked, and what they say is compared; where they disagree, twice. What does not fit a datagram is
/// asked for over TCP.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct DnsArguments {
    /// Names to ask for, types to ask for (mnemonics or TYPE65), and after `@` servers to ask: names,
    /// addresses, `@192.0.2.53:5353`, `@[::1]:5353`, `@https://dns.example/dns-query`,
    /// `@h3://dns.example/dns-query`, `@quic://dns.example`; `@system`: those of resolv.conf. AXFR
    /// transfers a whole zone, IXFR=SERIAL what changed in it since then: over TCP, or with --tls.
    #[arg(value_name = "NAME|TYPE|@SERVER")]
    pub(crate) words: Vec<String>,

    /// A type to ask for, whatever it looks like; may be given several times.
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = kind)]
    pub(crate) types: Vec<RecordType>,
    /// The name of an address; may be given several times.
    #[arg(short = 'x', long, value_name = "ADDR")]
    pub(crate) reverse: Vec<IpAddr>,
    /// Names from a file, one a line, with types behind it; `-`: standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<String>,
    /// Class: IN, CH, HS or CLASSnnn.
    #[arg(long, value_name = "CLASS", default_value = "IN", value_parser = class)]
    pub(crate) class: RecordClass,
    /// Port of servers without one of their own [default: 53, with --tls and --quic 853, with --https
    /// and --http3 443].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    pub(crate) port: Option<u16>,
    /// The folder of resolv.conf; with --check that of hosts and nsswitch.conf, too, such as a copy.
    #[arg(long, value_name = "DIR", default_value = "/etc")]
    pub(crate) etc: String,
    /// Whether this machine is set up right to look up names: its files, each of its servers, and what
    /// its programs are told.
    #[arg(long, conflicts_with_all = ["types", "reverse", "file", "count", "short"])]
    pub(crate) check: bool,
    /// From the root down, asking all servers of each zone on the way to NAME, without recursion: who
    /// leads where and how fast, who does not serve its zone, and serials; from the root again where a
    /// CNAME leads elsewhere.
    #[arg(long, conflicts_with_all = ["check", "file", "count", "classic", "no_recursion"])]
    pub(crate) trace: bool,
    /// The servers of the root for --trace, a zone file.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/usr/share/dns/root.hints",
        requires = "trace"
    )]
    pub(crate) hints: String,
    /// Validate the answers here, from an anchor down, whatever the server says of them.
    #[arg(long, conflicts_with_all = ["check", "trace", "file", "count", "classic", "no_edns"])]
    pub(crate) dnssec: bool,
    /// What is believed by --dnssec: DS or DNSKEY records, one a line; else the keys of the root.
    #[arg(long, value_name = "FILE", requires = "dnssec")]
    pub(crate) anchor: Option<String>,
    /// Servers by IPv4 only.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Servers by IPv6 only.
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    #[command(flatten)]
    pub(crate) outgoing: Outgoing,
    #[command(flatten)]
    pub(crate) message: MessageArguments,
    #[command(flatten)]
    pub(crate) tls: TlsArguments,
    #[command(flatten)]
    pub(crate) signed: SignedArguments,

    /// Queries of each question to each server; more than one is a series with statistics.
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..), allow_negative_numbers = true)]
    pub(crate) count: u64,
    /// Time from one query of a series to the next; 0: as soon as the one before has ended.
    #[arg(short, long, value_name = "DUR", default_value = "1", value_parser = value::duration_or_zero, allow_hyphen_values = true)]
    pub(crate) interval: Duration,
    /// After this time without an answer a query is lost.
    #[arg(short = 'W', long, value_name = "DUR", default_value = "2", value_parser = value::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Timeout,
    /// How often a server that says nothing is asked again; never in a series.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(..=100), allow_negative_numbers = true)]
    pub(crate) retries: u32,
    /// End after this time, whatever is under way.
    #[arg(short = 'w', long, value_name = "DUR", value_parser = value::duration, allow_hyphen_values = true)]
    pub(crate) deadline: Option<Duration>,

    /// Only the data of answers, a line each.
    #[arg(long, conflicts_with_all = ["quiet", "verbose"])]
    pub(crate) short: bool,
    /// Print what dig prints, with its exit codes; AD and a cookie are sent as dig sends them, and a
    /// name without a type is asked for by A alone. --classic=dig is the same.
    #[arg(long, conflicts_with_all = ["short", "quiet", "verbose", "check", "count", "fail_if"])]
    pub(crate) classic: bool,
    /// Exit as dig does: 0 whatever a server says, 9 where none answers.
    #[arg(long, conflicts_with_all = ["fail_if", "check"])]
    pub(crate) classic_exit: bool,
    /// The name as nslookup was given it.
    #[arg(skip)]
    pub(crate) given: Option<String>,
    /// The name that nslookup was given its server by.
    #[arg(skip)]
    pub(crate) shown_server: Option<String>,
    /// Only what is wrong and the verdict.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// All of each message, and what was rejected, too.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Exit with 1 when this holds for what a server says, such as 'ttl<60 or p95>50ms'.
    #[arg(long, value_name = "EXPR")]
    pub(crate) fail_if: Option<String>,
}

/// Queries over TLS, by HTTP over that, and over QUIC.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TlsArguments {
    /// Ask over TLS (RFC 7858), all questions to a server over one connection.
    #[arg(long, conflicts_with_all = ["tcp", "check", "trace", "classic", "https", "https_get", "http3", "quic"])]
    pub(crate) tls: bool,
    /// Ask over HTTPS (RFC 8484), by HTTP/2 where the server speaks it, all questions to a server over
    /// one connection; servers that are no URLs are asked for this path [default: /dns-query]. Servers
    /// that are URLs are asked so anyway.
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true, default_missing_value = PATH, value_parser = path, conflicts_with_all = ["tcp", "check", "trace", "classic", "quic"])]
    pub(crate) https: Option<String>,
    /// The same by GET, which may be answered from what was kept on the way, instead of POST.
    #[arg(long, conflicts_with_all = ["tcp", "check", "trace", "classic", "quic"])]
    pub(crate) https_get: bool,
    /// Ask over HTTPS by HTTP/3 (RFC 9114), which goes over QUIC, each question in a stream of its own; also
    /// servers that are https://. Servers that are h3:// are asked so anyway.
    #[arg(long, conflicts_with_all = ["tcp", "check", "trace", "classic", "quic"])]
    pub(crate) http3: bool,
    /// Ask over QUIC (RFC 9250), all questions to a server over one connection, each in a stream of its
    /// own. Servers that are quic:// are asked so anyway.
    #[arg(long, conflicts_with_all = ["tcp", "check", "trace", "classic"])]
    pub(crate) quic: bool,
    /// The name that certificates of servers must be for [default: what each server was given by]; with
    /// --https it is asked by that name, too.
    #[arg(long, value_name = "NAME")]
    pub(crate) sni: Option<String>,
    /// Trust the certificates of this file (PEM), and no others [default: those that the machine
    /// trusts].
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<String>,
    /// SHA-256 of the server's public key in base64: then neither issuer nor name of its certificate
    /// matter (RFC 7858 section 4.2); may be given several times.
    #[arg(long, value_name = "PIN", value_parser = pin)]
    pub(crate) pin: Vec<Pin>,
    /// What is wrong with certificates is told, and fails nothing.
    #[arg(long)]
    pub(crate) insecure: bool,
}

/// Queries that are signed, and transfers of zones.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SignedArguments {
    /// Sign queries with this key, its secret in base64, and believe no answer without its signature (RFC
    /// 8945). HMAC: hmac-sha256, which it is where none is named, hmac-sha1, hmac-sha384 or hmac-sha512. Others
    /// on this machine can see it: rather --tsig-file.
    #[arg(short = 'y', long, value_name = "[HMAC:]NAME:SECRET", conflicts_with_all = ["check", "trace", "tsig_file"])]
    pub(crate) tsig: Option<Hidden>,
    /// The same with the first key of a file as BIND and tsig-keygen write it.
    #[arg(short = 'k', long, value_name = "FILE", conflicts_with_all = ["check", "trace"])]
    pub(crate) tsig_file: Option<String>,
    /// The most bytes of a transfer that are taken; more is a failure.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..), allow_negative_numbers = true)]
    pub(crate) transfer_limit: Option<u64>,
}

/// Text that nobody is shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(pub(crate) String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

/// Whatever it is: who says what is wrong with it here would show it.
impl From<&str> for Hidden {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// What is asked for by HTTP where nothing else was said (RFC 8484 section 4.1.1 has it in examples,
/// and servers have it).
pub(crate) const PATH: &str = "/dns-query";

fn path(text: &str) -> Result<String, String> {
    let text = text.strip_suffix("{?dns}").unwrap_or(text);
    let is_path = text.starts_with('/') && !text.contains(['#', '{']);
    Url::parse(&format!("https://a{text}")).map_err(str::to_owned).and_then(|url| match is_path {
        true => Ok(url.path),
        false => Err("a path begins with a slash, such as /dns-query".to_owned()),
    })
}

/// SHA-256 of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin(pub(crate) [u8; 32]);

fn pin(text: &str) -> Result<Pin, String> {
    netdiag_tls::pin(text).map(Pin).ok_or_else(|| "32 bytes in base64, 44 characters".to_owned())
}

impl DnsArguments {
    /// What carries queries.
    pub(crate) fn transport(&self) -> Transport {
        let asks_by_http = self.tls.https.is_some() || self.tls.https_get || self.has("@https://");
        match (asks_by_http, self.tls.tls, self.message.tcp) {
            _ if self.tls.http3 || self.has("@h3://") => Transport::Https3,
            (true, ..) => Transport::Https,
            _ if self.tls.quic || self.has("@quic://") => Transport::Quic,
            (_, true, _) => Transport::Tls,
            (.., true) => Transport::Tcp,
            _ if self.is_transfer() => Transport::Tcp,
            // As dig does, since all that there is hardly fits a datagram.
            _ if self.classic && self.asks_for_all() => Transport::Tcp,
            _ => Transport::Udp,
        }
    }

    fn asks_for_all(&self) -> bool {
        let is_all = |word: &String| word.eq_ignore_ascii_case("any");
        self.types.contains(&RecordType::ANY) || self.words.iter().any(is_all)
    }

    /// Whether a zone is asked for.
    pub(crate) fn is_transfer(&self) -> bool {
        let is_meant =
            |word: &String| changes_since(word).is_some() || word.eq_ignore_ascii_case("axfr");
        self.types.contains(&RecordType::AXFR) || self.words.iter().any(is_meant)
    }

    fn has(&self, scheme: &str) -> bool {
        self.words.iter().any(|word| word.starts_with(scheme))
    }

    /// The port of servers without one of their own.
    pub(crate) fn usual_port(&self) -> u16 {
        self.port.unwrap_or_else(|| match self.transport() {
            Transport::Udp | Transport::Tcp => DNS,
            Transport::Tls | Transport::Quic => DNS_OVER_TLS,
            Transport::Https | Transport::Https3 => HTTPS,
        })
    }
}

/// The ports of name servers, of those that speak TLS (RFC 7858 section 3.1) or QUIC (RFC 9250 section
/// 4.1.1), and of HTTPS.
const DNS: u16 = 53;
const DNS_OVER_TLS: u16 = 853;
const HTTPS: u16 = 443;

/// What queries are made of, and what carries them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct MessageArguments {
    /// Ask over TCP.
    #[arg(long)]
    pub(crate) tcp: bool,
    /// Take what was cut as it is.
    #[arg(long, conflicts_with_all = ["tcp", "tls", "https", "https_get", "http3", "quic"])]
    pub(crate) ignore_truncation: bool,
    /// Do not ask for recursion.
    #[arg(long)]
    pub(crate) no_recursion: bool,
    /// Set CD: the server shall not validate.
    #[arg(long)]
    pub(crate) cd: bool,
    /// Set AD: say that it is understood.
    #[arg(long)]
    pub(crate) ad: bool,
    /// Set DO: signatures are wanted.
    #[arg(long = "do", conflicts_with = "no_edns")]
    pub(crate) dnssec_ok: bool,
    /// Ask without EDNS.
    #[arg(long)]
    pub(crate) no_edns: bool,
    /// The largest UDP payload that is taken, by EDNS.
    #[arg(long, value_name = "BYTES", default_value_t = UDP_SIZE, conflicts_with = "no_edns", allow_negative_numbers = true)]
    pub(crate) udp_size: u16,
    /// The version of EDNS.
    #[arg(
        long,
        value_name = "N",
        default_value = "0",
        conflicts_with = "no_edns",
        allow_negative_numbers = true
    )]
    pub(crate) edns_version: u8,
    /// Ask for the server's identifier.
    #[arg(long, conflicts_with = "no_edns")]
    pub(crate) nsid: bool,
    /// Tell for whom the answer is.
    #[arg(long, value_name = "ADDR/BITS", value_parser = subnet, conflicts_with = "no_edns")]
    pub(crate) subnet: Option<(IpAddr, u8)>,
    /// Send a cookie.
    #[arg(long, conflicts_with = "no_edns")]
    pub(crate) cookie: bool,
    /// Fill queries up to a multiple of so many bytes.
    #[arg(long, value_name = "BYTES", default_value = "0", conflicts_with = "no_edns", value_parser = clap::value_parser!(u16).range(..=4096), allow_negative_numbers = true)]
    pub(crate) padding: u16,
    /// Each message in hexadecimal digits, too: with --output json and jsonl.
    #[arg(long)]
    pub(crate) wire: bool,
    /// An option of EDNS by number, with its data; may be given several times.
    #[arg(long, value_name = "CODE:HEX", value_parser = option, conflicts_with = "no_edns")]
    pub(crate) edns_option: Vec<EdnsOption>,
}

/// An option of EDNS by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EdnsOption {
    pub(crate) code: u16,
    pub(crate) data: Vec<u8>,
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag dns example.net
  netdiag dns example.net MX TXT @192.0.2.53
  netdiag dns -x 192.0.2.1
  netdiag dns --check www.example.net
  netdiag dns --trace www.example.net AAAA
  netdiag dns --dnssec www.example.net
  netdiag dns example.net @192.0.2.53 @198.51.100.53
  netdiag dns --tls example.net @dns.example.net
  netdiag dns example.net @https://dns.example.net/dns-query
  netdiag dns example.net @h3://dns.example.net/dns-query
  netdiag dns example.net @quic://dns.example.net
  netdiag dns example.net AXFR @192.0.2.53 --tsig-file transfer.key
  netdiag dns example.net IXFR=2026112201 @192.0.2.53 --tls
  netdiag dns -c 20 -i 0.2 --fail-if 'loss>0 or p95>50ms' example.net A @192.0.2.53

EXIT STATUS
  0  every question has an answer from every server that counts, and no --fail-if holds; with --check
     nothing critical was found
  1  measured, and it does not hold: no such name, no such data, a failure, silence
  2  usage error
  3  nothing could be measured, or the result could not be written";

/// A type by mnemonic or number.
pub(crate) fn kind(text: &str) -> Result<RecordType, String> {
    let unknown = "no type of records: a mnemonic such as AAAA, or TYPE65";
    let kind = RecordType::parse(text).ok_or(unknown)?;
    match kind {
        RecordType::IXFR => Err("since when: IXFR=SERIAL, as a word by itself".to_owned()),
        kind => Ok(kind),
    }
}

/// What stands behind `IXFR=`, which is to be a serial number.
pub(crate) fn changes_since(word: &str) -> Option<&str> {
    let (kind, serial) = word.split_once('=')?;
    kind.eq_ignore_ascii_case("ixfr").then_some(serial)
}

fn class(text: &str) -> Result<RecordClass, String> {
    RecordClass::parse(text).ok_or_else(|| "no class: IN, CH, HS, ANY or CLASSnnn".to_owned())
}

fn subnet(text: &str) -> Result<(IpAddr, u8), String> {
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().map_err(|_| "no address before the slash".to_owned())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        "" => Some(if address.is_ipv4() { 24 } else { 56 }),
        bits => bits.parse().ok().filter(|bits| *bits <= most),
    };
    bits.map(|bits| (address, bits)).ok_or_else(|| format!("0 to {most} bits behind the slash"))
}

fn option(text: &str) -> Result<EdnsOption, String> {
    let (code, digits) = text.split_once(':').unwrap_or((text, ""));
    let code = code.parse().map_err(|_| "a number from 0 to 65535 before the colon".to_owned())?;
    let wrong = || "pairs of hexadecimal digits behind the colon".to_owned();
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let pairs = digits.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned());
    let data: Result<Vec<u8>, _> = pairs.map(|pair| u8::from_str_radix(&pair, 16)).collect();
    Ok(EdnsOption { code, data: data.map_err(|_| wrong())? })
}

//! What was found, as the JSON contract has it.
//!
//! A field once published stays.

mod convert;
mod http;

use super::event::Class;
use netdiag_model::contract::{Jitter, Method, Rtt};
use netdiag_model::failure::Failure;
use netdiag_model::{Family, Untrusted};
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};

pub use convert::{attempt, outage, tcp_info};
pub(super) use convert::{chosen, phases, race};
pub(super) use http::http;
pub use netdiag_model::contract::Context;
pub use netdiag_tls::contract::{Certificate, Tls};

/// One port of a host.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Target {
    /// The host as it was given, and the port.
    #[schemars(with = "String")]
    pub target: Untrusted,
    /// The address that a program would come to use; where none opens the first that was tried. With a
    /// proxy it is the proxy's, as are `addresses`.
    pub address: Option<IpAddr>,
    /// The family of that address.
    pub family: Option<Family>,
    /// The port.
    pub port: u16,
    /// What the port is usually for.
    pub service: Option<String>,
    /// How this target was measured; `null` when it was not.
    pub method: Option<Method>,
    /// Attempts to all addresses: `succeeded + failed + local_errors + unknown + in_flight`.
    pub attempts: u64,
    /// Attempts that opened a connection, of those through a proxy the ones that opened it to the target.
    pub succeeded: u64,
    /// Attempts that met a refusal, a reset, an ICMP error, silence, or a proxy that opened no connection.
    pub failed: u64,
    /// Connections over which not what was expected came, of those that opened.
    pub unexpected: u64,
    /// Failed: nobody listens.
    pub refused: u64,
    /// Failed: reset as soon as it was open.
    pub reset: u64,
    /// Failed: no answer of any kind.
    pub timeouts: u64,
    /// Failed: an ICMP error.
    pub net_errors: u64,
    /// Attempts that did not leave this machine, or ended on it.
    pub local_errors: u64,
    /// Attempts that something on this machine made meaningless.
    pub unknown: u64,
    /// Attempts under way when the run ended.
    pub in_flight: u64,
    /// Connections that needed more than one SYN.
    pub retransmitted: u64,
    /// Attempts without an answer of the target, so `timeouts + net_errors`, of those that count.
    pub loss_percent: Option<f64>,
    /// The 95 % Wilson interval of the loss, in per cent.
    pub loss_ci95_percent: Option<[f64; 2]>,
    /// How long connections to `address` took to open, by the clock of this process.
    pub connect_ms: Option<Rtt>,
    /// From the SYN to the SYN-ACK, by the kernel; none where a SYN was sent again.
    pub handshake_rtt_ms: Option<Rtt>,
    /// Variation of `connect_ms`.
    pub jitter_ms: Option<Jitter>,
    /// Each address, in the order in which the look-up gave them.
    pub addresses: Vec<Address>,
    /// What a program would do that follows RFC 8305; `null` where there is one address only.
    pub happy_eyeballs: Option<HappyEyeballs>,
    /// The proxy that is asked for it; `null` without one.
    pub proxy: Option<Through>,
    /// How long each phase took; `null` for what was not done.
    pub phases_ms: Phases,
    /// What the kernel knew of the last connection to `address` when it had opened.
    pub tcp_info: Option<TcpInfo>,
    /// What TLS showed over the last connection to `address`; `null` where it was not spoken.
    pub tls: Option<Tls>,
    /// What the last request to `address` by HTTP came to; `null` where none was made.
    pub http: Option<Http>,
    /// Why no connection opened; or what came over one, the last, of which something else was asked for.
    pub failure: Option<Failure>,
    /// Runs of attempts to an address that failed, the last 10,000.
    pub outages: Vec<Outage>,
    /// Outages that are not in the list.
    pub outages_omitted: u64,
    /// Single attempts, to each address the last 10,000.
    pub results: Vec<Attempt>,
    /// Attempts that are not in the list.
    pub results_omitted: u64,
}

/// One address of a target.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// Its family.
    pub family: Family,
    /// What the last attempt came to; `null` before one ended.
    pub state: Option<Class>,
    /// How long it took to open, the median of all attempts.
    pub connect_ms: Option<f64>,
    /// From the SYN to the SYN-ACK by the kernel, the median.
    pub handshake_rtt_ms: Option<f64>,
    /// Attempts to it.
    pub attempts: u64,
    /// Those that opened a connection.
    pub succeeded: u64,
    /// Those that failed, but for local errors.
    pub failed: u64,
    /// Those without an answer of the target, in per cent of those that count.
    pub loss_percent: Option<f64>,
    /// Connections that needed more than one SYN.
    pub retransmitted: u64,
    /// Why the last attempt failed.
    pub failure: Option<Failure>,
}

/// What a program would do that follows Happy Eyeballs (RFC 8305), computed from the last attempt to
/// each address.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct HappyEyeballs {
    /// The addresses in the order in which it would try them (section 4).
    pub order: Vec<IpAddr>,
    /// After which time without an answer it tries the next one, too (section 5).
    pub attempt_delay_ms: f64,
    /// The address that it would come to use.
    pub winner: Option<IpAddr>,
    /// From its start until that connection would be open.
    pub connect_ms: Option<f64>,
    /// What it would cost that the addresses before that one do not answer.
    pub fallback_ms: Option<f64>,
}

/// The proxy that is asked for a target.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Through {
    /// How: `socks5`, `socks5h` or `http`.
    pub protocol: String,
    /// Its host as it was given.
    #[schemars(with = "String")]
    pub host: Untrusted,
    /// Its port.
    pub port: u16,
    /// Connections to it that led no further; they count as failed.
    pub failed: u64,
    /// The code of SOCKS5 (RFC 1928 section 6) or status of HTTP of the last of these; `null` where it
    /// gave none.
    pub status: Option<u16>,
}

/// How long each phase of one attempt took, in milliseconds: the last one to `address`; `connect_ms` of
/// the target has what all came to. Where redirects were followed it is those of the last request and of
/// the connection that carried it; `total` is all together.
#[derive(Clone, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct Phases {
    /// The look-up of the name; where a redirect led to another host that of its name.
    pub resolve: Option<f64>,
    /// The connection; `null` where it did not open.
    pub connect: Option<f64>,
    /// From the open connection until the proxy had one to the target; the phases behind it are through
    /// both.
    pub proxy: Option<f64>,
    /// From the open connection to the end of the TLS handshake.
    pub tls: Option<f64>,
    /// From the open connection, with TLS if that is spoken, until the kernel had all that was said; by
    /// HTTP of the last request. `first_byte` begins with it, too.
    pub request: Option<f64>,
    /// From the open connection, with TLS if that is spoken, to the first byte of the service; by HTTP
    /// that of the last answer, from its request.
    pub first_byte: Option<f64>,
    /// By HTTP from the first byte of the last answer to its last one.
    pub body: Option<f64>,
    /// All of it together: the look-up, the connection, the proxy, TLS if that is spoken, all requests; `null`
    /// where the last one was not answered to its end.
    pub total: Option<f64>,
}

/// What requests by HTTP came to.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Http {
    /// `HTTP/2`, `HTTP/1.1` or `HTTP/1.0`; `null` where no answer came.
    pub version: Option<String>,
    /// The status of the last answer (RFC 9110 section 15).
    pub status: Option<u16>,
    /// What was asked for last.
    #[schemars(with = "String")]
    pub url: Untrusted,
    /// The address that it was had from, where a redirect led to another host.
    pub address: Option<IpAddr>,
    /// How long the look-up of that host took; `null` without one.
    pub resolve_ms: Option<f64>,
    /// How long the connection of the last request took to open; `null` where it had been open.
    pub connect_ms: Option<f64>,
    /// The TLS handshake over it.
    pub tls_ms: Option<f64>,
    /// The last request with the look-up and the connection where they were made for it.
    pub total_ms: Option<f64>,
    /// The redirects that were followed, in order.
    pub redirects: Vec<Redirect>,
    /// Where the last answer leads to, of one that was not followed.
    #[schemars(with = "Option<String>")]
    pub leads_to: Option<Untrusted>,
    /// How long the server keeps the connection open for more, where it says so.
    pub keep_alive: Option<KeepAlive>,
    /// After which time without a request the server closed the connection (FIN), where it was held
    /// open that long.
    pub idle_close_ms: Option<f64>,
    /// Whether the last request went over a connection that had carried one before.
    pub reused: bool,
    /// What the last request takes over a connection of its own, and over one that is open; `null`
    /// where it was not made twice.
    pub reuse: Option<Reuse>,
    /// What came on the way to the last answer: statuses from 100 to 199, the first 8.
    pub interim: Vec<u16>,
    /// The header fields of the last answer.
    pub headers: Vec<Header>,
    /// The fields behind its body.
    pub trailers: Vec<Header>,
    /// Bytes of its body.
    pub body_bytes: u64,
    /// Whether it came to its end.
    pub whole: bool,
    /// Its body, for expressions.
    #[serde(skip)]
    #[schemars(skip)]
    pub body: String,
}

/// The same request over a connection of its own and over one that is open, medians of all attempts.
#[derive(Clone, Copy, Debug, Serialize, schemars::JsonSchema)]
pub struct Reuse {
    /// Pairs of requests.
    pub samples: u64,
    /// From the begin of the connection to the last byte of the answer, without the look-up.
    pub new_ms: f64,
    /// From the request to the last byte of the answer, over a connection that was open.
    pub reused_ms: f64,
}

/// A redirect that was followed.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Redirect {
    /// What was asked for.
    #[schemars(with = "String")]
    pub url: Untrusted,
    /// The version of the answer.
    pub version: Option<String>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The address that it was had from, where a redirect had led to another host.
    pub address: Option<IpAddr>,
    /// How long the look-up of that host took; `null` without one.
    pub resolve_ms: Option<f64>,
    /// How long its connection took to open; `null` of one that had been open.
    pub connect_ms: Option<f64>,
    /// The TLS handshake over it.
    pub tls_ms: Option<f64>,
    /// Until the kernel had all of the request.
    pub request_ms: Option<f64>,
    /// From the request to the first byte of the answer.
    pub first_byte_ms: Option<f64>,
    /// From there to its last byte.
    pub body_ms: Option<f64>,
    /// All of it together, with the look-up and the connection where they were made for it.
    pub total_ms: Option<f64>,
}

/// How long a connection is kept open.
#[derive(Clone, Copy, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct KeepAlive {
    /// Without a request, in seconds.
    pub timeout_s: Option<u64>,
    /// For so many requests.
    pub max: Option<u64>,
}

/// A header field.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Header {
    /// Its name.
    #[schemars(with = "String")]
    pub name: Untrusted,
    /// What it says; what is no UTF-8 is replaced.
    #[schemars(with = "String")]
    pub value: Untrusted,
}

/// What the kernel knows of a connection (TCP_INFO of tcp(7)).
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct TcpInfo {
    /// The smoothed round trip: the handshake.
    pub rtt_ms: f64,
    /// How much it varies.
    pub rttvar_ms: f64,
    /// The smallest round trip.
    pub min_rtt_ms: Option<f64>,
    /// After which time a segment is sent again.
    pub rto_ms: f64,
    /// Bytes of the largest segment that is sent.
    pub snd_mss: u32,
    /// Bytes of the largest segment that is expected.
    pub rcv_mss: u32,
    /// Bytes of the largest segment that this end offered.
    pub advmss: u32,
    /// The path MTU that the kernel goes by, in bytes.
    pub path_mtu: u32,
    /// The congestion window, in segments.
    pub snd_cwnd: u32,
    /// Where slow start ends, in segments.
    pub ssthresh: Option<u32>,
    /// Segments under way that were sent again.
    pub retrans: u32,
    /// Segments sent again.
    pub total_retrans: u32,
    /// Segments that are taken for lost.
    pub lost: u32,
    /// How far out of order segments may come.
    pub reordering: u32,
    /// By how many bits the windows are shifted that the other end tells.
    pub wscale_snd: Option<u8>,
    /// By how many bits those are that this end tells.
    pub wscale_rcv: Option<u8>,
    /// Selective acknowledgements (RFC 2018).
    pub sack: bool,
    /// Time stamps (RFC 7323).
    pub timestamps: bool,
    /// Explicit congestion notification (RFC 3168).
    pub ecn: bool,
    /// The rate at which data was delivered, in bytes a second.
    pub delivery_rate_bytes_per_s: u64,
    /// How long there was something to send.
    pub busy_ms: f64,
    /// How long of that the window of the other end held it back.
    pub rwnd_limited_ms: f64,
    /// How long of that the send buffer of this end did.
    pub sndbuf_limited_ms: f64,
}

/// A run of attempts to one address that failed.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Outage {
    /// The address.
    pub address: IpAddr,
    /// When the first one began, UTC.
    pub started_at: String,
    /// From there to the first one that opened again, or to the end of the run.
    pub duration_ms: f64,
    /// Attempts that failed.
    pub lost: u64,
    /// Attempts that failed on this machine.
    pub local_errors: u64,
    /// What most of them met: `timeout`, `refused`, `reset`, an ICMP error and its sender, or an
    /// error number.
    pub cause: String,
    /// Whether the run ended before it did.
    pub ongoing: bool,
}

/// One attempt.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Attempt {
    /// Its number among those to this address, from 1.
    pub attempt: u64,
    /// The address.
    pub address: IpAddr,
    /// When it began, UTC.
    pub started_at: String,
    /// What it came to.
    pub outcome: Class,
    /// How long the connection took to open.
    pub connect_ms: Option<f64>,
    /// From the SYN to the SYN-ACK, by the kernel; `null` where the SYN was sent again.
    pub handshake_rtt_ms: Option<f64>,
    /// Until the answer of whatever kind; `null` of one that failed on this machine.
    pub settled_ms: Option<f64>,
    /// How often the SYN was sent again.
    pub syn_retransmits: Option<u32>,
    /// The local address and port.
    pub local: Option<SocketAddr>,
    /// The TTL or hop limit that its SYN-ACK came with; `null` where that is not seen.
    pub reply_ttl: Option<u8>,
    /// The same of a reset that ended it, at once or later.
    pub reset_ttl: Option<u8>,
    /// From the open connection until the proxy had one to the target.
    pub proxy_ms: Option<f64>,
    /// From the open connection to the end of the TLS handshake.
    pub tls_ms: Option<f64>,
    /// From the open connection, with TLS if that is spoken, to the first byte of the service.
    pub first_byte_ms: Option<f64>,
    /// By HTTP from the first byte of the last answer to its last one.
    pub body_ms: Option<f64>,
    /// The status of the last answer by HTTP.
    pub status: Option<u16>,
    /// From the request to the last byte of its answer, once more over the connection that was open.
    pub reused_ms: Option<f64>,
    /// What came over it, the first 1,024 bytes; what is no UTF-8 is replaced.
    #[schemars(with = "Option<String>")]
    pub banner: Option<Untrusted>,
    /// Bytes of ours that the other end acknowledged.
    pub acknowledged_bytes: Option<u64>,
    /// Why it failed, or is not what was expected.
    pub failure: Option<Failure>,
    /// After which time it ended, of one that was to be held open for longer.
    pub closed_after_ms: Option<f64>,
    /// How: `fin`, `reset` or another reason.
    pub closed_by: Option<String>,
}

impl Target {
    /// A target of which nothing was measured, and why.
    #[must_use]
    pub fn unmeasured(
        target: Untrusted,
        port: u16,
        resolve_ms: Option<f64>,
        failure: Option<Failure>,
    ) -> Self {
        Self {
            target,
            address: None,
            family: None,
            port,
            service: crate::services::name(port).map(str::to_owned),
            method: None,
            attempts: 0,
            succeeded: 0,
            failed: 0,
            unexpected: 0,
            refused: 0,
            reset: 0,
            timeouts: 0,
            net_errors: 0,
            local_errors: 0,
            unknown: 0,
            in_flight: 0,
            retransmitted: 0,
            loss_percent: None,
            loss_ci95_percent: None,
            connect_ms: None,
            handshake_rtt_ms: None,
            jitter_ms: None,
            addresses: Vec::new(),
            happy_eyeballs: None,
            proxy: None,
            phases_ms: Phases { resolve: resolve_ms, ..Phases::default() },
            tcp_info: None,
            tls: None,
            http: None,
            failure,
            outages: Vec::new(),
            outages_omitted: 0,
            results: Vec::new(),
            results_omitted: 0,
        }
    }
}

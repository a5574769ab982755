//! Probes that are dialogs with a service: each is a measurement of the prober that leads such
//! dialogs, and what that came to is an outcome like that of any other probe.

use crate::World;
use netdiag_dns::config as quic;
use netdiag_dns::{
    Choice, DomainName, EdnsQuery, QueryFlags, QueryOptions, RecordClass, RecordType,
};
use netdiag_engine::outcome::{IcmpError, Outcome, Refusal, Reply, ReplyDetail, Why};
use netdiag_engine::port::SendError;
use netdiag_engine::{Events, Probe, Secret};
use netdiag_model::{Destination, IcmpKind, Instant, StampSource, Untrusted};
use netdiag_ping::{Config, Protocol};
use netdiag_tcp::connect::dialogue::{Talk, TalkResult};
use netdiag_tcp::connect::http::Url;
use netdiag_tcp::connect::tls::{Demand, Tls};
use netdiag_tcp::connect::{Attempt, Ending, Target};
use netdiag_tls::{Client, Roots};
use std::sync::Arc;
use std::time::Duration;

const EPROTO: i32 = 71;
const ECONNRESET: i32 = 104;
const ECONNREFUSED: i32 = 111;

/// What the probes of a target are made of.
#[derive(Clone, Debug)]
pub(super) enum Recipe {
    /// A connection, and what is said over it.
    Connect(Box<netdiag_tcp::connect::Config>),
    /// A question.
    Dns(Box<netdiag_dns::Config>),
}

/// One probe under way.
pub(super) enum Dialog {
    Connect(Box<netdiag_tcp::connect::Measurement>, Events<netdiag_tcp::connect::Event>),
    Dns(Box<netdiag_dns::Measurement>, Events<netdiag_dns::Event>),
}

/// What one came to.
pub(super) struct Came {
    /// When it began.
    pub(super) began_at: Instant,
    pub(super) outcome: Outcome,
    /// A connection opened.
    pub(super) opened: bool,
}

/// What the probes of a target are made of, where they are dialogs.
///
/// # Errors
/// When its name cannot stand in what is said, in a line.
pub(super) fn recipe<W: World>(
    target: &Untrusted,
    config: &Config,
    world: &mut W,
) -> Result<Option<Recipe>, String> {
    Ok(Some(match config.protocol {
        Protocol::Tls { port } => {
            Recipe::Connect(Box::new(connect(target, config, (port, true), None)?))
        }
        Protocol::Http { port, tls } => {
            let host = target.host();
            let bare = host.as_raw().split('%').next().unwrap_or_default();
            let host = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
            let scheme = if tls { "https" } else { "http" };
            let url = Url::parse(&format!("{scheme}://{host}:{port}/"));
            let url = url.map_err(|error| format!("--proto: `{}`: {error}", target.escaped()))?;
            Recipe::Connect(Box::new(connect(target, config, (port, tls), Some(url))?))
        }
        Protocol::Dns { port } => {
            let secret = Secret::new(world.random());
            Recipe::Dns(Box::new(dns(target, config, port, secret)?))
        }
        Protocol::Quic { port } => {
            let secret = Secret::new(world.random());
            let host = target.host();
            let name = Some(host.as_raw().split('%').next().unwrap_or_default().to_owned());
            let client = Client::new(Roots::none()).map_err(|fault| fault.message)?;
            // The handshake is all that is asked for, whatever is chosen; over HTTP/3 nothing is said.
            let (demand, pins, alpn) = (Demand::Spoken, Vec::new(), &["h3", "doq"][..]);
            let tls = quic::Tls { client, name, demand, pins, anchor: config.wall, alpn };
            Recipe::Dns(Box::new(netdiag_dns::Config {
                transport: netdiag_dns::Transport::Quic,
                tls: Some(tls),
                clock: Some(quic::Clock { at: world.anchor().instant, std: world.std_now() }),
                ..dns(target, config, port, secret)?
            }))
        }
        _ => return Ok(None),
    }))
}

/// One connection. Whom to trust is not asked: a service is alive whatever its certificate is.
fn connect(
    target: &Untrusted,
    config: &Config,
    (port, tls): (u16, bool),
    url: Option<Url>,
) -> Result<netdiag_tcp::connect::Config, String> {
    let alpn: &[&str] = if url.is_some() { &["h2", "http/1.1"] } else { &[] };
    let host = target.host();
    let name = host.as_raw().to_owned();
    let tls = tls.then_some(Tls { name, alpn, demand: Demand::Spoken, starttls: None });
    let client = tls.as_ref().map(|_| Client::new(Roots::none())).transpose();
    let target = Target {
        index: 0,
        host: target.clone(),
        port,
        tls,
        tls_later: None,
        url,
        addresses: vec![(config.destination, config.way)],
        behind: None,
    };
    Ok(netdiag_tcp::connect::Config {
        timeout: config.timeout,
        parallel: 1,
        control: config.control,
        only_head: true,
        redirects: 0,
        tls: client.map_err(|fault| fault.message)?,
        anchor: config.wall,
        ..netdiag_tcp::connect::Config::new(vec![target])
    })
}

/// One question, for the name servers of the root: every server has something to say to that.
fn dns(
    target: &Untrusted,
    config: &Config,
    port: u16,
    secret: Secret,
) -> Result<netdiag_dns::Config, String> {
    use netdiag_dns::config::{HttpMethod, Server, Target};
    let name = DomainName::parse(".").map_err(|_| "no name".to_owned())?;
    let question = netdiag_dns::Question { name, kind: RecordType::NS, class: RecordClass::IN };
    Ok(netdiag_dns::Config {
        secret,
        numbers_from: 0,
        targets: vec![Target { given: Untrusted::from("."), question, group: 0 }],
        servers: vec![Server {
            destination: Ok(config.destination),
            port,
            given: target.clone(),
            origin: netdiag_dns::Origin::CommandLine,
            way: config.way,
            url: None,
        }],
        choice: Choice::Each,
        query: QueryOptions {
            flags: QueryFlags { recursion: true, checking_disabled: false, authentic_data: false },
            edns: Some(EdnsQuery::default()),
        },
        control: config.control,
        transport: netdiag_dns::Transport::Udp,
        tls: None,
        clock: None,
        http_method: HttpMethod::Post,
        follow_truncation: false,
        count: 1,
        interval: Duration::from_secs(1),
        timeout: config.timeout,
        patience: Duration::from_secs(1),
        tries: 1,
        deadline: None,
        spacing: Duration::ZERO,
        keep_bytes: false,
        tells_wire: false,
        setup: None,
        tsig: None,
        transfer: None,
    })
}

impl Dialog {
    /// One that begins now; `number`: which of the target's it is, from 1.
    pub(super) fn new(recipe: &Recipe, number: u64) -> Self {
        match recipe {
            Recipe::Connect(config) => {
                let measurement = netdiag_tcp::connect::Measurement::new((**config).clone());
                Self::Connect(Box::new(measurement), Events::new())
            }
            Recipe::Dns(config) => {
                // So that an answer to an earlier question is none to this one.
                let config =
                    netdiag_dns::Config { numbers_from: number << 8, ..(**config).clone() };
                let measurement = netdiag_dns::Measurement::new(Arc::new(config));
                Self::Dns(Box::new(measurement), Events::new())
            }
        }
    }

    /// What it came to, once it has; `timeout`: after which time it is lost.
    pub(super) fn take(&mut self, to: Destination, timeout: Duration) -> Option<Came> {
        let came = match self {
            Self::Connect(_, told) => std::iter::from_fn(|| told.pop()).find_map(|event| {
                let netdiag_tcp::connect::EventKind::Attempt(attempt) = event.kind else {
                    return None;
                };
                let opened = attempt.connect().is_some();
                let outcome = of_attempt(&attempt, to);
                Some(Came { began_at: attempt.started_at, outcome, opened })
            }),
            Self::Dns(_, told) => std::iter::from_fn(|| told.pop()).find_map(|event| {
                let netdiag_dns::EventKind::Settled(_, _, settled) = event.kind else {
                    return None;
                };
                let outcome = match settled.transport {
                    netdiag_dns::Transport::Quic => of_handshake(&settled, to),
                    _ => of_answer(&settled, to),
                };
                Some(Came { began_at: settled.sent_at, outcome, opened: false })
            }),
        }?;
        let is_late = matches!(&came.outcome, Outcome::Replied(reply) if reply.rtt > timeout);
        Some(if is_late { Came { outcome: Outcome::TimedOut, ..came } } else { came })
    }
}

/// What a connection and the talk over it mean for a probe.
fn of_attempt(attempt: &Attempt, to: Destination) -> Outcome {
    let stamp = StampSource::User;
    let refused = |errno, rtt| Outcome::Refused(Refusal { errno, rtt, stamp });
    match &attempt.ending {
        Ending::Connected { .. } => match attempt.talk.as_deref() {
            Some(talk) => of_talk(attempt, talk, to),
            None => refused(EPROTO, attempt.took),
        },
        Ending::Refused => refused(ECONNREFUSED, attempt.took),
        Ending::Reset => refused(ECONNRESET, attempt.took),
        Ending::Icmp { kind, from, errno } => Outcome::NetError(IcmpError {
            kind: *kind,
            from: Destination::new(*from),
            rtt: attempt.took,
            stamp,
            hop_limit: None,
            errno: *errno,
            info: None,
            gateway: None,
            quoted_hop_limit: None,
        }),
        Ending::TimedOut => Outcome::TimedOut,
        Ending::Local(error) => Outcome::LocalError(*error),
        Ending::Unknown(why) => Outcome::Unknown(*why),
    }
}

fn of_talk(attempt: &Attempt, talk: &Talk, to: Destination) -> Outcome {
    let tls = talk.tls.as_ref().and_then(|tls| tls.took).unwrap_or_default();
    let http = talk.http.as_deref();
    let first_byte = talk.first_byte.filter(|_| http.is_some()).unwrap_or_default();
    let said = tls + first_byte;
    let response = http.and_then(|http| http.response());
    let answer = match (response, talk.tls.as_ref().and_then(|tls| tls.shown.version)) {
        (Some(response), _) => {
            format!("{} {}", response.head.version.name(), response.head.status)
        }
        (None, Some(version)) => version.to_owned(),
        (None, None) => String::new(),
    };
    let errno = match talk.end {
        TalkResult::AsExpected => {
            return replied(
                to,
                attempt.started_at,
                [attempt.took, said],
                answer,
                StampSource::User,
            );
        }
        TalkResult::Silent => return Outcome::TimedOut,
        TalkResult::Closed => ECONNRESET,
        TalkResult::Failed(errno) => errno,
        TalkResult::Other
        | TalkResult::Untrusted
        | TalkResult::Refused
        | TalkResult::Astray
        | TalkResult::Malformed => EPROTO,
    };
    let rtt = attempt.took + said;
    Outcome::Refused(Refusal { errno, rtt, stamp: StampSource::User })
}

/// What a handshake of QUIC means for a probe, whatever was said over it.
fn of_handshake(settled: &netdiag_dns::Settled, to: Destination) -> Outcome {
    let tls = settled.tls.as_ref();
    let Some((took, tls)) = tls.and_then(|tls| Some((tls.took?, tls))) else {
        return of_answer(settled, to);
    };
    let alpn =
        tls.shown.alpn.as_ref().map(|alpn| format!(" {}", alpn.escaped())).unwrap_or_default();
    let phases = [Duration::ZERO, took];
    replied(to, settled.sent_at, phases, format!("QUIC{alpn}"), StampSource::User)
}

/// What an answer of a server of DNS, or none, means for a probe.
fn of_answer(settled: &netdiag_dns::Settled, to: Destination) -> Outcome {
    use netdiag_dns::Class;
    let stamp = settled.stamp.unwrap_or(StampSource::User);
    let rtt = settled.rtt.unwrap_or_default();
    let failure = settled.failure.as_ref();
    match (settled.class, &settled.message) {
        (Class::Timeout, _) => Outcome::TimedOut,
        (Class::NotSent | Class::Unresolved, _) => {
            let errno = failure.and_then(|failure| Some(failure.errno.as_ref()?.number));
            Outcome::LocalError(SendError::new(errno.unwrap_or(EPROTO)))
        }
        (Class::Unknown, _) => Outcome::Unknown(Why::DepartureUnknown),
        (Class::Unreachable | Class::Closed, _) => {
            match failure.and_then(|failure| failure.icmp.as_ref()) {
                Some(icmp) => Outcome::NetError(IcmpError {
                    kind: IcmpKind { family: to.family(), kind: icmp.kind, code: icmp.code },
                    from: Destination::new(icmp.from),
                    rtt,
                    stamp,
                    hop_limit: None,
                    errno: None,
                    info: None,
                    gateway: None,
                    quoted_hop_limit: None,
                }),
                None => Outcome::Refused(Refusal { errno: ECONNREFUSED, rtt, stamp }),
            }
        }
        (Class::Malformed, _) | (_, None) => {
            Outcome::Refused(Refusal { errno: EPROTO, rtt, stamp })
        }
        (_, Some(message)) => replied(
            to,
            settled.sent_at,
            [Duration::ZERO, rtt],
            message.rcode_name().into_owned(),
            stamp,
        ),
    }
}

/// An answer that counts.
fn replied(
    from: Destination,
    began_at: Instant,
    phases: [Duration; 2],
    answer: String,
    stamp: StampSource,
) -> Outcome {
    let rtt = phases.iter().sum();
    Outcome::Replied(Reply {
        from,
        rtt,
        stamp,
        clock_adjusted: false,
        received_at: began_at + rtt,
        hop_limit: None,
        bytes: 0,
        sent_bytes: 0,
        corruption: None,
        options: None,
        detail: ReplyDetail::Exchanged { phases, answer: answer.into_bytes() },
    })
}

/// The probe of a series that a dialog is.
pub(super) const fn probe(seq: u64, destination: Destination, sent_at: Instant) -> Probe {
    Probe { target: 0, seq, destination, sent_at }
}

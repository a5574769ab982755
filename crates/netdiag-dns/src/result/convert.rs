//! From what was measured to the contract's types.

use super::{Answers, Http, Malformed, Phases, ServerResult, Target};
use crate::Measurement;
use crate::class::Class;
use crate::config::Transport;
use crate::config::{self, Config};
use crate::event::{self, Settled};
use crate::message::Message;
use crate::text::hex;
use netdiag_engine::outcome::Reason;
use netdiag_engine::stats::Loss;
use netdiag_model::contract::{Jitter, Method, Rtt, Timestamps};
use netdiag_model::milliseconds;
use netdiag_tls::contract::Tls;
use std::collections::BTreeMap;

impl Measurement {
    /// What was found, so far or in the end: an entry for each question.
    #[must_use]
    pub fn results(&self, method: &Method) -> Vec<Target> {
        let (endpoints, first) = (self.endpoints(), self.place(0));
        let places = (first..self.config.targets.len()).take(self.own());
        places.filter_map(|place| self.result_at(place, method, &endpoints)).collect()
    }

    /// Those of the servers.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.config.servers.iter().map(config::Server::endpoint).collect()
    }

    /// One of them, by its place among the questions.
    pub(crate) fn result_at(
        &self,
        place: usize,
        method: &Method,
        endpoints: &[String],
    ) -> Option<Target> {
        let target = self.config.targets.get(place)?;
        Some(self.target_result(place, target, method, endpoints))
    }

    /// `endpoints`: those of the servers.
    fn target_result(
        &self,
        index: usize,
        target: &config::Target,
        method: &Method,
        endpoints: &[String],
    ) -> Target {
        let servers = 0..self.config.servers.len();
        let mut pairs =
            servers.clone().filter_map(|it| self.pairs.get(self.config.pair(index, it)));
        let by_user = pairs.any(|pair| pair.user_stamps > 0);
        let timestamps = if by_user { Timestamps::User } else { method.timestamps };
        let mut result = Target {
            method: Some(Method { timestamps, ..method.clone() }),
            results: servers
                .zip(endpoints)
                .filter_map(|(server, endpoint)| self.result(index, server, endpoint))
                .collect(),
            agree: self.agree(index),
            differences: self.differences(index),
            ..Target::unmeasured(target)
        };
        if let Some(setup) = &self.config.setup {
            result.steps = setup.steps(&result, target.question.kind);
        }
        result
    }

    /// What a server said to a question; `None` where it was not asked.
    fn result(&self, target: usize, server: usize, endpoint: &str) -> Option<ServerResult> {
        let pair = self.pairs.get(self.config.pair(target, server))?;
        let counters = pair.stats.counters();
        if pair.begun == 0 {
            return None;
        }
        let blank = blank(self.config.servers.get(server)?, endpoint.to_owned(), &self.config);
        let question = &self.config.targets.get(target)?.question;
        let said = match (pair.last.as_deref(), &pair.slim) {
            (Some(last), _) => settled(blank, last, &self.config),
            (None, Some(slim)) => settled(blank, &slim.settled(question), &self.config),
            (None, None) => blank,
        };
        let jitter = if self.config.count > 1 { pair.stats.jitter() } else { None };
        Some(ServerResult {
            outcomes: pair.classes.iter().map(|(it, n)| (it.name(), n)).collect(),
            sent: counters.sent(),
            received: counters.received(),
            lost: counters.lost(),
            late: counters.late(),
            late_rtt_ms: pair.largest_late.map(milliseconds),
            net_errors: counters.net_errors(),
            local_errors: counters.local_errors(),
            unknown: counters.unknown(),
            in_flight: counters.in_flight(),
            duplicates: counters.duplicates(),
            rejected: Reason::named(&pair.rejected),
            loss_percent: counters.loss().map(|loss| loss.percent()),
            rtt_ms: pair.stats.rtt().summary().map(Rtt::from),
            jitter_ms: jitter.map(Jitter::from),
            ..said
        })
    }
}

impl Settled {
    /// One query as the contract has a result: of itself alone.
    #[must_use]
    pub fn result(&self, config: &Config, server: usize) -> Option<ServerResult> {
        let outcomes = BTreeMap::from([(self.class.name(), 1)]);
        let server = config.servers.get(server)?;
        let is_sent = !matches!(self.class, Class::NotSent | Class::Unresolved);
        let answered = self.rtt.map(|rtt| {
            let ms = milliseconds(rtt);
            Rtt {
                min: ms,
                mean: ms,
                max: ms,
                stddev: None,
                mdev: 0.0,
                last: ms,
                p50: ms,
                p90: ms,
                p95: ms,
                p99: ms,
                samples: 1,
            }
        });
        let own = settled(blank(server, server.endpoint(), config), self, config);
        let question = config.targets.first().map(|target| &target.question);
        let kept = own.transfer.as_ref().filter(|it| !it.kept.is_empty()).zip(question);
        let answers = match kept {
            Some((kept, question)) => Answers::of(kept, question),
            None => own.answers,
        };
        let lost = u64::from(self.class == Class::Timeout);
        let net_errors = u64::from(matches!(
            self.class,
            Class::Unreachable
                | Class::Closed
                | Class::TlsError
                | Class::QuicError
                | Class::HttpError
        ));
        let unknown = u64::from(self.class == Class::Unknown);
        let sent = u64::from(is_sent);
        let loss = Loss::new(lost + net_errors, sent.saturating_sub(unknown));
        Some(ServerResult {
            answers,
            outcomes,
            sent,
            received: u64::from(answered.is_some()),
            lost,
            net_errors,
            local_errors: u64::from(!is_sent),
            unknown,
            loss_percent: loss.map(|loss| loss.percent()),
            rtt_ms: answered,
            ..own
        })
    }
}

impl Target {
    /// A question that nobody was asked.
    #[must_use]
    pub fn unmeasured(target: &config::Target) -> Self {
        Self {
            target: target.given.clone(),
            name: target.question.name.presented().into_string(),
            kind: target.question.kind.name(),
            query_type: target.question.kind.name(),
            class: target.question.class.name(),
            method: None,
            results: Vec::new(),
            agree: None,
            differences: Vec::new(),
            steps: Vec::new(),
            failure: None,
        }
    }
}

/// A server of which nothing is known.
fn blank(server: &config::Server, endpoint: String, config: &Config) -> ServerResult {
    ServerResult {
        server: endpoint,
        address: server.address(),
        given: server.given.clone(),
        origin: server.origin,
        transport: config.transport,
        outcome: Class::Unknown,
        outcomes: BTreeMap::new(),
        id: None,
        rcode: None,
        flags: Vec::new(),
        answers: Answers::default(),
        authorities: Vec::new(),
        additionals: Vec::new(),
        edns: None,
        dnssec: None,
        truncated: false,
        retried_over_tcp: false,
        retried_with_cookie: false,
        size_bytes: None,
        wire: None,
        malformed: None,
        trailing_bytes: 0,
        further_opts: 0,
        sent: 0,
        received: 0,
        lost: 0,
        late: 0,
        late_rtt_ms: None,
        net_errors: 0,
        local_errors: 0,
        unknown: 0,
        in_flight: 0,
        duplicates: 0,
        rejected: BTreeMap::new(),
        loss_percent: None,
        rtt_ms: None,
        jitter_ms: None,
        phases_ms: None,
        tls: None,
        http: None,
        tsig: None,
        transfer: None,
        failure: None,
    }
}

/// The same with what its last query came to.
fn settled(blank: ServerResult, last: &Settled, config: &Config) -> ServerResult {
    let Settled { class, transport, retried_over_tcp, retried_with_cookie, .. } = *last;
    let with = ServerResult {
        outcome: class,
        transport,
        retried_over_tcp,
        retried_with_cookie,
        phases_ms: last.phases.map(|phases| Phases {
            connect: milliseconds(phases.connect),
            tls: phases.tls.map(milliseconds),
            first_byte: phases.first_byte.map(milliseconds),
            request: milliseconds(phases.request),
            reused: phases.reused,
        }),
        tls: last.tls.as_deref().map(Tls::from),
        http: last.http.as_deref().map(http),
        tsig: last.tsig.clone(),
        transfer: last.transfer.clone(),
        failure: last.failure.clone(),
        ..blank
    };
    match &last.message {
        Some(message) => {
            let wire = (config.tells_wire && !last.bytes.is_empty()).then(|| hex(&last.bytes));
            ServerResult { wire, ..said(with, message, last) }
        }
        None => with,
    }
}

fn http(said: &event::Http) -> Http {
    Http {
        version: said.version.to_owned(),
        method: said.method.to_owned(),
        url: said.url.clone(),
        status: said.status,
        content_type: said.content_type.clone(),
        age_s: said.age,
        max_age_s: said.max_age,
    }
}

fn said(with: ServerResult, message: &Message, last: &Settled) -> ServerResult {
    let broken = message.broken.clone();
    let is_malformed = last.class == Class::Malformed;
    let all = last.transfer.as_ref().and_then(|it| usize::try_from(it.bytes).ok());
    let size = all.unwrap_or(message.size);
    ServerResult {
        id: Some(message.id),
        rcode: Some(message.rcode_name()),
        flags: message.flags.names().collect(),
        answers: message.answers.clone().into(),
        authorities: message.authorities.clone(),
        additionals: message.additionals.clone(),
        edns: message.edns.clone(),
        truncated: message.flags.has("tc"),
        size_bytes: Some(size),
        trailing_bytes: message.trailing,
        further_opts: message.further_opts,
        malformed: is_malformed.then(|| Malformed { broken, bytes: hex(&last.bytes) }),
        ..with
    }
}

impl Transport {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
            Self::Https3 => "https3",
        }
    }
}

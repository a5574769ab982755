//! Connections that queries go over: how they begin; of those of QUIC, what is due and how they end.

use super::Measurement;
use super::https::Https;
use super::line::Spoken;
use super::quic::{Left, Quic};
use crate::class::Class;
use crate::config::Transport;
use crate::event::Event;
use netdiag_engine::failure::{plain, probe_failure};
use netdiag_engine::outcome::{IcmpError, Refusal, Reply};
use netdiag_engine::port::{SendError, TalkEnd};
use netdiag_engine::stats::SettledKind;
use netdiag_engine::{Events, Outcome};
use netdiag_http::three;
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Family, IcmpKind, Instant, StampSource};
use netdiag_quic::{Connection, Ending, RANDOM, Start};
use netdiag_tls::Layer;
use std::net::{SocketAddr, SocketAddrV6};

const ECONNREFUSED: i32 = 111;

impl Measurement {
    /// What is spoken over the connection to a server.
    pub(super) fn spoken(&self, server: usize) -> Spoken {
        match (self.config.transport.is_over_quic(), self.requests(server)) {
            (true, Some(requests)) => Spoken::Quic(Quic::http(requests)),
            (true, None) => Spoken::Quic(Quic::plain()),
            (false, Some(requests)) => Spoken::Https(Https::new(requests)),
            (false, None) => Spoken::Tls,
        }
    }

    /// There is a connection, or a socket for one of QUIC.
    pub(super) fn line_opened(&mut self, server: usize, reply: &Reply, events: &mut Events<Event>) {
        let at = reply.received_at;
        let Some(seq) = self.lines.open.get(&server).map(|line| line.seq) else { return };
        let (connection, layer) = match self.config.transport.is_over_quic() {
            true => (self.connection(server, seq, at), None),
            false => (None, self.layer(server, at)),
        };
        let Some(line) = self.lines.open.get_mut(&server) else { return };
        match (connection, layer) {
            (Some(connection), _) => line.begin(at, connection),
            (None, Some(layer)) => line.open(at, reply.rtt, layer),
            (None, None) => return,
        }
        if line.is_impossible() {
            self.keep_talked(server);
            self.line_failed(server, at, events);
        }
    }

    fn layer(&self, server: usize, at: Instant) -> Option<Layer> {
        let tls = self.config.tls.as_ref()?;
        let given = self.config.servers.get(server)?.given.host();
        let name = tls.name.as_deref().unwrap_or_else(|| given.as_raw());
        // HTTP/1.1 does, too, one query after the other.
        let alpn: &[&str] = match self.config.transport {
            Transport::Https => &["h2", "http/1.1"],
            _ => &[],
        };
        Some(Layer::new(&tls.client, &tls.terms(name, alpn), &tls.anchor, at))
    }

    /// QUIC with a server, by the probe with this number.
    fn connection(&self, server: usize, seq: u64, at: Instant) -> Option<Connection> {
        let (tls, clock) = (self.config.tls.as_ref()?, self.config.clock?);
        let server = self.config.servers.get(server)?;
        let to = match *server.destination.as_ref().ok()? {
            Destination::V4(v4) => SocketAddr::new(v4.into(), server.port),
            Destination::V6(v6, scope) => SocketAddrV6::new(v6, server.port, 0, scope).into(),
        };
        let given = server.given.host();
        let name = tls.name.as_deref().unwrap_or_else(|| given.as_raw());
        let mut random = [0; RANDOM];
        let number = self.config.numbers_from.wrapping_add(seq);
        self.config.secret.fill(&[&b"quic"[..], &number.to_be_bytes()].concat(), &mut random);
        let terms = tls.terms(name, tls.alpn);
        let (client, anchor) = (&tls.client, &tls.anchor);
        let beside = if self.config.transport.is_over_http() { three::STREAMS } else { 0 };
        let start = Start { client, terms: &terms, anchor, to, clock, random, beside };
        Some(Connection::new(&start, at))
    }

    /// Does what is due on connections.
    pub(super) fn tick(&mut self, now: Instant, events: &mut Events<Event>) {
        for server in self.lines.ticking(now) {
            let Some(line) = self.lines.open.get_mut(&server) else { continue };
            let came = line.tick(now);
            self.line_came(server, now, came, events);
        }
    }

    /// The other end, or the rules of QUIC, ended a connection.
    pub(super) fn quic_ended(
        &mut self,
        server: usize,
        at: Instant,
        ending: &Ending,
        events: &mut Events<Event>,
    ) {
        let Some(mut line) = self.lines.open.remove(&server) else { return };
        self.lines.ending.push_back((line.seq, line.close(at)));
        let Left { class, stage, reason, message, is_ordinary } =
            Left::of(ending, line.stage(), line.is_http3());
        let kind = match class {
            Class::Timeout => SettledKind::Lost(()),
            _ => SettledKind::NetError(()),
        };
        let failure = plain(stage, reason, &message);
        self.left(server, at, (class, kind), &failure, is_ordinary && line.has_answered, events);
    }

    /// The socket of a connection can be used no more.
    pub(super) fn flow_ended(
        &mut self,
        server: usize,
        at: Instant,
        end: TalkEnd,
        events: &mut Events<Event>,
    ) {
        let Some(line) = self.lines.open.remove(&server) else { return };
        let rtt = at.since(line.opened_at.unwrap_or(at));
        let stamp = StampSource::User;
        let outcome = match end {
            TalkEnd::HungUp { .. } | TalkEnd::Closed => return,
            TalkEnd::Failed(errno @ ECONNREFUSED) => {
                Outcome::Refused(Refusal { errno, rtt, stamp })
            }
            TalkEnd::Failed(errno) => Outcome::LocalError(SendError::new(errno)),
            TalkEnd::Told { errno, from, kind, code, mtu } => Outcome::NetError(IcmpError {
                kind: IcmpKind { family: Family::of(from), kind, code },
                from: Destination::new(from),
                rtt,
                stamp,
                hop_limit: None,
                errno: Some(errno),
                info: mtu,
                gateway: None,
                quoted_hop_limit: None,
            }),
        };
        let how = match outcome {
            Outcome::LocalError(_) => (Class::NotSent, SettledKind::LocalError(())),
            _ => (Class::Unreachable, SettledKind::NetError(())),
        };
        let Some(failure) = probe_failure(&outcome) else { return };
        self.left(server, at, how, &failure, line.has_answered, events);
    }

    /// What a connection leaves that ended is asked again, or comes to nothing.
    fn left(
        &mut self,
        server: usize,
        at: Instant,
        how: (Class, SettledKind<()>),
        failure: &Failure,
        is_asked_again: bool,
        events: &mut Events<Event>,
    ) {
        for seq in self.waiting(server) {
            let Some(pending) = self.take(seq) else { continue };
            match is_asked_again && !self.is_stopped {
                true => self.again.push_back(pending),
                false => self.fail(at, pending, how.clone(), failure.clone(), events),
            }
        }
    }
}

//! From what was measured to the contract's types.

use super::{
    Address, Attempt, HappyEyeballs, Http, Outage, Phases, Reuse, Target, TcpInfo, Through, Tls,
};
use crate::connect::Measurement;
use crate::connect::dialogue::{Early, Talk};
use crate::connect::event::{self, Cause, Class};
use crate::connect::http::Step;
use crate::connect::http::exchange::Exchange;
use crate::connect::proxy::Proxy;
use crate::connect::race::{ATTEMPT_DELAY, Race, Runner};
use crate::connect::series::{Counts, Series};
use netdiag_engine::failure::plain;
use netdiag_engine::port::TcpState;
use netdiag_engine::stats::RttStats;
use netdiag_model::contract::{Context, Jitter, Rtt};
use netdiag_model::errno::{self, Errno};
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::{ClockAnchor, Untrusted, milliseconds};
use std::time::Duration;

impl Measurement {
    /// What was found of the target at this place of the configuration, so far or in the end;
    /// `resolve`: how long the look-up of its name took.
    #[must_use]
    pub fn result(&self, place: usize, context: &Context, resolve: Option<Duration>) -> Target {
        let series = self.of_target(place);
        let counts = Self::counts(series);
        let race = race(series);
        let chosen = chosen(series, &race);
        let port = self.config.targets.get(place).map_or(0, |target| target.port);
        let resolve_ms = resolve.map(milliseconds);
        let talk = chosen.and_then(|series| series.last.as_ref()?.talk.as_deref());
        let http = talk.and_then(|talk| talk.http.as_deref());
        let last = chosen.and_then(|series| series.last.as_deref());
        let phases = last.map(|last| phases(last, resolve_ms)).unwrap_or_default();
        let in_flight = series.iter().map(Series::in_flight).sum();
        let loss = counts.loss();
        Target {
            address: chosen.map(Series::address),
            family: chosen.map(|series| series.destination.family()),
            method: Some(context.method.clone()),
            attempts: counts.settled() + in_flight,
            succeeded: counts.open(),
            failed: counts.failed() + counts.barred,
            unexpected: counts.unexpected - counts.barred,
            refused: counts.refused,
            reset: counts.reset,
            timeouts: counts.timeouts,
            net_errors: counts.unreachable + counts.prohibited,
            local_errors: counts.local,
            unknown: counts.unknown,
            in_flight,
            retransmitted: counts.retransmitted,
            loss_percent: loss.map(|loss| loss.percent()),
            loss_ci95_percent: loss.map(|loss| loss.wilson95().into()),
            connect_ms: chosen.and_then(|series| series.stats.rtt().summary().map(Rtt::from)),
            handshake_rtt_ms: chosen
                .and_then(|series| series.handshakes.as_ref()?.summary().map(Rtt::from)),
            jitter_ms: chosen.and_then(|series| series.stats.jitter().map(Jitter::from)),
            addresses: series.iter().map(address).collect(),
            happy_eyeballs: race.as_ref().map(happy_eyeballs),
            proxy: self.config.proxy.as_deref().map(|proxy| through(proxy, series, counts.barred)),
            phases_ms: match last {
                Some(_) => phases,
                None => Phases { resolve: resolve_ms, ..phases },
            },
            http: http.and_then(super::http::http).map(|http| Http {
                reuse: chosen.and_then(|series| reuse(series.reuse.as_deref()?)),
                ..http
            }),
            tls: talk.and_then(|talk| talk.tls.as_deref()).map(Tls::from),
            tcp_info: chosen.and_then(|series| series.tcp_info.as_deref()).map(tcp_info),
            outages: series
                .iter()
                .flat_map(Series::outages)
                .map(|one| outage(&one, &context.anchor))
                .collect(),
            outages_omitted: series.iter().map(|series| series.stats.outages_omitted()).sum(),
            results: results(series, context),
            results_omitted: series.iter().map(|series| series.omitted).sum(),
            ..Target::unmeasured(context.target.clone(), port, resolve_ms, failure(series, &counts))
        }
    }
}

impl Measurement {
    /// The attempts to the target at this place that are kept and say something of it: not those that
    /// failed here, nor those to an address by which no connection opens.
    pub fn attempts(&self, place: usize) -> impl DoubleEndedIterator<Item = &event::Attempt> {
        let open = self.of_target(place).iter().filter(|series| series.counts.connected > 0);
        let all = open.flat_map(|series| &series.kept);
        all.filter(|one| !matches!(one.class(), Class::Local | Class::Unknown))
    }
}

/// Those of all addresses, in the order in which they began.
fn results(series: &[Series], context: &Context) -> Vec<Attempt> {
    let mut all: Vec<_> = series.iter().flat_map(|series| &series.kept).collect();
    all.sort_by_key(|attempt| attempt.started_at);
    all.into_iter().map(|one| attempt(one, &context.anchor)).collect()
}

/// The race between the addresses; `None` where there is one address only, or nothing is known of one.
pub(in crate::connect) fn race(series: &[Series]) -> Option<Race> {
    let runner = |series: &Series| {
        let last = series.last.as_deref()?;
        let opened = last.class() == Class::Connected;
        Some(Runner { destination: series.destination, took: last.took, opened })
    };
    let runners: Option<Vec<Runner>> = series.iter().map(runner).collect();
    runners.filter(|runners| runners.len() > 1).map(|runners| Race::of(&runners))
}

/// The address that the figures of a target are of.
pub(in crate::connect) fn chosen<'a>(
    series: &'a [Series],
    race: &Option<Race>,
) -> Option<&'a Series> {
    let winner = race.as_ref().and_then(|race| race.winner);
    let winner = series.iter().find(|series| Some(series.destination) == winner);
    let opened = || series.iter().find(|series| series.counts.connected > 0);
    winner.or_else(opened).or_else(|| series.first())
}

/// The proxy, and what it said last where it opened no connection.
fn through(proxy: &Proxy, series: &[Series], failed: u64) -> Through {
    let talks = series.iter().filter_map(|one| one.unexpected.as_ref()?.talk.as_deref());
    let refusal = talks.filter_map(|talk| talk.proxy.as_ref()?.refusal.as_ref()).next();
    Through {
        protocol: proxy.protocol.name().to_owned(),
        host: Untrusted::from(proxy.host.as_str()),
        port: proxy.port,
        failed,
        status: refusal.and_then(|refusal| refusal.status),
    }
}

fn median(rtt: &RttStats) -> Option<f64> {
    rtt.percentile(50.0).map(milliseconds)
}

fn reuse([fresh, again]: &[RttStats; 2]) -> Option<Reuse> {
    let samples = again.summary()?.samples;
    Some(Reuse { samples, new_ms: median(fresh)?, reused_ms: median(again)? })
}

fn address(series: &Series) -> Address {
    let (counts, last) = (&series.counts, series.last.as_deref());
    Address {
        address: series.address(),
        family: series.destination.family(),
        state: last.map(event::Attempt::class_of_target),
        connect_ms: median(&series.stats.rtt()),
        handshake_rtt_ms: series.handshakes.as_deref().and_then(median),
        attempts: series.begun,
        succeeded: counts.open(),
        failed: counts.failed() + counts.barred,
        loss_percent: counts.loss().map(|loss| loss.percent()),
        retransmitted: counts.retransmitted,
        failure: last.and_then(event::Attempt::failure),
    }
}

fn happy_eyeballs(race: &Race) -> HappyEyeballs {
    HappyEyeballs {
        order: race.order.iter().map(|to| to.address()).collect(),
        attempt_delay_ms: milliseconds(ATTEMPT_DELAY),
        winner: race.winner.map(|winner| winner.address()),
        connect_ms: race.after.map(milliseconds),
        fallback_ms: race.fallback.map(milliseconds),
    }
}

/// What the kernel knows of a connection, as the contract has it.
#[must_use]
pub fn tcp_info(state: &TcpState) -> TcpInfo {
    TcpInfo {
        rtt_ms: milliseconds(state.rtt),
        rttvar_ms: milliseconds(state.rtt_variance),
        min_rtt_ms: state.min_rtt.map(milliseconds),
        rto_ms: milliseconds(state.retransmission_timeout),
        snd_mss: state.send_mss,
        rcv_mss: state.receive_mss,
        advmss: state.advertised_mss,
        path_mtu: state.path_mtu,
        snd_cwnd: state.congestion_window,
        ssthresh: state.slow_start_threshold,
        retrans: state.retransmitted,
        total_retrans: state.total_retransmits,
        lost: state.lost,
        reordering: state.reordering,
        wscale_snd: state.window_scale.map(|(sent, _)| sent),
        wscale_rcv: state.window_scale.map(|(_, received)| received),
        sack: state.sack,
        timestamps: state.timestamps,
        ecn: state.ecn,
        delivery_rate_bytes_per_s: state.delivery_rate,
        busy_ms: milliseconds(state.busy),
        rwnd_limited_ms: milliseconds(state.window_limited),
        sndbuf_limited_ms: milliseconds(state.buffer_limited),
    }
}

/// How long the phases of an attempt took; `resolve`: the look-up of the name. Of redirects it is the
/// last request, and the connection that carried it.
pub(in crate::connect) fn phases(attempt: &event::Attempt, resolve: Option<f64>) -> Phases {
    let connect = attempt.connect().map(milliseconds);
    let talk = attempt.talk.as_deref();
    let http = talk.and_then(|talk| talk.http.as_deref());
    let step = http.and_then(Exchange::last);
    let own = http.and_then(|http| http.steps.iter().skip(1).rfind(|step| step.opened.is_some()));
    let tls = talk.and_then(Talk::tls_took).map(milliseconds);
    let through = talk.and_then(Talk::proxy_took);
    let proxy = through.map(milliseconds);
    let all = match http {
        // Also the connections of redirects.
        Some(_) => {
            step.and_then(|step| step.end_at).map(|end| milliseconds(end.since(attempt.started_at)))
        }
        None => connect.map(|it| it + proxy.unwrap_or_default() + tls.unwrap_or_default()),
    };
    let is_whole = !attempt.is_unexpected();
    let total = all.filter(|_| is_whole).map(|all| all + resolve.unwrap_or_default());
    let request = talk.and_then(|talk| talk.request).map(milliseconds);
    let first_byte = talk.and_then(|talk| talk.first_byte).map(milliseconds);
    let body = step.and_then(Step::transfer).map(milliseconds);
    let (resolve, connect, tls) = match own.and_then(|own| Some((own.place, own.opened?))) {
        None => (resolve, connect, tls),
        Some((place, (took, tls))) => {
            let found = place.and_then(|place| place.resolved);
            let resolve = if place.is_none() { resolve } else { found.map(milliseconds) };
            // A redirect's is told with what the proxy took.
            let connect = took.saturating_sub(through.unwrap_or_default());
            (resolve, Some(milliseconds(connect)), tls.map(milliseconds))
        }
    };
    Phases { resolve, connect, proxy, tls, request, first_byte, body, total }
}

/// Why no connection opened: what the last attempt to the first address says that says something of
/// the network; where none does, of this machine. Of connections that opened what was wrong with the
/// last of those over which not what was waited for came, and how many those were.
fn failure(series: &[Series], counts: &Counts) -> Option<Failure> {
    if counts.connected > 0 {
        let (count, n) = (counts.unexpected, counts.connected);
        let mut all = series.iter().filter_map(|series| series.unexpected.as_deref());
        let mut failure = all.next()?.failure()?;
        if n > 1 {
            failure.message.push_str(&format!(" ({count} of {n} connections)"));
        }
        return Some(failure);
    }
    let last = || series.iter().filter_map(|series| series.last.as_deref());
    let is_told = |class: Class| !matches!(class, Class::Local | Class::Unknown);
    let of_network = last().find(|attempt| is_told(attempt.class()));
    let found = of_network.or_else(|| last().next());
    match found {
        Some(attempt) => attempt.failure(),
        None if series.iter().any(|series| series.in_flight() > 0) => {
            let message = "no answer before the run ended";
            Some(plain(Stage::Connect, "in-flight", message))
        }
        None => None,
    }
}

/// One attempt as the contract has it.
#[must_use]
pub fn attempt(attempt: &event::Attempt, anchor: &ClockAnchor) -> Attempt {
    let class = attempt.class();
    let talk = attempt.talk.as_deref();
    let http = talk.and_then(|talk| talk.http.as_deref());
    let is_settled = !matches!(class, Class::Local | Class::Unknown | Class::Timeout);
    Attempt {
        attempt: attempt.number,
        address: attempt.destination.address(),
        started_at: anchor.rfc3339(attempt.started_at),
        outcome: attempt.class_of_target(),
        connect_ms: attempt.connect().map(milliseconds),
        handshake_rtt_ms: attempt.handshake().map(milliseconds),
        settled_ms: is_settled.then(|| milliseconds(attempt.took)),
        syn_retransmits: attempt.retransmits,
        local: attempt.local,
        reply_ttl: attempt.reply_ttl,
        reset_ttl: attempt.reset_ttl,
        proxy_ms: talk.and_then(Talk::proxy_took).map(milliseconds),
        tls_ms: talk.and_then(Talk::tls_took).map(milliseconds),
        first_byte_ms: talk.and_then(|talk| talk.first_byte).map(milliseconds),
        body_ms: http.and_then(|http| http.last()?.transfer()).map(milliseconds),
        status: http.and_then(|http| Some(http.response()?.head.status)),
        reused_ms: http.and_then(|http| Some(milliseconds(http.reuse()?.1))),
        banner: talk.map(|talk| banner(&talk.heard)),
        acknowledged_bytes: talk.and_then(|talk| talk.acknowledged),
        failure: attempt.failure(),
        closed_after_ms: talk
            .filter(|talk| talk.early.is_some())
            .map(|talk| milliseconds(talk.lasted)),
        closed_by: talk.and_then(|talk| talk.early).map(|early| match early {
            Early::Closed => "fin".to_owned(),
            Early::Broken(number) => errno::reason(number),
        }),
    }
}

/// What came, as text.
fn banner(heard: &[u8]) -> Untrusted {
    const SHOWN: usize = 1_024;
    let shown = heard.get(..SHOWN).unwrap_or(heard);
    Untrusted::from(String::from_utf8_lossy(shown).into_owned())
}

/// An outage as the contract has it.
#[must_use]
pub fn outage(outage: &event::Outage, anchor: &ClockAnchor) -> Outage {
    Outage {
        address: outage.address,
        started_at: anchor.rfc3339(outage.started_at),
        duration_ms: milliseconds(outage.length),
        lost: outage.failed,
        local_errors: outage.local_errors,
        cause: outage.cause.to_string(),
        ongoing: outage.ongoing,
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Timeout => f.write_str("timeout"),
            Self::Refused => f.write_str("refused"),
            Self::Reset => f.write_str("reset"),
            Self::Icmp(kind, from) => write!(f, "{} from {from}", kind.name()),
            Self::Local(number) => write!(f, "local {}", Errno::new(*number).name),
        }
    }
}

//! From what was measured to the contract's types.

use super::{
    Goal, GoalState, IcmpErrors, IpTimestamp, IpTimestamps, Outage, OutcomeName, Percentiles,
    Probe, Source, SourceRtt, Target,
};
use crate::Measurement;
use crate::answers::{IcmpProbe, IcmpTimestamp};
use crate::event::{self, Cause, Settled};
use crate::findings::under_way;
use crate::goal::{self, Progress};
use crate::measurement::{ProbeRecord, outage_of};
use crate::sources::Sources;
use netdiag_engine::Outcome;
use netdiag_engine::failure::{local_failure, plain, probe_failure, refusal_failure};
use netdiag_engine::outcome::{Reason, ReplyDetail};
use netdiag_engine::port;
use netdiag_engine::stats::PercentileKind;
use netdiag_model::contract::{Context, Jitter, ReplyTtl, Rtt};
use netdiag_model::errno::Errno;
use netdiag_model::failure::{Failure, IcmpSource, Stage};
use netdiag_model::way::initial_ttl;
use netdiag_model::{Untrusted, milliseconds};
use std::collections::BTreeMap;

impl Measurement {
    /// What was found, so far or in the end.
    #[must_use]
    pub fn result(&self, context: &Context) -> Target {
        let counters = self.stats.counters();
        let address = self.config.destination.address();
        let summary = self.stats.rtt().summary();
        let loss = counters.loss();
        let ttl = self.tally.reply_ttl.as_ref();
        let guess = ttl.map(|ttl| initial_ttl(ttl.last));
        let sources = self.group.as_ref().map(|group| &group.sources);
        let probes = self.kept.iter().flat_map(|kept| &kept.probes);
        Target {
            target: context.target.clone(),
            address: Some(address),
            family: Some(self.config.destination.family()),
            hostname: self.drive.as_ref().and_then(|drive| drive.name.clone()),
            cast: self.config.cast,
            protocol: self.config.protocol.name().to_owned(),
            port: self.config.protocol.port(),
            method: Some(context.method.clone()),
            attempted: counters.attempted(),
            sent: counters.sent(),
            received: counters.received(),
            lost: counters.lost(),
            late: counters.late(),
            net_errors: counters.net_errors(),
            local_errors: counters.local_errors(),
            unknown: counters.unknown(),
            in_flight: counters.in_flight(),
            duplicates: counters.duplicates(),
            reordered: counters.reordered(),
            corrupted: counters.corrupted(),
            truncated: self.tally.truncated,
            rejected: Reason::named(&self.tally.rejected),
            loss_percent: loss.map(|loss| loss.percent()),
            loss_ci95_percent: loss.map(|loss| loss.wilson95().into()),
            percentiles: summary.as_ref().map(|rtt| match rtt.percentiles {
                PercentileKind::Exact => Percentiles::Exact,
                PercentileKind::Histogram => Percentiles::Histogram,
            }),
            rtt_ms: summary.map(Rtt::from),
            jitter_ms: self.stats.jitter().map(Jitter::from),
            reply_ttl: ttl.map(|ttl| ReplyTtl { last: ttl.last, min: ttl.min, max: ttl.max }),
            hops_back: ttl.zip(guess).map(|(ttl, guess)| guess - ttl.last),
            initial_ttl_guess: guess,
            responders: self.is_group().then_some(sources.map_or(0, |all| all.kept.len() as u64)),
            sources: sources.map_or_else(Vec::new, group_sources),
            sources_omitted: sources.map_or(0, |all| all.omitted),
            icmp_errors: self.icmp_errors(),
            outages: self.outages(context),
            outages_omitted: self.stats.outages_omitted(),
            failure: self.failure(),
            probes: probes.map(|(seq, record)| kept(*seq, record, context)).collect(),
            probes_omitted: self.kept.as_ref().map_or(0, |kept| kept.omitted),
            identifier_changes: self.tally.rotation.changes,
            identifier_changes_that_helped: self.tally.rotation.helped,
            skipped: self.skipped(),
            goal: self.config.goal.map(|goal| self.goal(goal)),
        }
    }

    /// How far the series came towards the state that was waited for.
    fn goal(&self, goal: goal::Goal) -> Goal {
        let progress = self.drive.as_ref().map(|drive| &drive.progress);
        let reached = progress.and_then(Progress::reached);
        let begun = self.drive.as_ref().and_then(|drive| drive.started_at);
        Goal {
            state: match goal {
                goal::Goal::Up(_) => GoalState::Up,
                goal::Goal::Down(_) => GoalState::Down,
            },
            wanted: goal.wanted(),
            longest: progress.map_or(0, Progress::longest),
            reached: reached.is_some(),
            after_ms: reached.zip(begun).map(|(at, begun)| milliseconds(at.since(begun))),
        }
    }

    fn icmp_errors(&self) -> Vec<IcmpErrors> {
        let errors = self.tally.icmp_errors.iter();
        errors
            .map(|((from, kind), count)| IcmpErrors {
                from: *from,
                kind: kind.kind,
                code: kind.code,
                name: kind.name(),
                count: *count,
            })
            .collect()
    }

    fn outages(&self, context: &Context) -> Vec<Outage> {
        let ended = self.stats.outages().map(|ended| outage(&outage_of(&ended), context));
        let mut outages: Vec<Outage> = ended.collect();
        let last = self.ongoing_outage.as_ref().map(|ongoing| outage(ongoing, context));
        if let Some(last) = last
            && outages.last().is_none_or(|known| !known.ongoing)
        {
            outages.push(last);
        }
        outages
    }

    /// What was rejected, in words; `None` if nothing was.
    pub(crate) fn rejected_text(&self) -> Option<String> {
        rejected_text(&self.tally.rejected)
    }

    /// Why there was no answer at all: what most probes met.
    fn failure(&self) -> Option<Failure> {
        let counters = self.stats.counters();
        if counters.received() > 0 || counters.attempted() == 0 {
            return None;
        }
        if counters.attempted() == counters.in_flight() {
            let under_way = under_way(counters.in_flight());
            let message = format!("no reply before the run ended: {under_way}");
            return Some(plain(Stage::Request, "in-flight", &message));
        }
        if counters.sent() > 0 && counters.sent() == counters.unknown() {
            let message = "this machine made every sample meaningless";
            return Some(plain(Stage::Request, "unknown", message));
        }
        let errors = self.tally.icmp_errors.iter();
        let refused = errors.filter(|((_, kind), _)| !kind.is_advice()).max_by_key(|row| row.1);
        if let (Some(((from, kind), count)), true) = (refused, counters.net_errors() > 0) {
            return Some(Failure {
                stage: Stage::Request,
                reason: kind.reason(),
                errno: None,
                icmp: Some(IcmpSource::new(*kind, *from)),
                message: format!("{} from {from}, {count} times", kind.ping_text()),
            });
        }
        if self.tally.refused > 0 {
            return Some(refusal_failure(self.tally.refused_by));
        }
        if counters.sent() == 0
            && let Some((cause, _)) = self.tally.unsent.most()
        {
            return Some(local_failure(&cause));
        }
        let mut message = format!("0 of {} probes were answered", counters.sent());
        if let Some(rejected) = self.rejected_text() {
            message.push_str(&format!("; {rejected}"));
        }
        Some(plain(Stage::Request, "timeout", &message))
    }
}

/// What was rejected, by the reasons, in words; `None` if nothing was.
pub(crate) fn rejected_text(rejected: &BTreeMap<Reason, u64>) -> Option<String> {
    let total: u64 = rejected.values().sum();
    let reasons: Vec<String> =
        rejected.iter().map(|(reason, count)| format!("{} {count}", reason.name())).collect();
    (total > 0).then(|| format!("rejected: {total} ({})", reasons.join(", ")))
}

fn group_sources(all: &Sources) -> Vec<Source> {
    let kept = all.kept.iter();
    kept.map(|(from, source)| Source {
        from: from.address(),
        received: source.received,
        late: source.late,
        duplicates: source.duplicates,
        rtt_ms: source.rtt.zip(source.mean_nanos()).map(|(rtt, mean)| SourceRtt {
            min: milliseconds(rtt.min),
            mean: mean / 1e6,
            max: milliseconds(rtt.max),
            last: milliseconds(rtt.last),
        }),
        ttl: source.ttl,
    })
    .collect()
}

fn kept(seq: u64, record: &ProbeRecord, context: &Context) -> Probe {
    let settled = Settled { seq, sent_at: record.sent_at, outcome: record.outcome.clone() };
    let late_rtt_ms = record.late_rtt.map(milliseconds);
    Probe { late_rtt_ms, duplicates: record.duplicates, ..probe(&settled, context) }
}

/// One probe as the contract has it.
#[must_use]
pub fn probe(settled: &Settled, context: &Context) -> Probe {
    let reply = match &settled.outcome {
        Outcome::Replied(reply) => Some(reply),
        _ => None,
    };
    let error = match &settled.outcome {
        Outcome::NetError(error) => Some(error),
        _ => None,
    };
    let refusal = match &settled.outcome {
        Outcome::Refused(refusal) => Some((refusal.rtt, refusal.stamp)),
        _ => None,
    };
    let taken = reply.map(|reply| (reply.rtt, reply.stamp));
    let taken = taken.or_else(|| error.map(|error| (error.rtt, error.stamp))).or(refusal);
    let (rtt, stamp) = taken.unzip();
    let options = reply.and_then(|reply| reply.options);
    let from = reply.map(|reply| reply.from).or_else(|| error.map(|error| error.from));
    Probe {
        seq: settled.seq,
        sent_at: context.anchor.rfc3339(settled.sent_at),
        sent_offset_ms: milliseconds(settled.sent_at.since(context.started_at)),
        outcome: outcome_name(&settled.outcome),
        rtt_ms: rtt.map(milliseconds),
        late_rtt_ms: None,
        from: from.map(|from| from.address()),
        ttl: reply.and_then(|r| r.hop_limit).or_else(|| error.and_then(|e| e.hop_limit)),
        bytes: reply.map(|reply| reply.bytes as u64).filter(|bytes| *bytes > 0),
        truncated: reply.is_some_and(|reply| reply.is_truncated()),
        corrupted: reply.is_some_and(|reply| reply.corruption.is_some()),
        duplicates: 0,
        stamp,
        record_route: options.and_then(|options| options.recorded_route()),
        ip_timestamps: options.and_then(|options| options.time_stamps()).map(ip_timestamps),
        icmp_timestamp: reply.and_then(|reply| match &reply.detail {
            ReplyDetail::Timestamps(times) => {
                let (anchor, sent_at) = (&context.anchor, settled.sent_at);
                Some(IcmpTimestamp::new(times, anchor, sent_at, reply.rtt))
            }
            _ => None,
        }),
        icmp_probe: reply.and_then(|reply| match &reply.detail {
            ReplyDetail::Interface(answer) => Some(IcmpProbe::new(answer)),
            _ => None,
        }),
        failure: probe_failure(&settled.outcome),
        answer: reply.and_then(|reply| match &reply.detail {
            ReplyDetail::Exchanged { answer, .. } => {
                Some(Untrusted::from(String::from_utf8_lossy(answer).into_owned()))
            }
            _ => None,
        }),
    }
}

fn ip_timestamps(told: port::IpTimestamps) -> IpTimestamps {
    /// Set where the rest is no number of milliseconds (RFC 791 section 3.1).
    const OTHER: u32 = 1 << 31;
    let stamps = told.stamps.into_iter().map(|(address, field)| IpTimestamp {
        address,
        value: field & !OTHER,
        standard: field & OTHER == 0,
    });
    IpTimestamps { stamps: stamps.collect(), unrecorded: told.unrecorded }
}

const fn outcome_name(outcome: &Outcome) -> OutcomeName {
    match outcome {
        Outcome::Replied(_) => OutcomeName::Reply,
        Outcome::TimedOut => OutcomeName::Timeout,
        Outcome::NetError(_) | Outcome::Refused(_) => OutcomeName::NetError,
        Outcome::LocalError(_) => OutcomeName::LocalError,
        Outcome::Unknown(_) => OutcomeName::Unknown,
    }
}

/// An outage as the contract has it.
#[must_use]
pub fn outage(outage: &event::Outage, context: &Context) -> Outage {
    Outage {
        started_at: context.anchor.rfc3339(outage.started_at),
        duration_ms: milliseconds(outage.length),
        lost: outage.lost,
        local_errors: outage.local_errors,
        cause: outage.cause.to_string(),
        ongoing: outage.ongoing,
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Timeout => f.write_str("timeout"),
            Self::Icmp(kind, from) => write!(f, "{} from {from}", kind.name()),
            Self::Refused => f.write_str("refused"),
            Self::Errno(number) => write!(f, "local {}", Errno::new(*number).name),
        }
    }
}

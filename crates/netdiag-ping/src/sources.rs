//! Who answers a group, and how: in bounded memory, since anybody on the network may.

use netdiag_engine::outcome::Reply;
use netdiag_model::Destination;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many hosts are told apart.
const SOURCES_KEPT: usize = 1_024;
/// Of how many of its latest probes it is known whether a host has answered.
const WINDOW: u64 = 4_096;
const WORDS: usize = 64;

/// The hosts that answered, and how many answers came from further ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) kept: BTreeMap<Destination, Source>,
    pub(crate) omitted: u64,
}

/// What one host answered.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Answers within the timeout, one a probe.
    pub(crate) received: u64,
    /// Answers after it.
    pub(crate) late: u64,
    /// Answers to what it had answered before.
    pub(crate) duplicates: u64,
    /// Of those within the timeout.
    pub(crate) rtt: Option<SourceRtt>,
    /// The TTL or hop limit of the last answer.
    pub(crate) ttl: Option<u8>,
    answered: Answered,
}

/// The round trips of one host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceRtt {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
    pub(crate) last: Duration,
    pub(crate) sum: Duration,
}

/// Which of the latest probes were answered: a bit each, in a ring (as RFC 6479 has it).
#[derive(Clone, Debug)]
struct Answered {
    highest: u64,
    bits: [u64; WORDS],
}

impl Sources {
    /// Takes an answer in; returns whether its host has answered that probe before.
    pub(crate) fn take(&mut self, seq: u64, reply: &Reply, timeout: Duration) -> bool {
        if !self.kept.contains_key(&reply.from) && self.kept.len() >= SOURCES_KEPT {
            self.omitted += 1;
            return false;
        }
        let source = self.kept.entry(reply.from).or_insert_with(|| Source {
            received: 0,
            late: 0,
            duplicates: 0,
            rtt: None,
            ttl: None,
            answered: Answered { highest: 0, bits: [0; WORDS] },
        });
        source.ttl = reply.hop_limit.or(source.ttl);
        if source.answered.is_known(seq) {
            source.duplicates += 1;
            return true;
        }
        if reply.rtt > timeout {
            source.late += 1;
            return false;
        }
        source.received += 1;
        let rtt = reply.rtt;
        let before =
            source.rtt.unwrap_or(SourceRtt { min: rtt, max: rtt, last: rtt, sum: Duration::ZERO });
        let (min, max) = (before.min.min(rtt), before.max.max(rtt));
        source.rtt = Some(SourceRtt { min, max, last: rtt, sum: before.sum.saturating_add(rtt) });
        false
    }
}

impl Source {
    /// Mean of the round trips, in nanoseconds.
    pub(crate) fn mean_nanos(&self) -> Option<f64> {
        let sum = self.rtt?.sum.as_nanos() as f64;
        (self.received > 0).then(|| sum / self.received as f64)
    }
}

impl Answered {
    /// Notes that a probe was answered; returns whether it was noted before. One that is too old to
    /// be known counts as new.
    fn is_known(&mut self, seq: u64) -> bool {
        if seq.saturating_add(WINDOW) <= self.highest {
            return false;
        }
        if seq > self.highest {
            let first = self.highest + 1;
            for passed in first.max(seq.saturating_sub(WINDOW - 1))..=seq {
                let (word, bit) = place(passed);
                self.bits[word] &= !bit;
            }
            self.highest = seq;
        }
        let (word, bit) = place(seq);
        let was_known = self.bits[word] & bit != 0;
        self.bits[word] |= bit;
        was_known
    }
}

/// Word and bit of a probe.
const fn place(seq: u64) -> (usize, u64) {
    let place = seq % WINDOW;
    ((place / 64) as usize, 1 << (place % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::tests::reply;
    use netdiag_model::Instant;
    use std::net::Ipv4Addr;

    const TIMEOUT: Duration = Duration::from_secs(1);

    fn from(host: u32, millis: u64) -> Reply {
        let from = Destination::V4(Ipv4Addr::from(0x0a00_0000 + host));
        reply(from, Instant::ZERO, Duration::from_millis(millis))
    }

    #[test]
    fn each_host_answers_each_probe_once() {
        let mut sources = Sources::default();
        for seq in 1..=10_000 {
            for host in 1..=3 {
                assert!(!sources.take(seq, &from(host, u64::from(host)), TIMEOUT));
                assert!(sources.take(seq, &from(host, 9), TIMEOUT));
            }
        }
        for (source, millis) in sources.kept.values().zip(1..) {
            assert_eq!((source.received, source.late, source.duplicates), (10_000, 0, 10_000));
            let rtt = source.rtt.expect("answers");
            let millis = Duration::from_millis(millis);
            assert_eq!([rtt.min, rtt.max, rtt.last], [millis; 3]);
            assert_eq!(source.mean_nanos(), Some(millis.as_nanos() as f64));
        }
    }

    #[test]
    fn answers_out_of_order_and_late_ones_are_told_apart() {
        let mut sources = Sources::default();
        for (seq, millis) in [(5_000, 1), (905, 1), (4_999, 1_001), (904, 1), (5_000, 1), (905, 1)]
        {
            sources.take(seq, &from(1, millis), TIMEOUT);
        }
        let source = sources.kept.values().next().expect("one");
        // What is beyond the window is an answer, whether it is the first or not.
        assert_eq!((source.received, source.late, source.duplicates), (3, 1, 2));
    }

    #[test]
    fn so_many_hosts_are_told_apart_and_no_more() {
        let mut sources = Sources::default();
        for host in 0..3_000 {
            sources.take(1, &from(host, 1), TIMEOUT);
        }
        assert_eq!((sources.kept.len(), sources.omitted), (1_024, 1_976));
    }
}

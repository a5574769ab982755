//! iputils' own counters and its arithmetic in whole microseconds, whose rounding shows.

use netdiag_engine::outcome::Reply;
use netdiag_model::Instant;
use std::fmt::Write;

/// iputils tells duplicates by the sequence number on the wire, which has 16 bits.
const NUMBERS: usize = 65_536;

/// What came of one target.
#[derive(Debug)]
pub(super) struct Counts {
    transmitted: u64,
    received: u64,
    repeats: u64,
    pub(super) errors: u64,
    smallest: i64,
    largest: i64,
    sum: i64,
    sum_of_squares: f64,
    /// Eight times the exponentially weighted mean.
    weighted: i64,
    pipe: u64,
    first_sent: Option<Instant>,
    last_sent: Instant,
    /// Which numbers were answered since they were last sent, a bit each.
    answered: Vec<u64>,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self {
            transmitted: 0,
            received: 0,
            repeats: 0,
            errors: 0,
            smallest: i64::MAX,
            largest: 0,
            sum: 0,
            sum_of_squares: 0.0,
            weighted: 0,
            pipe: 0,
            first_sent: None,
            last_sent: Instant::ZERO,
            answered: vec![0; NUMBERS / 64],
        }
    }

    /// A request left, or could not: to iputils both are transmitted.
    pub(super) fn on_sent(&mut self, seq: u64, at: Instant) {
        self.transmitted += 1;
        self.first_sent.get_or_insert(at);
        self.last_sent = self.last_sent.max(at);
        let (word, bit) = place(seq);
        self.answered[word] &= !bit;
    }

    /// An answer of whatever kind; returns whether it is a duplicate.
    pub(super) fn on_reply(&mut self, seq: u64, reply: &Reply, is_timed: bool) -> bool {
        self.acknowledge(seq);
        if is_timed && reply.bytes >= super::TIMED_BYTES + 8 {
            self.time(micros(reply));
        }
        let (word, bit) = place(seq);
        let is_duplicate = self.answered[word] & bit != 0;
        self.answered[word] |= bit;
        if is_duplicate {
            self.repeats += 1;
        } else {
            self.received += 1;
        }
        is_duplicate
    }

    /// An error of the network about a request.
    pub(super) fn on_error(&mut self, seq: u64) {
        self.acknowledge(seq);
        self.errors += 1;
    }

    fn acknowledge(&mut self, seq: u64) {
        self.pipe = self.pipe.max((self.transmitted + 1).saturating_sub(seq));
    }

    fn time(&mut self, micros: i64) {
        self.sum = self.sum.saturating_add(micros);
        self.sum_of_squares += micros as f64 * micros as f64;
        self.smallest = self.smallest.min(micros);
        self.largest = self.largest.max(micros);
        self.weighted = match self.weighted {
            0 => micros.saturating_mul(8),
            mean => mean + micros - mean / 8,
        };
    }

    /// Answers and errors: so many of the count are done.
    pub(super) const fn done(&self) -> u64 {
        self.received + self.errors
    }

    /// The last request, where it was not answered yet.
    pub(super) fn outstanding(&self) -> Option<u64> {
        let (word, bit) = place(self.transmitted);
        let is_open = self.transmitted > 0 && self.answered[word] & bit == 0;
        is_open.then_some(self.transmitted)
    }

    /// The lines of statistics under their title.
    pub(super) fn summary(&self, is_timed: bool, has_gap: bool) -> String {
        let mut text =
            format!("{} packets transmitted, {} received", self.transmitted, self.received);
        for (count, word) in [(self.repeats, "duplicates"), (self.errors, "errors")] {
            if count > 0 {
                let _ = write!(text, ", +{count} {word}");
            }
        }
        let nanos = self.span_nanos();
        if self.transmitted > 0 {
            let loss = crate::number::g6(self.loss_percent());
            let _ = write!(text, ", {loss}% packet loss, time {}ms", (nanos + 500_000) / 1_000_000);
        }
        let mut parts = Vec::new();
        if self.received > 0 && is_timed {
            parts.push(self.round_trips());
        }
        if self.pipe > 1 {
            parts.push(format!("pipe {}", self.pipe));
        }
        if self.received > 0 && has_gap && self.transmitted > 1 {
            let gap = i64::try_from(nanos / 1_000).unwrap_or(i64::MAX)
                / i64::try_from(self.transmitted - 1).unwrap_or(i64::MAX);
            parts.push(format!("ipg/ewma {}/{} ms", ms(gap), ms(self.weighted / 8)));
        }
        format!("{text}\n{}", parts.join(", "))
    }

    fn span_nanos(&self) -> u128 {
        self.first_sent.map_or(0, |first| self.last_sent.since(first).as_nanos())
    }

    fn loss_percent(&self) -> f64 {
        let missing = self.transmitted as f64 - self.received as f64;
        // Through a float, as there.
        f64::from((missing * 100.0 / self.transmitted as f64) as f32)
    }

    fn round_trips(&self) -> String {
        let total = i64::try_from(self.received + self.repeats).unwrap_or(i64::MAX);
        let mean = self.sum / total;
        let squares = self.sum_of_squares as i64;
        let variance = if self.sum < i64::from(i32::MAX) {
            (squares - self.sum * self.sum / total) / total
        } else {
            squares / total - mean * mean
        };
        let deviation = i64::try_from(variance.max(0).unsigned_abs().isqrt()).unwrap_or(i64::MAX);
        let [min, avg, max, mdev] = [self.smallest, mean, self.largest, deviation].map(ms);
        format!("rtt min/avg/max/mdev = {min}/{avg}/{max}/{mdev} ms")
    }

    /// The line that SIGQUIT asks for.
    pub(super) fn interim(&self, is_timed: bool) -> String {
        let (sent, received) = (self.transmitted, self.received);
        let loss = sent.saturating_sub(received) * 100 / sent.max(1);
        let mut text = format!("\r{received}/{sent} packets, {loss}% loss");
        if received > 0 && is_timed {
            let mean = self.sum / i64::try_from(received + self.repeats).unwrap_or(i64::MAX);
            let figures = [self.smallest, mean, self.weighted / 8, self.largest].map(ms);
            let _ = write!(text, ", min/avg/ewma/max = {} ms", figures.join("/"));
        }
        text
    }
}

/// Word and bit of a sequence number.
fn place(seq: u64) -> (usize, u64) {
    let number = (seq % NUMBERS as u64) as usize;
    (number / 64, 1 << (number % 64))
}

fn micros(reply: &Reply) -> i64 {
    i64::try_from(reply.rtt.as_micros()).unwrap_or(i64::MAX)
}

fn ms(micros: i64) -> String {
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_cut_to_microseconds_as_iputils_cuts_them() {
        let mut counts = Counts::new();
        for (seq, micros) in [(1, 22), (2, 46)] {
            counts.on_sent(seq, Instant::from_nanos(seq * 103_500_000));
            counts.time(micros);
            counts.received += 1;
        }
        assert_eq!(
            counts.summary(true, false),
            "2 packets transmitted, 2 received, 0% packet loss, time 104ms\n\
             rtt min/avg/max/mdev = 0.022/0.034/0.046/0.012 ms"
        );
        assert!(counts.summary(true, true).ends_with(" ms, ipg/ewma 103.500/0.025 ms"));
        assert_eq!(
            counts.interim(true),
            "\r2/2 packets, 0% loss, min/avg/ewma/max = 0.022/0.034/0.025/0.046 ms"
        );
    }

    #[test]
    fn what_could_not_be_sent_is_lost() {
        let mut counts = Counts::new();
        for seq in 1..=3 {
            counts.on_sent(seq, Instant::from_nanos(seq));
        }
        counts.on_error(2);
        assert_eq!(counts.outstanding(), Some(3));
        assert_eq!(
            counts.summary(true, true),
            "3 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\npipe 2"
        );
    }
}

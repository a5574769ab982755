//! What answers of ICMP that are no echo replies say.

use netdiag_engine::outcome::{InterfaceAnswer, Timestamps};
use netdiag_model::{ClockAnchor, Instant, milliseconds};
use serde::Serialize;
use std::time::Duration;

/// Set where a time is no number of milliseconds since midnight UTC (RFC 792 page 17).
const OTHER: u32 = 1 << 31;
const DAY_MS: u32 = 86_400_000;

/// The times of an ICMP timestamp reply, in milliseconds since midnight UTC (RFC 792 page 16).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct IcmpTimestamp {
    /// When the request left this machine.
    pub originate_ms: u32,
    /// When it arrived there, by the clock there; without the highest bit of the field.
    pub receive_ms: u32,
    /// Whether that bit was not set and the value is a time of the day: else it has another meaning.
    pub receive_standard: bool,
    /// When the reply left there; likewise.
    pub transmit_ms: u32,
    /// The same of that.
    pub transmit_standard: bool,
    /// How far the clock there is ahead of this one: an estimate, as if both ways took the same
    /// time. `null` where a time is no standard one.
    pub clock_difference_ms: Option<f64>,
    /// By how much that can be wrong if only the ways differ: half the time that both took, and the
    /// millisecond that times are rounded to.
    pub clock_difference_error_ms: Option<f64>,
}

impl IcmpTimestamp {
    /// The times of a reply to a request that left at `sent_at` and took `rtt`.
    #[must_use]
    pub fn new(times: &Timestamps, wall: &ClockAnchor, sent_at: Instant, rtt: Duration) -> Self {
        let is_standard = |field: u32| field < DAY_MS;
        let standard = is_standard(times.receive) && is_standard(times.transmit);
        let nanos = wall.unix_nanos_at(sent_at).rem_euclid(i128::from(DAY_MS) * 1_000_000);
        let sent = nanos as f64 / 1e6;
        let rtt = milliseconds(rtt);
        // What was rounded down to whole milliseconds is half a one later in the mean.
        let there = f64::from(times.receive) + 0.5 - sent;
        let held = within_half_a_day(f64::from(times.transmit) - f64::from(times.receive));
        let difference = within_half_a_day(there + held / 2.0 - rtt / 2.0);
        let error = ((rtt - held) / 2.0).max(0.0) + 1.0;
        Self {
            originate_ms: times.originate,
            receive_ms: times.receive & !OTHER,
            receive_standard: is_standard(times.receive),
            transmit_ms: times.transmit & !OTHER,
            transmit_standard: is_standard(times.transmit),
            clock_difference_ms: standard.then_some(difference),
            clock_difference_error_ms: standard.then_some(error),
        }
    }
}

/// Midnight may lie between two times of the day.
fn within_half_a_day(millis: f64) -> f64 {
    let day = f64::from(DAY_MS);
    (millis + day / 2.0).rem_euclid(day) - day / 2.0
}

/// What a node says of an interface or a neighbour (RFC 8335 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct IcmpProbe {
    /// The code of the reply.
    pub code: u8,
    /// What it means: `no-error`, `malformed-query`, `no-such-interface`, `no-such-table-entry`,
    /// `multiple-interfaces`, or `unknown`.
    pub meaning: &'static str,
    /// Whether the interface is active.
    pub active: bool,
    /// Whether IPv4 runs on it.
    pub ipv4: bool,
    /// Whether IPv6 runs on it.
    pub ipv6: bool,
    /// The state of the table entry of a neighbour; 0 where an interface was asked about.
    pub state: u8,
    /// What it means: `incomplete`, `reachable`, `stale`, `delay`, `probe`, `failed`; else `null`.
    pub state_meaning: Option<&'static str>,
}

impl IcmpProbe {
    /// What an answer says.
    #[must_use]
    pub const fn new(answer: &InterfaceAnswer) -> Self {
        let InterfaceAnswer { code, state, active, ipv4, ipv6 } = *answer;
        let meaning = match code {
            0 => "no-error",
            1 => "malformed-query",
            2 => "no-such-interface",
            3 => "no-such-table-entry",
            4 => "multiple-interfaces",
            _ => "unknown",
        };
        let state_meaning = match state {
            1 => Some("incomplete"),
            2 => Some("reachable"),
            3 => Some("stale"),
            4 => Some("delay"),
            5 => Some("probe"),
            6 => Some("failed"),
            _ => None,
        };
        Self { code, meaning, active, ipv4, ipv6, state, state_meaning }
    }

    /// The same in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.code {
            0 => {}
            1 => return "malformed query".to_owned(),
            2 => return "no such interface".to_owned(),
            3 => return "no such table entry".to_owned(),
            4 => return "several interfaces fit".to_owned(),
            other => return format!("unknown code {other}"),
        }
        if let Some(state) = self.state_meaning {
            return format!("table entry {state}");
        }
        let runs = match (self.ipv4, self.ipv6) {
            (true, true) => ", IPv4 and IPv6",
            (true, false) => ", IPv4",
            (false, true) => ", IPv6",
            (false, false) => ", neither IPv4 nor IPv6",
        };
        format!("{}{runs}", if self.active { "active" } else { "not active" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Instant = Instant::from_nanos(7_000_000_000);

    fn told(unix_millis: i128, receive: u32, transmit: u32, rtt: u64) -> IcmpTimestamp {
        let wall = ClockAnchor { instant: SENT, unix_nanos: unix_millis * 1_000_000 };
        let originate = wall.day_millis_at(SENT);
        let times = Timestamps { originate, receive, transmit };
        IcmpTimestamp::new(&times, &wall, SENT, Duration::from_millis(rtt))
    }

    #[test]
    fn the_difference_of_the_clocks_is_half_way_and_never_surer_than_the_way() {
        let told = told(1_000, 21_500, 21_510, 50);
        // 20 ms there, 10 ms held, 20 ms back: 1,020 here was 21,500 there.
        assert_eq!(told.clock_difference_ms, Some(20_480.5));
        assert_eq!(told.clock_difference_error_ms, Some(21.0));
        assert!(told.receive_standard && told.transmit_standard);
    }

    #[test]
    fn midnight_may_lie_between() {
        let after = told(86_399_990, 5, 5, 20);
        assert_eq!(after.clock_difference_ms, Some(5.5));
        let before = told(86_400_000, 86_399_000, 86_399_000, 0);
        assert_eq!(before.clock_difference_ms, Some(-999.5));
    }

    #[test]
    fn from_what_is_no_time_nothing_is_concluded() {
        for (receive, transmit) in [(1 << 31 | 9, 9), (9, 1 << 31), (86_400_000, 9)] {
            let told = told(0, receive, transmit, 1);
            assert_eq!(told.clock_difference_ms, None);
            assert_eq!(told.receive_ms, receive & 0x7fff_ffff);
            assert!(!(told.receive_standard && told.transmit_standard));
        }
    }

    #[test]
    fn answers_have_words() {
        let words = |code, state, active, ipv4, ipv6| {
            IcmpProbe::new(&InterfaceAnswer { code, state, active, ipv4, ipv6 }).words()
        };
        assert_eq!(words(0, 0, true, true, false), "active, IPv4");
        assert_eq!(words(0, 0, false, false, false), "not active, neither IPv4 nor IPv6");
        assert_eq!(words(0, 2, false, false, false), "table entry reachable");
        assert_eq!(words(2, 0, true, true, true), "no such interface");
        assert_eq!(words(3, 0, false, false, false), "no such table entry");
        assert_eq!(words(99, 0, false, false, false), "unknown code 99");
    }
}

//! What cannot be kept is changed before anything is scheduled: what the sender has to hold back of
//! users who are not root would be lost here, and what the rate holds back come late.

use crate::commands::targets::RATE_OF_A_USER;
use crate::commands::user::floor;
use netdiag_ping::sweep::Config;
use std::time::Duration;

/// Slows down what is too fast for a user, where it is one. `shared` says that several targets may
/// have one address.
pub(super) fn keep(config: &mut Config, may_flood: bool, shared: bool) {
    if !may_flood {
        config.floor = floor(config.ipv4).max(floor(config.ipv6));
        config.spacing = config.spacing.max(Duration::from_secs_f64(1.0 / RATE_OF_A_USER));
        if shared {
            config.spacing = config.spacing.max(config.floor);
        }
    }
    if config.count > 1 {
        config.interval = config.feasible_interval();
    }
}

/// What is to be said where the interval is longer than what was asked for.
pub(super) fn note(config: &Config, asked: Duration) -> Option<String> {
    if config.count < 2 || config.interval <= asked || asked.is_zero() {
        return None;
    }
    let true_one = (config.interval.as_secs_f64() * 1e6).round() / 1e6;
    let asked = asked.as_secs_f64();
    let targets = config.targets.len();
    let why = match config.interval == config.floor {
        true => "only root may send faster to one address".to_owned(),
        false => {
            let rate = 1.0 / config.spacing.as_secs_f64();
            // Spacings are whole nanoseconds, which is not what was asked for to the last digit.
            let rate = if rate < 10.0 { format!("{rate:.6}") } else { format!("{rate:.1}") };
            let rate = rate.trim_end_matches('0').trim_end_matches('.');
            format!("{targets} targets at {rate} packets a second take so long (--rate)")
        }
    };
    Some(format!("--interval is {true_one} s, not {asked} s: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_model::target::AddressRange;
    use netdiag_ping::Protocol;
    use netdiag_ping::sweep::Targets;
    use std::net::IpAddr;

    fn config(targets: u8, interval: u64, spacing: u64) -> Config {
        let mut all = Targets::default();
        let at = |byte| IpAddr::from([10, 0, 0, byte]);
        all.push_range(AddressRange::new(at(1), at(targets)).expect("a range"));
        Config {
            count: 3,
            interval: Duration::from_millis(interval),
            spacing: Duration::from_micros(spacing),
            ..Config::new(all)
        }
    }

    #[test]
    fn a_user_is_slowed_down_before_the_sender_has_to() {
        let mut all = config(20, 1, 0);
        keep(&mut all, false, false);
        let times = [all.spacing, all.interval, all.floor].map(|time| time.as_micros());
        assert_eq!(times, [400, 8_000, 2_000]);
        let mut shared = config(20, 100, 0);
        keep(&mut shared, false, true);
        assert_eq!((shared.spacing.as_micros(), shared.interval.as_micros()), (2_000, 100_000));
        let mut connects = Config { ipv4: Protocol::Tcp { port: 9, any_answer: false }, ..all };
        keep(&mut connects, false, false);
        assert_eq!(connects.interval.as_millis(), 20);
        let mut root = config(20, 0, 0);
        keep(&mut root, true, true);
        assert_eq!((root.spacing, root.interval, root.floor), Default::default());
    }

    #[test]
    fn an_interval_that_is_too_short_for_the_rate_is_stretched_and_said() {
        let mut stretched = config(200, 100, 1_000);
        keep(&mut stretched, true, false);
        assert_eq!(stretched.interval.as_millis(), 200);
        let said = note(&stretched, Duration::from_millis(100));
        let expected = "--interval is 0.2 s, not 0.1 s: 200 targets at 1000 packets a second take \
                        so long (--rate)";
        assert_eq!(said.as_deref(), Some(expected));
        let mut kept = config(100, 100, 1_000);
        keep(&mut kept, true, false);
        assert_eq!(note(&kept, Duration::from_millis(100)), None);
    }
}

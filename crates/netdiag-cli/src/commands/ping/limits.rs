//! What users who are not root may send to one address, which several targets share.

use crate::commands::user::floor;
use netdiag_model::Destination;
use netdiag_ping::Config;
use std::collections::BTreeMap;
use std::time::Duration;

/// Refuses what the sender would hold back, and slows down what follows the answers: requests that
/// the sender holds back would be lost here, and come late and out of order.
pub(super) fn keep(configs: &mut [Config]) -> Result<(), String> {
    let mut shares: BTreeMap<(Destination, bool), u32> = BTreeMap::new();
    for config in configs.iter() {
        *shares.entry(key(config)).or_default() += 1;
    }
    for config in configs {
        let share = shares.get(&key(config)).copied().unwrap_or(1);
        let floor = floor(config.protocol).saturating_mul(share);
        match config.adaptive {
            Some(least) => config.adaptive = Some(floor.max(least)),
            None if config.interval < floor => return Err(refusal(config, share, floor)),
            None => {}
        }
    }
    Ok(())
}

/// What the sender counts together: connections apart from everything else.
fn key(config: &Config) -> (Destination, bool) {
    (config.destination, config.protocol.is_connection())
}

fn refusal(config: &Config, share: u32, floor: Duration) -> String {
    let (address, least) = (config.destination, floor.as_millis());
    format!("--interval: below {least} ms only root may send {share} kinds of request to {address}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::user::LEAST_INTERVAL;
    use netdiag_ping::Protocol;

    fn config(protocol: Protocol, interval: u64) -> Config {
        let destination = Destination::new("192.0.2.1".parse().expect("an address"));
        let interval = Duration::from_millis(interval);
        let mut config = Config::new(0, destination);
        (config.protocol, config.interval) = (protocol, interval);
        config
    }

    #[test]
    fn targets_of_one_address_share_its_limit() {
        let (icmp, udp) = (Protocol::Icmp, Protocol::Udp { port: 7 });
        let tcp = |port| Protocol::Tcp { port, any_answer: false };
        let keeps = |all: &[(Protocol, u64)]| {
            let mut configs: Vec<Config> = all.iter().map(|(p, i)| config(*p, *i)).collect();
            keep(&mut configs).is_ok()
        };
        assert!(keeps(&[(icmp, 2)]) && keeps(&[(icmp, 4), (udp, 4)]));
        assert!(!keeps(&[(icmp, 2), (udp, 2)]) && !keeps(&[(icmp, 3), (icmp, 3)]));
        assert!(keeps(&[(icmp, 20), (tcp(80), 20)]) && !keeps(&[(tcp(80), 20), (tcp(81), 20)]));
    }

    #[test]
    fn what_follows_the_answers_is_slowed_down() {
        let tcp = Protocol::Tcp { port: 80, any_answer: false };
        let mut configs = [config(tcp, 1_000), config(tcp, 1_000)];
        configs.iter_mut().for_each(|config| config.adaptive = Some(LEAST_INTERVAL));
        keep(&mut configs).expect("slowed down");
        assert_eq!(configs[0].adaptive, Some(Duration::from_millis(40)));
    }
}

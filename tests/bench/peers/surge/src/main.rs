//! `surge ADDRESS COUNT INTERVAL_MS`: prints sequence number and round trip in milliseconds.

use std::net::IpAddr;
use std::time::Duration;
use surge_ping::{Client, Config, PingIdentifier, PingSequence};
use tokio::time::MissedTickBehavior;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let address: IpAddr = arguments[1].parse().expect("ADDRESS");
    let count: u16 = arguments[2].parse().expect("COUNT");
    let interval: u64 = arguments[3].parse().expect("INTERVAL_MS");
    let client = Client::new(&Config::default()).expect("root");
    let identifier = PingIdentifier(std::process::id() as u16);
    let mut ticks = tokio::time::interval(Duration::from_millis(interval));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut probes = Vec::new();
    for sequence in 0..count {
        ticks.tick().await;
        let client = client.clone();
        probes.push(tokio::spawn(async move {
            let mut pinger = client.pinger(address, identifier).await;
            pinger.timeout(Duration::from_secs(1));
            let result = pinger.ping(PingSequence(sequence), &[0; 56]).await;
            (sequence, result.map(|(_, rtt)| rtt))
        }));
    }
    for probe in probes {
        if let (sequence, Ok(rtt)) = probe.await.expect("no panic") {
            println!("{sequence} {:.6}", rtt.as_secs_f64() * 1e3);
        }
    }
}

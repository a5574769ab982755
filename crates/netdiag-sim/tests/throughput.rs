//! Many probes in virtual time: nothing is lost, nothing piles up. The time it takes is printed, not
//! judged (this thread on the processor): `cargo test --release -p netdiag-sim --test throughput -- --nocapture`.

#![expect(clippy::print_stdout, reason = "the figure is for whoever asks for it")]

mod common;

use common::{MS, Pinger};
use netdiag_engine::port::Network;
use netdiag_model::Instant;
use netdiag_sim::{Fact, Internet, Recording};
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

const PROBES: u32 = 200_000;
/// As many are under way as 100 targets at one probe a second have.
const TARGETS: u32 = 100;

#[test]
fn many_probes_over_one_router_leave_nothing_behind() {
    let mut internet = Internet::new(&common::scenario("plain-1ms"), Instant::ZERO);
    let packets: Vec<Vec<u8>> = (0..TARGETS).map(packet).collect();
    let mut now = Instant::ZERO;
    let mut arrived = 0;
    let started = clock();
    for probe in 0..PROBES {
        internet.inject(now, &packets[(probe % TARGETS) as usize]);
        now = now + Duration::from_micros(10);
        while internet.poll(now).is_some() {
            arrived += 1;
        }
    }
    while internet.poll(Instant::FAR).is_some() {
        arrived += 1;
    }
    let nanos = (clock() - started).as_nanos() / u128::from(PROBES);
    println!("Internet: {nanos} ns a round trip over one router, 100 under way");
    assert_eq!(arrived, PROBES);
    assert_eq!(internet.truth().count(Fact::Delivered), u64::from(PROBES));
    assert_eq!(internet.in_flight(), 0);
}

#[test]
fn many_probes_through_the_port_leave_nothing_behind() {
    let mut pinger = Pinger::new("plain-1ms");
    pinger.network.internet().record(Recording::Off);
    let started = clock();
    for probe in 0..PROBES {
        pinger.send(&format!("10.9.4.{}", 1 + probe % TARGETS), None);
        pinger.wait(MS / 100);
        pinger.told.clear();
    }
    pinger.wait(10 * MS);
    let nanos = (clock() - started).as_nanos() / u128::from(PROBES);
    println!(
        "VirtualNetwork: {nanos} ns a round trip, the test's own building and copying included"
    );
    assert_eq!(pinger.network.truth().count(Fact::Delivered), u64::from(PROBES));
    assert!(pinger.network.now() > Instant::ZERO);
    assert!(pinger.network.internet().in_flight() <= 1, "the last arrival is still lent");
}

fn packet(target: u32) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 84, 0, 0, 0x40, 0, 64, 1, 0, 0, 10, 9, 0, 2, 10, 9, 4];
    packet.push(1 + target as u8);
    let checksum = netdiag_wire::checksum::internet_checksum(&packet);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    netdiag_wire::icmp::emit_echo_v4(false, 1, 2, &[0; 56], &mut packet);
    packet
}

fn clock() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock").into()
}

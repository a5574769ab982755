//! Figure 3: a virtual day of pinging 100 targets once a second over the simulated internet.
//!
//! `virtual_day [HOURS] [SEED] [LOSS]` prints the time it took, the most memory as the day goes on,
//! and a hash of every event: the same seed gives the same hash. LOSS is in percent each way.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::disallowed_methods, reason = "it measures how long the program itself takes")]

use netdiag_engine::{Engine, EngineConfig, Outcome, RunEnd, Secret, port::Network as _, run};
use netdiag_model::{Destination, Instant};
use netdiag_ping::event::{Event, EventKind, Settled};
use netdiag_ping::{Config, Measurement};
use netdiag_sim::{Fact, Recording, Scenario, VirtualNetwork};
use std::convert::Infallible;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::time::Duration;

const TARGETS: u8 = 100;
const HOUR: u64 = 3_600;

/// A router and a network of hosts behind it, with jitter and loss.
const SCENARIO: &str = r#"
name = "a virtual day"
seed = SEED
[here]
ipv4 = "10.9.0.2/24"
[[node]]
name = "r1"
kind = "router"
ipv4 = "10.9.0.1"
[[node]]
name = "many"
kind = "host"
ipv4 = "10.9.4.0/24"
[[path]]
to = "10.9.4.0/24"
via = ["r1"]
[[link]]
a = "here"
b = "r1"
delay = "5ms"
jitter = "1ms"
distribution = "normal"
loss = LOSS
"#;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let hours: u64 = arguments.next().unwrap_or(24);
    let seed: u64 = arguments.next().unwrap_or(1);
    let loss: u64 = arguments.next().unwrap_or(1);
    println!(
        "{TARGETS} targets at 1 s for {hours} virtual hours, seed {seed}, {loss} % loss each way"
    );

    let day = Day::run(hours, seed, loss);
    let probes = u64::from(TARGETS) * hours * HOUR;
    println!("wall                {:.2} s", day.wall.as_secs_f64());
    println!("a probe             {} ns", day.wall.as_nanos() / u128::from(probes));
    println!("settled             {} of {probes} probes, {} answered", day.settled, day.answered);
    println!("packets             {} sent, {} delivered", day.sent, day.delivered);
    println!("outages told        {}, of which each target keeps the last 10,000", day.outages);
    for (hour, kib) in &day.peaks {
        println!("peak RSS at {hour:>2} h    {:.1} MiB", f64::from(*kib) / 1024.0);
    }
    println!("events              {}, hash {:016x}", day.events, day.hash);

    let (again, once) = (Day::run(1, seed, loss), Day::run(1, seed, loss));
    let other = Day::run(1, seed + 1, loss);
    let same = again.hash == once.hash && again.events == once.events;
    println!("1 h, the same seed  hash {:016x}, {:016x}: {}", again.hash, once.hash, verdict(same));
    println!("1 h, another seed   hash {:016x}: {}", other.hash, verdict(other.hash != once.hash));
    let goal = Duration::from_secs(20 * hours) / 24;
    println!("goal: under {:.0} s    {}", goal.as_secs_f64(), verdict(day.wall < goal));
}

const fn verdict(holds: bool) -> &'static str {
    if holds { "yes" } else { "NO" }
}

/// What came of a run.
#[derive(Default)]
struct Day {
    wall: Duration,
    settled: u64,
    answered: u64,
    outages: u64,
    sent: u64,
    delivered: u64,
    events: u64,
    hash: u64,
    /// Hours, and the most memory so far in KiB.
    peaks: Vec<(u64, u32)>,
}

impl Day {
    fn run(hours: u64, seed: u64, loss: u64) -> Self {
        let started = std::time::Instant::now();
        let scenario: Scenario = SCENARIO
            .replace("SEED", &seed.to_string())
            .replace("LOSS", &format!("{}", loss as f64 / 100.0))
            .parse()
            .expect("a good scenario");
        let mut network = VirtualNetwork::new(&scenario);
        network.internet().record(Recording::Off);
        let start = network.now();
        let config = EngineConfig::new(Secret::new([7; 18]), network.opened().clone());
        let mut engine = Engine::new(config, start);
        for index in 0..TARGETS {
            let address = std::net::Ipv4Addr::new(10, 9, 4, 1 + index);
            let mut config = Config::new(index.into(), Destination::new(address.into()));
            config.count = Some(hours * HOUR);
            engine.add(Measurement::new(config));
        }
        let mut day = Self::default();
        let mut hasher = DefaultHasher::new();
        let mut text = String::new();
        let mut marks =
            [1, 2, 6, 12, 18, 24, 48, 96, 168].into_iter().filter(|hour| *hour <= hours).peekable();
        let end = run(
            &mut engine,
            &mut network,
            |event: Event| {
                let passed = event.at.since(start).as_secs();
                // The last hour ends before its last second does: the run is over then.
                if let Some(hour) = marks.next_if(|hour| passed + 1 >= hour * HOUR) {
                    day.peaks.push((hour, peak_kib()));
                }
                day.count(&event);
                hash(&event, &mut hasher, &mut text);
                ControlFlow::<Infallible>::Continue(())
            },
            |_| ControlFlow::Continue(Instant::FAR),
        );
        assert_eq!(end, Ok(RunEnd::Finished(None)), "the run ends by itself");
        day.hash = hasher.finish();
        day.sent = network.truth().count(Fact::Sent);
        day.delivered = network.truth().count(Fact::Delivered);
        day.wall = started.elapsed();
        day
    }

    fn count(&mut self, event: &Event) {
        self.events += 1;
        self.outages += u64::from(matches!(event.kind, EventKind::OutageEnded(_)));
        if let EventKind::Probe(settled) = &event.kind {
            self.settled += 1;
            self.answered += u64::from(matches!(settled.outcome, Outcome::Replied(_)));
        }
    }
}

/// Feeds an event to the hash: the common ones by their fields, the rare ones as text.
fn hash(event: &Event, hasher: &mut DefaultHasher, text: &mut String) {
    (event.target_index, event.at).hash(hasher);
    match &event.kind {
        EventKind::Sent { seq } => (0, seq).hash(hasher),
        EventKind::Probe(Settled { seq, sent_at, outcome: Outcome::Replied(reply) }) => {
            (1, seq, sent_at, reply.received_at, reply.rtt, reply.hop_limit).hash(hasher);
            (reply.bytes, reply.from.address(), reply.stamp).hash(hasher);
        }
        other => {
            text.clear();
            write!(text, "{other:?}").expect("a string takes everything");
            (2, text).hash(hasher);
        }
    }
}

/// The most memory that this process ever had (`VmHWM`, proc_pid_status(5)).
fn peak_kib() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

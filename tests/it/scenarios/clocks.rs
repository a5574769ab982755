//! The wall clock is set, kernel stamps go missing, the machine sleeps: at every point of a probe's
//! life, of the first probe and of a later one.

use crate::support::{process, world};
use netdiag_model::contract::SocketKind;
use serde_json::Value;

/// The round trip of the path, and how long a look at the clock may be off, in milliseconds.
const PATH_MS: f64 = 20.0;
const COUNT: usize = 5;

/// Milliseconds after the start: before, at and after each thing that happens to a probe that leaves
/// at 0 and to one that leaves at 2 s, and between probes.
fn moments() -> impl Iterator<Item = u64> {
    let life = (0..=30).chain([200, 500, 990, 995, 999]);
    life.flat_map(|moment| [moment, 2_000 + moment])
}

/// `ping` over a path of 20 ms, with something that happens to this machine.
fn ping(at: u64, what: &str, socket: SocketKind) -> (Value, String) {
    let plain = std::fs::read_to_string(process::scenario("plain-20ms")).expect("a scenario");
    let text = format!("{plain}\n[[local]]\nat = \"{at}ms\"\n{what}\n");
    let count = COUNT.to_string();
    let arguments = ["ping", "--json", "-c", &count, "10.9.2.2"];
    let ran = world::run_text(&text, socket, &arguments);
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    (document["targets"][0].clone(), format!("{what} at {at} ms: {}{}", ran.out, ran.err))
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// The probes leave on their grid, and no round trip is shorter than the path or longer than a look
/// at the clock explains.
fn check_times(target: &Value, story: &str) {
    let probes = target["probes"].as_array().expect("probes");
    assert_eq!(probes.len(), COUNT, "{story}");
    for (place, probe) in probes.iter().enumerate() {
        let due = 1_000.0 * place as f64;
        let sent = number(&probe["sent_offset_ms"]);
        assert!((due..due + 5.0).contains(&sent), "sent at {sent}, due at {due}: {story}");
        if probe["outcome"] == "reply" {
            let rtt = number(&probe["rtt_ms"]);
            assert!((PATH_MS - 1e-6..PATH_MS + 2.0).contains(&rtt), "{rtt}: {story}");
        }
    }
}

#[test]
fn a_wall_clock_that_is_set_at_any_moment_changes_no_round_trip() {
    for socket in [SocketKind::Raw, SocketKind::IcmpDatagram] {
        for step in ["1h", "-1h", "2ms", "-2ms"] {
            for at in moments() {
                let (target, story) = ping(at, &format!("clock_step = \"{step}\""), socket);
                check_times(&target, &story);
                assert_eq!(target["received"], COUNT, "{story}");
                assert_eq!(
                    (&target["lost"], &target["unknown"]),
                    (&0.into(), &0.into()),
                    "{story}"
                );
            }
        }
    }
}

#[test]
fn a_sleep_at_any_moment_is_no_loss_and_no_burst_follows() {
    for socket in [SocketKind::Raw, SocketKind::IcmpDatagram] {
        for at in moments() {
            let (target, story) = ping(at, "suspend = \"30s\"", socket);
            check_times(&target, &story);
            assert_eq!(target["lost"], 0, "{story}");
            assert_eq!(target["loss_percent"], 0.0, "{story}");
            let unknown = target["unknown"].as_u64().expect("a number");
            // Only what was under way is unknown.
            let under_way = (1..20).contains(&(at % 1_000));
            assert!(unknown <= 1 && (unknown == 1 || !under_way), "{story}");
        }
    }
}

#[test]
fn without_kernel_stamps_the_users_stand_and_it_is_said() {
    for (at, until) in [(0, 30), (0, 9_000), (2_000, 2_010), (2_010, 2_030), (1_990, 2_030)] {
        let what = format!("until = \"{until}ms\"\nstamps = \"user\"");
        let (target, story) = ping(at, &what, SocketKind::Raw);
        check_times(&target, &story);
        assert_eq!(target["received"], COUNT, "{story}");
        let stamps = |probe: &Value| probe["stamp"] == "user";
        let by_user =
            target["probes"].as_array().expect("probes").iter().filter(|p| stamps(p)).count();
        assert_eq!(by_user, if until == 9_000 { COUNT } else { 1 }, "{story}");
        assert_eq!(target["method"]["timestamps"], "user", "{story}");
    }
}

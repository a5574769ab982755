//! Options that say something beside others: none is parsed and ignored.

use crate::support::world::{self, Ran};
use netdiag_cli::ExitStatus;
use netdiag_model::contract::SocketKind;

fn ping(arguments: &str) -> Ran {
    let arguments: Vec<&str> = std::iter::once("ping").chain(arguments.split(' ')).collect();
    world::run("plain-20ms", SocketKind::Raw, &arguments)
}

#[test]
fn what_a_document_has_no_use_for_is_a_usage_error() {
    for (option, named) in [
        ("-a", "-a"),
        ("-D", "-D"),
        ("-O", "-O"),
        ("--color always", "--color always"),
        ("-v", "--verbose"),
    ] {
        for form in ["json", "csv", "jsonl"] {
            if (option, form) == ("-v", "jsonl") {
                continue;
            }
            let ran = ping(&format!("-c 1 -o {form} {option} 10.9.2.2"));
            assert_eq!(ran.status, ExitStatus::USAGE, "{option} {form}: {}", ran.err);
            let said = format!("netdiag ping: {named}: only with --output text");
            assert!(ran.err.starts_with(&said), "{option} {form}: {}", ran.err);
            assert_eq!(ran.out, "", "{option} {form}");
        }
    }
    // What holds of a document anyway is none.
    for option in ["-q", "--color never", "--color auto"] {
        let ran = ping(&format!("-c 1 --json {option} 10.9.2.2"));
        assert_eq!(ran.status, ExitStatus::HOLDS, "{option}: {}", ran.err);
    }
}

#[test]
fn the_last_of_an_option_counts() {
    let ran = ping("-c 9 -i 5 -c 2 -i 0.2 -W 1 --timeout 2 10.9.2.2");
    assert_eq!(ran.status, ExitStatus::HOLDS, "{}", ran.err);
    assert!(ran.out.contains("2 packets transmitted, 2 received, 0% packet loss, time 220ms"));
}

#[test]
fn the_pattern_is_shown() {
    let ran = ping("-c 1 -p ff0 10.9.2.2");
    assert!(ran.out.starts_with("PATTERN: 0xff00\nPING "), "{}", ran.out);
    let json = ping("-c 1 -p ff0 --json 10.9.2.2");
    assert!(json.out.starts_with('{'), "{}", json.out);
}

#[test]
fn a_metric_without_a_value_fails_and_is_not_said_to_hold() {
    let arguments = ["ping", "-c", "1", "--fail-if", "p95>80ms", "10.9.2.2"];
    let ran = world::run("silent", SocketKind::Raw, &arguments);
    assert_eq!(ran.status, ExitStatus::FAILS, "{}", ran.err);
    let said = "--fail-if fails for 10.9.2.2, since it cannot be told: p95 has no value (fail-if)";
    assert!(ran.out.contains(said), "{}", ran.out);
}

#[test]
fn the_summary_fits_a_terminal() {
    for arguments in ["-c 5 10.9.2.2", "-q -i 0.1 -c 60 10.9.2.2"] {
        let ran = ping(arguments);
        let (_, summary) = ran.out.split_once("ping statistics").expect("a summary");
        assert!(summary.lines().all(|line| line.len() <= 80), "{summary}");
    }
}

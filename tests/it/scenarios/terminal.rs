//! What is shown on a terminal: how far `netdiag sweep` has come, and that it goes away again; lines
//! that fit it; names that nobody can take for others.

use crate::support::world::{self, Ran, run_at_width, run_on_terminal};
use netdiag_cli::ExitStatus;

/// Clears the line that the cursor is in (ECMA-48 EL).
const CLEAR: &str = "\r\x1b[K";

/// Nobody is at 10.9.2.1.
const SILENT: [&str; 6] = ["sweep", "--timeout", "3", "--retry", "0", "10.9.2.1-2"];

fn run(more: &[&str], with_out: bool) -> Ran {
    run_on_terminal("plain-20ms", &[&SILENT[..], more].concat(), with_out)
}

/// How often the line was drawn.
fn drawn(screen: &str) -> usize {
    screen.matches("of 2 done").count()
}

/// The lines that are left on the screen in the end.
fn left(screen: &str) -> Vec<&str> {
    let last = |line: &'_ str| line.rfind(CLEAR).map_or(0, |at| at + CLEAR.len());
    let lines = screen.split_inclusive('\n').map(|line| &line[last(line)..]);
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn progress_comes_by_time_and_the_verdict_is_the_last_line() {
    let ran = run(&[], true);
    // The first row comes after 20 ms, the second after 3 s: four times a second in between.
    assert!((10..=13).contains(&drawn(&ran.err)), "{:?}", ran.err);
    let lines = left(&ran.err);
    assert!(lines.last().is_some_and(|line| line.starts_with("= 1 of 2 alive")), "{lines:?}");
    assert!(lines.iter().all(|line| line.ends_with('\n')), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("done")), "{lines:?}");
}

#[test]
fn progress_stands_beside_every_form_of_output_but_not_among_its_lines() {
    for (form, with_out, is_shown) in [
        ("json", true, true),
        ("json", false, true),
        ("jsonl", true, false),
        ("jsonl", false, true),
        ("csv", true, false),
        ("csv", false, true),
        ("text", false, true),
    ] {
        let ran = run(&["--output", form], with_out);
        assert_eq!(drawn(&ran.err) > 0, is_shown, "{form}, {with_out}: {:?}", ran.err);
        let own = left(&ran.err);
        assert_eq!(own.is_empty(), !with_out, "{form}: {own:?}");
    }
    assert_eq!(drawn(&run(&["--quiet"], true).err), 0);
}

#[test]
fn progress_changes_nothing_of_the_measurement() {
    let all = ["sweep", "-c", "4", "--interval", "1", "10.9.2.2", "fd09:2::2", "10.9.2.1"];
    let sent = |ran: &Ran| {
        assert_eq!(ran.status, ExitStatus::Code(1));
        ran.truth(|truth| format!("{:?}", truth.probes()))
    };
    let shown = run_on_terminal("plain-20ms", &all, true);
    assert!(shown.err.contains("0 of 3 done, 4 s left"), "{:?}", shown.err);
    let plain = world::run("plain-20ms", netdiag_model::contract::SocketKind::Raw, &all);
    assert_eq!(sent(&shown), sent(&plain));
    let table = left(&shown.err).concat();
    assert_eq!(table, plain.out);
}

/// The statistics of ping, which are wider than most terminals.
#[test]
fn what_ping_says_at_the_end_fits_the_terminal_and_is_the_same() {
    let arguments = ["ping", "-q", "-c", "60", "-i", "0.1", "10.9.2.2"];
    let ours = |text: &str| {
        let at = text.find("p50/").expect("percentiles");
        text[at..].split_whitespace().collect::<Vec<_>>().join(" ").replace("; ", " ")
    };
    let piped = world::run("jitter-normal", netdiag_model::contract::SocketKind::Raw, &arguments);
    for (width, lines) in [(40, 6), (80, 3), (100, 2), (200, 2)] {
        let ran = run_at_width("jitter-normal", &arguments, width);
        assert_eq!(ours(&ran.out), ours(&piped.out), "{width}");
        let at = ran.out.find("p50/").expect("percentiles");
        let shown: Vec<&str> = ran.out[at..].lines().take_while(|l| !l.starts_with('=')).collect();
        assert_eq!(shown.len(), lines, "{width}: {shown:#?}");
        assert!(shown.iter().all(|line| line.len() <= width.into()), "{width}: {shown:#?}");
    }
}

/// B17: what is shown of a name beyond ASCII is what servers are asked for.
#[test]
fn names_beyond_ascii_are_shown_by_their_a_labels() {
    for command in [&["ping", "-c", "1"][..], &["trace"], &["sweep"]] {
        for (host, code) in [("b\u{fc}cher.example", 0), ("m\u{fc}nchen.example", 1)] {
            let ran = run_at_width("names", &[command, &[host]].concat(), 100);
            assert_eq!(ran.status, ExitStatus::Code(code), "{command:?}: {}", ran.err);
            let shown = ran.out + &ran.err;
            let name = if code == 0 { "xn--bcher-kva.example" } else { "xn--mnchen-3ya.example" };
            assert!(shown.contains(name) && shown.is_ascii(), "{command:?}: {shown}");
            assert!(!shown.contains("\\u{fc}"), "{command:?}: {shown}");
        }
    }
}

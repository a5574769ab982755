//! The oracle: Debian's mtr, and the program under its name, beside each other in the same namespace.
//! What they print is the same but for times, and so is the code.

mod lines;

use super::traceroute;
use crate::support::process::{Ended, NOBODY, Namespace, Process, netlab, run, scenario, skip};
use lines::{IN_SCENARIOS, LINES, MISSING};
use nix::sys::signal::Signal;
use std::process::Command;

/// The version whose text is the reference.
const REFERENCE: &str = "mtr 0.95\n";
const THEIRS: &str = "/usr/bin/mtr";
const OURS: &str = "/mnt/mtr";
/// Few rounds, fast, and no long wait at the end.
const QUICK: &str = "-c2 -i0.1 -G0.3";

fn faults() -> Option<Namespace> {
    match Command::new(THEIRS).arg("-v").output() {
        Ok(output) if output.stdout == REFERENCE.as_bytes() => traceroute::namespace(),
        other => skip(&format!("no {}: {other:?}", REFERENCE.trim())),
    }
}

fn words(line: &str) -> Vec<String> {
    line.replace("QUICK", QUICK).split(' ').map(|word| word.replace('_', " ")).collect()
}

fn under(namespace: &Namespace, program: &str, line: &str) -> Ended {
    run(namespace.command(program).args(words(line)))
}

/// What must be the same: the texts without times, and the code.
fn compared(ended: &Ended) -> (String, String, Option<i32>) {
    // The text of the help is our own; the version has ours behind it.
    let own = concat!(", as netdiag ", env!("CARGO_PKG_VERSION"), " prints it");
    let cut = |text: &str| text.split("\nUsage:\n").next().unwrap_or_default().replace(own, "");
    let err = cut(&ended.err).replace(THEIRS, "mtr").replace(OURS, "mtr");
    (timeless(&cut(&ended.out)), err, ended.code())
}

/// Times with `0` for each digit; in JSON, where their length differs, and where they are whole, as `#`.
fn timeless(text: &str) -> String {
    let masked = text.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["Start:", ..] => "Start:".to_owned(),
            ["p", place, _, number] => format!("p {place} # {number}"),
            _ if line.starts_with("MTR.") => {
                let mut parts = line.split(',');
                let version = parts.next().unwrap_or_default();
                let rest: Vec<String> = parts.skip(1).map(digitless).collect();
                format!("{version},#,{}", rest.join(","))
            }
            _ if line.contains("\": ") && line.contains('.') && !line.contains("Loss") => {
                let (key, value) = line.rsplit_once(' ').unwrap_or_default();
                let is_time = value.trim_end_matches(',').parse::<f64>().is_ok();
                if is_time { format!("{key} #") } else { line.to_owned() }
            }
            _ => digitless(line),
        }
    });
    masked.collect::<Vec<_>>().join("\n")
}

/// Numbers with one point in them and no `%` behind them, with `0` for each digit; before the point one,
/// in as much room: which of 9.9 and 10.0 it is tells nothing. 100.0 is no time in these labs.
fn digitless(line: &str) -> String {
    let is_part = |c: &char| c.is_ascii_digit() || *c == '.';
    let mut shown = String::new();
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if !is_part(&c) {
            shown.push(c);
            continue;
        }
        let mut number = c.to_string();
        while let Some(more) = rest.next_if(is_part) {
            number.push(more);
        }
        let is_time = number.matches('.').count() == 1 && rest.peek() != Some(&'%');
        match number.split_once('.').filter(|_| is_time && number != "100.0") {
            Some((whole, rest)) => {
                let room = if shown.ends_with(' ') { whole.len() } else { 1 };
                shown.push_str(&format!("{:>room$}.{}", 0, "0".repeat(rest.len())));
            }
            None => shown.push_str(&number),
        }
    }
    shown
}

fn difference(line: &str, theirs: &Ended, ours: &Ended) -> Option<String> {
    let (theirs, ours) = (compared(theirs), compared(ours));
    (theirs != ours).then(|| format!("mtr {line}\nits {theirs:#?}\nour {ours:#?}"))
}

fn check(faults: &[String]) {
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn under_the_name_mtr_it_is_mtr() {
    let Some(namespace) = faults() else { return };
    let differences = LINES.iter().filter_map(|line| {
        let [theirs, ours] = [THEIRS, OURS].map(|program| under(&namespace, program, line));
        difference(line, &theirs, &ours)
    });
    check(&differences.collect::<Vec<_>>());
}

/// `--classic` anywhere before `--` makes it the same program.
#[test]
fn classic_is_mtr() {
    let Some(namespace) = faults() else { return };
    let ours = |line: &str| {
        let words: Vec<String> = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run(&mut namespace.netdiag(&words))
    };
    for (theirs, own) in [
        ("-r -n QUICK 127.0.0.1", "mtr --classic -r -n QUICK 127.0.0.1"),
        ("--json -n QUICK 10.2.9.9", "mtr --json -n QUICK 10.2.9.9 --classic"),
        ("-q", "mtr --classic -q"),
    ] {
        let theirs = under(&namespace, THEIRS, theirs);
        let own_words = own;
        let mut own = ours(own);
        own.err = own.err.replace("netdiag mtr", "mtr");
        check(&Vec::from_iter(difference(own_words, &theirs, &own)));
    }
}

/// What a simulated internet does: silence, labels, other ways.
#[test]
fn paths_are_shown_as_mtr_shows_them() {
    let Some(namespace) = faults() else { return };
    let lab = netlab();
    let lab = lab.to_str().expect("a path");
    let in_lab = |name: &str, program: &str, line: &str| {
        let mut command = namespace.command(lab);
        run(command.arg(scenario(name)).arg("--").arg(program).args(words(line)))
    };
    let differences = IN_SCENARIOS.iter().filter_map(|(name, line)| {
        let [theirs, ours] = [THEIRS, OURS].map(|program| in_lab(name, program, line));
        assert!(theirs.out.contains("10.9.") || theirs.out.contains("fd09:"), "{theirs:?}");
        difference(&format!("{name}: {line}"), &theirs, &ours)
    });
    check(&differences.collect::<Vec<_>>());
}

/// What cannot be had is said, with mtr's code, and nothing is sent.
#[test]
fn what_mtr_has_and_this_has_not_is_said() {
    let Some(namespace) = faults() else { return };
    for line in MISSING {
        let ended = under(&namespace, OURS, line);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(1), ""), "{line}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{line}: {ended:?}");
    }
}

/// E2: where every probe is answered nothing more is waited for; mtr waits out its five seconds.
#[test]
fn e2_the_grace_ends_with_the_last_answer() {
    let Some(namespace) = faults() else { return };
    let ended = under(&namespace, OURS, "--json -n -c1 127.0.0.1");
    assert_eq!(ended.json()["report"]["hubs"][0]["Snt"], 1, "{ended:?}");
    assert!(ended.took.as_secs() < 3, "{ended:?}");
}

/// SIGQUIT asks for no figures here, but ends it.
#[test]
fn a_report_ends_by_sigquit() {
    let Some(namespace) = faults() else { return };
    let mut command = namespace.command(OURS);
    let process = Process::start(command.args(["--raw", "-n", "-c100", "127.0.0.1"]));
    process.until_out(|out| out.contains("\np 0 "));
    process.signal(Signal::SIGQUIT);
    let ended = process.wait();
    assert_eq!(ended.signal(), Some(Signal::SIGQUIT as i32), "{ended:?}");
}

/// Without a right it refuses what mtr refuses, and UDP goes all the same.
#[test]
fn without_rights_it_is_mtr_too() {
    let Some(namespace) = faults() else { return };
    let nobody = |program: &str, line: &str| {
        run(namespace.command("setpriv").args(NOBODY).arg(program).args(words(line)))
    };
    for line in ["-i 0.5 -r -c1 127.0.0.1", "-u -r -n -c2 -G0.3 127.0.0.1"] {
        let [theirs, ours] = [THEIRS, OURS].map(|program| nobody(program, line));
        check(&Vec::from_iter(difference(line, &theirs, &ours)));
    }
}

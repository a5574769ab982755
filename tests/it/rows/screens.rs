//! The screen of `netdiag mtr` on a real terminal: whatever ends it leaves the terminal as it was.

use crate::support::machine;
use crate::support::process::{NETDIAG, Namespace, Process};
use crate::support::pty::{ENTER, LEAVE, Pty};
use nix::sys::signal::Signal;

const OURS: &[&str] = &["mtr", "-n", "-i", "0.2", "127.0.0.1"];
const CLASSIC: &[&str] = &["mtr", "--classic", "-n", "-i", "0.2", "127.0.0.1"];

/// Whether a loss of nothing is shown: a fraction of few probes, a per cent of more.
fn has_loss(shown: &str) -> bool {
    ["0/", "0.0%"].iter().any(|none| shown.contains(none))
}

/// Started, and drawn with an answer.
fn started(namespace: &Namespace, arguments: &[&str]) -> (Pty, Process) {
    let pty = Pty::new(100, 24);
    let process = pty.start(namespace, arguments);
    pty.until(|shown| shown.contains(ENTER) && has_loss(shown));
    assert!(!pty.is_as_before(), "keys are told as they are pressed");
    (pty, process)
}

/// How it ended, as a shell has it; the screen was left, and the modes are as they were.
fn ended(pty: &Pty, process: Process) -> i32 {
    let status = process.wait().shell_code();
    let shown = pty.until(|shown| shown.rfind(LEAVE) > shown.rfind(ENTER));
    let after = shown.rsplit(LEAVE).next().unwrap_or_default();
    assert!(!after.contains("\x1b[?"), "{after:?}");
    assert!(pty.is_as_before(), "{status}: {after:?}");
    assert!(shown.contains("\x1b[?25h"), "the cursor is shown again");
    status
}

#[test]
fn every_end_leaves_the_terminal_as_it_was() {
    let Some(namespace) = Namespace::loopback() else { return };
    // Ctrl-C ends it as if it were done; mtr takes it for a key.
    for (arguments, keys) in [(OURS, "q"), (OURS, "\x03"), (CLASSIC, "q"), (CLASSIC, "\x03")] {
        let (pty, process) = started(&namespace, arguments);
        pty.press(keys);
        assert_eq!(ended(&pty, process), 0, "{arguments:?} {keys:?}");
    }
}

/// Signals that end no process by default, or stop it; SIGKILL, of which nobody hears; those that are
/// inputs and end nothing, or are ignored from the start; and those that the C library has for itself.
fn ends(signal: i32) -> bool {
    use Signal::{
        SIGCHLD, SIGCONT, SIGKILL, SIGPIPE, SIGQUIT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG,
        SIGWINCH,
    };
    let others = [SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU];
    let others = others.into_iter().chain([SIGKILL, SIGQUIT, SIGPIPE]);
    !others.map(|other| other as i32).chain([32, 33]).any(|other| other == signal)
}

#[test]
fn every_signal_that_ends_it_leaves_the_terminal_as_it_was() {
    let Some(namespace) = Namespace::loopback() else { return };
    for signal in (1..=64).filter(|signal| ends(*signal)) {
        // SIGINT ends it as if it were done.
        let code = if signal == Signal::SIGINT as i32 { 0 } else { 128 + signal };
        let arguments = if signal % 2 == 0 { OURS } else { CLASSIC };
        let (pty, process) = started(&namespace, arguments);
        process.signal_number(signal);
        assert_eq!(ended(&pty, process), code, "{arguments:?} {signal}");
    }
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGSEGV] {
        for arguments in [OURS, CLASSIC] {
            let (pty, process) = started(&namespace, arguments);
            process.signal(signal);
            assert_eq!(ended(&pty, process), 128 + signal as i32, "{arguments:?} {signal}");
        }
    }
}

/// What it writes at its end is not taken by a terminal that was stopped (Ctrl-S): whoever does not want
/// to wait for it says so twice.
#[test]
fn two_interrupts_end_it_at_once_and_leave_the_terminal_as_it_was() {
    let Some(namespace) = Namespace::loopback() else { return };
    for arguments in [OURS, CLASSIC] {
        let (pty, process) = started(&namespace, arguments);
        pty.stop_output();
        process.signal(Signal::SIGINT);
        process.until_unblocked(Signal::SIGINT);
        process.signal(Signal::SIGINT);
        assert_eq!(ended(&pty, process), 130, "{arguments:?}");
    }
}

/// Nor by any other signal while it waits for the terminal to take what it writes at its end.
#[test]
fn a_signal_ends_it_where_the_terminal_takes_nothing() {
    let Some(namespace) = Namespace::loopback() else { return };
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1] {
        let (pty, process) = started(&namespace, OURS);
        pty.stop_output();
        pty.press("q");
        process.until_unblocked(Signal::SIGTERM);
        process.signal(signal);
        assert_eq!(ended(&pty, process), 128 + signal as i32, "{signal}");
    }
}

/// A job in the background is stopped when it wants the terminal; what ends it then ends it.
#[test]
fn in_the_background_it_ends_by_a_signal() {
    let Some(namespace) = Namespace::loopback() else { return };
    let script = "set -m
        \"$0\" mtr -n 127.0.0.1 &
        until grep -q '^State:.T' /proc/$!/status; do :; done
        kill -TERM $!; kill -CONT $!
        while grep -q '^State:.[^ZX]' /proc/$!/status; do :; done
        wait $!; echo \"code $?.\"";
    let pty = Pty::new(100, 24);
    let process = pty.start_this(&namespace, "sh", &["-c", script, NETDIAG]);
    pty.until(|shown| shown.contains("code 143."));
    assert_eq!(process.wait().code(), Some(0));
    assert!(pty.is_as_before());
}

/// The program itself, whose output panics once a screen with an answer was drawn.
#[test]
#[ignore = "what `a_panic_leaves_the_terminal_as_it_was` starts"]
fn a_program_that_panics() {
    machine::run_panicking_when(&["netdiag", "mtr", "-n", "-i", "0.2", "127.0.0.1"], has_loss);
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    let Some(namespace) = Namespace::loopback() else { return };
    let pty = Pty::new(100, 24);
    let own = std::env::current_exe().expect("a path");
    let own = own.to_str().expect("text");
    let name = "rows::screens::a_program_that_panics";
    let words = ["--exact", name, "--ignored", "--nocapture", "--test-threads=1"];
    let process = pty.start_this(&namespace, own, &words);
    pty.until(|shown| shown.contains(ENTER));
    assert_eq!(process.wait().code(), Some(101));
    let shown = pty.until(|shown| shown.contains("test result"));
    assert!(pty.is_as_before(), "{shown:?}");
    // The message can be read: it comes when the screen was left.
    let (screen, after) = shown.rsplit_once(LEAVE).expect("it leaves the screen");
    assert!(screen.contains(ENTER) && !screen.contains("panicked at"), "{shown:?}");
    assert!(after.contains("panicked at") && !after.contains("\x1b[?"), "{after:?}");
}

#[test]
fn stopped_it_gives_the_terminal_back_and_takes_it_again() {
    let Some(namespace) = Namespace::loopback() else { return };
    for arguments in [OURS, CLASSIC] {
        let (pty, process) = started(&namespace, arguments);
        pty.press("\x1a");
        pty.until(|shown| shown.matches(LEAVE).count() == 1);
        process.until_state('T');
        assert!(pty.is_as_before(), "{arguments:?}");
        process.signal(Signal::SIGCONT);
        pty.until(|shown| {
            let again = shown.rsplit(LEAVE).next().unwrap_or_default();
            again.contains(ENTER) && has_loss(again)
        });
        assert!(!pty.is_as_before(), "{arguments:?}");
        pty.press("q");
        assert_eq!(ended(&pty, process), 0, "{arguments:?}");
    }
}

/// What comes while it is stopped ends it when it goes on, without another look at the screen.
#[test]
fn what_ends_it_while_it_is_stopped_leaves_no_screen_behind() {
    let Some(namespace) = Namespace::loopback() else { return };
    for arguments in [OURS, CLASSIC] {
        let (pty, process) = started(&namespace, arguments);
        process.signal(Signal::SIGTSTP);
        process.until_state('T');
        process.signal(Signal::SIGTERM);
        process.signal(Signal::SIGCONT);
        assert_eq!(ended(&pty, process), 128 + Signal::SIGTERM as i32, "{arguments:?}");
    }
}

/// SIGQUIT asks for figures, which are on the screen already.
#[test]
fn a_key_for_figures_ends_nothing() {
    let Some(namespace) = Namespace::loopback() else { return };
    let (pty, process) = started(&namespace, OURS);
    pty.press("\x1c");
    pty.press("p");
    pty.until(|shown| shown.contains("PAUSED"));
    pty.press("q");
    assert_eq!(ended(&pty, process), 0);
}

#[test]
fn another_size_is_drawn_anew_however_small() {
    let Some(namespace) = Namespace::loopback() else { return };
    for arguments in [OURS, CLASSIC] {
        let (pty, process) = started(&namespace, arguments);
        for (columns, rows) in [(40, 10), (10, 3), (1, 1), (200, 60)] {
            let drawn = |shown: &str| shown.matches("\x1b[2J").count();
            let before = drawn(&pty.until(|_| true));
            pty.resize(columns, rows);
            pty.until(|shown| drawn(shown) > before);
        }
        // Nothing was written beside the screen.
        let shown = pty.until(|shown| shown.rsplit("\x1b[2J").next().is_some_and(has_loss));
        assert!(!shown.contains("\x1b[61;"), "{shown:?}");
        pty.press("q");
        assert_eq!(ended(&pty, process), 0, "{arguments:?}");
    }
}

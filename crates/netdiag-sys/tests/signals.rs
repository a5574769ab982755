//! Signals, sent to a process whose main thread is the measuring thread. The usual test harness has
//! another main thread, so this test has its own `main`.
#![expect(clippy::print_stdout, reason = "the parent reads it")]

use netdiag_engine::port::{InputKind, Inputs, Network, StopCause};
use netdiag_sys::{MachineNetwork, OpenRequest, PortableRequest, signals};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Set in the process that is sent signals, to which of [`BACKENDS`] it watches with.
const CHILD: &str = "NETDIAG_SYS_TEST_CHILD";

const BACKENDS: [&str; 2] = ["system", "portable"];

/// A child that watches signals and prints what they become, one a line.
struct Watcher {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Watcher {
    fn start(backend: &str, shell: &str) -> Self {
        // The tests themselves may have been started by nohup.
        let mut child = Command::new("env")
            .args(["--default-signal", "sh", "-c", shell])
            .arg(std::env::current_exe().expect("the test's own path"))
            .env(CHILD, backend)
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut this = Self { child, lines };
        this.expect("ready");
        this
    }

    fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        kill(pid, signal).expect("sent");
    }

    fn expect(&mut self, text: &str) {
        let line = self.lines.by_ref().map(|line| line.expect("text")).find(|l| l.contains(text));
        assert!(line.is_some(), "{text} was never printed");
    }

    fn end(mut self) -> (Option<i32>, Option<i32>) {
        let status = self.child.wait().expect("a status");
        (status.code(), status.signal())
    }
}

/// The body of the child: prints every input until one says how to die, or time is up.
fn watch(backend: &str) {
    let mut network: Box<dyn MachineNetwork> = if backend == "portable" {
        Box::new(PortableRequest::default().open().expect("descriptors"))
    } else {
        Box::new(OpenRequest::default().open())
    };
    network.watch().expect("watched");
    println!("ready");
    let deadline = network.now() + Duration::from_secs(20);
    let mut inputs = Inputs::new();
    while inputs.now() < deadline {
        inputs.clear();
        network.wait(deadline, &mut inputs).expect("the network works");
        for input in inputs.iter() {
            println!("{:?}", input.kind);
            if let InputKind::Stop(StopCause::Signal(signal)) = input.kind {
                signals::die_by(signal);
            }
        }
    }
}

const PLAIN: &str = "exec \"$0\"";

fn main() {
    if let Ok(backend) = std::env::var(CHILD) {
        return watch(&backend);
    }
    for backend in BACKENDS {
        signals_that_end_the_process_are_inputs_first(backend);
        a_second_interrupt_ends_at_once(backend);
        a_late_second_interrupt_is_one_more_input(backend);
        a_hangup_that_was_ignored_stays_ignored(backend);
        an_interrupt_is_heard_in_the_background_of_a_script(backend);
    }
}

fn signals_that_end_the_process_are_inputs_first(backend: &str) {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let mut watcher = Watcher::start(backend, PLAIN);
        watcher.send(Signal::SIGWINCH);
        watcher.send(Signal::SIGQUIT);
        watcher.expect("Interim");
        watcher.send(signal);
        watcher.expect(&format!("Stop(Signal({}))", signal as i32));
        assert_eq!(watcher.end(), (None, Some(signal as i32)));
    }
}

fn a_second_interrupt_ends_at_once(backend: &str) {
    let mut watcher = Watcher::start(backend, PLAIN);
    watcher.send(Signal::SIGINT);
    watcher.expect("Stop(Interrupt)");
    watcher.send(Signal::SIGINT);
    assert_eq!(watcher.end(), (Some(130), None));
}

fn a_late_second_interrupt_is_one_more_input(backend: &str) {
    let mut watcher = Watcher::start(backend, PLAIN);
    watcher.send(Signal::SIGINT);
    watcher.expect("Stop(Interrupt)");
    // The passing of a second is what is tested.
    let slept = Command::new("sleep").arg("1.3").status().expect("sleep starts");
    assert!(slept.success());
    watcher.send(Signal::SIGINT);
    watcher.expect("Stop(Interrupt)");
    watcher.send(Signal::SIGTERM);
    assert_eq!(watcher.end(), (None, Some(15)));
}

/// As `nohup` does it.
fn a_hangup_that_was_ignored_stays_ignored(backend: &str) {
    let mut watcher = Watcher::start(backend, "trap '' HUP; exec \"$0\"");
    watcher.send(Signal::SIGHUP);
    watcher.send(Signal::SIGQUIT);
    watcher.expect("Interim");
    watcher.send(Signal::SIGTERM);
    assert_eq!(watcher.end(), (None, Some(15)));
}

/// A shell without job control starts its background with these two ignored.
fn an_interrupt_is_heard_in_the_background_of_a_script(backend: &str) {
    let mut watcher = Watcher::start(backend, "trap '' INT QUIT TERM; exec \"$0\"");
    watcher.send(Signal::SIGQUIT);
    watcher.expect("Interim");
    watcher.send(Signal::SIGINT);
    watcher.expect("Stop(Interrupt)");
    watcher.send(Signal::SIGTERM);
    watcher.expect("Stop(Signal(15))");
    assert_eq!(watcher.end(), (None, Some(15)));
}

//! Processes under test: the built program in network namespaces of its own, watched with bounds.
//!
//! A namespace lives as long as the process that holds it, and that dies with the test, killed or
//! not. Where none can be made a test says `SKIPPED` and passes, unless `NETDIAG_TEST_REQUIRE`
//! contains `netns`.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// The program under test.
pub(crate) const NETDIAG: &str = env!("CARGO_BIN_EXE_netdiag");
/// Where [`Namespace::nobody`] finds it, whoever may read its own folder.
const FOR_NOBODY: &str = "/mnt/netdiag";
/// Nothing here takes longer.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// Addresses at once, and no ICMP limits of the kernel's own.
const SETTINGS: &str = "
    cd /proc/sys/net
    for file in ipv6/conf/default/accept_dad ipv6/conf/default/dad_transmits \
        ipv6/conf/default/router_solicitations ipv4/icmp_ratelimit ipv6/icmp/ratelimit \
        ipv4/conf/all/rp_filter ipv4/conf/default/rp_filter; do
        echo 0 > $file
    done
    echo 1000000 > ipv4/icmp_msgs_per_sec
    echo 100000 > ipv4/icmp_msgs_burst
    ip link set lo up
";

/// Time since a moment.
#[expect(clippy::disallowed_methods, reason = "how long a real process takes")]
pub(crate) fn stopwatch() -> impl Fn() -> Duration {
    let start = Instant::now();
    move || start.elapsed()
}

/// Lets a fault last: nothing is waited for but the time itself.
pub(crate) fn hold(duration: Duration) {
    let since = stopwatch();
    while since() < duration {
        std::thread::park_timeout(duration - since().min(duration));
    }
}

/// Says why a test checks nothing here; that is a failure where it is required.
#[expect(clippy::print_stderr, reason = "a test that checks nothing must say so")]
pub(crate) fn skip<T>(reason: &str) -> Option<T> {
    eprintln!("SKIPPED: {reason}");
    let required = std::env::var("NETDIAG_TEST_REQUIRE").unwrap_or_default();
    assert!(!required.contains("netns"), "netns is required, but: {reason}");
    None
}

/// Whether this machine has a program.
pub(crate) fn has(program: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok() || skip::<()>(&format!("no {program}")).is_some()
}

/// A command that dies with the thread that starts it. It hears every signal, also where the tests
/// themselves were started by `nohup`.
pub(crate) fn bound(program: &str) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal", "setpriv", "--pdeathsig", "KILL", program]);
    command
}

/// A network and mount namespace.
pub(crate) struct Namespace {
    holder: Child,
}

impl Namespace {
    /// A namespace with `lo`, prepared by a shell script; `None` where there can be none.
    pub(crate) fn new(script: &str) -> Option<Self> {
        static POSSIBLE: OnceLock<Result<(), String>> = OnceLock::new();
        let possible = POSSIBLE.get_or_init(|| {
            let output = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "ip", "link"])
                .output();
            match output {
                Ok(output) if output.status.success() => Ok(()),
                other => Err(format!("no network namespaces here: {other:?}")),
            }
        });
        if let Err(reason) = possible {
            return skip(reason);
        }
        let script =
            format!("set -e\n{SETTINGS}\ncd /\n{script}\necho ready\nexec cat > /dev/null");
        let mut holder = bound("unshare")
            .args(["--net", "--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let mut line = String::new();
        let out = holder.stdout.as_mut().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("readable");
        assert_eq!(line, "ready\n", "the script failed: {script}");
        Some(Self { holder })
    }

    /// A namespace with nothing but `lo`.
    pub(crate) fn loopback() -> Option<Self> {
        Self::new("")
    }

    /// A namespace in which `address` is the only name server, and 192.0.2.5 this machine.
    pub(crate) fn with_resolver(address: &str) -> Option<Self> {
        Self::new(&format!(
            "ip addr add 192.0.2.5/32 dev lo\n\
             mount -t tmpfs none /mnt\n\
             echo 'nameserver {address}' > /mnt/resolv.conf\n\
             mount --bind /mnt/resolv.conf /etc/resolv.conf"
        ))
    }

    /// A namespace in which everybody may use ICMP datagram sockets and run the program.
    pub(crate) fn open_to_nobody() -> Option<Self> {
        let folder = Path::new(NETDIAG).parent().expect("a folder").display();
        Self::new(&format!(
            "mount --bind '{folder}' /mnt\n\
             echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range"
        ))
    }

    /// The number of the process that holds the namespace.
    pub(crate) fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// A command inside, which is the process itself and no child of another.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = bound("nsenter");
        command.args(["--target", &self.pid().to_string(), "--net", "--mount", "--", program]);
        command
    }

    /// The program inside.
    pub(crate) fn netdiag(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(NETDIAG);
        command.args(arguments);
        command
    }

    /// The program inside [`Namespace::open_to_nobody`], without any right.
    pub(crate) fn nobody(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("setpriv");
        command.args(NOBODY).arg(FOR_NOBODY).args(arguments);
        command
    }

    /// Opens this namespace to nobody, too: see [`open_to_nobody`](Self::open_to_nobody).
    pub(crate) fn let_nobody_in(&self) {
        let folder = Path::new(NETDIAG).parent().expect("a folder").display();
        self.run(&format!(
            "mount --bind '{folder}' /mnt
             echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range"
        ));
    }

    /// Runs a shell script inside, which must succeed.
    pub(crate) fn run(&self, script: &str) -> String {
        let ended = Process::start(self.command("sh").args(["-e", "-c", script])).wait();
        assert_eq!(ended.code(), Some(0), "{script}: {ended:?}");
        ended.out
    }

    /// Makes something inside that belongs to the namespace for good, such as a socket.
    pub(crate) fn inside<T: Send + 'static>(&self, make: fn() -> T) -> T {
        let path = format!("/proc/{}/ns/net", self.pid());
        let network = File::open(path).expect("the holder lives");
        let thread = std::thread::spawn(move || {
            nix::sched::setns(&network, nix::sched::CloneFlags::CLONE_NEWNET).expect("root");
            make()
        });
        thread.join().expect("made")
    }

    /// A server for names on 127.0.0.1 that gives each question to `answer`.
    pub(crate) fn serve_names(&self, answer: fn(&[u8]) -> Option<Vec<u8>>) {
        let socket = self.inside(|| UdpSocket::bind("127.0.0.1:53").expect("nobody else is here"));
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                if let Some(answer) = answer(&buffer[..len]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// What makes a process one without any right (arguments of `setpriv`).
pub(crate) const NOBODY: [&str; 7] = [
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=-all",
    "--pdeathsig",
    "KILL",
    "--",
];

/// The program netlab, built once if it is not there or not fresh.
pub(crate) fn netlab() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let folder = Path::new(NETDIAG).parent().expect("the folder of the profile");
            let profile = match folder.file_name().and_then(|name| name.to_str()) {
                None | Some("debug") => "dev",
                Some(name) => name,
            };
            let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
                .args(["build", "--offline", "--workspace", "--bin", "netlab", "--profile"])
                .arg(profile)
                .arg("--target-dir")
                .arg(target_of(folder))
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .output()
                .expect("cargo starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            folder.join("netlab")
        })
        .clone()
}

/// The folder that cargo was told of, above that of a profile, and that of a target where there is one.
fn target_of(profile: &Path) -> &Path {
    let above = profile.ancestors().skip(1);
    above.filter(|folder| folder.join("CACHEDIR.TAG").exists()).last().expect("the target folder")
}

/// A scenario of tests/scenarios.
pub(crate) fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/scenarios/{name}.toml"))
}

/// What is left of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The code that a shell would see.
    pub(crate) fn shell_code(&self) -> i32 {
        self.code().unwrap_or_else(|| 128 + self.signal().unwrap_or_default())
    }

    /// The one document on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }

    /// The document's only target.
    pub(crate) fn target(&self) -> Value {
        let document = self.json();
        let targets = document["targets"].as_array().expect("targets");
        assert_eq!(targets.len(), 1, "{self:?}");
        targets[0].clone()
    }
}

/// What a process has written so far, and whether more can come.
#[derive(Clone, Default)]
pub(super) struct Stream(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The bytes, and whether they are all.
    state: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

impl Stream {
    pub(super) fn of(source: Option<impl Read + Send + 'static>) -> Self {
        let stream = Self::default();
        let Some(mut source) = source else {
            stream.0.state.lock().expect("whole").1 = true;
            return stream;
        };
        let shared = stream.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let len = source.read(&mut buffer).unwrap_or(0);
                let mut state = shared.0.state.lock().expect("whole");
                state.0.extend_from_slice(&buffer[..len]);
                state.1 = len == 0;
                shared.0.changed.notify_all();
                if len == 0 {
                    return;
                }
            }
        });
        stream
    }

    /// Waits until the text is as wished, or ends; then what there is.
    pub(super) fn until(&self, wished: impl Fn(&str) -> bool) -> String {
        let Shared { state, changed } = &*self.0;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let state = state.lock().expect("whole");
        let (state, _) = changed
            .wait_timeout_while(state, BOUND, |(bytes, ended)| !*ended && !wished(&text(bytes)))
            .expect("whole");
        text(&state.0)
    }
}

/// Has the kernel stamp what it receives, from now on until the tests end: it does as long as any socket
/// of the machine asks for it, and begins some time after the first one does (net/core/dev.c,
/// `net_enable_timestamp`), so that the first answers of a lone run may go without.
fn keep_stamps_on() {
    static KEPT: std::sync::Once = std::sync::Once::new();
    KEPT.call_once(|| {
        // A socket of each family that hears nothing.
        let request = netdiag_sys::OpenRequest { no_icmp: true, udp: true, ..Default::default() };
        std::mem::forget(request.open());
    });
}

/// A process that runs.
pub(crate) struct Process {
    child: Child,
    out: Stream,
    err: Stream,
    took: Box<dyn Fn() -> Duration>,
    _watchdog: Sender<()>,
}

impl Process {
    /// Starts it with both outputs read.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_into(command, Stdio::piped())
    }

    /// Starts it with its stdout elsewhere.
    pub(crate) fn start_into(command: &mut Command, stdout: Stdio) -> Self {
        Self::start_between(command, [Stdio::null(), stdout, Stdio::piped()])
    }

    /// Starts it with this for its standard input, and both outputs read.
    pub(crate) fn start_reading(command: &mut Command, stdin: Stdio) -> Self {
        Self::start_between(command, [stdin, Stdio::piped(), Stdio::piped()])
    }

    /// Starts it with these for its standard input, output and error.
    pub(super) fn start_between(command: &mut Command, streams: [Stdio; 3]) -> Self {
        keep_stamps_on();
        let took = Box::new(stopwatch());
        let [stdin, stdout, stderr] = streams;
        let mut child = command
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
        let (out, err) = (Stream::of(child.stdout.take()), Stream::of(child.stderr.take()));
        // Ended when this is dropped, so before the number can be another's.
        let (watchdog, over) = channel::<()>();
        let pid = pid(&child);
        std::thread::spawn(move || {
            if over.recv_timeout(BOUND) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = kill(pid, Signal::SIGKILL);
            }
        });
        Self { child, out, err, took, _watchdog: watchdog }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until stdout is as wished.
    pub(crate) fn until_out(&self, wished: impl Fn(&str) -> bool) -> String {
        let text = self.out.until(&wished);
        assert!(wished(&text), "stdout: {text}\nstderr: {}", self.err.until(|_| true));
        text
    }

    /// Waits until stderr is as wished.
    pub(crate) fn until_err(&self, wished: impl Fn(&str) -> bool) -> String {
        let text = self.err.until(&wished);
        assert!(wished(&text), "stderr: {text}\nstdout: {}", self.out.until(|_| true));
        text
    }

    /// Waits until the kernel says that it is in this state (proc(5)).
    pub(crate) fn until_state(&self, state: char) {
        let path = format!("/proc/{}/stat", self.id());
        let since = stopwatch();
        let is_there = || {
            let stat = std::fs::read_to_string(&path).expect("it is there");
            stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(state))
        };
        while !is_there() {
            assert!(since() < BOUND, "never in state {state}");
            std::thread::yield_now();
        }
    }

    /// Waits until it takes a signal as an input, so has blocked it.
    pub(crate) fn until_watching(&self, signal: Signal) {
        self.until_mask("SigBlk:", signal, true);
    }

    /// Waits until a signal is not blocked in its main thread.
    pub(crate) fn until_unblocked(&self, signal: Signal) {
        self.until_mask("SigBlk:", signal, false);
    }

    /// Waits until it has a handler for a signal.
    pub(crate) fn until_caught(&self, signal: Signal) {
        self.until_mask("SigCgt:", signal, true);
    }

    /// Waits until a mask of its main thread has a signal, or has it not (proc(5)).
    fn until_mask(&self, name: &str, signal: Signal, wanted: bool) {
        let path = format!("/proc/{}/status", self.id());
        let since = stopwatch();
        let has = || {
            let status = std::fs::read_to_string(&path).expect("it is there");
            let mask = status.lines().find_map(|line| line.strip_prefix(name)).expect("a mask");
            let mask = u64::from_str_radix(mask.trim(), 16).expect("a number");
            mask & (1 << (signal as u32 - 1)) != 0
        };
        while has() != wanted {
            assert!(since() < BOUND, "{name} {signal}: not {wanted}");
            std::thread::yield_now();
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(pid(&self.child), signal).expect("our child");
    }

    /// The same by number: some have no name.
    pub(crate) fn signal_number(&self, signal: i32) {
        let line = format!("kill -{signal} {}", self.id());
        let ended = run(Command::new("sh").args(["-c", &line]));
        assert_eq!(ended.code(), Some(0), "{line}: {ended:?}");
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let status = self.child.wait().expect("our child");
        let took = (self.took)();
        let (out, err) = (self.out.until(|_| false), self.err.until(|_| false));
        assert!(took < BOUND, "killed after {took:?}\nstdout: {out}\nstderr: {err}");
        Ended { status, out, err, took }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process number"))
}

/// Starts it and waits for its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    Process::start(command).wait()
}

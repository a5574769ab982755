//! The sandbox from outside: it is there, it is in nobody's way, and where it cannot be had the
//! program measures all the same (FAULTS.md section D).

use super::seccomp::{filtered, without};
use crate::support::process::{Ended, NETDIAG, Namespace, Process, has, run};
use nix::libc::{
    EACCES, ENOSYS, EOPNOTSUPP, EPERM, SYS_landlock_create_ruleset, SYS_landlock_restrict_self,
    SYS_seccomp,
};
use nix::sys::signal::Signal;

/// The line of `/proc/PID/task/TID/status` that begins so, of each thread.
fn of_threads(process: &Process, field: &str) -> Vec<String> {
    let tasks = format!("/proc/{}/task", process.id());
    let tasks = std::fs::read_dir(tasks).expect("it runs").map(|task| task.expect("readable"));
    tasks
        .map(|task| {
            let status = std::fs::read_to_string(task.path().join("status")).expect("it runs");
            let line = status.lines().find(|line| line.starts_with(field)).expect("a line");
            line.trim_start_matches(field).trim().to_owned()
        })
        .collect()
}

#[test]
fn d_every_thread_is_confined() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    for (arguments, threads) in
        [(&["-n"][..], 1), (&["--names"], 2), (&["--backend", "portable"], 2)]
    {
        let arguments = [&["ping", "-i", "0.05"], arguments, &["127.0.0.1"]].concat();
        for mut command in [namespace.netdiag(&arguments), namespace.nobody(&arguments)] {
            let process = Process::start(&mut command);
            process.until_out(|out| out.contains("icmp_seq=2 "));
            for (field, value) in [("Seccomp:", "2"), ("NoNewPrivs:", "1")] {
                let all = of_threads(&process, field);
                assert!(all.len() >= threads, "{arguments:?}: {all:?}");
                assert!(all.iter().all(|one| one == value), "{field} {arguments:?}: {all:?}");
            }
            process.signal(Signal::SIGINT);
            assert_eq!(process.wait().code(), Some(0), "{arguments:?}");
        }
    }
}

/// Lines of strace with a call that the sandbox refused. clone3 is meant to be.
fn refusals(trace: &str) -> Vec<&str> {
    let inside = trace.split_once("SECCOMP_SET_MODE_FILTER").expect("a sandbox").1;
    let is_refused =
        |line: &&str| [" EPERM ", " EACCES ", " ENOSYS "].iter().any(|word| line.contains(word));
    inside.lines().filter(is_refused).filter(|line| !line.contains("clone3")).collect()
}

#[test]
fn d_no_call_that_a_run_makes_is_refused() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.1") else { return };
    if !has("strace") {
        return;
    }
    namespace.run("printf '127.0.0.2\nlocalhost\n' > /mnt/targets; ulimit -c 0");
    for arguments in [
        &["ping", "-c", "2", "-i", "0.05", "-n", "127.0.0.1", "::1"][..],
        &["ping", "-c", "2", "-i", "0.05", "--names", "-I", "lo", "127.0.0.1", "localhost"],
        &["ping", "-c", "1", "-W", "0.1", "--names", "192.0.2.5", "one.test", "two.test"],
        &["ping", "-c", "2", "-i", "0.05", "-o", "jsonl", "--names", "fe80::1%lo", "127.0.0.1"],
        &["ping", "-c", "2", "--proto", "icmp,udp:9,tcp:9", "-i", "0.1", "--dates", "127.0.0.1"],
        &["ping", "-c", "2", "-i", "0.05", "--backend", "portable", "127.0.0.1", "::1"],
        &["ping", "--classic", "-v", "-c", "1", "localhost"],
        &["sweep", "--file", "/mnt/targets", "127.0.0.0/30", "--proto", "tcp:9"],
    ] {
        // What the program says there would break the lines.
        let file = tempfile::NamedTempFile::new().expect("a folder for it");
        let path = file.path().to_str().expect("plain letters");
        let mut command = namespace.command("strace");
        let ended = run(command.args(["-f", "-o", path, NETDIAG]).args(arguments));
        assert!(!ended.err.contains("panicked"), "{ended:?}");
        let trace = std::fs::read_to_string(path).expect("a trace");
        assert_eq!(refusals(&trace), [""; 0], "{arguments:?}");
    }
}

#[test]
fn d_a_file_of_targets_is_read_wherever_it_is() {
    let Some(namespace) = Namespace::loopback() else { return };
    namespace.run(
        "mount -t tmpfs none /mnt; mkdir /mnt/there; echo 127.0.0.2 > /mnt/there/targets
         ln -s there/targets /mnt/link; mkfifo /mnt/fifo",
    );
    let shell = |script: &str| {
        let script = format!("cd /mnt; {}", script.replace("SWEEP", &format!("{NETDIAG} sweep")));
        run(namespace.command("sh").args(["-c", &script]))
    };
    for script in [
        "SWEEP --file /mnt/there/targets",
        "SWEEP --file there/../link",
        "SWEEP --file - < link",
        "SWEEP --file /dev/stdin < link",
        "cat link | SWEEP --file /dev/stdin",
        "cat link > fifo & SWEEP --file fifo",
    ] {
        let ended = shell(script);
        assert_eq!(ended.code(), Some(0), "{script}: {ended:?}");
        assert!(ended.out.contains("127.0.0.2"), "{script}: {ended:?}");
    }
    for (script, reason) in
        [("SWEEP --file nothing", "No such file"), ("SWEEP --file there", "Is a directory")]
    {
        let ended = shell(script);
        assert_eq!(ended.code(), Some(2), "{script}: {ended:?}");
        assert!(ended.err.contains(reason), "{script}: {ended:?}");
    }
}

/// As systemd-resolved and others have it.
#[test]
fn d_a_resolv_conf_that_is_a_link_is_followed() {
    let Some(namespace) = Namespace::new(
        "ip addr add 192.0.2.5/32 dev lo
         mount -t tmpfs none /run; mkdir /run/resolve; echo 'nameserver 127.0.0.1' > /run/resolve/stub
         mount -t tmpfs none /etc; ln -s ../run/resolve/stub /etc/resolv.conf
         echo '192.0.2.5 own.test' > /run/resolve/hosts; ln -s ../run/resolve/hosts /etc/hosts",
    ) else {
        return;
    };
    let ended = run(&mut namespace.netdiag(&["ping", "-c", "1", "--names", "own.test"]));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.out.contains("64 bytes from own.test (192.0.2.5)"), "{ended:?}");
    // Nobody is asked there, which could only be found out by who read the file.
    let ended = run(&mut namespace.netdiag(&["ping", "-c", "1", "another.test"]));
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(format!("{ended:?}").contains("127.0.0.1"), "{ended:?}");
}

/// What the program says of its sandbox.
fn said(ended: &Ended) -> String {
    assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let (version, sandbox) = ended.out.split_once('\n').expect("two lines");
    assert!(version.starts_with("netdiag") && version.contains(env!("CARGO_PKG_VERSION")));
    sandbox.strip_prefix("sandbox: ").expect("a line of its own").trim_end().to_owned()
}

#[test]
fn d_the_sandbox_is_told_with_the_version() {
    let Some(namespace) = Namespace::loopback() else { return };
    for arguments in [&["--version", "--verbose"][..], &["ping", "--version", "--verbose"]] {
        let said = said(&run(&mut namespace.netdiag(arguments)));
        assert!(said.starts_with("seccomp"), "{said}");
    }
    let ended = run(&mut namespace.netdiag(&["--version"]));
    assert_eq!(ended.out.lines().count(), 1, "{ended:?}");
}

#[test]
fn d_where_no_sandbox_can_be_had_it_measures_all_the_same() {
    let Some(namespace) = Namespace::loopback() else { return };
    namespace.run("mount -t tmpfs none /mnt; echo localhost > /mnt/targets");
    let landlock = [SYS_landlock_create_ruleset];
    for errno in [EPERM, ENOSYS, EACCES, EOPNOTSUPP] {
        for (calls, words) in [
            (&[SYS_seccomp, SYS_landlock_create_ruleset][..], "none (no seccomp: E"),
            (&[SYS_seccomp, SYS_landlock_restrict_self], "none (no seccomp: E"),
            (&landlock, "seccomp (no landlock: E"),
            (&[SYS_seccomp], "(no seccomp: E"),
        ] {
            let filters = [without(calls, errno)];
            for arguments in [
                &["ping", "-n", "-c", "1", "127.0.0.1"][..],
                &["ping", "-c", "1", "--names", "localhost"],
                &["sweep", "--file", "/mnt/targets"],
            ] {
                let ended = filtered(&namespace, &filters, arguments);
                assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{ended:?}");
            }
            let said = said(&filtered(&namespace, &filters, &["--version", "--verbose"]));
            assert!(said.contains(words), "{errno}: {said}");
        }
    }
}

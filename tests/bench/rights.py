"""Figure 6: how long a process has raised capabilities, and that it hears nobody before they are gone."""

import os
import re
import shutil
import statistics
import tempfile

from lab import NETDIAG, loopback, run, spread, table

RUNS = 21
MOST_CALLS, MOST_MS = 100, 5
COMMANDS = {
    "an address": ["ping", "-n", "-c1", "127.0.0.1"],
    "a name": ["ping", "-n", "-c1", "localhost"],
    "three protocols": ["ping", "-n", "-c1", "--proto", "icmp,udp:9,tcp:9", "localhost"],
}
NOBODY = ["-u", "nobody"]
CALL = re.compile(r"^(?:\[pid +\d+\] )?(\d+\.\d+) (\w+)\((.*)$")
GONE = re.compile(r"effective=0, permitted=0, inheritable=0")
# By these something from outside can come in. The C library asks for its own path (readlink).
INPUT = {"open", "openat", "openat2", "read", "pread64", "readv", "recv", "recvfrom", "recvmsg", "recvmmsg",
         "connect", "accept4", "sendto", "sendmmsg"}


def trace(*command):
    """[(seconds, call, rest of its line)] from exec on."""
    lines = run(["strace", "-f", "-qq", "-ttt", *command]).splitlines()
    calls = [match.groups() for match in map(CALL.match, lines) if match]
    start = next(place for place, call in enumerate(calls) if call[1] == "execve" and call[2].endswith("= 0"))
    return [(float(at), name, rest) for at, name, rest in calls[start:]]


def until_gone(calls):
    """The calls until nothing is permitted any more, that one included."""
    last = next(place for place, call in enumerate(calls) if call[1] == "capset" and GONE.search(call[2]))
    return calls[:last + 1]


def raised_at(calls):
    """Where rights begin to be effective: at exec, or at the first capset."""
    got = next(call for call in calls if call[1] == "capget")
    if "effective=0," not in got[2]:
        return 0
    return next(place for place, call in enumerate(calls) if call[1] == "capset")


def heard(calls):
    """What came in meanwhile. A socket that is asked and has nothing is none of it."""
    return [name for _, name, rest in calls if name in INPUT and "EAGAIN" not in rest]


def milliseconds(program):
    """From exec to the drop, with only these two calls stopped at, so a little more than without."""
    stop = ["--seccomp-bpf", "-e", "trace=execve,capset"]
    traced = [until_gone(trace(*stop, *program)) for _ in range(RUNS)]
    return [(calls[-1][0] - calls[0][0]) * 1e3 for calls in traced]


def row(name, who, arguments, program):
    calls = until_gone(trace(*arguments, *program))
    raised = len(calls) - raised_at(calls)
    # The filter that spares the other calls comes with no_new_privs, which keeps a file's capabilities away; but
    # what root does includes it.
    times = [] if arguments else milliseconds(program)
    fits = raised <= MOST_CALLS and not heard(calls) and statistics.median(times or [0]) < MOST_MS
    return [f"{name}, {who}", len(calls), raised, spread(times, 2) if times else "-",
            " ".join(heard(calls)) or "nothing", "yes" if fits else "NO"]


def main():
    print(f"{run(['strace', '-V']).splitlines()[0]}; goal: at most {MOST_CALLS} calls and {MOST_MS} ms with raised"
          f" capabilities, nothing heard\n{RUNS} runs of each for the time, under strace: median (lowest-highest), ms")
    loopback()
    rows = [row(name, "root", [], [NETDIAG, *command]) for name, command in COMMANDS.items()]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        own = shutil.copy(NETDIAG, os.path.join(folder, "netdiag"))
        run(["setcap", "cap_net_raw+p", own])
        rows += [row(name, "cap_net_raw+p", NOBODY, [own, *command]) for name, command in COMMANDS.items()]
    table(["command", "calls from exec", "calls raised", "ms raised", "heard before the drop", "holds"], rows)


if __name__ == "__main__":
    main()

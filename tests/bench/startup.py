"""Figure 4: one probe to loopback, from start to end."""

import os
import re
import statistics
import subprocess
import time

from lab import NETDIAG, loopback, spread, table, versions, wait_for

RUNS = 41
MEMORY_RUNS = 5
# What of ping's is allowed, and MiB.
GOAL, MOST_MEMORY = 1.2, 4
TOOLS = {
    "netdiag ping -c1": [NETDIAG, "ping", "-c1", "127.0.0.1"],
    "netdiag ping -n -c1": [NETDIAG, "ping", "-n", "-c1", "127.0.0.1"],
    "ping -n -c1": ["/usr/bin/env", "ping", "-n", "-c1", "127.0.0.1"],
    "fping -c1": ["/usr/bin/env", "fping", "-c1", "127.0.0.1"],
}


def once(command):
    """Wall and CPU milliseconds of one process."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    before = time.perf_counter_ns()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter_ns() - before
    os.close(null)
    if status:
        raise SystemExit(f"{command}: status {status}")
    return wall / 1e6, (usage.ru_utime + usage.ru_stime) * 1e3


def peak(command):
    """The most memory of one process in MiB (VmHWM), looked at while strace holds it as it exits.

    wait4(2) would also count what the process had of ours before its exec.
    """
    held = ["strace", "-o", "/dev/null", "-e", "trace=exit_group", "-e", "inject=exit_group:delay_enter=300000"]
    tracer = subprocess.Popen([*held, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    status = ""

    def is_at_the_end():
        """In exit_group (231 on x86-64, 94 elsewhere), or held before it."""
        nonlocal status
        with open(f"/proc/{tracer.pid}/task/{tracer.pid}/children") as file:
            child = file.read().strip() or "none"
        with open(f"/proc/{child}/syscall") as file:
            ends = file.read().startswith(("231 ", "94 "))
        with open(f"/proc/{child}/status") as file:
            status = file.read()
        return ends

    wait_for(is_at_the_end, f"the end of {command}")
    tracer.wait()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def find(command):
    """The command without env: the path is searched here, not in the time that is measured."""
    if command[0] != "/usr/bin/env":
        return command
    paths = (f"{folder}/{command[1]}" for folder in os.environ["PATH"].split(":"))
    return [next(path for path in paths if os.access(path, os.X_OK)), *command[2:]]


def main():
    print(f"{versions()}\n{RUNS} runs of each in turn: median (lowest-highest), ms")
    loopback()
    commands = {name: find(command) for name, command in TOOLS.items()}
    figures = {name: [] for name in TOOLS}
    for _ in range(RUNS):
        for name, command in commands.items():
            figures[name].append(once(command))
    wall, cpu = ({name: [run[column] for run in runs] for name, runs in figures.items()}
                 for column in (0, 1))
    base_wall, base_cpu = (statistics.median(values["ping -n -c1"]) for values in (wall, cpu))
    memory = {name: [peak(command) for _ in range(MEMORY_RUNS)] for name, command in commands.items()}
    table(["command", "wall", "of ping's", "CPU", "of ping's", "peak MiB"],
          [[name, spread(wall[name], 2), f"{statistics.median(wall[name]) / base_wall:.2f}",
            spread(cpu[name], 2), f"{statistics.median(cpu[name]) / base_cpu:.2f}",
            spread(memory[name], 2)] for name in TOOLS])
    ours = "netdiag ping -n -c1"
    fits = (max(statistics.median(wall[ours]) / base_wall, statistics.median(cpu[ours]) / base_cpu) <= GOAL
            and statistics.median(memory[ours]) <= MOST_MEMORY)
    print(f"goal of `{ours}`: {GOAL} x wall and CPU of `ping -n -c1`, {MOST_MEMORY} MiB: {'held' if fits else 'MISSED'}")


if __name__ == "__main__":
    main()

"""Figure 5: processor time of a probe, back to back over loopback (the kernel's answer included)."""

import statistics

from lab import NETDIAG, loopback, spread, table, versions
from startup import find, once

COUNT, RUNS = 20_000, 5
TOOLS = {
    "netdiag ping -i 0": [NETDIAG, "ping", "-i", "0", "-c", str(COUNT), "-q", "127.0.0.1"],
    "ping -f": ["/usr/bin/env", "ping", "-f", "-c", str(COUNT), "-q", "127.0.0.1"],
}


def main():
    print(f"{versions()}\n{COUNT} probes, {RUNS} runs of each in turn: median (lowest-highest), us a probe")
    loopback()
    commands = {name: find(command) for name, command in TOOLS.items()}
    figures = {name: [] for name in TOOLS}
    for _ in range(RUNS):
        for name, command in commands.items():
            figures[name].append([ms * 1e3 / COUNT for ms in once(command)])
    base = statistics.median(cpu for _, cpu in figures["ping -f"])
    rows = []
    for name, runs in figures.items():
        cpu = [cpu for _, cpu in runs]
        rows.append([name, spread(cpu, 2), f"{statistics.median(cpu) / base:.2f}",
                     spread([wall for wall, _ in runs], 2)])
    table(["command", "CPU", "of ping's", "wall"], rows)


if __name__ == "__main__":
    main()

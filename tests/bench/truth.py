"""Figure 1: how far each tool's printed round trip lies from that of the same packet on the wire."""

import json
import os
import re
import statistics

from lab import FAR, NETDIAG, PEERS, Busy, Capture, FarEnd, quantile, run, spread, table, versions

PROBES = int(os.environ.get("PROBES", 250))
PASSES = int(os.environ.get("PASSES", 3))
# At 20 ms every reply comes while a later request leaves; at 24 ms none does.
DELAYS_US = (1_000, 20_000, 24_000)
GOAL_MEDIAN_US, GOAL_P99_US, GOAL_RATIO = 5, 25, 3
# Beyond this many probes without a pair of a print and a capture, something is wrong.
MOST_UNMATCHED = 5


# Each tool: its command, and from its output pairs of which request and milliseconds printed. Which
# request: an ICMP sequence number, or where the tool's own number is not on the wire, ("nth", n).

def netdiag(text):
    document = json.loads(text)
    probes = document["targets"][0]["probes"]
    user = sum(probe["stamp"] == "user" for probe in probes)
    if user:
        print(f"  netdiag: {user} of {len(probes)} round trips are by the user's clock")
    return [(("nth", p["seq"] - 1), p["rtt_ms"]) for p in probes if p["rtt_ms"] is not None]


def iputils(text):
    found = re.findall(r"icmp_seq=(\d+) .*time=([\d.]+) ms", text)
    return [(int(seq), float(ms)) for seq, ms in found]


def fping(text):
    values = re.search(r" : (.+)", text)[1].split()
    return [(("nth", n), float(ms)) for n, ms in enumerate(values) if ms != "-"]


def mtr(text):
    found = re.findall(r"^p \d+ (\d+) (\d+)$", text, re.M)
    return [(int(seq), int(us) / 1_000) for us, seq in found]


def surge(text):
    return [(int(seq), float(ms)) for seq, ms in re.findall(r"^(\d+) ([\d.]+)$", text, re.M)]


TOOLS = {
    "netdiag": ([NETDIAG, "ping", "-n", "-i", "0.01", "-c", PROBES, "-W", "1", "--json", FAR], netdiag),
    "ping": (["ping", "-n", "-i", "0.01", "-c", PROBES, "-W", "1", FAR], iputils),
    "fping": (["fping", "-q", "-C", PROBES, "-p", "10", "-t", "500", FAR], fping),
    "mtr --raw": (["mtr", "--raw", "-n", "-c", PROBES, "-i", "0.01", "-G", "0.2", FAR], mtr),
    "surge-ping": ([f"{PEERS}/surge", FAR, PROBES, "10"], surge),
}


class Cell:
    """One round trip and one load: every tool measured in turn."""

    def __init__(self, delay_us, loops, order):
        far = FarEnd(delay_us, seconds=120)
        self.near, self.far = Capture("near"), Capture("far", far.child.pid)
        self.wires, self.widths, self.figures = [], [], {}
        busy = Busy(loops)
        for name in order:
            self.figures[name] = self.measure(name)
        self.cores = busy.end()
        self.near.close(), self.far.close()
        far.end()

    def measure(self, name):
        """Median error, its p99, and p99 of the part that no doubt about the truth explains; us."""
        command, parse = TOOLS[name]
        self.near.take(), self.far.take()
        printed = parse(run([str(word) for word in command]))
        requests, replies = self.near.take()
        arrived = dict(self.far.take(at_far_end=True)[0])
        # The packet left between these two stamps, so its round trip lies between these two.
        longest, shortest = {}, {}
        for nth, (key, left) in enumerate(requests):
            if key in replies and key in arrived:
                longest[key[1]] = longest["nth", nth] = (replies[key] - left) / 1e3
                shortest[key[1]] = shortest["nth", nth] = (replies[key] - arrived[key]) / 1e3
        found = [(ms * 1e3, which) for which, ms in printed if which in longest]
        if len(found) < PROBES - MOST_UNMATCHED:
            print(f"  {name}: only {len(found)} of {PROBES} probes matched "
                  f"({len(printed)} printed, {len(requests)} left, {len(replies)} came back)")
        if not found:
            raise SystemExit(f"{name}: nothing to compare")
        self.wires += [longest[which] for _, which in found]
        self.widths += [longest[which] - shortest[which] for _, which in found]
        errors = [abs(us - longest[which]) for us, which in found]
        beyond = [max(us - longest[which], shortest[which] - us, 0) for us, which in found]
        return statistics.median(errors), quantile(errors, 0.99), quantile(beyond, 0.99)


def compare(delay_us, loops):
    """Prints the table of some passes of a cell; whether the goals hold."""
    names = list(TOOLS)
    order = [names[n % len(names):] + names[:n % len(names)] for n in range(PASSES)]
    cells = [Cell(delay_us, loops, order[n]) for n in range(PASSES)]
    width = [us for cell in cells for us in cell.widths]
    print(f"\nround trip {delay_us / 1e3:g} ms, {f'{loops} busy loops' if loops else 'idle'}: "
          f"{spread([cell.cores for cell in cells])} of {os.cpu_count()} cores busy; on the wire "
          f"{statistics.median(us for cell in cells for us in cell.wires):.0f} us, "
          f"in doubt by {statistics.median(width):.1f} (p99 {quantile(width, 0.99):.1f})")

    def of(name, column):
        return [cell.figures[name][column] for cell in cells]

    def times(name, column=0):
        return [a / max(b, 0.001) for a, b in zip(of(name, column), of("netdiag", column))]

    table(["tool", "median", "p99", "p99 beyond doubt", "median / netdiag's", "p99 / netdiag's"],
          [[name, *(spread(of(name, column)) for column in range(3)),
            spread(times(name)), spread(times(name, 1))] for name in names])
    goals = {
        f"median <= {GOAL_MEDIAN_US}": statistics.median(of("netdiag", 0)) <= GOAL_MEDIAN_US,
        f"p99 <= {GOAL_P99_US}": statistics.median(of("netdiag", 1)) <= GOAL_P99_US,
        f"{GOAL_RATIO}x nearer than ping": statistics.median(times("ping")) >= GOAL_RATIO,
    }
    print("goals: " + ", ".join(f"{goal}: {'yes' if holds else 'NO'}" for goal, holds in goals.items()))
    return all(goals.values())


def main():
    print(f"{versions()}; surge-ping 0.9.1\n{PROBES} probes at 10 ms a tool, {PASSES} passes; "
          "|printed - wire| in us: median (lowest-highest) of the passes")
    holds = [compare(delay_us, loops) for delay_us in DELAYS_US for loops in (0, os.cpu_count())]
    print(f"\nnetdiag {'reaches' if all(holds) else 'MISSES'} the goals (medians of the passes)")


if __name__ == "__main__":
    main()

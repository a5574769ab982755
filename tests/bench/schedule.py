"""Figure 2: does the n-th request leave at n times the interval?"""

import os
import statistics

from lab import FAR, NETDIAG, Busy, Capture, FarEnd, loopback, quantile, run, table, versions

COUNT, INTERVAL_MS = 1_000, 10
GOAL_MS = 2


def drift(command, capture):
    """How many ms each request left late, against the first and the interval."""
    capture.take()
    run(command)
    requests, _ = capture.take()
    first = requests[0][1]
    return [(left - first) / 1e6 - n * INTERVAL_MS for n, (_, left) in enumerate(requests)]


def compare(title, address, capture, loops):
    tools = {
        "netdiag": [NETDIAG, "ping", "-n", "-q", "-i", "0.01", "-c", str(COUNT), address],
        "ping": ["ping", "-n", "-q", "-i", "0.01", "-c", str(COUNT), address],
        "fping": ["fping", "-q", "-c", str(COUNT), "-p", str(INTERVAL_MS), "-t", "500", address],
    }
    busy = Busy(loops)
    rows, holds = [], None
    for name, command in tools.items():
        late = drift(command, capture)
        if holds is None:
            holds = len(late) == COUNT and abs(late[-1]) <= GOAL_MS
        rows.append([name, len(late), f"{(len(late) - 1) * INTERVAL_MS / 1e3 + late[-1] / 1e3:.4f} s",
                     f"{late[-1]:+.3f}", f"{statistics.median(late):+.3f}",
                     f"{quantile([abs(ms) for ms in late], 0.99):.3f}", f"{max(map(abs, late)):.3f}"])
    print(f"\n{title}; {busy.end():.1f} of {os.cpu_count()} cores busy")
    table(["tool", "sent", "last at", "last late, ms", "median late", "p99 |late|", "max |late|"], rows)
    print(f"goal: netdiag's last within {GOAL_MS} ms of {(COUNT - 1) * INTERVAL_MS / 1e3} s: "
          f"{'yes' if holds else 'NO'}")


def main():
    print(f"{versions()}\n{COUNT} requests, one every {INTERVAL_MS} ms, by the capture's send stamps")
    loopback()
    compare("loopback, idle", "127.0.0.1", Capture("lo"), 0)
    far = FarEnd(1_000, seconds=150)
    capture = Capture("near")
    compare("round trip 1 ms, idle", FAR, capture, 0)
    compare(f"round trip 1 ms, {os.cpu_count()} busy loops", FAR, capture, os.cpu_count())
    capture.close()
    far.end()


if __name__ == "__main__":
    main()

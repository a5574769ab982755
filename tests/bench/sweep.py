"""Figure 7: many targets: a whole /16 alive, half of it dead, series of thousands of targets."""

import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from lab import NETDIAG, PEERS, Capture, Child, run, sh, spread, table, versions, wait_for

PASSES = int(os.environ.get("PASSES", 5))
LIVE, HALF = "10.80", "10.81"
# At most so many times the bare loop, of zmap, of fping.
GOAL_FLOOR, GOAL_ZMAP, GOAL_FPING_WALL, GOAL_FPING_CPU = 1.4, 0.6, 1 / 15, 1 / 4
GOAL_KIB = 8 << 10


class Subnet:
    """Behind a veth pair a kernel that answers for LIVE.0.0/16, and for every second of HALF.0.0/16."""

    SETTINGS = """
        ip link set lo up
        ip route add local {live}.0.0/16 dev lo
        ip route add local {half}.0.0/16 dev lo
        echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
        echo 10000000 > /proc/sys/net/ipv4/icmp_msgs_per_sec
        echo 1000000 > /proc/sys/net/ipv4/icmp_msgs_burst
        nft -f - <<END
table ip t {{
    chain c {{
        type filter hook input priority 0
        ip daddr & 255.255.0.1 == {half}.0.1 drop
    }}
}}
END
        echo ready > {ready}
        exec sleep 1000
    """

    def __init__(self):
        ready = os.path.join(tempfile.mkdtemp(), "ready")
        script = self.SETTINGS.format(live=LIVE, half=HALF, ready=ready)
        self.child = Child("unshare", "--net", "--", "sh", "-ec", script)
        wait_for(lambda: os.path.exists(ready), "the far end")
        shutil.rmtree(os.path.dirname(ready))
        sh(f"ip link add near type veth peer name far netns {self.child.pid}")
        inside = f"nsenter -t {self.child.pid} -n "
        for end, prefix, address in (("near", "", "10.79.0.1"), ("far", inside, "10.79.0.2")):
            sh(f"{prefix}ip link set {end} addrgenmode none up")
            sh(f"{prefix}ip address add {address}/24 dev {end}")
        for net in (LIVE, HALF):
            sh(f"ip route add {net}.0.0/16 via 10.79.0.2")
        run(["ping", "-c", "1", "-q", "10.79.0.2"])


def measure(command, seconds=60, **environment):
    """Wall and CPU seconds, peak KiB, output."""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile() as out, tempfile.NamedTemporaryFile("r") as figures:
        # By a small program in between: a child of ours would begin with our own memory as its peak.
        timed = ["/usr/bin/time", "-q", "-f", "%M", "-o", figures.name, *words]
        before, begin = os.times(), time.monotonic()
        subprocess.run(timed, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL,
                       env={**os.environ, **environment}, timeout=seconds)
        wall, after = time.monotonic() - begin, os.times()
        out.seek(0)
        text = out.read().decode(errors="replace")
        kib = int(figures.read().split()[-1])
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return wall, cpu, kib, text


def sweep(*arguments):
    return [NETDIAG, "sweep", "--rate", "max", "--retry", "0", *arguments]


def last_count(text):
    found = re.search(r"^= ([\d,]+) of", text, re.M)
    return int(found[1].replace(",", "")) if found else None


def alive_lines(text):
    return text.count(" is alive") or text.count("Host: ")


def big(tools, title, seconds=60):
    """Every tool in turn, PASSES times; the table, and the medians."""
    figures = {name: [] for name, *_ in tools}
    for _ in range(PASSES):
        for name, command, count, environment in tools:
            wall, cpu, kib, text = measure(command, seconds, **environment)
            figures[name].append((wall, cpu, kib, count(text)))
    print(f"\n{title}: seconds and MiB, median (lowest-highest) of {PASSES}")

    def of(name, column):
        return [figure[column] for figure in figures[name]]

    table(["tool", "wall", "CPU", "peak MiB", "found", "wall x", "CPU x"],
          [[name, spread(of(name, 0), 2), spread(of(name, 1), 2),
            f"{statistics.median(of(name, 2)) / 1024:.1f}", min(of(name, 3)) if of(name, 3)[0] is not None else "-",
            f"{statistics.median(of(name, 0)) / statistics.median(of(tools[0][0], 0)):.2f}",
            f"{statistics.median(of(name, 1)) / statistics.median(of(tools[0][0], 1)):.2f}"]
           for name, *_ in tools])
    return {name: [statistics.median(of(name, column)) for column in range(3)] + [min(of(name, 3))]
            for name, *_ in tools}


def whole():
    one = [f"{LIVE}.0.0-{LIVE}.255.255"]
    tools = [
        ("bare loop", [f"{PEERS}/floor", f"{LIVE}.0.0", 65_536], lambda t: int(t.split()[0]), {}),
        ("bare loop, stamps", [f"{PEERS}/floor", f"{LIVE}.0.0", 65_536], lambda t: int(t.split()[0]),
         {"STAMPS": "1"}),
        ("netdiag", sweep(*one), last_count, {}),
        ("netdiag jsonl", sweep("--output", "jsonl", *one), lambda t: t.count('"state":"alive"'), {}),
        ("fping -i 0.1", ["fping", "-a", "-r", 0, "-i", "0.1", "-g", f"{LIVE}.0.0", f"{LIVE}.255.255"],
         lambda t: len(t.split()), {}),
    ]
    if shutil.which("nmap"):
        tools.append(("nmap -sn", ["nmap", "-sn", "-n", "-PE", "--max-retries", 0, "-T5", "--min-parallelism",
                                   4096, "-oG", "-", f"{LIVE}.0.0/16"], lambda t: t.count("Status: Up"), {}))
    if shutil.which("zmap"):
        tools.append(("zmap", ["zmap", "-M", "icmp_echoscan", "-i", "near", "-G", far_mac(), "-r", 200_000, "-c", 1,
                               "-q", "-b", os.devnull, f"{LIVE}.0.0/16"], lambda t: len(t.split()), {}))
    found = big(tools, "65,536 live addresses")
    ours, floor = found["netdiag"], found["bare loop"]
    goals = {
        "every one alive": ours[3] == 65_536,
        f"wall <= {GOAL_FLOOR} x bare loop": ours[0] <= GOAL_FLOOR * floor[0],
        f"CPU <= {GOAL_FLOOR} x bare loop": ours[1] <= GOAL_FLOOR * floor[1],
        "wall <= 1/15 of fping's": ours[0] <= GOAL_FPING_WALL * found["fping -i 0.1"][0],
        "CPU <= 1/4 of fping's": ours[1] <= GOAL_FPING_CPU * found["fping -i 0.1"][1],
        "peak <= 8 MiB in text": ours[2] <= GOAL_KIB,
        "and in jsonl": found["netdiag jsonl"][2] <= GOAL_KIB,
    }
    if "zmap" in found:
        goals[f"wall <= {GOAL_ZMAP} x zmap"] = ours[0] <= GOAL_ZMAP * found["zmap"][0]
    print(f"netdiag: {ours[1] / 65_536 * 1e6:.2f} us of CPU a probe with stamps, bare loop "
          f"{floor[1] / 65_536 * 1e6:.2f} without, {found['bare loop, stamps'][1] / 65_536 * 1e6:.2f} with")
    return goals


def far_mac():
    text = run(["ip", "neigh", "show", "dev", "near"])
    return re.search(r"lladdr (\S+)", text)[1]


def half_dead():
    goals = {}
    for count, last, most in ((4_096, "15.255", 1.1), (65_536, "255.255", 1.6)):
        wall, _, kib, text = zip(*(measure(sweep(f"{HALF}.0.0-{HALF}.{last}")) for _ in range(PASSES)))
        alive = {last_count(one) for one in text}
        print(f"\n{count} addresses, every second one dead, timeout 1 s: {spread(wall, 3)} s, "
              f"{max(kib) / 1024:.1f} MiB, alive {alive}")
        goals[f"{count} half dead: all found"] = alive == {count // 2}
        goals[f"{count} half dead: <= {most} s"] = statistics.median(wall) <= most
    return goals


def truth():
    """Round trips printed flat out, against a capture."""
    capture = Capture("near")
    errors = []
    for _ in range(PASSES):
        capture.take()
        text = measure(sweep("--output", "jsonl", f"{LIVE}.0.0-{LIVE}.7.255"))[3]
        requests, replies = capture.take()
        wire = {}
        for key, left in requests:
            wire.setdefault(key, []).append(left)
        probes = sorted((json.loads(line) for line in text.splitlines() if '"type":"probe"' in line),
                        key=lambda probe: probe["target_index"])
        # Both are in the order of sending; the far end answers in that order.
        for probe, (key, left) in zip(probes, requests):
            if probe["rtt_ms"] is not None and key in replies:
                errors.append(abs(probe["rtt_ms"] * 1e3 - (replies[key] - left) / 1e3))
    capture.close()
    print(f"\nprinted flat out against the wire: median error {statistics.median(errors):.1f} us, "
          f"p99 {sorted(errors)[int(len(errors) * 0.99)]:.1f} us, {len(errors)} replies")
    return {"median error <= 10 us flat out": statistics.median(errors) <= 10}


def series():
    goals = {}
    for targets, last, cpu_goal, kib_goal in ((10_000, "39.15", 10.0, 10 << 10), (1_000, "3.231", 1.2, None)):
        command = [NETDIAG, "sweep", "--output", "jsonl", "--count", 20, "--interval", 1, "--rate", targets,
                   f"{LIVE}.0.0-{LIVE}.{last}"]
        quiet = [*command[:2], "-q", *command[4:]]
        wall, cpu, kib, text = measure(quiet)
        percent = cpu / wall * 100
        print(f"\n{targets} targets once a second, 20 times: {wall:.2f} s, {percent:.2f} % of a core, "
              f"{kib / 1024:.1f} MiB, alive {last_count(text)}")
        goals[f"{targets} targets: <= {cpu_goal} % of a core"] = percent <= cpu_goal
        if kib_goal:
            goals[f"{targets} targets: <= 10 MiB"] = kib <= kib_goal
        lines = (json.loads(line) for line in measure(command)[3].splitlines() if '"type":"probe"' in line)
        sent = {}
        for probe in lines:
            sent.setdefault(probe["target_index"], []).append(probe["sent_offset_ms"])
        # On time: within a tick of 20 ms and what the machine adds, counted from the target's first.
        late = [abs(at - times[0] - n * 1_000) for times in sent.values() for n, at in enumerate(times)]
        complete = len(late) == targets * 20
        print(f"  {len(late)} of {targets * 20} sent; off their second by {statistics.median(late):.3f} ms at the "
              f"median, {max(late):.1f} at most")
        goals[f"{targets} targets: every probe sent"] = complete
        if shutil.which("fping") and targets == 1_000:
            wall, cpu, _, _ = measure(["fping", "-q", "-C", 20, "-p", 1000, "-i", "0.9", "-g", f"{LIVE}.0.0",
                                       f"{LIVE}.{last}"])
            print(f"  fping spread over the second: {cpu / wall * 100:.2f} % of a core")
    return goals


def main():
    print(versions())
    Subnet()
    goals = {**whole(), **half_dead(), **truth(), **series()}
    print("\ngoals: " + "; ".join(f"{goal}: {'yes' if holds else 'NO'}" for goal, holds in goals.items()))
    print(f"netdiag {'reaches' if all(goals.values()) else 'MISSES'} the goals")


if __name__ == "__main__":
    main()

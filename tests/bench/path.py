"""Figure 8: paths: twenty routers that are kernels, two of them silent, rounds over them, 256 targets at once."""

import json
import os
import re
import shutil
import socket
import statistics
import struct
import subprocess
import time

from lab import (ECHO_REQUEST, NETDIAG, PACKET_OUTGOING, PACKET_STATISTICS, SO_TIMESTAMPNS, SOL_PACKET, Busy, Capture,
                 Child, quantile, run, sh, spread, table, timed, versions, wait_for)
from sweep import measure

PASSES = int(os.environ.get("PASSES", 21))
# Of what takes seconds, of what takes half of one, and of peak memory.
LONG_PASSES, MANY_PASSES, MEMORY_PASSES = (max(1, PASSES * part // 21) for part in (3, 7, 3))
HOPS = 20
NET = "10.60.0"
TARGET = f"{NET}.1"
MANY = [f"{NET}.{last}" for last in range(256)]
SILENT = (5, 6)
TIME_EXCEEDED = 11
# At most so many times traceroute's wall, ms beside the path's round trip, s, times scamper's, MiB, us.
GOAL_WALL, GOAL_SILENT_MS, GOAL_REPORT_S, GOAL_MANY_WALL, GOAL_MANY_CPU, GOAL_MIB = 1.2, 100, 1.1, 0.5, 1.1, 16
GOAL_MEDIAN_US, GOAL_P99_US, GOAL_BURST, GOAL_PACKETS = 4, 25, 6, 30


class Path:
    """HOPS kernels in a row behind `hop1`; the last one answers for all of NET."""

    def __init__(self):
        self.routers = [Child("unshare", "--net", "--", "sleep", "1000") for _ in range(HOPS)]
        own = os.readlink("/proc/self/ns/net")
        for router in self.routers:
            wait_for(lambda: os.readlink(f"/proc/{router.pid}/ns/net") != own, "a router")
        sh("ip link set lo up")
        for n, router in enumerate(self.routers, 1):
            self.connect(n, router.pid)
        sh(f"ip route add {NET}.0/24 via 10.61.1.2")
        self.inside(HOPS, f"ip route add local {NET}.0/24 dev lo")
        wait_for(lambda: " 0% packet loss" in run(["ping", "-nqc1", "-W1", TARGET]), "the path")
        # Neighbours are known to both sides before anything is measured.
        run(["traceroute", "-n", "-q1", "-N1", TARGET])

    def connect(self, n, pid):
        before = f"nsenter -t {self.routers[n - 2].pid} -n " if n > 1 else ""
        sh(f"{before}ip link add hop{n} type veth peer name back netns {pid}")
        sh(f"{before}ip address add 10.61.{n}.1/24 dev hop{n}")
        sh(f"{before}ip link set hop{n} up")
        self.inside(n, f"""
            ip link set lo up
            ip address add 10.61.{n}.2/24 dev back
            ip link set back up
            ip route add default via 10.61.{n}.1
            echo 1 > /proc/sys/net/ipv4/ip_forward
            echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
            echo 10000000 > /proc/sys/net/ipv4/icmp_msgs_per_sec
            echo 1000000 > /proc/sys/net/ipv4/icmp_msgs_burst
        """)
        if n > 1:
            self.inside(n - 1, f"ip route add {NET}.0/24 via 10.61.{n}.2")

    def inside(self, n, script):
        subprocess.run(["nsenter", "-t", str(self.routers[n - 1].pid), "-n", "sh", "-ec", script], check=True)

    def silence(self, hops):
        for n in hops:
            self.inside(n, "nft -f - <<END\ntable ip s { chain o { type filter hook output priority 0;"
                           " icmp type time-exceeded drop; }; }\nEND")

    def end_of_silence(self, hops):
        for n in hops:
            self.inside(n, "nft delete table ip s")


class Hops:
    """What leaves and comes back at `hop1`, with the kernel's stamps; read when all is over."""

    def __init__(self):
        self.socket = Capture.open("hop1")

    def take(self):
        """([(stamp, TTL, key)] of what left in its order, {key: stamp} of the first answer to each)."""
        left, answered = [], {}
        while True:
            try:
                frame, control, _, address = self.socket.recvmsg(2048, 256)
            except BlockingIOError:
                break
            packet = frame[14:]
            if frame[12:14] != b"\x08\x00" or len(packet) < 28 or packet[9] not in (1, 6, 17):
                continue
            stamp = next(struct.unpack("qq", data) for level, kind, data in control
                         if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS))
            stamp = stamp[0] * 10**9 + stamp[1]
            if address[2] == PACKET_OUTGOING:
                left.append((stamp, packet[8], self.key(packet)))
            else:
                answered.setdefault(self.key(packet), stamp)
        _, drops = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if drops:
            raise SystemExit(f"the capture lost {drops} packets")
        return left, answered

    @staticmethod
    def key(packet):
        """Identifier and sequence number of an echo, or of the one that an error quotes; else the ports."""
        header = (packet[0] & 15) * 4
        if packet[9] == 1 and packet[header] not in (0, ECHO_REQUEST):
            return Hops.key(packet[header + 8:])
        return packet[header + 4:header + 8] if packet[9] == 1 else packet[header:header + 4]


def installed(tools):
    return {name: command for name, command in tools.items() if shutil.which(command[0])}


def compare(title, tools, passes, capture, seconds=60):
    """Every tool in turn; the table, and the medians of wall and CPU in ms, of packets sent and of peak MiB, then what
    was printed each time."""
    figures = {name: [] for name in tools}
    for _ in range(passes):
        for name, command in tools.items():
            capture.take()
            wall, cpu, text = timed(command, seconds)
            figures[name].append((wall, cpu, len(capture.take()[0]), text))
    # Apart, since what looks at memory takes time.
    peaks = {name: [measure(command, seconds)[2] / 1024 for _ in range(min(passes, MEMORY_PASSES))]
             for name, command in tools.items()}
    capture.take()
    print(f"\n{title}: ms, median (lowest-highest) of {passes}")

    def of(name, column):
        return [figure[column] for figure in figures[name]]

    table(["tool", "wall", "CPU", "packets", "peak MiB"],
          [[name, spread(of(name, 0), 2), spread(of(name, 1), 2), spread(of(name, 2), 0),
            f"{statistics.median(peaks[name]):.1f}"] for name in tools])
    return {name: [*(statistics.median(of(name, column)) for column in range(3)), statistics.median(peaks[name]),
                   of(name, 3)] for name in tools}


NETDIAG_TRACE = [NETDIAG, "trace", "-n", "-q", "1"]


def one(capture, rtt_ms):
    """One query a hop."""
    tools = installed({
        "netdiag trace -q1": [*NETDIAG_TRACE, TARGET],
        "traceroute -q1 -N64": ["traceroute", "-n", "-q1", "-N64", TARGET],
        "tracepath": ["tracepath", "-n", TARGET],
        "scamper icmp-paris": ["scamper", "-I", f"trace -P icmp-paris -q 1 {TARGET}"],
    })
    found = compare(f"{HOPS} hops", tools, PASSES, capture)
    if shutil.which("trip"):
        compare("the same", {"trip -C1": ["trip", "-m", "pretty", "-C1", TARGET]}, 1, capture)
    compare("the same", {"mtr -r -c1": ["mtr", "-n", "-r", "-c1", TARGET]}, 1, capture)
    ours, theirs = found["netdiag trace -q1"], found["traceroute -q1 -N64"]
    whole = all(re.search(rf"^ *{HOPS}  {TARGET} ", text, re.M) for text in ours[4])
    return {
        "all hops are shown": whole,
        f"wall <= {GOAL_WALL} x traceroute -q1 -N64 ({ours[0] / theirs[0]:.2f})": ours[0] <= GOAL_WALL * theirs[0],
        f"packets <= {GOAL_PACKETS} ({ours[2]:.0f})": ours[2] <= GOAL_PACKETS,
    }


def silent(path, capture, rtt_ms):
    """Two hops that say nothing."""
    path.silence(SILENT)
    tools = installed({
        "netdiag trace -q1": [*NETDIAG_TRACE, TARGET],
        "traceroute -q1 -N64": ["traceroute", "-n", "-q1", "-N64", TARGET],
    })
    found = compare(f"hops {SILENT} silent", tools, PASSES, capture)
    slow = installed({
        "tracepath": ["tracepath", "-n", TARGET],
        "scamper -w1": ["scamper", "-I", f"trace -P icmp-paris -q 1 -w 1 {TARGET}"],
    })
    compare("the same", slow, 1, capture)
    path.end_of_silence(SILENT)
    most = GOAL_SILENT_MS + rtt_ms
    return {f"two silent hops <= {most:.1f} ms ({found['netdiag trace -q1'][0]:.1f})": found["netdiag trace -q1"][0] <= most}


def rounds(capture, rtt_ms):
    """Ten rounds at 0.1 s."""
    arguments = ["-n", "--report", "-c", "10", "-i", "0.1", TARGET]
    tools = {"netdiag mtr --report": [NETDIAG, "mtr", *arguments], "mtr --report": ["mtr", *arguments],
             "netdiag mtr --classic": [NETDIAG, "mtr", "--classic", *arguments]}
    found = compare("10 rounds at 0.1 s", tools, LONG_PASSES, capture)
    ours, theirs = found["netdiag mtr --report"], found["mtr --report"]
    most = GOAL_REPORT_S * 1e3 + rtt_ms
    return {
        f"10 rounds <= {most:.0f} ms ({ours[0]:.0f})": ours[0] <= most,
        f"CPU <= mtr's ({ours[1] / theirs[1]:.2f})": ours[1] <= theirs[1],
    }


def bursts(left):
    """The most packets in a row that expire at one router, and among HOPS in a row. What comes as far as the last
    hop is for as many hosts as there are targets."""
    ttls = [ttl for _, ttl, _ in left]
    longest, run_length = 0, 0
    for before, ttl in zip([None, *ttls], ttls):
        run_length = run_length + 1 if ttl == before else 1
        longest = max(longest, run_length if ttl < HOPS else 0)
    windows = (ttls[start:start + HOPS] for start in range(0, max(1, len(ttls) - HOPS)))
    return longest, max((window.count(ttl) for window in windows for ttl in set(window) if ttl < HOPS), default=0)


def many(capture):
    """256 targets at once."""
    tools = installed({
        "netdiag trace -q1": [*NETDIAG_TRACE, *MANY],
        "scamper -p 10000": ["scamper", "-p", "10000", "-c", "trace -P icmp-paris -q 1", "-i", *MANY],
    })
    found = compare(f"{len(MANY)} targets at {HOPS} hops", tools, MANY_PASSES, capture, 120)
    ours = found["netdiag trace -q1"]
    seen = []
    for _ in range(MANY_PASSES):
        document = json.loads(timed([*NETDIAG_TRACE, "--json", *MANY])[2])
        seen.append(bursts(capture.take()[0]))
    longest, among = (sorted(column)[len(column) // 2] for column in zip(*seen))
    print(f"to expire at one router at most {longest} packets in a row, among {HOPS} at most {among}")
    reached = [target["hop_count"] for target in document["targets"]].count(HOPS)
    heard = sum(hop["received"] for target in document["targets"] for hop in target["hops"])
    print(f"{reached} of {len(MANY)} reached at hop {HOPS}; {heard} of {len(MANY) * HOPS} hops answered")
    goals = {
        "each target is reached, each hop answers": (reached, heard) == (len(MANY), len(MANY) * HOPS),
        f"no burst above {GOAL_BURST} to a router among {HOPS} packets ({among})": among <= GOAL_BURST,
        f"memory <= {GOAL_MIB} MiB ({ours[3]:.1f})": ours[3] <= GOAL_MIB,
    }
    if "scamper -p 10000" in found:
        theirs = found["scamper -p 10000"]
        goals[f"wall <= {GOAL_MANY_WALL} x scamper's ({ours[0] / theirs[0]:.2f})"] = (
            ours[0] <= GOAL_MANY_WALL * theirs[0])
        goals[f"CPU <= {GOAL_MANY_CPU} x scamper's ({ours[1] / theirs[1]:.2f})"] = (
            ours[1] <= GOAL_MANY_CPU * theirs[1])
    return goals


def truth(capture, loops):
    """Round trips told of each hop against those of the same packets at `hop1`, pass by pass."""
    busy = Busy(loops)
    medians, p99s, count = [], [], 0
    for _ in range(MANY_PASSES):
        errors = [error for _ in range(3) for error in told_errors(capture)]
        if not errors:
            raise SystemExit("nothing to compare")
        medians.append(statistics.median(errors))
        p99s.append(quantile(errors, 0.99))
        count += len(errors)
    cores = busy.end()
    kind = f"{loops} busy loops" if loops else "idle"
    print(f"\ntimes of hops against the wire, {kind} ({cores:.1f} cores busy), {count} answers in {MANY_PASSES} passes: "
          f"median error {spread(medians)} us, p99 {spread(p99s)} us")
    median, p99 = statistics.median(medians), statistics.median(p99s)
    return {f"{kind}: median <= {GOAL_MEDIAN_US} us ({median:.1f})": median <= GOAL_MEDIAN_US,
            f"{kind}: p99 <= {GOAL_P99_US} us ({p99:.1f})": p99 <= GOAL_P99_US}


def told_errors(capture):
    """How far each round trip of a trace is from that of its packet, us."""
    capture.take()
    text = timed([NETDIAG, "trace", "-n", "-q", "10", "-v", "--output", "jsonl", TARGET])[2]
    left, answered = capture.take()
    wire = {}
    for stamp, ttl, key in left:
        if key in answered:
            wire.setdefault(ttl, []).append((answered[key] - stamp) / 1e3)
    events = (json.loads(line) for line in text.splitlines() if '"type":"reply"' in line)
    told = {}
    for event in sorted((event for event in events if event["rtt_ms"] is not None), key=lambda e: e["seq"]):
        told.setdefault(event["ttl"], []).append(event["rtt_ms"] * 1e3)
    return [abs(one - other) for ttl, times in told.items() if len(times) == len(wire.get(ttl, []))
            for one, other in zip(times, wire[ttl])]


def main():
    print(versions())
    begun = time.monotonic()
    path, capture = Path(), Hops()
    text = run(["ping", "-nqc5", "-i0.05", TARGET])
    rtt_ms = float(re.search(r"= [\d.]+/([\d.]+)/", text)[1])
    print(f"{HOPS} routers, {rtt_ms:.3f} ms there and back; made in {time.monotonic() - begun:.1f} s")
    goals = {**one(capture, rtt_ms), **silent(path, capture, rtt_ms), **rounds(capture, rtt_ms), **many(capture),
             **truth(capture, 0), **truth(capture, os.cpu_count())}
    print("\ngoals: " + "; ".join(f"{goal}: {'yes' if holds else 'NO'}" for goal, holds in goals.items()))
    print(f"netdiag {'reaches' if all(goals.values()) else 'MISSES'} the goals")


if __name__ == "__main__":
    main()

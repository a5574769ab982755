"""Figure 9: 10,000 connects to one listener, 256 at once, beside a capture and nping; one beside nc -z."""

import json
import os
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import time

from lab import NETDIAG, PACKET_OUTGOING, SO_TIMESTAMPNS, Capture, Child, loopback, quantile, sh, table, versions, wait_for

PORT, COUNT, AT_ONCE, PASSES = 80, 10_000, 256, 5
GOAL_MEDIAN_US, GOAL_P99_US, GOAL_KIB, GOAL_NPING, GOAL_NC = 10, 50, 12 << 10, 0.9, 1.2
SYN, ACK = 2, 16

LISTENER = """
import pathlib, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=65535)
pathlib.Path(sys.argv[2]).touch()
while True:
    listener.accept()[0].close()
"""


def serve():
    sh("sysctl -qw net.core.somaxconn=65535")
    sh("sysctl -qw net.ipv4.tcp_max_syn_backlog=65535")
    subprocess.run(["sysctl", "-qw", "net.ipv4.ip_local_port_range=10000 65000"], check=True)
    ready = os.path.join(tempfile.mkdtemp(), "ready")
    Child("python3", "-c", LISTENER, str(PORT), ready)
    wait_for(lambda: os.path.exists(ready), "the listener")
    shutil.rmtree(os.path.dirname(ready))


def measured(command, out):
    """Wall and CPU in seconds, peak memory in KiB, exit code."""
    with tempfile.NamedTemporaryFile("r") as figures:
        words = ["/usr/bin/time", "-q", "-f", "%M", "-o", figures.name, *(str(word) for word in command)]
        before, start = os.times(), time.monotonic()
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        wall, after = time.monotonic() - start, os.times()
        kib = int(figures.read().split()[-1])
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return wall, cpu, kib, done.returncode


def wall(command):
    """From spawn to exit, in seconds."""
    start = time.monotonic()
    subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def handshakes(capture):
    """{client port: nanoseconds from its SYN as it left to its SYN-ACK as it came}."""
    sent, took = {}, {}
    while True:
        try:
            frame, control, _, address = capture.socket.recvmsg(128, 256)
        except BlockingIOError:
            return took
        if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
            continue
        header = 14 + (frame[14] & 15) * 4
        source, destination = struct.unpack_from("!HH", frame, header)
        flags, is_out = frame[header + 13], address[2] == PACKET_OUTGOING
        stamps = [data for level, type_, data in control if (level, type_) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)]
        seconds, nanos = struct.unpack("qq", stamps[0])
        stamp = seconds * 10**9 + nanos
        if flags & (SYN | ACK) == SYN and is_out:
            sent[source] = stamp
        elif flags & (SYN | ACK) == SYN | ACK and not is_out and destination in sent:
            took.setdefault(destination, stamp - sent[destination])


def truth(words):
    """How far printed handshakes are from those of the capture, in microseconds."""
    capture = Capture("lo")
    with tempfile.TemporaryFile() as out:
        wall, cpu, peak, code = measured([NETDIAG, "tcp-connect", "--json", *words], out)
        out.seek(0)
        target = json.load(out)["targets"][0]
    seen = handshakes(capture)
    capture.close()
    far = [abs(one["handshake_rtt_ms"] * 1e3 - seen[port] / 1e3) for one in target["results"]
           if (port := int(one["local"].rsplit(":", 1)[1])) in seen and one["handshake_rtt_ms"] is not None]
    clock = statistics.median(one["connect_ms"] * 1e3 for one in target["results"])
    print(f"\n{target['succeeded']} of {COUNT} succeeded, exit code {code}, {len(far)} found in the capture; "
          f"connect by the process's clock: median {clock:.0f} us; "
          f"handshake by the capture: median {statistics.median(seen.values()) / 1e3:.1f} us")
    print(f"printed handshake off by: median {statistics.median(far):.1f} us, p99 {quantile(far, 0.99):.1f} us; "
          f"wall {wall:.2f} s, CPU {cpu:.2f} s, peak {peak / 1024:.1f} MiB (with --json: all attempts kept)")
    return {
        "all succeed": target["succeeded"] == COUNT,
        f"median <= {GOAL_MEDIAN_US} us": len(far) > COUNT / 2 and statistics.median(far) <= GOAL_MEDIAN_US,
        f"p99 <= {GOAL_P99_US} us": quantile(far, 0.99) <= GOAL_P99_US,
    }


def many(words):
    tools = [("netdiag", [NETDIAG, "tcp-connect", "--quiet", *words])]
    if shutil.which("nping"):
        tools.append(("nping", ["nping", "--tcp-connect", "-q", "-p", PORT, "-c", COUNT, "--rate", 1_000_000, "127.0.0.1"]))
    rows = {name: [] for name, _ in tools}
    for _ in range(PASSES):
        for name, command in tools:
            rows[name].append(measured(command, subprocess.DEVNULL))
    best = {name: min(passes) for name, passes in rows.items()}
    print()
    table(["10,000 connects", "wall s", "CPU s", "peak MiB", "exit"],
          [[name, f"{one[0]:.3f}", f"{one[1]:.3f}", f"{one[2] / 1024:.1f}", one[3]] for name, one in best.items()])
    goals = {"peak <= 12 MiB": max(one[2] for one in rows["netdiag"]) <= GOAL_KIB}
    if "nping" in best:
        goals[f"wall <= {GOAL_NPING} x nping's"] = best["netdiag"][0] <= GOAL_NPING * best["nping"][0]
    return goals


def one():
    tools = [("netdiag", [NETDIAG, "tcp-connect", f"127.0.0.1:{PORT}"])]
    if shutil.which("nc"):
        tools.append(("nc -z", ["nc", "-z", "127.0.0.1", PORT]))
    times = {name: [wall(command) * 1e3 for _ in range(200)] for name, command in tools}
    print()
    table(["one connect", "median ms", "lowest ms"],
          [[name, f"{statistics.median(all_):.2f}", f"{min(all_):.2f}"] for name, all_ in times.items()])
    if "nc -z" not in times:
        return {}
    medians = {name: statistics.median(all_) for name, all_ in times.items()}
    return {f"one <= {GOAL_NC} x nc -z": medians["netdiag"] <= GOAL_NC * medians["nc -z"]}


def main():
    print(versions())
    loopback()
    serve()
    words = ["-c", COUNT, "-i", 0, "--parallel", AT_ONCE, f"127.0.0.1:{PORT}"]
    goals = {**truth(words), **many(words), **one()}
    print("\ngoals: " + "; ".join(f"{goal}: {'yes' if holds else 'NO'}" for goal, holds in goals.items()))
    print(f"netdiag {'reaches' if all(goals.values()) else 'MISSES'} the goals")


if __name__ == "__main__":
    main()

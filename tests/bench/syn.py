"""Figure 8: SYNs to many addresses: a whole /16 with one port beside zmap, 4,096 beside nmap -sS."""

import os
import shutil
import tempfile

from lab import NETDIAG, Child, sh, versions, wait_for
from sweep import LIVE, Subnet, big, far_mac

PORT = 80
# At most so many times zmap, nmap.
GOAL_ZMAP, GOAL_NMAP = 0.6, 1 / 3
GOAL_KIB = 32 << 10

LISTENER = """
import pathlib, socket, sys, time
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=65535)
pathlib.Path(sys.argv[2]).touch()
time.sleep(1000)
"""


def serve(subnet):
    """Somebody listens at PORT of every address of the far end, and never accepts."""
    inside = ["nsenter", "-t", str(subnet.child.pid), "-n"]
    for key in ("core.somaxconn", "ipv4.tcp_max_syn_backlog"):
        sh(f"{' '.join(inside)} sysctl -qw net.{key}=65535")
    ready = os.path.join(tempfile.mkdtemp(), "ready")
    Child(*inside, "python3", "-c", LISTENER, str(PORT), ready)
    wait_for(lambda: os.path.exists(ready), "the listener")
    shutil.rmtree(os.path.dirname(ready))


def syn(*arguments):
    return [NETDIAG, "syn", "--rate", "max", *arguments]


def open_count(text):
    # The verdict, which begins with a sign of its own, is no address.
    return sum(line.split()[2:3] == ["open"] for line in text.splitlines() if not line.startswith("="))


def whole():
    one = f"{LIVE}.0.0-{LIVE}.255.255:{PORT}"
    tools = [("netdiag", syn(one), open_count, {}),
             ("netdiag csv", syn("-o", "csv", one), lambda text: text.count(",open,syn-ack,"), {})]
    if shutil.which("zmap"):
        for rate in (100_000, 20_000):
            command = ["zmap", "-M", "tcp_synscan", "-p", PORT, "-i", "near", "-G", far_mac(), "-r", rate, "-c", 1,
                       "-q", "-b", os.devnull, f"{LIVE}.0.0/16"]
            tools.append((f"zmap {rate}", command, lambda text: len(text.split()), {}))
    found = big(tools, f"65,536 addresses, port {PORT}")
    ours = found["netdiag"]
    goals = {"every one open": ours[3] == 65_536, "peak <= 32 MiB": ours[2] <= GOAL_KIB}
    if "zmap 100000" in found:
        theirs = found["zmap 100000"]
        goals[f"wall <= {GOAL_ZMAP} x zmap"] = ours[0] <= GOAL_ZMAP * theirs[0]
        goals[f"CPU <= {GOAL_ZMAP} x zmap"] = ours[1] <= GOAL_ZMAP * theirs[1]
    print(f"netdiag: {ours[1] / 65_536 * 1e6:.2f} us of CPU a SYN, its reset included")
    return goals


def some():
    one = f"{LIVE}.0.0-{LIVE}.15.255:{PORT}"
    tools = [("netdiag", syn(one), open_count, {})]
    if shutil.which("nmap"):
        command = ["nmap", "-sS", "-n", "-Pn", "-p", PORT, "--max-retries", 2, "-T5", "--min-parallelism", 4096,
                   "--min-rate", 100_000, "-oG", "-", f"{LIVE}.0.0/20"]
        tools.append(("nmap -sS", command, lambda text: text.count("/open/tcp"), {}))
    found = big(tools, f"4,096 addresses, port {PORT}")
    goals = {"every one of 4,096 open": found["netdiag"][3] == 4_096}
    if "nmap -sS" in found:
        goals["wall <= 1/3 of nmap's"] = found["netdiag"][0] <= GOAL_NMAP * found["nmap -sS"][0]
    return goals


def main():
    print(versions())
    serve(Subnet())
    goals = {**whole(), **some()}
    print("\ngoals: " + "; ".join(f"{goal}: {'yes' if holds else 'NO'}" for goal, holds in goals.items()))
    print(f"netdiag {'reaches' if all(goals.values()) else 'MISSES'} the goals")


if __name__ == "__main__":
    main()

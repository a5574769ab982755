"""One look-up from start to exit: netdiag beside kdig and dig, against a server on loopback, in a
namespace of its own. The server answers each question with one address.

Then 2,000 names from a file, against BIND: over UDP beside dnsperf and dig -f, and over one TLS
connection.
"""

import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time

from lab import NETDIAG, Child, loopback

RUNS = int(os.environ.get("PASSES", "41"))
MEMORY_RUNS = 5
GOAL = 0.5
MOST_MEMORY = 6
NAME = "a.lab.example"
NAMES = 2_000
MANY_RUNS = 7
GOAL_DNSPERF, GOAL_DIG, GOAL_TLS = 0.7, 4, 3
BIND = """
options {{
    directory "{folder}"; pid-file none; session-keyfile none; recursion no;
    listen-on port 5300 {{ 127.0.0.1; }}; listen-on port 8530 tls ephemeral {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }}; allow-query {{ any; }}; notify no;
}};
controls {{ }};
zone "lab.example" {{ type primary; file "zone"; }};
"""
ZONE = """$TTL 300
@ SOA ns h 1 3600 900 86400 300
@ NS ns
ns A 192.0.2.53
$GENERATE 1-{names} n$ A 192.0.2.1
"""


def serve(ready):
    """Answers with 192.0.2.1 until the program ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        ready.set()
        while True:
            query, client = server.recvfrom(4096)
            end = query.index(b"\0", 12) + 5
            head = query[:2] + b"\x85\x80\0\1\0\1\0\0\0\0"
            record = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
            server.sendto(head + query[12:end] + record, client)


def once(command):
    """Wall milliseconds of one run."""
    with open(os.devnull, "wb") as null:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=null, stderr=null)
        _, status, _ = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return wall * 1e3


def memory(command):
    """The peak memory in MiB of one run; time(1) is small, a fork of this program is not."""
    words = ["/usr/bin/time", "-f", "%M", *command]
    ended = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return int(ended.stderr.split()[-1]) / 1024


def bind(folder):
    """BIND with the names, once it answers."""
    with open(os.path.join(folder, "zone"), "w") as zone:
        zone.write(ZONE.format(names=NAMES))
    with open(os.path.join(folder, "conf"), "w") as conf:
        conf.write(BIND.format(folder=folder))
    server = Child("named", "-f", "-n", "1", "-c", os.path.join(folder, "conf"))
    probe = ["dig", "@127.0.0.1", "-p", "5300", "+time=1", "+tries=1", "ns.lab.example"]
    for _ in range(100):
        if subprocess.run(probe, stdout=subprocess.DEVNULL, check=False).returncode == 0:
            return server
    raise RuntimeError("named does not answer")


def many():
    """2,000 names: seconds of whole programs."""
    folder = tempfile.mkdtemp()
    server = bind(folder)
    plain = os.path.join(folder, "names")
    with open(plain, "w") as file:
        file.writelines(f"n{number}.lab.example A\n" for number in range(1, NAMES + 1))
    own = [NETDIAG, "dns", "--short", "--file", plain, "@127.0.0.1"]
    tools = {
        "netdiag UDP": [*own, "-p", "5300"],
        "netdiag TLS": [*own, "-p", "8530", "--tls", "--insecure"],
        "dnsperf": ["dnsperf", "-s", "127.0.0.1", "-p", "5300", "-d", plain, "-n", "1", "-q", "100"],
        "dig -f": ["dig", "@127.0.0.1", "-p", "5300", "+short", "-f", plain],
    }
    tools = {name: command for name, command in tools.items() if shutil.which(command[0])}
    walls = {name: [] for name in tools}
    for _ in range(MANY_RUNS):
        for name, command in tools.items():
            walls[name].append(once(command))
    rate = {}
    print(f"\n{NAMES} names, {MANY_RUNS} runs of each in turn: milliseconds, median (lowest-highest), and a second")
    for name, values in walls.items():
        middle = statistics.median(values)
        rate[name] = NAMES / middle * 1e3
        print(f"{name:<12}  {middle:8.1f} ({min(values):.1f}-{max(values):.1f})  {rate[name]:10,.0f}")
    for name in ("netdiag UDP", "netdiag TLS"):
        answers = subprocess.run(tools[name], capture_output=True, text=True, check=True).stdout.split()
        print(f"{name}: {len(answers)} of {NAMES} answered")
    goals = {f"TLS <= {GOAL_TLS} x UDP": rate["netdiag TLS"] * GOAL_TLS >= rate["netdiag UDP"]}
    if "dnsperf" in rate:
        goals[f"a second >= {GOAL_DNSPERF} x dnsperf"] = rate["netdiag UDP"] >= GOAL_DNSPERF * rate["dnsperf"]
    goals[f"a second >= {GOAL_DIG} x dig -f"] = rate["netdiag UDP"] >= GOAL_DIG * rate["dig -f"]
    print(goals)
    server.end()


def main():
    loopback()
    ready = threading.Event()
    threading.Thread(target=serve, args=(ready,), daemon=True).start()
    ready.wait()
    peers = [(tool, [shutil.which(tool), "@127.0.0.1", NAME, "A"]) for tool in ("kdig", "dig") if shutil.which(tool)]
    commands = [("netdiag dns", [NETDIAG, "dns", "@127.0.0.1", NAME, "A"]), *peers]
    walls = {name: [] for name, _ in commands}
    for _ in range(RUNS):
        # In turn, so that what else the machine does strikes all of them.
        for name, command in commands:
            walls[name].append(once(command))
    print(f"one look-up, {RUNS} runs of each in turn: median (lowest-highest)")
    print(f"{'command':<12}  {'wall ms':>22}  {'MiB':>5}")
    peaks = {}
    for name, command in commands:
        values = walls[name]
        wall = f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
        peaks[name] = statistics.median(memory(command) for _ in range(MEMORY_RUNS))
        print(f"{name:<12}  {wall:>22}  {peaks[name]:5.1f}")
    own = statistics.median(walls["netdiag dns"])
    fits = peaks["netdiag dns"] <= MOST_MEMORY
    if "kdig" in walls:
        ratio = own / statistics.median(walls["kdig"])
        held = "held" if fits and ratio <= GOAL else "MISSED"
        print(f"goal: {GOAL} x wall of kdig ({ratio:.2f}), {MOST_MEMORY} MiB: {held}")
    else:
        print(f"no kdig here; goal of {MOST_MEMORY} MiB: {'held' if fits else 'MISSED'}")
    if shutil.which("named") and shutil.which("dig"):
        many()


if __name__ == "__main__":
    main()

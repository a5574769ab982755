"""One look-up from start to exit: netdiag beside kdig and dig, against a server on loopback, in a
namespace of its own. The server answers each question with one address.
"""

import os
import shutil
import socket
import statistics
import subprocess
import threading
import time

from lab import NETDIAG, loopback

RUNS = int(os.environ.get("PASSES", "41"))
MEMORY_RUNS = 5
GOAL = 0.5
MOST_MEMORY = 6
NAME = "a.lab.example"


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


if __name__ == "__main__":
    main()

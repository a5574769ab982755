"""Lists of 100,000 sockets: netdiag beside ss, netstat, lsof and a bare dump of sock_diag, in a namespace
of its own.

Eight processes hold the sockets, since each has a limit of descriptors: 72,000 ESTABLISHED, 10,000
CLOSE-WAIT and as many FIN-WAIT-2, 8,000 TIME-WAIT, all over loopback. Below each table stand the limits
of the project, and what became of them.
"""

import os
import resource
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import time

from lab import NETDIAG, loopback

PROCESSES = int(os.environ.get("PROCESSES", "8"))
SOCKETS = int(os.environ.get("SOCKETS", "100000"))
RUNS = int(os.environ.get("PASSES", "7"))
BACKLOG = 1024


def hold(number, share, ready):
    """Makes a share of the sockets and keeps them until the end of standard input."""
    limit = share + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    address = (f"127.0.{number + 1}.1", 9000)
    listener = socket.create_server(address, backlog=BACKLOG)
    closing, waiting = share // 10, share * 8 // 100
    kept = [listener]
    for place in range((share - waiting) // 2 + waiting):
        client = socket.create_connection(address)
        server, _ = listener.accept()
        if place < waiting:
            # The client closes first, and is in TIME-WAIT then.
            client.close()
            server.close()
            continue
        if place < waiting + closing:
            client.shutdown(socket.SHUT_WR)
        kept += [client, server]
    os.write(ready, b"x")
    sys.stdin.read()


def memory(command):
    """The peak memory in MiB of one run; time(1) is small, a fork of this program is not."""
    words = ["/usr/bin/time", "-f", "%M", *command]
    ended = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return int(ended.stderr.split()[-1]) / 1024


def measured(command):
    """Wall and CPU milliseconds of one run."""
    with open(os.devnull, "wb") as null:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=null, stderr=null)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    return wall * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3


def bare():
    """Milliseconds until the kernel has told of all TCP sockets, whatever they are: nobody is faster."""
    NETLINK_SOCK_DIAG, TCPDIAG_GETSOCK, REQUEST_DUMP, DONE = 4, 18, 0x301, 3
    request = struct.pack("=IHHII", 76, TCPDIAG_GETSOCK, REQUEST_DUMP, 1, 0) + bytes(52) + struct.pack("=II", 0xfff, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as asked:
        room = bytearray(32 * 1024)
        start = time.perf_counter()
        asked.send(request)
        while True:
            length = asked.recv_into(room)
            if struct.unpack_from("=H", room, 4)[0] == DONE or length == 0:
                return (time.perf_counter() - start) * 1e3


def limit(words, value, most):
    """A figure that must not be above a limit."""
    print(f"  {'ok  ' if value <= most else 'OVER'} {words}: {value:.2f}, at most {most}")


def table(title, commands, runs):
    """Prints medians of several passes, and returns them by name: wall and memory."""
    rows = {name: [] for name, _ in commands}
    for _ in range(runs):
        # In turn, so that what else the machine does strikes all of them.
        for name, command in commands:
            rows[name].append(measured(command))
    medians = {}
    print(f"\n{title}, median of {runs}\n{'command':<34}  {'wall ms':>8}  {'CPU ms':>8}  {'MiB':>6}  {'x ss':>6}")
    base = statistics.median(wall for wall, _ in rows[commands[0][0]])
    for name, command in commands:
        wall, cpu = (statistics.median(column) for column in zip(*rows[name]))
        medians[name] = wall, statistics.median(memory(command) for _ in range(min(runs, 3)))
        print(f"{name:<34}  {wall:8.1f}  {cpu:8.1f}  {medians[name][1]:6.1f}  {wall / base:6.2f}")
    return medians


def main():
    loopback()
    with open("/proc/sys/net/ipv4/tcp_max_tw_buckets", "w") as file:
        file.write("262144")
    reader, ready = os.pipe()
    holders = []
    for number in range(PROCESSES):
        # Given as arguments: a fork of this one would count what it holds twice.
        words = [sys.executable, __file__, str(number), str(SOCKETS // PROCESSES), str(ready)]
        holders.append(subprocess.Popen(words, stdin=subprocess.PIPE, pass_fds=[ready]))
    try:
        for _ in holders:
            os.read(reader, 1)
        seen = subprocess.run(["ss", "-Htan"], capture_output=True, check=True).stdout.count(b"\n")
        print(f"{seen} TCP sockets in {PROCESSES} processes")
        netdiag = [NETDIAG, "sockets", "--tcp"]
        found = table("list", [
            ("ss -tan", ["ss", "-tan"]),
            ("netdiag sockets --tcp", netdiag),
            ("netdiag sockets --tcp -o jsonl", [*netdiag, "-o", "jsonl"]),
            ("netdiag sockets --tcp --json", [*netdiag, "--json"]),
            ("netstat -nat", ["netstat", "-nat"]),
        ], RUNS)
        dump = statistics.median(bare() for _ in range(RUNS))
        print(f"{'a bare dump of sock_diag':<34}  {dump:8.1f}")
        for form in ["", " -o jsonl"]:
            wall, peak = found[f"netdiag sockets --tcp{form}"]
            limit(f"wall{form} x ss -tan", wall / found["ss -tan"][0], 0.55)
            limit(f"MiB{form}", peak, 6)
        table("one state", [
            ("ss -tan state close-wait", ["ss", "-tan", "state", "close-wait"]),
            ("netdiag sockets state close-wait", [*netdiag, "state", "close-wait"]),
        ], RUNS)
        owners = [("ss -tanp", ["ss", "-tanp"]), ("netdiag sockets --tcp -p", [*netdiag, "-p"])]
        if shutil.which("lsof"):
            owners.append(("lsof -nPiTCP", ["lsof", "-nPiTCP"]))
        found = table("with owners", owners, min(RUNS, 5))
        wall, peak = found["netdiag sockets --tcp -p"]
        limit("wall x ss -tanp", wall / found["ss -tanp"][0], 0.167)
        limit("memory x ss -tanp", peak / found["ss -tanp"][1], 0.6)
        if "lsof -nPiTCP" in found:
            limit("wall x lsof", wall / found["lsof -nPiTCP"][0], 0.25)
        found = table("summary", [
            ("ss -s", ["ss", "-s"]),
            ("netdiag sockets -s=totals", [NETDIAG, "sockets", "-s=totals"]),
            ("netdiag sockets -s=states --tcp", [*netdiag, "-s=states"]),
            ("netdiag sockets -s --tcp", [*netdiag, "-s"]),
        ], RUNS)
        limit("wall of -s=totals x ss -s", found["netdiag sockets -s=totals"][0] / found["ss -s"][0], 2)
        table("classic", [
            ("ss -tan", ["ss", "-tan"]),
            ("netdiag sockets -t --classic=ss", [*netdiag, "--classic=ss"]),
            ("netdiag sockets -t --classic=netstat", [*netdiag, "--classic=netstat"]),
        ], min(RUNS, 3))
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()


if len(sys.argv) > 1:
    hold(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
else:
    main()

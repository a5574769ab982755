"""What the benchmarks share: a far end with a delay, a capture with the kernel's stamps, tables.

The script itself runs in a network namespace of its own (`run` starts it so); the far end is one
more, which lives as long as its program. Nothing leaves the two.
"""

import atexit
import ctypes
import os
import re
import socket
import statistics
import struct
import subprocess
import tempfile
import threading
import time

NETDIAG = os.environ["NETDIAG"]
PEERS = os.environ["PEERS"]
NEAR, FAR = "10.77.0.1", "10.77.0.2"

# Numbers that Python's socket module does not know (asm-generic/socket.h, linux/if_packet.h).
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
SOL_PACKET, PACKET_STATISTICS, PACKET_OUTGOING, ETH_P_ALL = 263, 6, 4, 3
ECHO_REPLY, ECHO_REQUEST = 0, 8


def sh(command):
    subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)


class Child:
    """A program in the background, ended with us or before."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid
        atexit.register(self.end)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def loopback():
    """This namespace's own loopback, up."""
    sh("ip link set lo up")


class FarEnd:
    """The address FAR behind a veth pair, answering each echo request after a delay."""

    def __init__(self, delay_us, seconds):
        self.child = Child(
            "chrt", "-f", "50", "unshare", "--net", "--", "sh", "-c",
            "echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all; exec \"$@\"", "sh",
            f"{PEERS}/delay", str(delay_us), str(seconds),
        )
        self.delay_us = delay_us
        pid = self.child.pid
        wait_for(lambda: os.readlink(f"/proc/{pid}/exe").endswith("/delay"), "the far end")
        # Fixed addresses and neighbours: no address resolution in anybody's first round trip.
        inside = f"nsenter -t {pid} -n"
        macs = {"near": "02:00:00:00:00:01", "far": "02:00:00:00:00:02"}
        sh(f"ip link add near address {macs['near']} type veth peer name far address {macs['far']} netns {pid}")
        for end, address, prefix in (("near", NEAR, ""), ("far", FAR, inside + " ")):
            other, neighbour = ("far", FAR) if end == "near" else ("near", NEAR)
            sh(f"{prefix}ip link set {end} addrgenmode none up")
            sh(f"{prefix}ip address add {address}/24 dev {end}")
            sh(f"{prefix}ip neigh replace {neighbour} lladdr {macs[other]} dev {end} nud permanent")

    def end(self):
        self.child.end()
        # The far namespace goes with its program, and the pair with it, but not at once.
        wait_for(lambda: not os.path.exists("/sys/class/net/near") and link_is_gone(), "the pair's end")


def link_is_gone():
    return subprocess.run(["ip", "link", "show", "near"], capture_output=True).returncode != 0


def wait_for(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.01)
    raise SystemExit(f"{what}: not within {seconds} s")


class Inside:
    """What is opened meanwhile belongs to the network namespace of a process (setns(2))."""

    def __init__(self, pid):
        self.here, self.there = (open(f"/proc/{which}/ns/net") for which in ("self", pid))

    def __enter__(self):
        self.go(self.there)

    def __exit__(self, *_):
        self.go(self.here)
        self.here.close(), self.there.close()

    @staticmethod
    def go(namespace):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")


class Capture:
    """Echo packets of an interface with the kernel's stamps.

    Nothing is read before `take`: the packets wait in the socket, so that capturing wakes nobody
    while a tool measures.
    """

    def __init__(self, interface, pid=None):
        """`pid`: of a process in whose namespace the interface is; otherwise ours."""
        with Inside(pid or os.getpid()):
            self.socket = self.open(interface)

    @staticmethod
    def open(interface):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        opened.bind((interface, ETH_P_ALL))
        return opened

    def close(self):
        """An open socket keeps its namespace alive, and that its end of the pair."""
        self.socket.close()

    def take(self, at_far_end=False):
        """(requests, replies): [(key, stamp)] in order of leaving, {key: stamp} of the first."""
        requests, replies = [], {}
        while True:
            try:
                frame, control, _, address = self.socket.recvmsg(2048, 256)
            except BlockingIOError:
                break
            header = 14 + (frame[14] & 15) * 4 if frame[12:14] == b"\x08\x00" else 0
            if not header or frame[23] != socket.IPPROTO_ICMP or len(frame) < header + 8:
                continue
            kind, _, _, identifier, sequence = struct.unpack_from("!BBHHH", frame, header)
            stamps = [data for level, type_, data in control
                      if (level, type_) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)]
            seconds, nanos = struct.unpack("qq", stamps[0])
            key, stamp = (identifier, sequence), seconds * 10**9 + nanos
            outgoing = (address[2] == PACKET_OUTGOING) != at_far_end
            if kind == ECHO_REQUEST and outgoing:
                requests.append((key, stamp))
            elif kind == ECHO_REPLY and not outgoing:
                replies.setdefault(key, stamp)
        _, drops = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if drops:
            raise SystemExit(f"the capture lost {drops} packets")
        return requests, replies


class Busy:
    """One busy loop for each core, of 120 s of CPU time at most; and how busy the machine was."""

    def __init__(self, loops):
        command = ("sh", "-c", "ulimit -t 120; while :; do :; done")
        self.loops = [Child(*command) for _ in range(loops)]
        self.before = self.read()

    @staticmethod
    def read():
        with open("/proc/stat") as file:
            fields = [int(field) for field in file.readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    def end(self):
        """The mean number of cores that were busy, whoever with."""
        total, idle = (after - before for after, before in zip(self.read(), self.before))
        for loop in self.loops:
            loop.end()
        return (1 - idle / max(total, 1)) * os.cpu_count()


def timed(command, seconds=60):
    """Wall and CPU milliseconds of one process and what it printed: from spawn to exit, nothing in between."""
    null, (out, name) = os.open(os.devnull, os.O_RDWR), tempfile.mkstemp()
    actions = [(os.POSIX_SPAWN_DUP2, where, fd) for where, fd in ((null, 0), (out, 1), (null, 2))]
    words = [str(word) for word in command]
    before = time.perf_counter_ns()
    pid = os.posix_spawnp(words[0], words, os.environ, file_actions=actions)
    watchdog = threading.Timer(seconds, os.kill, (pid, 9))
    watchdog.start()
    _, _, usage = os.wait4(pid, 0)
    wall = time.perf_counter_ns() - before
    watchdog.cancel()
    with os.fdopen(out, "rb") as file:
        os.unlink(name)
        file.seek(0)
        text = file.read().decode(errors="replace")
    os.close(null)
    return wall / 1e6, (usage.ru_utime + usage.ru_stime) * 1e3, text


def run(command, seconds=60):
    """A tool's output, standard error included; its exit code is its own affair."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds, text=True)
    return done.stdout


def quantile(values, q):
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(q * 1000) * len(ordered) // 1000) - 1))]


def spread(values, digits=1):
    """`median (lowest-highest)` of some passes."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def table(head, rows):
    rows = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        cells = (cell.ljust(width) if column == 0 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths)))
        print("  ".join(cells).rstrip(), flush=True)


def versions():
    """Which peers are here."""
    fping = re.search(r"Version (\S+)", run(["fping", "-v"]))
    return (f"{run(['ping', '-V']).splitlines()[0]}; fping {fping and fping[1]}; "
            f"{run(['mtr', '-v']).strip()}; {run([NETDIAG, '--version']).strip()}")

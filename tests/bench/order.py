"""Writes bin/netdiag/start.ld: which functions a start runs, so that the linker puts them together.

Usage: tests/bench/order.py PROGRAM >bin/netdiag/start.ld, where PROGRAM was built with --release and
NETDIAG_SYMBOLS=1 in the environment, which keeps its names. Needs valgrind. Probes go to loopback only.

The kernel maps a program's file sixteen pages at a time, so functions that are strewn over it bring
nearly all of it into memory. What is listed are names without the compiler's hashes, but where that
would bring in much that did not run: a name that no longer exists does nothing, and one that is missing
costs a page or two.
"""

import bisect
import collections
import re
import socket
import subprocess
import sys
import tempfile
import threading

RUNS = [
    ["ping", "-n", "-c1", "127.0.0.1"],
    ["ping", "-c2", "-i", "0.01", "127.0.0.1", "::1"],
    ["sweep", "127.0.0.0/28"],
    ["sweep", "--output", "jsonl", "127.0.0.0/28"],
    ["trace", "-n", "127.0.0.1"],
    ["dns", "host.example", "@127.0.0.1:PORT"],
    ["tcp-connect", "127.0.0.1:PORT"],
    ["sockets", "--listening"],
]
# Names are cut after so many parts of their path, as the optimizer moves code between neighbours; and
# later where that would bring in more than so many bytes that did not run.
DEPTH = 3
WASTE = 1024


def name_server():
    """The port of a server on loopback that answers every question with one address, and takes connections."""
    stream = socket.create_server(("127.0.0.1", 0))
    port = stream.getsockname()[1]
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", port))

    def serve():
        while True:
            asked, client = datagrams.recvfrom(4096)
            end = asked.index(0, 12) + 5
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7"
            head = asked[:2] + b"\x85\x80\0\1\0\1\0\0\0\0"
            datagrams.sendto(head + asked[12:end] + answer, client)

    threading.Thread(target=serve, daemon=True).start()
    return stream, port


def text_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def traced(program, arguments):
    """What callgrind saw of one run."""
    with tempfile.NamedTemporaryFile() as out:
        tool = ["valgrind", "--tool=callgrind", "--demangle=no", "--dump-instr=yes", "--compress-pos=no",
                "--compress-strings=no", f"--callgrind-out-file={out.name}"]
        text_of(*tool, program, *arguments)
        with open(out.name, encoding="utf-8") as file:
            return file.read()


def functions(program):
    """Address, size and name of each, by address."""
    lines = (line.split() for line in text_of("nm", "-S", "--defined-only", program).splitlines())
    return sorted({(int(line[0], 16), int(line[1], 16), line[3])
                   for line in lines if len(line) == 4 and line[2] in "tTwWi"})


def ran(program):
    """The names of all functions of which an instruction ran, each with the runs that it ran in, in order."""
    known = functions(program)
    starts = [start for start, _, _ in known]
    address_of = {name: start for start, _, name in known}

    def at(address):
        start, size, _ = known[max(bisect.bisect_right(starts, address) - 1, 0)]
        return start if start <= address < start + size else None

    runs_of = collections.defaultdict(list)
    stream, port = name_server()
    for number, arguments in enumerate(RUNS):
        text = traced(program, [word.replace("PORT", str(port)) for word in arguments])
        calls = re.findall(r"^cfn=(\S+)\ncalls=\d+ (0x[0-9a-f]+)", text, re.M)
        # Some sections are given with the addresses they were mapped at, others with the file's.
        shifts = {int(address, 16) - address_of[name] for name, address in calls if name in address_of}
        for block in re.split(r"^fn=", text, flags=re.M)[1:]:
            own = address_of.get(block.split("\n", 1)[0])
            ran_here = {int(one, 16) for one in re.findall(r"^(0x[0-9a-f]+) \d+ \d+$", block, re.M)}
            # One function jumps to others: all of them have the shift of the one that was called.
            for shift in shifts:
                here = {at(address - shift) for address in ran_here} - {None}
                if own in here:
                    for start in here:
                        if number not in runs_of[start]:
                            runs_of[start].append(number)
    stream.close()
    # The linker has made one of functions that are the same: which of their names is called is not known.
    return {name: runs_of[start] for start, _, name in known if start in runs_of}


def members():
    """Which member of the C library each of its functions is in."""
    archive = text_of("cc", "-print-file-name=libc.a").strip()
    found = {}
    for line in text_of("nm", "-A", "--defined-only", archive).splitlines():
        match = re.match(r".*:([^:]+\.o):[0-9a-f]+ [tTwWi] (\S+)$", line)
        if match:
            found.setdefault(match[2], match[1])
    return found


def paths(name):
    """The first parts of a mangled path, each with its length: shorter ones first."""
    parts, rest = "_ZN", re.sub(r"17h[0-9a-f]{16}E$", "", name[3:])
    found = []
    while length := re.match(r"[1-9]\d*", rest):
        end = len(length[0]) + int(length[0])
        parts, rest = parts + rest[:end], rest[end:]
        found.append(parts)
    return found[DEPTH - 1:] or found[-1:] or [parts]


def base_of(name):
    """Without the suffix of a clone that the optimizer made."""
    return re.sub(r"(\.(llvm|isra|part|constprop)?\.?\d+)+$", "", name)


def wasted(program, names):
    """For each run: how many bytes in each path did not run in it, nor in one before it."""
    waste = [collections.Counter() for _ in RUNS]
    for _, size, name in functions(program):
        if name.startswith("_ZN"):
            for counter in waste[:names.get(name, [len(RUNS)])[0]]:
                for path in paths(base_of(name)):
                    counter[path] += size
    return waste


def section(name):
    """The section of a function, by the start of its name; that of one the compiler takes for cold."""
    return f"*(.text.{name} .text.unlikely.{name})"


def pattern(name, library, waste):
    """A line for the linker."""
    base = base_of(name)
    if base.startswith("_ZN"):
        all_of = paths(base)
        path = next((path for path in all_of if waste[path] <= WASTE), None)
        # Where the path is cut, a number follows; where it is whole, the hash's 17h. Of what has many
        # instances only those that ran are meant: a hash tells them apart, for one version of the compiler,
        # and behind it stands the number of the copy.
        return section(path + "[0-9]*" if path else base + "*")
    if base.startswith("_R"):
        return section(re.sub(r"Cs[0-9A-Za-z]*_", "Cs*_", base) + "*")
    member = library.get(base)
    return f"*libc.a:{member}(.text .text.*)" if member else section(base)


def main():
    program = sys.argv[1]
    library = members()
    names = ran(program)
    waste = wasted(program, names)
    # What the commonest run needs stands apart from what only the others need, and begins with what most
    # of them need, too.
    lines = {}
    for name, runs in names.items():
        lines.setdefault(pattern(name, library, waste[runs[0]]), set()).update(runs)
    places = {line: (min(runs), -len(runs), sorted(runs), line) for line, runs in lines.items()}
    print("/* Functions that a start runs, next to each other. Written by tests/bench/order.py. */")
    print("SECTIONS\n{\n  .text.start :\n  {")
    print("\n".join(f"    {line}" for line in sorted(lines, key=places.get)))
    print("  }\n}\nINSERT BEFORE .text;")


main()

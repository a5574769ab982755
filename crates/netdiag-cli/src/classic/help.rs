//! What the program says about itself under the name of the classic tool.

/// The version. The first words are iputils', for scripts that look for them.
pub(super) fn version() -> String {
    format!("ping from iputils 20221126, as netdiag {} prints it", env!("CARGO_PKG_VERSION"))
}

/// The options of iputils' ping, by what they are for. It begins as iputils' does.
pub(super) const USAGE: &str = "
Usage
  ping [OPTION...] HOST

This is netdiag under the name of iputils' ping: its options, its output, its exit codes.
`netdiag ping --help` tells of everything else.

How many, how fast, how long
  -c N      end after N replies        -i SECONDS  between requests
  -w SECONDS  end after this time      -W SECONDS  wait for the last replies
  -l N      N requests at the start    -A          the next when the reply is there
  -f        flood, a dot for each request

What is sent
  -s BYTES  data bytes                 -p HEX      what they are, up to 16 bytes
  -t N      TTL                        -Q N        TOS or traffic class byte
  -M do|want|dont  fragmentation       -e N        identifier
  -m N      firewall mark              -S BYTES    send buffer
  -I NAME   interface or source        -B          one source for all requests
  -r        past every router          -L          no copies of our own to a group
  -b        broadcast addresses too    -d          SO_DEBUG on the socket
  -R        the addresses of routers   -F LABEL    IPv6 flow label
  -T tsonly|tsandaddr|tsprespec  the times at routers
  -4, -6    the family

What is printed
  -q        only the summary           -v          more
  -n        addresses, no names        -D          times of day
  -O        what is outstanding        -U          round trips by the process's clock
  -a        a bell for each reply
  -h        this                       -V          the version

-C connects the socket, -N asks nodes about themselves: questions to nodes cannot be had, nor -C with
groups of IPv4.
";

/// What iputils' ping says of its -N.
pub(super) const NODE_INFORMATION: &str = "\
ping -6 -N <nodeinfo opt>
Help:
  help
Query:
  name
  ipv6
  ipv6-all
  ipv6-compatible
  ipv6-global
  ipv6-linklocal
  ipv6-sitelocal
  ipv4
  ipv4-all
Subject:
  subject-ipv6=addr
  subject-ipv4=addr
  subject-name=name
  subject-fqdn=name
";

/// The version of fping, for scripts that look for it.
pub(super) fn fping_version(program: &str) -> String {
    format!("{program}: Version 5.1, as netdiag {} prints it", env!("CARGO_PKG_VERSION"))
}

/// What fping says after an option that it does not know.
pub(super) const SEE_FPING: &str = "see 'fping -h' for usage information\n";

/// The options of fping, by what they are for. It begins as fping's does.
pub(crate) const FPING: &str = "\
Usage: fping [options] [targets...]

This is netdiag under the name of fping: its options, its output, its exit codes.
`netdiag sweep --help` tells of everything else.

Which targets (none: one a line on standard input)
  -f, --file=FILE     one a line from a file; - is standard input
  -g, --generate      the hosts of a network, or from one address to another
  -4, --ipv4  -6, --ipv6  the family
  -m, --all           all addresses of a name

How many, how fast, how long (in milliseconds)
  -r, --retry=N       further tries without an answer [3]
  -t, --timeout=MS    wait for an answer [500; with -c, -C and -l the period, at most 2000]
  -B, --backoff=F     wait so many times longer with each try [1.5]
  -c, --count=N       N packets to each target
  -C, --vcount=N      the same, and each time at the end
  -l, --loop          until Ctrl-C
  -p, --period=MS     between packets to one target [1000]
  -i, --interval=MS   between packets to any target [10]
  -x, --reachable=N   whether at least N targets answer
  -X, --fast-reachable=N  the same, and end with the Nth

What is sent
  -b, --size=BYTES    data bytes [56]      -R, --random    random bytes
  -H, --ttl=N         TTL                  -O, --tos=N     TOS or traffic class byte
  -I, --iface=NAME    interface            -S, --src=ADDR  source address
  -k, --fwmark=N      firewall mark        -M, --dontfrag  do not fragment

What is printed
  -a, --alive         only targets that answer
  -u, --unreach       only targets that do not
  -q, --quiet         neither targets nor probes, only figures
  -Q, --squiet=S      the same, and figures every S seconds
  -s, --stats         figures over all targets at the end
  -A, --addr          targets by address
  -n, --name          targets by name, where they are given as addresses
  -d, --rdns          targets by the name of their address
  -D, --timestamp     times of day         -e, --elapsed   round trips
  -o, --outage        how long targets were out
  -N, --netdata       figures for netdata, with -l and -Q
  -h, --help          this                 -v, --version   the version
";

/// The version of traceroute, for scripts that look for it.
pub(super) fn traceroute_version() -> String {
    let own = env!("CARGO_PKG_VERSION");
    format!("Modern traceroute for Linux, version 2.1.2, as netdiag {own} prints it")
}

/// The options of traceroute, by what they are for. It begins as traceroute's does.
pub(super) const TRACEROUTE: &str = "\
Usage:
  traceroute [OPTION...] HOST [PACKETLEN]

This is netdiag under the name of traceroute: its options, its output, its exit codes.
`netdiag trace --help` tells of everything else.

What is sent (nothing of these: UDP to a port that is counted up from 33434)
  -I  --icmp           ICMP echo requests
  -U  --udp            UDP to one port [53]
  -T  --tcp            TCP SYNs, or connections without the right to those, to a port [80]
  -M  --module=NAME    by name: default, icmp, udp, tcp, tcpconn
  -p  --port=N         the port, of UDP the first      --sport=N  source port of UDP; one at a time
  PACKETLEN            bytes of a packet with its headers [60 of IPv4, 80 of IPv6]
  -F  --dont-fragment  do not fragment
  -t  --tos=N          TOS or traffic class byte       -l  --flowlabel=N  IPv6 flow label
  -s  --source=ADDR    source address                  -i  --interface=NAME  interface
  -r                   past every router               --fwmark=N  firewall mark
  -d  --debug          SO_DEBUG on the socket          -4, -6  the family
  --mtu                as large as pass: -F -N 1 with 65000 bytes; F=N where it gets smaller
  -T -O info           the flags of the target's segments

How far, how many, how fast
  -f  --first=N        first hop [1]                   -m  --max-hops=N  last hop [30]
  -q  --queries=N      probes to a hop [3, at most 10]
  -N  --sim-queries=N  probes at once [16]
  -w  --wait=MAX,HERE,NEAR  at most MAX seconds for an answer [5], HERE times as long as
                       another one of the hop took [3], NEAR times as long as one farther away [10]
  -z  --sendwait=N     between probes: seconds, above 10 milliseconds

What is printed
  -n                   addresses, no names             -e  --extensions  ICMP extensions, MPLS
  --back               hops of the way back, where they are not as many as on the way there
  -V  --version        the version                     --help  this

-A, -D, -g, -P, -UL and other options of methods (-O) of traceroute cannot be had.
";

/// The version of mtr, for scripts that look for it.
pub(super) fn mtr_version() -> String {
    format!("mtr 0.95, as netdiag {} prints it", env!("CARGO_PKG_VERSION"))
}

/// The options of mtr, by what they are for. It begins as mtr's does.
pub(super) const MTR: &str = "
Usage:
 mtr [options] hostname

This is netdiag under the name of mtr: its options, its output, its exit codes.
`netdiag mtr --help` tells of everything else.

What is sent
 -u, --udp                  UDP, to a port that is counted up from 33000
 -T, --tcp                  TCP SYNs, or connections without the right to those [port 80]
 -P, --port N               the port, of UDP the only one
 -L, --localport N          the source port of UDP
 -s, --psize BYTES          bytes of a packet with its headers [64]
 -B, --bitpattern N         the byte that fills it; above 255 any
 -Q, --tos N                TOS or traffic class byte
 -4, --inet  -6, --inet6    the family
 -I, --interface NAME       interface
 -a, --address ADDRESS      source address
 -M, --mark N               firewall mark
 -F, --filename FILE        hosts, one a line, from a file; - is standard input

How far, how many, how fast
 -f, --first-ttl N          first hop [1]
 -m, --max-ttl N            last hop [30]
 -U, --max-unknown N        no further behind more silent hops [12]
 -c, --report-cycles N      rounds [10; on a screen until q]
 -i, --interval SECONDS     from one round to the next one [1]
 -G, --gracetime SECONDS    wait for answers at the end, at most [5]
 -Z, --timeout SECONDS      how long a probe is remembered [10]

What is printed
 -r, --report               a table at the end        -w, --report-wide  of whole names
 -j, --json   -x, --xml     -C, --csv                 -l, --raw          as it comes
 -t, --curses               a screen, as without any of these
 -o, --order FIELDS         columns, out of LDRSNBAWVGJMXI and spaces [LS NABWV]
 -n, --no-dns               addresses, no names       -b, --show-ips     both
 -e, --mpls                 MPLS labels
 -h, --help                 this                      -v, --version      the version

-p, -S, -y, -z and other display modes of mtr cannot be had.
";

/// What nslookup says where it is asked for too much or too little.
pub(super) const NSLOOKUP: &str = "\
Usage:
   nslookup [-opt ...]             # interactive mode using default server
   nslookup [-opt ...] - server    # interactive mode using 'server'
   nslookup [-opt ...] host        # just look up 'host' using default server
   nslookup [-opt ...] host server # just look up 'host' using 'server'";

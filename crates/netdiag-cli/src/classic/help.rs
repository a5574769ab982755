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

-C and -N of iputils cannot be had.
";

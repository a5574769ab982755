//! The command lines that are compared: QUICK stands for a few fast rounds, `_` for a space in a word.

/// Arguments of both, where nothing is far away.
#[rustfmt::skip]
pub(super) const LINES: &[&str] = &[
    // What is sent.
    "-r -n QUICK 127.0.0.1", "-r -n QUICK ::1", "-r -n -u QUICK 127.0.0.1", "-r -n -u QUICK ::1",
    "-r -n -T QUICK 127.0.0.1", "-r -n -T QUICK ::1", "-r -n --udp -P 5000 QUICK 10.2.9.9",
    "-r -n -u -L 4000 QUICK 10.2.9.9", "-r -n --tcp --port=9 QUICK 10.2.9.9", "-j -n -s 100 QUICK 10.2.9.9",
    "-j -n -s 5 QUICK 10.2.9.9", "-x -n -s 1000 -B 255 -Q 16 QUICK 10.2.9.9", "-j -n -B 300 -Q 256 QUICK 127.0.0.1",
    "-r -n -M 5 QUICK 127.0.0.1", "-r -n -I a0 QUICK 10.2.9.9", "-r -n -a 10.2.0.11 QUICK 10.2.9.9",
    "-r -n -s 100000 QUICK 127.0.0.1", "-r -n -Z 1 QUICK 127.0.0.1",
    // How far, how many, how fast.
    "-r -n -c 0 -G.1 127.0.0.1", "-r -n -c 1 -G.1 127.0.0.1", "-rnc3 -i.1 -G.1 127.0.0.1",
    "-r -n -f 5 -m 3 QUICK 127.0.0.1", "-r -n -f 0 -m 0 QUICK 127.0.0.1", "-r -n -m 999 QUICK 127.0.0.1",
    "-r -n -f 3 QUICK 127.0.0.1", "-r -n -U 0 QUICK 127.0.0.1", "-l -n -U 2 QUICK 127.0.0.9",
    "-l -n -m 4 QUICK 127.0.0.9", "-l -n QUICK 127.0.0.9", "-l -n QUICK 127.0.0.1", "-l -n -e QUICK 10.2.9.9",
    // Nobody, and refusals.
    "-r -n QUICK 127.0.0.9", "-j -n QUICK 127.0.0.9", "-x -n QUICK 127.0.0.9", "-C -n QUICK 127.0.0.9",
    "-r -n QUICK 127.0.0.11", "-r -n QUICK 127.0.0.8", "-r -n QUICK 198.51.100.1", "-r -n QUICK 198.51.100.129",
    "-r -n QUICK 203.0.113.1", "-r -n QUICK fd03:1::9", "-r -n QUICK fd03:2::9", "-r -n QUICK 10.3.3.9",
    "-r -n QUICK 2001:db8:1::1", "-r -n QUICK ::4",
    // What is printed.
    "-w -n QUICK 10.2.9.9", "-j -n QUICK 10.2.9.9", "-x -n QUICK 10.2.9.9", "-C -n QUICK 10.2.9.9",
    "-r -n -o LDRSNBAWVGJMXI QUICK 10.2.9.9", "-r -n -o LSD_NBAW__X QUICK 10.2.9.9",
    "-C -n -o LSD_NBAW__X QUICK 10.2.9.9", "-j -n -o LSD_NBAW__X QUICK 10.2.9.9", "-x -n -o D_GJMXI QUICK 10.2.9.9",
    "-r -n -o SL QUICK 127.0.0.9", "--report-wide --no-dns --order=LS QUICK 10.2.9.9", "--raw --no-d QUICK 10.2.9.9",
    // Names.
    "-r QUICK here.test", "-r -b QUICK here.test", "-w -b QUICK here.test", "-w QUICK six.test both.test",
    "-r -n QUICK both.test", "-r -4 -n QUICK both.test", "-r -6 -n QUICK both.test", "-j QUICK here.test 127.0.0.6",
    "-r -n QUICK", "-r QUICK nosuch.test", "-r -n QUICK nosuch.test 127.0.0.1", "-4 -r -n QUICK ::1",
    "-6 -r -n QUICK 127.0.0.1", "-r -n QUICK -- -x", "-r -n QUICK a/b",
    "-r -n -F /etc/hosts -c0 -G.1", "-F /nonexist", "-r -n -I nope QUICK 127.0.0.1",
    "-a 9.9.9 -r -n QUICK 127.0.0.1", "-a fd02::1 -r -n QUICK 127.0.0.1",
    // Syntax.
    "-Z", "-c", "-c x", "-c -1 -r 127.0.0.1", "-c 99999999999", "-i 0", "-i x", "-i -1", "-i 0.5x", "-s x",
    "-s -100", "--foo", "--foo=1", "--rep -c1", "--re", "-q", "-g", "-o ZZ", "-o LSDRNBAWVGJMXILSDRNBAWVGJMX",
    "-o K", "-B x", "-G 0", "-G x", "-Q x", "-P 0", "-P 70000", "-L 0", "-L 1000", "-uT", "-T -u", "-y 9", "-y x",
    "-M x", "-M -1", "--displaymode 7", "--displaymode x", "--csv=1", "--port", "--port=99999", "-v", "--version",
    "-h", "--help", "-f x", "-m x", "-m 0x10", "-U x", "-i 1e3 -r -v", "-r -n -c _1 -G.1 127.0.0.1",
    "-r -n -c +1 -G.1 127.0.0.1",
];

/// Scenarios, and arguments of both in them.
#[rustfmt::skip]
pub(super) const IN_SCENARIOS: &[(&str, &str)] = &[
    ("trace-path", "-r -n -c3 -i0.4 -G.5 10.9.2.2"), ("trace-path", "-w -n -e -c2 -i0.4 -G.5 10.9.2.2"),
    ("trace-path", "-l -n -e -c2 -i0.6 -G.5 10.9.2.2"), ("trace-path", "-r -n -c2 -i0.4 -G.5 fd09:2::2"),
    ("trace-path", "-x -n -c2 -i0.4 -G.5 10.9.3.2"), ("trace-path", "-r -n -T -c2 -i0.4 -G.5 10.9.2.2"),
    ("trace-path", "-r -n -u -c2 -i0.4 -G.5 10.9.2.2"), ("trace-path", "-r -n -f 3 -m 5 -c2 -i0.4 -G.5 10.9.2.2"),
    ("route-change", "-r -n -c 32 -i .2 -G.5 10.9.2.2"), ("route-change", "-w -n -c 32 -i .2 -G.5 10.9.2.2"),
    ("trace-loop", "-r -n -c2 -i0.6 -G.5 10.9.4.9"),
];

/// What mtr has and this has not.
#[rustfmt::skip]
pub(super) const MISSING: &[&str] = &[
    "-p 127.0.0.1", "--split 127.0.0.1", "-y 0 127.0.0.1", "-z 127.0.0.1", "-S 127.0.0.1",
    "--displaymode 1 127.0.0.1", "-n 127.0.0.1",
];

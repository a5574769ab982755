//! The command lines that both tools are given.

/// Arguments that both understand.
#[rustfmt::skip]
pub(super) const SHARED: &[&str] = &[
    // Sizes around the time stamp that iputils carries.
    "-c2 -i.1 -s0 127.0.0.1", "-c2 -i.1 -s15 127.0.0.1", "-c2 -i.1 -s16 127.0.0.1", "-c1 -s8 ::1",
    "-c1 -p ff0 127.0.0.1", "-qc1 -p ff ::1",
    // Every option that changes the output, or must not.
    "-c2 -i.1 -a ::1", "-qac1 ::1", "-fac2 ::1", "-A -c3 127.0.0.1", "-Ac1 127.0.0.1", "-fc5 127.0.0.1",
    "-fqc5 ::1", "-Bc1 127.0.0.1", "-Bc1 ::1", "-I lo -c1 127.0.0.1", "-I lo -c1 ::1",
    "-I lo -c1 -W.3 10.1.0.9", "-I lo -c1 -W.3 fd00::9", "-m5 -4 -c1 127.0.0.1",
    "-I 10.1.0.1 -c1 127.0.0.1", "-I d0 -c1 -W.3 127.0.0.1", "-I ::1 -c1 127.0.0.1", "-Dc1 ::1",
    "-L -r -U -S 4096 -c1 127.0.0.1", "-l3 -c5 -i.1 127.0.0.1", "-l10 -c2 127.0.0.1",
    "-e 77 -v -c1 127.0.0.1", "-vc1 ::1", "-v -4 -c1 localhost", "-vqc1 127.0.0.1", "-i0 -c3 127.0.0.1",
    "-M do -c1 ::1", "-M dont -c1 127.0.0.1", "-m5 -c1 ::1", "-t5 -c1 127.0.0.1", "-Q 0x10 -c1 ::1",
    "-d -c1 127.0.0.1", "-b -c1 127.0.0.1", "-b -c1 ::1", "-R -c2 -i.1 127.0.0.1", "-qRc1 127.0.0.1",
    "-aRc1 127.0.0.1", "-fRc3 127.0.0.1", "-R -s4 -c1 127.0.0.1", "-R -c1 ::1", "-T tsonly -c1 ::1",
    "-C -c1 127.0.0.1", "-C -c1 ::1", "-C -c1 -W.3 127.0.0.9", "-N name -c1 127.0.0.1",
    "-N subject-name=x -c1 ::1", "-I 127.0.0.1 -c1 -W.3 10.1.0.9", "-qI 127.0.0.1 -c2 -i.1 -W.3 10.1.0.9",
    "-F 5 -c1 127.0.0.1", "-nc1 here.test", "-4 -c1 here.test", "-c1 alias.test", "-nvc1 -4 Alias.TEST", "-4 -nqc2 -i.1 localhost",
    "-fc1 six.test", "-c1 six.test", "-c1 0", "-nc1 0.0.0.0",
    // The deadline counts replies; an error ends it.
    "-w1 -i.3 127.0.0.1", "-w1 -c2 -i.3 127.0.0.1", "-w1 -c10 -i.3 127.0.0.1", "-w2 -c4 -i.1 127.0.0.11",
    // Nothing leaves, nothing comes, an error comes, a packet is too large.
    "-c3 -i.1 -W.3 127.0.0.8", "-qc3 -i.1 -W.3 127.0.0.8", "-c3 -i.1 -W.3 ::2", "-fc3 -W.3 127.0.0.8",
    "-w1 -i.3 -c2 127.0.0.8", "-c3 -i.1 -W.3 127.0.0.9", "-O -c3 -i.1 -W.3 127.0.0.9",
    "-DO -c3 -i.1 -W.3 127.0.0.9", "-w1 -i.3 127.0.0.9", "-fc3 -W.3 127.0.0.9", "-c3 -i.1 127.0.0.11",
    "-c3 -i.1 ::3", "-fc3 127.0.0.11", "-qc3 -i.1 127.0.0.11", "-O -D -c3 -i.1 127.0.0.11",
    "-c2 -i.1 -W.3 -M do -s1500 10.1.0.9", "-fc2 -i.1 -W.3 -M do -s1500 10.1.0.9",
    "-c2 -i.1 -s65515 127.0.0.1", "-c1 -M do -s65510 127.0.0.1", "-qc1 -s65527 127.0.0.1",
    "-R -c1 -s65507 127.0.0.1", "-qc2 -i.1 -W.3 -M do -s1500 10.1.0.9", "-c2 -i.1 -W.3 -M do -s1500 fd00::9",
    // No way to go, no address, no such name, another family.
    "192.0.2.1", "-q 2001:db8::1", "-c1 198.51.100.1", "-c1 198.51.100.129", "-c1 203.0.113.1",
    "-c1 10.1.0.255", "-c1 255.255.255.255", "-r -c1 2001:db8::1", "nosuch.invalid", "-4 ::1",
    "-6 127.0.0.1", "-c1 fe80::1%nosuch", "-I nosuch 127.0.0.1", "-I nosuch ::1",
    "-I lo -I 127.0.0.1 -c1 127.0.0.1", "-I 127.0.0.1 -I lo -c1 127.0.0.1",
    "-I d0 -I 10.1.0.1 -c1 -W.3 10.1.0.9", "-I 10.1.0.1 -I nosuch 127.0.0.1",
    "-I nosuch -I 10.1.0.1 127.0.0.1", "-I 192.0.2.9 127.0.0.1", "-I 2001:db8::9 ::1",
];

/// Arguments that only iputils' syntax knows, or that it words in its own way.
#[rustfmt::skip]
pub(super) const SYNTAX: &[&str] = &[
    "", "-c", "-N", "-N help", "-Z", "-h", "-?", "--help", "-c1 --classic ::1", "127.0.0.1 -c1 -q", "-nqc3 -i.1 ::1",
    "-c x ::1", "-c 0 ::1", "-c 1x ::1", "-c 99999999999999999999 ::1", "-c ' ::1", "-i 1e300 ::1",
    "-i abc -c1 ::1", "-i 0.2.3 -c1 ::1", "-i 0x10 -c1 ::1", "-i ' ::1", "-i inf ::1", "-i nan ::1",
    "-i 1,5 -c1 ::1", "-W abc -c1 ::1", "-W 1s -c1 ::1", "-W ' ::1", "-W -1 ::1", "-c abc ::1", "-s abc ::1",
    "-c 0x10 ::1", "-Q ' -c1 ::1", "-Q -1 -c1 ::1", "-p 0x10 ::1",
    "-i 3000000 ::1", "-w x ::1", "-w -1 ::1", "-w 1.5 ::1", "-w 0 -c1 ::1", "-l 0 ::1", "-l 70000 ::1",
    "-s x ::1", "-s -1 ::1", "-t 256 ::1", "-t x ::1", "-t 0 -c1 127.0.0.1", "-t 0 -c1 ::1", "-M x ::1",
    "-M probe ::1", "-Q x ::1", "-Q 256 ::1", "-p xyz ::1",
    "-p 00112233445566778899aabbccddeeff0011 -c1 ::1", "-m x ::1", "-m -1 ::1", "-e 65536 ::1",
    "-e x ::1", "-R -T tsonly ::1", "-T tsonly -R ::1", "-T x ::1", "-T", "-F x ::1", "-F 0x1g ::1",
    "-F 0x100000 ::1", "-F -1 ::1", "-F 0x12345678901234567890 ::1", "-R ::2 ::1",
    "-T tsprespec 127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.6 127.0.0.1", "-S 0 ::1", "-S x ::1", "-4 -6 ::1", "-I ::zz ::1", "-W1 -- -c", "a..b",
];

/// What routers say, in a simulated internet.
#[rustfmt::skip]
pub(super) const ROUTED: &[(&str, &str)] = &[
    ("plain-20ms", "-c3 -i.1 10.9.2.2"),
    ("late-1500ms", "-c3 -i1 10.9.2.2"), ("duplicate", "-c3 -i.1 10.9.2.2"),
    ("icmp-errors", "-c2 -i.1 -s1400 10.3.1.9"), ("icmp-errors", "-c2 -i.1 -s1400 10.3.4.9"),
    ("icmp-errors", "-c2 -i.1 -s1400 10.3.13.9"), ("icmp-errors", "-c2 -i.1 10.5.1.9"),
    ("icmp-errors", "-c2 -i.1 -W.3 10.4.0.9"), ("icmp-errors", "-fc2 -i.1 -W.3 10.4.0.9"),
    ("icmp-errors", "-c2 -i.1 10.12.0.9"), ("icmp-errors", "-c2 -i.1 -s1400 fd02::9"),
    ("icmp-errors", "-c2 -i.1 fd04:0::9"), ("icmp-errors", "-c2 -i.1 fd01:5::9"),
];

/// What leads by way of two routers, and to three hosts at once.
#[rustfmt::skip]
pub(super) const HOSTS: &[&str] = &[
    "-R -c3 -i.1 10.3.0.2", "-R -n -c2 -i.1 10.1.0.2", "-Rvc1 10.3.0.2", "-R -t1 -c1 10.3.0.2",
    "-R -s65500 -c1 10.3.0.2", "-T tsonly -c2 -i.1 10.3.0.2", "-T tsandaddr -c2 -i.1 10.3.0.2",
    "-T tsprespec -c1 10.1.0.2 10.2.0.2 10.3.0.2", "-T tsprespec -c1 10.2.0.2 10.3.0.2 10.3.0.2",
    "-T tsprespec -c1 10.3.0.2", "-T tsandaddr -qc1 10.3.0.2",
    "-c1 -b 10.9.0.255", "-c1 10.9.0.255", "-c2 -b 10.9.0.255", "-c2 -b -i.5 10.9.0.255",
    "-vc2 -b -i.5 10.9.0.255", "-Oc2 -b -i.5 10.9.0.255", "-w1 -b -i.4 10.9.0.255",
    "-R -c1 -b 10.9.0.255", "-s1800 -c1 -W.3 -b 10.9.0.255", "-M dont -c1 -b 10.9.0.255",
    "-B -c1 -b 10.9.0.255", "-I br0 -c1 -b 255.255.255.255", "-I br0 -c2 -i.5 224.0.0.1",
    "-I 10.9.0.1 -c1 224.0.0.1", "-L -I br0 -c1 224.0.0.1", "-I br0 -s1800 -c1 -W.3 224.0.0.1",
    "-c2 -i.5 ff02::1%br0", "-I br0 -c2 -i.5 ff02::1", "-B -c1 ff02::1%br0", "-I br0 -c1 -W.3 224.0.0.77",
];

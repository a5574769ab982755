//! The names of TCP services: those that everybody knows, and what a machine's own list adds
//! (services(5)).

use std::collections::BTreeMap;
use std::io::{self, BufRead};

/// Where a machine has its list.
pub const FILE: &str = "/etc/services";

/// The most of a list that is read, in bytes.
const LONGEST_FILE: u64 = 4 << 20;

/// The port of a service that everybody knows (the registry of RFC 6335).
#[must_use]
pub fn port(name: &str) -> Option<u16> {
    let name = name.to_ascii_lowercase();
    KNOWN.iter().find(|(_, known)| *known == name).map(|(port, _)| *port)
}

/// What a port that everybody knows is for.
#[must_use]
pub fn name(port: u16) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == port).map(|(_, name)| *name)
}

/// The names of services in a list that are of a protocol, `tcp` or `udp`, with their ports; of two with one
/// name the first.
///
/// # Errors
/// When it cannot be read.
pub fn read(list: impl BufRead, protocol: &str) -> io::Result<BTreeMap<String, u16>> {
    let mut found = BTreeMap::new();
    for line in list.take(LONGEST_FILE).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let (Some(name), Some(port)) = (words.next(), words.next()) else { continue };
        let port = port.split_once('/').filter(|(_, of)| *of == protocol);
        let Some(port) = port.and_then(|(port, _)| port.parse().ok()) else { continue };
        for name in std::iter::once(name).chain(words) {
            if port > 0 {
                found.entry(name.to_ascii_lowercase()).or_insert(port);
            }
        }
    }
    Ok(found)
}

/// The first of several names of a port is the one that is shown.
const KNOWN: &[(u16, &str)] = &[
    (7, "echo"),
    (9, "discard"),
    (13, "daytime"),
    (20, "ftp-data"),
    (21, "ftp"),
    (22, "ssh"),
    (23, "telnet"),
    (25, "smtp"),
    (37, "time"),
    (43, "whois"),
    (53, "domain"),
    (53, "dns"),
    (70, "gopher"),
    (79, "finger"),
    (80, "http"),
    (80, "www"),
    (88, "kerberos"),
    (110, "pop3"),
    (111, "sunrpc"),
    (113, "auth"),
    (119, "nntp"),
    (135, "epmap"),
    (139, "netbios-ssn"),
    (143, "imap"),
    (143, "imap2"),
    (179, "bgp"),
    (194, "irc"),
    (389, "ldap"),
    (443, "https"),
    (445, "microsoft-ds"),
    (465, "submissions"),
    (465, "smtps"),
    (514, "shell"),
    (515, "printer"),
    (548, "afp"),
    (554, "rtsp"),
    (587, "submission"),
    (631, "ipp"),
    (636, "ldaps"),
    (853, "domain-s"),
    (873, "rsync"),
    (989, "ftps-data"),
    (990, "ftps"),
    (993, "imaps"),
    (995, "pop3s"),
    (1080, "socks"),
    (1194, "openvpn"),
    (1433, "ms-sql-s"),
    (1521, "oracle"),
    (1883, "mqtt"),
    (2049, "nfs"),
    (2181, "zookeeper"),
    (2379, "etcd-client"),
    (3128, "squid"),
    (3260, "iscsi-target"),
    (3306, "mysql"),
    (3389, "ms-wbt-server"),
    (3690, "svn"),
    (5060, "sip"),
    (5222, "xmpp-client"),
    (5269, "xmpp-server"),
    (5432, "postgresql"),
    (5671, "amqps"),
    (5672, "amqp"),
    (5900, "vnc"),
    (6379, "redis"),
    (6443, "kubernetes"),
    (6667, "ircd"),
    (8080, "http-alt"),
    (8883, "secure-mqtt"),
    (9042, "cassandra"),
    (9092, "kafka"),
    (9200, "elasticsearch"),
    (9418, "git"),
    (11211, "memcached"),
    (27017, "mongodb"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_ports_and_back() {
        assert_eq!((port("HTTPS"), port("www"), port("gone")), (Some(443), Some(80), None));
        assert_eq!((name(80), name(5432), name(1)), (Some("http"), Some("postgresql"), None));
        for (number, service) in KNOWN {
            assert_eq!(port(service), Some(*number), "{service}");
        }
    }

    #[test]
    fn a_list_is_read_as_services_has_it() {
        let text = "# a comment\nown\t4711/tcp mine alias # said\nown 4711/udp\nudp-only 9/udp\n\
                    bad 65536/tcp\nzero 0/tcp\n\n  spaced   8/tcp\n\u{fffd}\u{fffd}\nhalf";
        let list = read(text.as_bytes(), "tcp").expect("readable");
        let known: Vec<(&str, u16)> = list.iter().map(|(n, p)| (n.as_str(), *p)).collect();
        assert_eq!(known, [("alias", 4711), ("mine", 4711), ("own", 4711), ("spaced", 8)]);
        assert_eq!(read(&b"a 1/tcp\xff\xff\nb 2/tcp"[..], "tcp").expect("readable").len(), 1);
        assert_eq!(read(text.as_bytes(), "udp").expect("readable").get("udp-only"), Some(&9));
    }
}

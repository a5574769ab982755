//! The servers of the root, as a file names them: a zone file with their NS and address records.

use netdiag_model::Untrusted;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A name server and its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name, with the last dot.
    pub name: Untrusted,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// Reads a file: each name in an NS record of the root that has an address is a server, in the order of
/// the addresses.
#[must_use]
pub fn parse(text: &str) -> Vec<Host> {
    let mut all: Vec<Host> = Vec::new();
    let mut servers = BTreeSet::new();
    let bare = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    let mut owner = "";
    for line in text.lines() {
        let line = line.split(';').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        let ([first, ..], [.., kind, data]) = (words.as_slice(), words.as_slice()) else {
            continue;
        };
        // A line that begins with a blank is about the name of the one before it.
        owner = if line.starts_with(char::is_whitespace) { owner } else { *first };
        if kind.eq_ignore_ascii_case("NS") && owner == "." {
            servers.insert(bare(data));
        }
        let is_address = kind.eq_ignore_ascii_case("A") || kind.eq_ignore_ascii_case("AAAA");
        let Some(address) = data.parse().ok().filter(|_| is_address) else { continue };
        let same = |host: &&mut Host| host.name.as_raw().eq_ignore_ascii_case(owner);
        match all.iter_mut().find(same) {
            Some(host) => host.addresses.push(address),
            None => all.push(Host { name: Untrusted::from(owner), addresses: vec![address] }),
        }
    }
    all.retain(|host| servers.contains(&bare(host.name.as_raw())));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_addresses() {
        let text = "; the root\n. 3600000 NS A.ROOT.EXAMPLE.\nA.ROOT.EXAMPLE. 3600000 A 192.0.2.1\n\
                    \t3600000 IN AAAA 2001:db8::1\nb.root.example. A 192.0.2.2\n\
                    . NS b.root.example\nx A y\nwww A 192.0.2.3\n@ NS www\n";
        let hosts = parse(text);
        let told: Vec<(&str, usize)> =
            hosts.iter().map(|host| (host.name.as_raw(), host.addresses.len())).collect();
        assert_eq!(told, [("A.ROOT.EXAMPLE.", 2), ("b.root.example.", 1)]);
    }
}

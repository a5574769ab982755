//! hosts(5).

use netdiag_model::{Untrusted, parse_written};
use std::net::IpAddr;

/// What a hosts file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// The numbers of lines that begin with no address.
    pub unreadable: Vec<usize>,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of the line, from 1 on.
    pub number: usize,
    /// The address.
    pub address: IpAddr,
    /// Its names.
    pub names: Vec<Untrusted>,
}

impl Hosts {
    /// Reads a file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut all = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let Some(address) = words.next() else { continue };
            match parse_written(address.split('%').next().unwrap_or_default()) {
                Some(address) => {
                    let names = words.map(Untrusted::from).collect();
                    all.entries.push(Entry { number, address, names });
                }
                None => all.unreadable.push(number),
            }
        }
        all
    }

    /// The lines that have this name, in either case.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| {
            entry.names.iter().any(|it| it.as_raw().eq_ignore_ascii_case(name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_lines() {
        let hosts = Hosts::parse(
            "127.0.0.1 localhost\n# nothing\n192.0.2.1\tWWW.example www # x\nnonsense y\n::1 www\n",
        );
        let lines = |name: &str| hosts.of(name).map(|entry| entry.number).collect::<Vec<_>>();
        assert_eq!(lines("www.EXAMPLE"), [3]);
        assert_eq!(lines("www"), [3, 5]);
        assert_eq!(lines("x"), [0; 0]);
        assert_eq!(hosts.unreadable, [4]);
    }
}

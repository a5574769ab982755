//! Words to a filter.

use super::{End, Node, Ports, Scope, mask};
use crate::{Protocol, State};
use netdiag_model::{Family, Untrusted};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Parentheses in each other.
const DEEPEST: usize = 32;
/// Words of a filter.
const LONGEST: usize = 1024;

/// What of a filter was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError(String);

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FilterError {}

type Parsed<T> = Result<T, FilterError>;

fn wrong<T>(text: impl Into<String>) -> Parsed<T> {
    Err(FilterError(text.into()))
}

fn shown(word: &str) -> String {
    format!("'{}'", Untrusted::from(word).escaped())
}

/// Reads a whole filter.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    let words = split(text)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.len() > LONGEST {
        return wrong(format!("more than {LONGEST} words"));
    }
    let mut parser = Parser { words: &words, at: 0 };
    let node = parser.any(0)?;
    match parser.peek() {
        None => Ok(node),
        Some(word) => wrong(format!("{} has no place there", shown(word))),
    }
}

/// Words, and parentheses; what stands between double quotes is one word, as a name with blanks.
fn split(text: &str) -> Parsed<Vec<String>> {
    let mut words = Vec::new();
    for (place, part) in text.split('"').enumerate() {
        match place % 2 {
            0 => {
                let spaced = part.replace('(', " ( ").replace(')', " ) ");
                words.extend(spaced.split_whitespace().map(str::to_owned));
            }
            _ => words.push(part.to_owned()),
        }
    }
    match text.matches('"').count() % 2 {
        0 => Ok(words),
        _ => wrong("a '\"' is missing"),
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.at += 1;
        Some(word)
    }

    fn takes(&mut self, wished: &[&str]) -> bool {
        let is_so =
            self.peek().is_some_and(|word| wished.iter().any(|w| word.eq_ignore_ascii_case(w)));
        self.at += usize::from(is_so);
        is_so
    }

    fn any(&mut self, depth: usize) -> Parsed<Node> {
        let mut nodes = vec![self.all(depth)?];
        while self.takes(OR) {
            nodes.push(self.all(depth)?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self, depth: usize) -> Parsed<Node> {
        let mut nodes = vec![self.not(depth)?];
        loop {
            let is_joined = self.takes(&["and", "&&", "&"]);
            let is_end = |word: &str| ENDS.iter().any(|end| word.eq_ignore_ascii_case(end));
            if !is_joined && self.peek().is_none_or(is_end) {
                break;
            }
            nodes.push(self.not(depth)?);
        }
        Ok(one_or(nodes, Node::All))
    }

    fn not(&mut self, depth: usize) -> Parsed<Node> {
        if depth > DEEPEST {
            return wrong(format!("more than {DEEPEST} parentheses or nots in each other"));
        }
        if self.takes(&["not", "!"]) {
            return Ok(Node::Not(Box::new(self.not(depth + 1)?)));
        }
        if !self.takes(&["("]) {
            return self.one();
        }
        let node = self.any(depth + 1)?;
        match self.takes(&[")"]) {
            true => Ok(node),
            false => wrong("a ')' is missing"),
        }
    }

    fn one(&mut self) -> Parsed<Node> {
        let Some(word) = self.next() else { return wrong("it ends where something is to come") };
        Ok(match word.to_lowercase().as_str() {
            "state" => self.states(word)?,
            // As ss has it.
            "exclude" => Node::Not(Box::new(self.states(word)?)),
            "src" | "local" => self.address(word, End::Local)?,
            "dst" | "remote" => self.address(word, End::Remote)?,
            "addr" | "host" => self.address(word, End::Either)?,
            "sport" => self.ports(word, End::Local)?,
            "dport" => self.ports(word, End::Remote)?,
            "port" => self.ports(word, End::Either)?,
            "pid" => Node::Pid(number(word, self.value(word)?)?),
            "uid" => Node::Uid(number(word, self.value(word)?)?),
            "inode" => Node::Inode(number(word, self.value(word)?)?),
            "process" => Node::Process(self.value(word)?.to_owned()),
            "tcp" => Node::Protocol(Protocol::Tcp),
            "udp" => Node::Protocol(Protocol::Udp),
            "raw" => Node::Protocol(Protocol::Raw),
            "ipv4" | "inet" => Node::Family(Family::Ipv4),
            "ipv6" | "inet6" => Node::Family(Family::Ipv6),
            _ => match at(End::Either, word) {
                Ok(node) => node,
                // It was meant as one.
                Err(fault) if word.contains([':', '.', '/']) => return Err(fault),
                Err(_) => return wrong(format!("{} {UNKNOWN}", shown(word))),
            },
        })
    }

    /// What stands behind a word, as ss has it also behind `=`.
    fn value(&mut self, word: &str) -> Parsed<&'a str> {
        self.takes(&["=", "==", "eq"]);
        match self.next() {
            Some(value) => Ok(value),
            None => wrong(format!("{} wants a value", shown(word))),
        }
    }

    fn address(&mut self, word: &str, end: End) -> Parsed<Node> {
        let is_not = self.takes(NOT_EQUAL);
        let node = at(end, self.value(word)?)?;
        Ok(if is_not { Node::Not(Box::new(node)) } else { node })
    }

    /// One port or some, or as ss has it all from one or up to one.
    fn ports(&mut self, word: &str, end: End) -> Parsed<Node> {
        let is_not = self.takes(NOT_EQUAL);
        let [above, least, below, most] =
            [&[">", "gt"][..], &[">=", "ge", "geq"], &["<", "lt"], &["<=", "le", "leq"]]
                .map(|words| self.takes(words));
        let Scope { ports: Some(Ports { first, last }), .. } = port_scope(self.value(word)?)?
        else {
            return wrong(format!("{} wants a port", shown(word)));
        };
        let (first, last) = match () {
            () if above && first < u16::MAX => (first + 1, u16::MAX),
            () if least => (first, u16::MAX),
            () if below && first > 0 => (0, first - 1),
            () if most => (0, first),
            () if above || below => return wrong(format!("there is no such port as {first}")),
            () => (first, last),
        };
        let node = Node::At(end, Scope::ports(first, last));
        Ok(if is_not { Node::Not(Box::new(node)) } else { node })
    }

    fn states(&mut self, what: &str) -> Parsed<Node> {
        let words = self.value(what)?;
        let mut all = Vec::new();
        for word in words.split(',') {
            match State::parse(word) {
                Some(states) => all.extend(states),
                None => {
                    let known = State::ALL.map(|state| state.name().to_lowercase()).join(", ");
                    return wrong(format!("{} is no state; there are {known}", shown(word)));
                }
            }
        }
        let states = Node::States(mask(&all));
        // What has no state is not left out of all.
        let is_all = State::ALL.iter().all(|state| all.contains(state));
        let others = is_all.then(|| Node::Not(Box::new(Node::Protocol(Protocol::Tcp))));
        Ok(one_or([states].into_iter().chain(others).collect(), Node::Any))
    }
}

const OR: &[&str] = &["or", "||", "|"];
/// What stands behind sides of an `and`.
const ENDS: &[&str] = &["or", "||", "|", ")"];
/// As ss has it.
const NOT_EQUAL: &[&str] = &["!=", "ne", "neq"];
const UNKNOWN: &str = "is no part of a filter: there are :PORT, ADDRESS, ADDRESS/BITS, ADDRESS:PORT, \
                       state, exclude, src, dst, sport, dport, port, pid, process, uid, inode, tcp, udp, raw, \
                       ipv4, ipv6, and, or, not";

fn one_or(mut nodes: Vec<Node>, several: fn(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => several(nodes),
    }
}

fn number<T: FromStr>(what: &str, text: &str) -> Parsed<T> {
    text.parse().or_else(|_| wrong(format!("{} is no {what}", shown(text))))
}

fn port_scope(text: &str) -> Parsed<Scope> {
    ports(text.strip_prefix(':').unwrap_or(text))
        .map(|ports| Scope { network: None, ports: Some(ports) })
}

fn ports(text: &str) -> Parsed<Ports> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number("port", first)?, number("port", last)?);
    match first <= last {
        true => Ok(Ports { first, last }),
        false => wrong(format!("{} ends before it begins", shown(text))),
    }
}

/// An end that an address, a port or both name. `::1:9001` is an IPv6 address and, where somebody left
/// out the brackets, also one with a port: either is meant then.
fn at(end: End, text: &str) -> Parsed<Node> {
    let whole = Node::At(end, scope(text)?);
    let parts = text.rsplit_once(':').filter(|(host, _)| host.contains("::"));
    let both = parts.and_then(|(host, port)| {
        let (network, ports) = (network(host).ok()?, ports(port).ok()?);
        Some(Node::At(end, Scope { network: Some(network), ports: Some(ports) }))
    });
    Ok(one_or([whole].into_iter().chain(both).collect(), Node::Any))
}

/// `:443`, `192.0.2.1`, `192.0.2.0/24`, `192.0.2.1:443`, `[2001:db8::1]:443`, `2001:db8::/32`, `*:443`.
fn scope(text: &str) -> Parsed<Scope> {
    if let Some(rest) = text.strip_prefix(':').filter(|rest| !rest.contains(':')) {
        let Ports { first, last } = ports(rest)?;
        return Ok(Scope::ports(first, last));
    }
    let (host, behind) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) if rest.starts_with('/') => return network_scope(host, rest),
        Some((host, rest)) => {
            (host, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("")))
        }
        None if text.matches(':').count() == 1 => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        },
        None => (text, Some("")),
    };
    let Some(port) = behind else { return wrong(format!("{} is no address", shown(text))) };
    let network = match host {
        "*" => None,
        host => Some(network(host)?),
    };
    let ports = if port.is_empty() { None } else { Some(ports(port)?) };
    Ok(Scope { network, ports })
}

fn network_scope(host: &str, bits: &str) -> Parsed<Scope> {
    Ok(Scope { network: Some(network(&format!("{host}{bits}"))?), ports: None })
}

fn network(text: &str) -> Parsed<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, bits)| (a, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else {
        if let Some((alone, _)) = address.split_once('%') {
            let (address, alone) = (shown(address), shown(alone));
            return wrong(format!(
                "{address}: a filter knows no interface, {alone} is meant on every one"
            ));
        }
        return wrong(format!("{} is no address", shown(address)));
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => most,
        Some(bits) => number("length of a prefix", bits)?,
    };
    match bits <= most {
        true => Ok((address, bits)),
        false => wrong(format!("{bits} is longer than an address")),
    }
}

//! Words to a filter.

use super::ends::at;
use super::words::{Fault, FilterError, Parsed, VALUED, number, shown, split, wrong};
use super::{End, Name, Names, Node, Ports, mask};
use crate::{Protocol, State};
use netdiag_model::Family;

/// Parentheses in each other.
const DEEPEST: usize = 32;
/// Words of a filter.
const LONGEST: usize = 1024;

/// Reads a whole filter.
pub(super) fn parse(text: &str, names: Names<'_>) -> Result<Node, FilterError> {
    whole(text, names).map_err(|fault| fault.of(text))
}

fn whole<'t>(text: &'t str, names: Names<'_>) -> Parsed<'t, Node> {
    let words = split(text)?;
    if words.len() > LONGEST {
        return wrong(text, format!("more than {LONGEST} words"));
    }
    let end = text.get(text.len()..).unwrap_or_default();
    let mut parser = Parser { words: &words, at: 0, end, names };
    let node = parser.any(0)?;
    match parser.peek() {
        None => Ok(node),
        Some(word) => wrong(word, format!("{} has no place there", shown(word))),
    }
}

pub(super) struct Parser<'t, 'w, 'n> {
    words: &'w [&'t str],
    at: usize,
    /// Where the text ends.
    end: &'t str,
    pub(super) names: Names<'n>,
}

impl<'t> Parser<'t, '_, '_> {
    fn peek(&self) -> Option<&'t str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'t str> {
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

    fn any(&mut self, depth: usize) -> Parsed<'t, Node> {
        let mut nodes = vec![self.all(depth)?];
        while self.takes(OR) {
            nodes.push(self.all(depth)?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self, depth: usize) -> Parsed<'t, Node> {
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

    fn not(&mut self, depth: usize) -> Parsed<'t, Node> {
        if depth > DEEPEST {
            let here = self.peek().unwrap_or(self.end);
            return wrong(here, format!("more than {DEEPEST} parentheses or nots in each other"));
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
            false => wrong(self.peek().unwrap_or(self.end), "a ')' is missing"),
        }
    }

    fn one(&mut self) -> Parsed<'t, Node> {
        let Some(word) = self.next() else {
            return wrong(self.end, "expected a part of a filter, found the end");
        };
        if VALUED.iter().any(|valued| word.eq_ignore_ascii_case(valued)) {
            return self.valued(word);
        }
        Ok(match word.to_lowercase().as_str() {
            "tcp" => Node::Protocol(Protocol::Tcp),
            "udp" => Node::Protocol(Protocol::Udp),
            "raw" => Node::Protocol(Protocol::Raw),
            "ipv4" | "inet" => Node::Family(Family::Ipv4),
            "ipv6" | "inet6" => Node::Family(Family::Ipv6),
            ")" => return wrong(word, "expected a part of a filter, found ')'"),
            // It was meant as an address or a port.
            _ if word.contains([':', '.', '/', '*']) => self.end(End::Either, word)?,
            _ => {
                let what = format!("{} is no part of a filter", shown(word));
                return Err(Fault(word, what, UNKNOWN.to_owned()));
            }
        })
    }

    /// A word, and what it wants.
    fn valued(&mut self, word: &'t str) -> Parsed<'t, Node> {
        let is_process = word.eq_ignore_ascii_case("process");
        // A program may be called `ne`.
        let is_not = self.takes(if is_process { &["!="] } else { &["!=", "ne", "neq"] });
        let node = match word.to_lowercase().as_str() {
            "state" => self.states(word)?,
            // As ss has it.
            "exclude" => Node::Not(Box::new(self.states(word)?)),
            "src" | "local" => self.address(word, End::Local)?,
            "dst" | "remote" => self.address(word, End::Remote)?,
            "sport" => self.ports(word, End::Local)?,
            "dport" => self.ports(word, End::Remote)?,
            "port" => self.ports(word, End::Either)?,
            "pid" => Node::Pid(number(word, self.value(word)?)?),
            "uid" => Node::Uid(self.user(word)?),
            "inode" => Node::Inode(number(word, self.value(word)?)?),
            "process" => Node::Process(self.value(word)?.to_owned()),
            _ => self.address(word, End::Either)?,
        };
        Ok(if is_not { Node::Not(Box::new(node)) } else { node })
    }

    /// What stands behind a word, as ss has it also behind `=`.
    fn value(&mut self, word: &str) -> Parsed<'t, &'t str> {
        self.takes(&["=", "==", "eq"]);
        match self.next() {
            Some(value) => Ok(value),
            None => wrong(self.end, format!("{} wants a value", shown(word))),
        }
    }

    fn address(&mut self, word: &str, end: End) -> Parsed<'t, Node> {
        let value = self.value(word)?;
        self.end(end, value)
    }

    fn user(&mut self, word: &str) -> Parsed<'t, u32> {
        let value = self.value(word)?;
        if !value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return number(word, value);
        }
        match (self.names)(Name::User(value)) {
            Some(uid) => Ok(uid),
            None => wrong(value, format!("{} is no user of /etc/passwd", shown(value))),
        }
    }

    /// One port or some, or as ss has it all from one or up to one.
    fn ports(&mut self, word: &str, end: End) -> Parsed<'t, Node> {
        let [above, least, below, most] =
            [&[">", "gt"][..], &[">=", "ge", "geq"], &["<", "lt"], &["<=", "le", "leq"]]
                .map(|words| self.takes(words));
        let value = self.value(word)?;
        let mut all = self.listed(value.strip_prefix(':').unwrap_or(value))?;
        if above || least || below || most {
            let [Ports { first, last }] = all.as_mut_slice() else {
                return wrong(value, format!("{} is more than one port", shown(value)));
            };
            (*first, *last) = match () {
                () if above && *first < u16::MAX => (*first + 1, u16::MAX),
                () if least => (*first, u16::MAX),
                () if below && *first > 0 => (0, *first - 1),
                () if most => (0, *first),
                () => return wrong(value, format!("there is no such port as {first}")),
            };
        }
        Ok(at(end, None, all))
    }

    fn states(&mut self, what: &str) -> Parsed<'t, Node> {
        let words = self.value(what)?;
        let mut all = Vec::new();
        for word in words.split(',') {
            match State::parse(word) {
                Some(states) => all.extend(states),
                None => {
                    let known = State::ALL.map(|state| state.name().to_lowercase()).join(", ");
                    let what = format!("{} is no state", shown(word));
                    return Err(Fault(word, what, format!("; there are {known}")));
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
const UNKNOWN: &str = ": there are :PORTS, ADDRESS, ADDRESS/BITS, ADDRESS:PORTS, state, exclude, \
                       src, dst, sport, dport, port, pid, process, uid, inode, tcp, udp, raw, ipv4, ipv6, \
                       and, or, not";

pub(super) fn one_or(mut nodes: Vec<Node>, several: fn(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => several(nodes),
    }
}

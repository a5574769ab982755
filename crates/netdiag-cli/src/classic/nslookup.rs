//! The options of BIND's nslookup, which its dialogue can set, too, as words of `netdiag dns`.

use crate::args::{Arguments, Command, DnsArguments};
use clap::Parser;
use netdiag_dns::{RecordClass, RecordType};
use netdiag_model::{Untrusted, parse_written};
use std::net::IpAddr;

/// What a line of arguments comes to.
#[derive(Debug)]
pub(crate) struct NslookupArguments {
    pub(crate) settings: Settings,
    /// What is said of options before anything else.
    pub(crate) said: Vec<String>,
    /// What was set where `-all` stands, which shows it.
    pub(crate) all: Option<Settings>,
    /// What is looked up; `None`: whatever standard input says.
    pub(crate) host: Option<String>,
    /// Who is asked; `None`: those of resolv.conf.
    pub(crate) server: Option<String>,
}

/// What else the arguments can come to.
#[derive(Debug)]
pub(super) enum Nslookup {
    Run(Box<NslookupArguments>),
    /// Its version is wanted.
    Version,
    /// It shows its options, behind this, and that fails.
    Usage(Vec<String>),
}

/// Seconds that it waits, and how often it asks.
const TIMEOUT: u32 = 5;
const TRIES: u32 = 3;

/// What can be set.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    kind: Option<String>,
    class: String,
    port: u16,
    /// Seconds; 0: its own.
    timeout: u32,
    tries: u32,
    tcp: bool,
    recursion: bool,
    pub(crate) search: bool,
    /// The domain that takes the place of the search list.
    pub(crate) domain: Option<String>,
    pub(crate) ndots: Option<usize>,
    pub(crate) debug: bool,
    d2: bool,
    /// A server that says SERVFAIL ends a look-up.
    pub(crate) stops_at_servfail: bool,
}

/// What a setting has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// Nothing.
    Done,
    /// This.
    Said(String),
    /// All of them are to be shown.
    All,
}

/// What the arguments after the name of the program say.
pub(super) fn parse(words: &[String]) -> Nslookup {
    let mut settings = Settings::default();
    let mut said = Vec::new();
    let (mut host, mut server, mut has_lookup, mut all) = (None, None, false, None);
    for word in words {
        match word.strip_prefix('-') {
            Some(option) if option.to_ascii_lowercase().starts_with("ver") => {
                return Nslookup::Version;
            }
            Some("") => has_lookup = true,
            Some(option) => match settings.set(option) {
                Set::Said(line) => said.push(line),
                Set::All => all = Some(settings.clone()),
                Set::Done => {}
            },
            None if !has_lookup => {
                has_lookup = true;
                host = Some(word.clone());
            }
            None if server.is_none() => server = Some(word.clone()),
            None => return Nslookup::Usage(said),
        }
    }
    Nslookup::Run(Box::new(NslookupArguments { settings, said, all, host, server }))
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kind: None,
            class: "IN".to_owned(),
            port: 53,
            timeout: 0,
            tries: TRIES,
            tcp: false,
            recursion: true,
            search: true,
            domain: None,
            ndots: None,
            debug: false,
            d2: false,
            stops_at_servfail: false,
        }
    }
}

impl Settings {
    /// One option. Those without a value take their beginnings, too.
    pub(crate) fn set(&mut self, option: &str) -> Set {
        match option.split_once('=') {
            Some((name, value)) => self.set_value(&name.to_ascii_lowercase(), value, option),
            None => self.flag(option),
        }
    }

    fn set_value(&mut self, name: &str, value: &str, option: &str) -> Set {
        match name {
            "type" | "ty" | "querytype" | "query" | "qu" | "q" => match RecordType::parse(value) {
                Some(kind) if !kind.is_transfer() => self.kind = Some(value.to_owned()),
                _ => return said("unknown query type: ", value),
            },
            "class" | "cl" => match RecordClass::parse(value) {
                Some(_) => self.class = value.to_owned(),
                None => return said("unknown query class: ", value),
            },
            "domain" | "do" => {
                self.domain = Some(value.to_owned());
                self.search = true;
            }
            "port" | "po" => match number(value, u16::MAX.into(), "port") {
                Ok(port) => self.port = u16::try_from(port).unwrap_or(u16::MAX),
                Err(wrong) => return Set::Said(wrong),
            },
            "timeout" | "t" => match number(value, u32::MAX, "timeout") {
                Ok(timeout) => self.timeout = timeout,
                Err(wrong) => return Set::Said(wrong),
            },
            "retry" | "ret" => match number(value, i32::MAX.unsigned_abs(), "tries") {
                Ok(tries) => self.tries = tries,
                Err(wrong) => return Set::Said(wrong),
            },
            "ndots" => match number(value, 128, "ndots") {
                Ok(ndots) => self.ndots = usize::try_from(ndots).ok(),
                Err(wrong) => return Set::Said(wrong),
            },
            _ => return said("*** Invalid option: ", option),
        }
        Set::Done
    }

    fn flag(&mut self, option: &str) -> Set {
        let is = |whole: &str, least: usize| {
            let lower = option.to_ascii_lowercase();
            lower.len() >= least && whole.starts_with(&lower)
        };
        if is("all", 3) {
            return Set::All;
        } else if is("recurse", 3) {
            self.recursion = true;
        } else if is("norecurse", 5) {
            self.recursion = false;
        } else if is("defname", 3) || is("search", 3) {
            self.search = true;
        } else if is("nodefname", 5) || is("nosearch", 5) {
            self.search = false;
        } else if is("vc", 2) {
            self.tcp = true;
        } else if is("novc", 4) {
            self.tcp = false;
        } else if is("debug", 3) {
            self.debug = true;
        } else if is("nodebug", 5) {
            self.debug = false;
        } else if is("d2", 2) {
            self.d2 = true;
        } else if is("nod2", 4) {
            self.d2 = false;
        } else if is("fail", 3) {
            self.stops_at_servfail = true;
        } else if is("nofail", 5) {
            self.stops_at_servfail = false;
        } else if !is("silent", 3) {
            return said("*** Invalid option: ", option);
        }
        Set::Done
    }

    /// Asks over TCP from now on.
    pub(crate) const fn use_tcp(&mut self) {
        self.tcp = true;
    }

    /// The port of servers.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// How often a server is asked that says nothing.
    pub(crate) fn tries(&self) -> u32 {
        self.tries.clamp(1, 100)
    }

    /// The types to ask for, one after the other while there are answers.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        self.kind.as_deref().map_or_else(|| vec!["A", "AAAA"], |kind| vec![kind])
    }

    /// No type was named.
    pub(crate) const fn is_default(&self) -> bool {
        self.kind.is_none()
    }

    /// All of them, as they are shown; `search`: the search list, `ndots` where none was set.
    pub(crate) fn shown(&self, search: &[String], ndots: usize) -> String {
        let word = |is_set: bool, name: &str| match is_set {
            true => name.to_owned(),
            false => format!("no{name}"),
        };
        let (vc, debug, d2) =
            (word(self.tcp, "vc"), word(self.debug, "debug"), word(self.d2, "d2"));
        let (searches, recurse) = (word(self.search, "search"), word(self.recursion, "recurse"));
        let (timeout, tries, port) = (self.timeout, self.tries, self.port);
        let kind = Untrusted::from(self.kind.as_deref().unwrap_or("A"));
        let kind = kind.escaped().to_string();
        let list = Untrusted::from(search.join("/"));
        format!(
            "\nSet options:\n  {vc}\t\t\t{debug}\t\t{d2}\n  {searches}\t\t{recurse}\n  \
             timeout = {timeout}\t\tretry = {tries}\tport = {port}\tndots = {ndots}\n  \
             querytype = {kind:<8}\tclass = {}\n  srchlist = {}",
            self.class,
            list.escaped()
        )
    }

    /// The words of `netdiag dns` for one question that a server is asked once. `given` is what was typed.
    pub(crate) fn arguments(
        &self,
        (given, name, kind): (&str, &str, &str),
        server: &str,
    ) -> Result<Box<DnsArguments>, String> {
        let mut words: Vec<String> =
            ["netdiag", "dns", "--no-edns", "--class"].map(ToOwned::to_owned).to_vec();
        let timeout = if self.timeout == 0 { TIMEOUT } else { self.timeout.min(3_600) };
        words.push(self.class.clone());
        words.extend(["-p".to_owned(), self.port.max(1).to_string()]);
        words.extend(["-W".to_owned(), format!("{timeout}s")]);
        words.extend(["--retries".to_owned(), "0".to_owned()]);
        words.extend(self.tcp.then(|| "--tcp".to_owned()));
        words.extend((!self.recursion).then(|| "--no-recursion".to_owned()));
        let address: Option<IpAddr> = parse_written(given);
        match address {
            Some(address) => words.extend(["-x".to_owned(), address.to_string()]),
            None => words.extend(["-t".to_owned(), kind.to_owned()]),
        }
        words.push("--".to_owned());
        words.push(format!("@{server}"));
        if address.is_none() {
            // A dot at the end keeps it from being read as a type.
            words.push(if name.ends_with('.') { name.to_owned() } else { format!("{name}.") });
        }
        match Arguments::try_parse_from(words) {
            Ok(Arguments { command: Command::Dns(mut arguments) }) => {
                arguments.given = Some(given.to_owned());
                Ok(arguments)
            }
            Ok(_) => Err("no look-up".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn said(what: &str, value: &str) -> Set {
    Set::Said(format!("{what}{}", Untrusted::from(value).escaped()))
}

/// A number, or what nslookup says of one that is none.
fn number(text: &str, most: u32, what: &str) -> Result<u32, String> {
    let shown = Untrusted::from(text);
    let wrong = |why: &str| Err(format!("invalid {what} '{}': {why}", shown.escaped()));
    match text.parse::<u64>() {
        Ok(number) if number <= most.into() => Ok(u32::try_from(number).unwrap_or(most)),
        Ok(_) => wrong("out of range"),
        Err(_) => wrong("not a valid number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_beginnings_and_values_have_bounds() {
        let mut settings = Settings::default();
        for (option, said) in [
            ("TYPE=mx", ""),
            ("ty=foo", "unknown query type: foo"),
            ("cl=xx", "unknown query class: xx"),
            ("port=99999", "invalid port '99999': out of range"),
            ("t=x", "invalid timeout 'x': not a valid number"),
            ("srchlist=a", "*** Invalid option: srchlist=a"),
            ("re", "*** Invalid option: re"),
            ("norec", ""),
            ("deb", ""),
            ("nosea", ""),
            ("do=a.example", ""),
        ] {
            let expected = match said {
                "" => Set::Done,
                said => Set::Said(said.to_owned()),
            };
            assert_eq!(settings.set(option), expected, "{option}");
        }
        assert_eq!(settings.set("all"), Set::All);
        assert!(settings.debug && settings.search && !settings.recursion);
        let shown = settings.shown(&["a.example".to_owned()], 1);
        assert!(
            shown.ends_with("querytype = mx      \tclass = IN\n  srchlist = a.example"),
            "{shown}"
        );
    }
}

//! The options of BIND's nslookup, as words of `netdiag dns`.

use crate::args::dns::Layout;
use crate::args::{Arguments, Command, DnsArguments};
use clap::Parser;
use netdiag_dns::{RecordClass, RecordType};
use netdiag_model::{Untrusted, parse_address};

/// What words come to: what it says of those that it does not understand, and what to do.
pub(super) struct Nslookup {
    /// Lines for standard output before anything else.
    pub(super) said: Vec<String>,
    /// What is asked; `None`: its options are shown, and that fails.
    pub(super) arguments: Option<Box<DnsArguments>>,
}

/// Seconds that it waits, and how often it asks.
const TIMEOUT: u32 = 5;
const TRIES: u32 = 3;

/// What options say.
struct Options {
    kind: Option<String>,
    class: String,
    port: u16,
    timeout: u32,
    tries: u32,
    tcp: bool,
    recursion: bool,
    said: Vec<String>,
}

/// What the arguments after the name of the program say.
pub(super) fn parse(words: &[String]) -> Nslookup {
    let mut options = Options {
        kind: None,
        class: "IN".to_owned(),
        port: 53,
        timeout: TIMEOUT,
        tries: TRIES,
        tcp: false,
        recursion: true,
        said: Vec::new(),
    };
    let mut operands: Vec<&str> = Vec::new();
    for word in words {
        match word.strip_prefix('-') {
            Some("") => return options.usage("its dialogue cannot be had: name a host"),
            Some(option) => options.set(option),
            None => operands.push(word),
        }
    }
    match operands.as_slice() {
        [host] => options.ask(host, None),
        [host, server] => options.ask(host, Some(server)),
        [] => options.usage("its dialogue cannot be had: name a host"),
        _ => options.usage(""),
    }
}

impl Options {
    fn usage(mut self, why: &str) -> Nslookup {
        if !why.is_empty() {
            self.said.push(format!("*** {why}"));
        }
        Nslookup { said: self.said, arguments: None }
    }

    /// One option. It takes its beginnings, too, as far as nslookup does.
    fn set(&mut self, option: &str) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let has_value = option.contains('=');
        let begins = |whole: &str, least: usize| name.len() >= least && whole.starts_with(name);
        if has_value && (begins("type", 2) || begins("querytype", 1)) {
            match RecordType::parse(value) {
                Some(kind) if !kind.is_transfer() => self.kind = Some(value.to_owned()),
                _ => {
                    let value = Untrusted::from(value);
                    self.said.push(format!("unknown query type: {}", value.escaped()));
                }
            }
        } else if has_value && begins("class", 2) {
            match RecordClass::parse(value) {
                Some(_) => self.class = value.to_owned(),
                None => {
                    let value = Untrusted::from(value);
                    self.said.push(format!("unknown query class: {}", value.escaped()));
                }
            }
        } else if has_value && begins("timeout", 2) {
            self.timeout = value.parse().unwrap_or(TIMEOUT).clamp(1, 3_600);
        } else if has_value && begins("port", 2) {
            self.port = value.parse().ok().filter(|port| *port > 0).unwrap_or(53);
        } else if has_value && begins("retry", 3) {
            self.tries = value.parse().unwrap_or(TRIES).clamp(1, 100);
        } else {
            self.flag(option);
        }
    }

    fn flag(&mut self, option: &str) {
        match option {
            "vc" => self.tcp = true,
            "novc" => self.tcp = false,
            "recurse" | "rec" => self.recursion = true,
            "norecurse" | "norec" => self.recursion = false,
            // Names are taken from the root on, and what these change is not done.
            "nosearch" | "nosea" | "nodefname" | "nodef" | "nodebug" | "nodeb" | "nod2"
            | "fail" | "nofail" | "silent" | "sil" => {}
            other => {
                let other = Untrusted::from(other);
                self.said.push(format!("*** Invalid option: {}", other.escaped()));
            }
        }
    }

    fn ask(self, host: &str, server: Option<&str>) -> Nslookup {
        let mut words: Vec<String> =
            ["netdiag", "dns", "--no-edns", "--class"].map(ToOwned::to_owned).to_vec();
        words.push(self.class.clone());
        let pairs = [
            ("-p", self.port.to_string()),
            ("-W", self.timeout.to_string()),
            ("--retries", (self.tries - 1).to_string()),
        ];
        words.extend(pairs.into_iter().flat_map(|(option, value)| [option.to_owned(), value]));
        words.extend(self.tcp.then(|| "--tcp".to_owned()));
        words.extend((!self.recursion).then(|| "--no-recursion".to_owned()));
        let address = parse_address(host);
        match (&self.kind, address) {
            (_, Some(address)) => words.extend(["-x".to_owned(), address.to_string()]),
            (kind, None) => {
                let kinds = match kind.as_deref() {
                    Some(kind) => vec![kind],
                    None => vec!["A", "AAAA"],
                };
                words.extend(kinds.into_iter().flat_map(|it| ["-t".to_owned(), it.to_owned()]));
            }
        }
        words.push("--".to_owned());
        words.extend(server.map(|server| format!("@{server}")));
        if address.is_none() {
            // A dot at the end keeps it from being read as a type.
            words.push(if host.ends_with('.') { host.to_owned() } else { format!("{host}.") });
        }
        let is_default = self.kind.is_none() || address.is_some();
        let mut said = self.said;
        match Arguments::try_parse_from(words) {
            Ok(Arguments { command: Command::Dns(mut arguments) }) => {
                arguments.layout = Layout::Nslookup { is_default };
                arguments.given = Some(host.to_owned());
                Nslookup { said, arguments: Some(arguments) }
            }
            Ok(_) => Nslookup { said, arguments: None },
            Err(error) => {
                said.push(error.to_string());
                Nslookup { said, arguments: None }
            }
        }
    }
}

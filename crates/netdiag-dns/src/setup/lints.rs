//! What the files say and nobody heeds.

use super::options::fault;
use super::{MOST_SERVERS, Nsswitch, Setup};
use crate::resolv::{Line, ResolvConf};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::parse_address;

/// What glibc before 2.26, and others, take of a search list.
const MOST_DOMAINS: usize = 6;
const MOST_LETTERS: usize = 256;

/// A line without effect.
struct Lint {
    file: &'static str,
    line: usize,
    message: String,
    advice: &'static str,
}

impl Setup {
    /// A finding for each.
    pub(super) fn config_ignored(&self) -> Vec<Finding> {
        let mut all = Vec::new();
        if let Ok(conf) = &self.resolv {
            servers(conf, &mut all);
            lines(conf, &mut all);
            search(conf, &mut all);
        }
        if let Ok(nsswitch) = &self.nsswitch {
            self.modules(nsswitch, &mut all);
        }
        for number in self.hosts.iter().flat_map(|hosts| &hosts.unreadable) {
            let message = "begins with no address and is skipped".to_owned();
            let advice = "an address first, its names behind it";
            all.push(Lint { file: "hosts", line: *number, message, advice });
        }
        all.into_iter().map(|lint| self.finding(lint)).collect()
    }

    fn finding(&self, lint: Lint) -> Finding {
        let file = self.path(lint.file);
        let message = format!("{file} line {}: {}", lint.line, lint.message);
        let code = "dns-config-ignored";
        Finding::new(None, code, Severity::Warning, file.clone(), message)
            .at("file", file.clone())
            .with("file", file)
            .with("line", lint.line)
            .advise(lint.advice)
    }

    fn modules(&self, nsswitch: &Nsswitch, all: &mut Vec<Lint>) {
        let (file, line) = ("nsswitch.conf", nsswitch.line);
        let place = |name: &str| nsswitch.services.iter().position(|service| service.is(name));
        let (dns, resolve) = (place("dns"), place("resolve"));
        let Some(first) = dns.into_iter().chain(resolve).min() else {
            let message = "neither dns nor resolve: programs never ask a name server".to_owned();
            all.push(Lint { file, line, message, advice: "add `dns` behind `files`" });
            return;
        };
        if place("files").is_none_or(|files| files > first) {
            let message = match place("files") {
                None => "without files: programs do not read the hosts file",
                Some(_) => {
                    "files stands behind the name servers: the hosts file counts only for names that they do not have"
                }
            };
            let advice = "`files` first";
            all.push(Lint { file, line, message: message.to_owned(), advice });
        }
        let before = nsswitch.services.iter().take(dns.unwrap_or_default());
        let hiding = before.rev().find(|service| {
            let is_minimal = service.name.as_raw().starts_with("mdns");
            let is_stub = service.is("resolve") && self.asks_stub();
            service.ends_search() && !is_minimal && !is_stub
        });
        if let Some(service) = hiding {
            let name = service.name.escaped();
            let message = match service.is("resolve") {
                true => "programs ask systemd-resolved, and the servers of resolv.conf only where that does not run ([!UNAVAIL=return] hides dns)".to_owned(),
                false => format!("what {name} does not know is looked up no further: dns behind it is never asked"),
            };
            let advice = match service.is("resolve") {
                true => "have resolv.conf be systemd-resolved's, or leave out `resolve`",
                false => "leave out the action in brackets",
            };
            all.push(Lint { file, line, message, advice });
        }
    }

    /// Whether all servers of resolv.conf are systemd-resolved's stub.
    pub(crate) fn asks_stub(&self) -> bool {
        let servers = self.resolv.iter().flat_map(|conf| &conf.servers);
        let mut servers = servers.peekable();
        servers.peek().is_some() && servers.all(|line| is_stub(line.text.as_raw()))
    }
}

/// Where systemd-resolved listens (systemd-resolved.service(8)).
pub(super) fn is_stub(address: &str) -> bool {
    matches!(address, "127.0.0.53" | "127.0.0.54")
}

fn servers(conf: &ResolvConf, all: &mut Vec<Lint>) {
    let file = "resolv.conf";
    let (good, bad): (Vec<&Line>, Vec<&Line>) = conf.servers.iter().partition(|line| {
        let text = line.text.as_raw();
        parse_address(text.split('%').next().unwrap_or_default()).is_some()
    });
    all.extend(bad.into_iter().map(|line| Lint {
        file,
        line: line.number,
        message: format!("`{}` is no address: this server is never asked", line.text.escaped()),
        advice: "name servers stand there by their addresses",
    }));
    for (place, line) in good.iter().enumerate() {
        if good.iter().take(place).any(|other| other.text == line.text) {
            let message = format!("{} stands there twice", line.text.escaped());
            all.push(Lint { file, line: line.number, message, advice: "remove one of both" });
        }
    }
    if let Some(line) = good.get(MOST_SERVERS) {
        let message = format!("{} servers: programs ask the first {MOST_SERVERS} only", good.len());
        let advice = "keep the three that shall be asked";
        all.push(Lint { file, line: line.number, message, advice });
    }
}

fn lines(conf: &ResolvConf, all: &mut Vec<Lint>) {
    let file = "resolv.conf";
    for option in &conf.options {
        let text = option.text.as_raw();
        let Some(fault) = fault(text) else { continue };
        let message = format!("option `{}` {fault}", option.text.escaped());
        let advice = "the options stand in resolv.conf(5)";
        all.push(Lint { file, line: option.number, message, advice });
    }
    all.extend(conf.unknown.iter().map(|line| {
        let text = line.text.as_raw();
        let (why, advice) = if text.starts_with([' ', '\t']) {
            ("begins with a blank, and so is ignored", "begin the line with its keyword")
        } else if text.trim_end() == "nameserver" {
            ("has no address behind it", "name servers stand there by their addresses")
        } else {
            ("is not understood", "the keywords stand in resolv.conf(5)")
        };
        let message = format!("`{}` {why}", line.text.escaped());
        Lint { file, line: line.number, message, advice }
    }));
    all.extend(conf.replaced.iter().map(|line| Lint {
        file,
        line: line.number,
        message: format!("`{}` is replaced by a later search or domain", line.text.escaped()),
        advice: "one line `search` with all domains",
    }));
}

fn search(conf: &ResolvConf, all: &mut Vec<Lint>) {
    let letters: usize = conf.search.iter().map(|line| line.text.as_raw().len() + 1).sum();
    let Some(line) = conf.search.first() else { return };
    let count = conf.search.len();
    if count > MOST_DOMAINS || letters > MOST_LETTERS {
        let message = format!(
            "{count} domains of {letters} characters: glibc before 2.26 and other libraries take \
             {MOST_DOMAINS} of together {MOST_LETTERS}"
        );
        let advice = "a shorter search list";
        all.push(Lint { file: "resolv.conf", line: line.number, message, advice });
    }
}

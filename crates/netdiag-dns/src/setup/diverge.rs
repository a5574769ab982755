//! Where programs are told something else than the servers say, and what decided that.

use super::steps::{reference, wanted};
use super::{Programs, Setup};
use crate::result::{Step, Target};
use netdiag_model::Untrusted;
use netdiag_model::finding::{Finding, Severity};

/// What decided what programs are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decider {
    /// Lines of the hosts file.
    Hosts(Vec<usize>),
    /// The search list made another name of it.
    Search(Untrusted),
    /// A module of nsswitch.conf.
    Module(&'static str),
    /// One of several that cannot be told apart from here.
    Unknown,
}

impl Setup {
    /// The first place where what is said differs; nothing where all say the same.
    pub(super) fn path_diverges(&self, targets: &[Target]) -> Option<Finding> {
        // Of a copy that no program reads its hosts file tells what they would be given.
        let decides = match &self.programs {
            Programs::NotMeasured(_) if self.decides_by_hosts() => "hosts",
            _ => "getaddrinfo",
        };
        let is_programs = |step: &&Step| step.step == decides && step.diverges;
        let target = targets.iter().find(|it| it.steps.iter().any(|step| is_programs(&step)))?;
        let own = target.steps.iter().find(is_programs)?;
        let server = reference(target)?;
        let named = self.name.clone().unwrap_or_default();
        if is_local(&named) {
            return None;
        }
        let decider = self.decider();
        let given = listed(own.answers.iter().map(ToString::to_string), "no address");
        let said = wanted(server, target);
        let said = listed(said.iter().map(ToString::to_string), server.outcome.name());
        let whom = server.server.strip_suffix(":53").unwrap_or(&server.server);
        let (by, advice) = self.told(&decider);
        let would = if decides == "hosts" { "would be" } else { "are" };
        let message = format!("programs {would} given {given} for {named}{by}; {whom} says {said}");
        let finding =
            Finding::new(None, "dns-path-diverges", Severity::Warning, named.clone(), message);
        let module = match &decider {
            Decider::Hosts(_) => Some("files"),
            Decider::Search(_) => Some("dns"),
            Decider::Module(name) => Some(*name),
            Decider::Unknown => None,
        };
        let answers = |all: &[crate::text::Presented]| {
            all.iter().map(|it| it.as_str().to_owned()).collect::<Vec<String>>()
        };
        let line = if let Decider::Hosts(lines) = &decider { lines.first().copied() } else { None };
        Some(
            finding
                .at("file", self.path(if line.is_some() { "hosts" } else { "nsswitch.conf" }))
                .with("module", module)
                .with("line", line)
                .with("programs", answers(&own.answers))
                .with("server", server.server.clone())
                .with("answers", answers(&wanted(server, target)))
                .advise(advice),
        )
    }

    /// Whether the hosts file has the name, and is looked at before a server is asked.
    pub(super) fn decides_by_hosts(&self) -> bool {
        let services = self.services();
        let mut before =
            services.iter().take_while(|service| !service.is("dns") && !service.is("resolve"));
        before.any(|service| service.is("files")) && self.entries().next().is_some()
    }

    /// Which module it must have been, as far as that can be told without asking each.
    fn decider(&self) -> Decider {
        let services = self.services();
        let has = |name: &str| services.iter().any(|service| service.is(name));
        let lines: Vec<usize> = self.entries().map(|entry| entry.number).collect();
        if let Programs::Found { addresses, canonical, .. } = &self.programs {
            let of_hosts = self.entries().any(|entry| addresses.contains(&entry.address));
            if of_hosts && has("files") {
                return Decider::Hosts(lines);
            }
            let given = self.name.as_deref().unwrap_or_default();
            let tried = self.tried_before(given);
            let longer = canonical
                .as_ref()
                .filter(|name| tried.iter().any(|tried| tried.eq_ignore_ascii_case(name.as_raw())));
            if let Some(name) = longer {
                return Decider::Search(name.clone());
            }
            if given.eq_ignore_ascii_case(&self.host_name) && has("myhostname") {
                return Decider::Module("myhostname");
            }
        }
        if self.decides_by_hosts() {
            return Decider::Hosts(lines);
        }
        let asks = |name: &str| has(name).then_some(());
        match (asks("resolve"), asks("dns")) {
            (Some(()), _) => Decider::Module("resolve"),
            (None, Some(())) if services.len() <= 2 => Decider::Module("dns"),
            (None, Some(())) => Decider::Unknown,
            (None, None) => Decider::Unknown,
        }
    }

    /// The same in words: what to say behind the addresses, and what to do.
    fn told(&self, decider: &Decider) -> (String, String) {
        let hosts = self.path("hosts");
        match decider {
            Decider::Hosts(lines) => {
                let number = lines.first().copied().unwrap_or_default();
                (
                    format!(" by {hosts} line {number} (module files)"),
                    format!("is that line intended? without it programs get what the servers say: {hosts} line {number}"),
                )
            }
            Decider::Search(name) => (
                format!(" by the search list, which makes {} of it", name.escaped()),
                "write the name with a dot at its end where it is meant as it stands".to_owned(),
            ),
            Decider::Module(name) => (
                format!(" by the module {name}"),
                match *name {
                    "resolve" => "systemd-resolved has servers of its own for some domains: intended? see `resolvectl status`",
                    "myhostname" => "this machine's own name needs no server: intended?",
                    _ => "split DNS, or servers that say different things in turn: intended?",
                }
                .to_owned(),
            ),
            Decider::Unknown => {
                let services = self.services();
                let names = services.iter().map(|it| it.name.escaped().to_string());
                let names: Vec<String> = names.collect();
                (
                    String::new(),
                    format!("one of the modules {} decides: ask each, with `getent -s MODULE ahosts NAME`", names.join(", ")),
                )
            }
        }
    }
}

/// A name of this machine alone, which servers need not know (RFC 6761 section 6.3).
pub(super) fn is_local(name: &str) -> bool {
    let last = name.trim_end_matches('.').rsplit('.').next();
    last.is_some_and(|label| label.eq_ignore_ascii_case("localhost"))
}

/// Words one after the other, or what is said where there are none.
fn listed(words: impl Iterator<Item = String>, none: &str) -> String {
    let all: Vec<String> = words.collect();
    if all.is_empty() { none.to_owned() } else { all.join(", ") }
}

//! From the root to the servers that have a name (RFC 1034 section 5.3.3), asking all servers of each
//! zone.

use super::hints::Host;
use super::round::{Round, WANTED, address, alias, referral};
use crate::class::Class;
use crate::config::{Choice, Config, Origin, Server, Target};
use crate::event::{EventKind, Settled, Walked};
use crate::kind::{RecordClass, RecordType};
use crate::measurement::Measurement;
use crate::question::{DomainName, Question};
use netdiag_model::{Destination, Untrusted};
use std::net::IpAddr;

/// A name has at most so many labels, and so a way so many zones.
const MOST_ROUNDS: usize = 128;
/// Names of servers whose addresses are looked up for a zone, and how deep that goes.
const LOOKED_UP: usize = 4;
const DEPTH: usize = 3;
/// So many CNAMEs are followed, one after the other.
const ALIASES: usize = 11;
/// Servers of a zone that are asked.
const ASKED: usize = 26;

/// A walk down the delegations.
#[derive(Clone, Debug)]
pub struct Delegation {
    /// The port of all servers.
    port: u16,
    /// Whether there is a socket for IPv4, and for IPv6.
    families: [bool; 2],
    /// The zones on the way, and their servers.
    zones: Vec<(String, Vec<Host>)>,
    /// What is looked for; behind the first are names of servers on the way.
    searches: Vec<Search>,
    pub(super) rounds: Vec<Round>,
    /// What was asked for, and where CNAMEs led from there, from the root again each time; in lower case.
    pub(super) aliases: Vec<String>,
    /// The CNAME that led back to one of these, or one too many.
    pub(super) unfollowed: Option<String>,
    /// Rounds of any search.
    count: usize,
    is_over: bool,
}

/// A name that is looked for.
#[derive(Clone, Debug)]
struct Search {
    question: Question,
    zone: String,
    hosts: Vec<Host>,
    /// Servers of the zone whose addresses have been looked for.
    looked_up: Vec<String>,
}

impl Delegation {
    /// A walk to what is asked for from these servers of the root.
    #[must_use]
    pub fn new(question: &Question, roots: Vec<Host>, port: u16, families: [bool; 2]) -> Self {
        let first = Search {
            question: question.clone(),
            zone: ".".to_owned(),
            hosts: roots.clone(),
            looked_up: Vec::new(),
        };
        Self {
            port,
            families,
            zones: vec![(".".to_owned(), roots)],
            searches: vec![first],
            rounds: Vec::new(),
            aliases: Vec::new(),
            unfollowed: None,
            count: 0,
            is_over: false,
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// The questions to the servers of the zone that is looked at.
    pub(super) fn round(&self, config: &Config) -> Config {
        let Some(search) = self.searches.last() else { return config.clone() };
        let is_main = self.searches.len() == 1;
        let zone = DomainName::parse(&search.zone).ok();
        let more = zone.filter(|_| is_main).into_iter().flat_map(|name| {
            [RecordType::SOA, RecordType::NS].map(|kind| {
                let class = RecordClass::IN;
                target(Question { name: name.clone(), kind, class })
            })
        });
        let mut round = config.clone();
        round.targets = std::iter::once(target(search.question.clone())).chain(more).collect();
        round.servers = search
            .hosts
            .iter()
            .filter_map(|host| Some(self.server(host, self.usable(host)?)))
            .take(ASKED)
            .collect();
        round.choice = if is_main { Choice::Each } else { Choice::FirstThatAnswers };
        round.query.flags.recursion = false;
        round.setup = None;
        round
    }

    /// The address of a server that can be asked from here.
    fn usable(&self, host: &Host) -> Option<IpAddr> {
        let [v4, v6] = self.families;
        let is_usable = |address: &&IpAddr| if address.is_ipv4() { v4 } else { v6 };
        let mut sorted: Vec<&IpAddr> = host.addresses.iter().filter(is_usable).collect();
        sorted.sort_by_key(|address| address.is_ipv6());
        sorted.first().copied().copied()
    }

    fn server(&self, host: &Host, address: IpAddr) -> Server {
        Server {
            destination: Ok(Destination::new(address)),
            port: self.port,
            given: host.name.clone(),
            origin: Origin::Delegation,
            way: None,
            url: None,
        }
    }

    /// What comes after a round; `None`: nothing, the walk is over.
    pub(super) fn advance(&mut self, measured: &Measurement, config: &Config) -> Option<Config> {
        let next = if self.is_over { None } else { self.step(measured) };
        self.is_over = next.is_none();
        next.map(|()| self.round(config))
    }

    fn step(&mut self, measured: &Measurement) -> Option<()> {
        self.count += 1;
        let is_main = self.searches.len() == 1;
        let search = self.searches.last()?;
        let name = search.question.name.presented().as_str().to_ascii_lowercase();
        let zone = search.zone.clone();
        if is_main {
            let asked = self.aliases.last().cloned();
            self.rounds.push(Round { asked, ..Round::of(measured, &zone, &search.hosts) });
        }
        if self.count >= MOST_ROUNDS {
            return None;
        }
        if let Some(found) = referral(measured, WANTED, &zone, &name) {
            self.zones.push((found.zone.clone(), found.hosts.clone()));
            let search = self.searches.last_mut()?;
            search.zone = found.zone;
            search.hosts = found.hosts;
            search.looked_up.clear();
        } else if is_main {
            if self.rounds.last().is_some_and(|round| round.circle.is_some()) {
                return None;
            }
            let target = alias(measured, &zone, &name)?;
            return self.follow(name, target);
        } else {
            self.take(measured);
        }
        let next = self.look_up_missing();
        match self.searches.as_slice() {
            [search] if next.is_none() && search.zone != zone => {
                // Nobody can be asked any more: that is the last step.
                let asked = self.aliases.last().cloned();
                let last = Round::unreachable(&search.zone, &search.hosts);
                self.rounds.push(Round { asked, ..last });
            }
            _ => {}
        }
        next
    }

    /// From the root again to where a CNAME leads (RFC 1034 section 5.3.3 step 4c), since who says so need
    /// not know more of it.
    fn follow(&mut self, name: String, target: String) -> Option<()> {
        if self.aliases.is_empty() {
            self.aliases.push(name);
        }
        if self.aliases.contains(&target) || self.aliases.len() > ALIASES {
            self.unfollowed = Some(target);
            return None;
        }
        let roots = self.zones.first().map(|(_, hosts)| hosts.clone())?;
        let search = self.searches.last_mut()?;
        search.question.name = DomainName::parse(&target).ok()?;
        search.zone = ".".to_owned();
        search.hosts = roots;
        search.looked_up.clear();
        self.aliases.push(target);
        self.look_up_missing()
    }

    /// How an answer to what is looked for is told; those to names of servers are not.
    pub(super) fn told(
        &self,
        round: &Config,
        server: usize,
        settled: &Settled,
    ) -> Option<EventKind> {
        let [search] = self.searches.as_slice() else { return None };
        let result = settled.result(round, server)?;
        let asked = search.question.name.presented().into_string();
        let (zone, number) = (search.zone.clone(), settled.number);
        Some(EventKind::Walked(Box::new(Walked { zone, asked, number, result })))
    }

    /// The zone whose servers are asked.
    pub(super) fn zone(&self) -> Option<&str> {
        self.searches.first().map(|search| search.zone.as_str())
    }

    /// The name that is looked for by now.
    pub(super) fn wanted(&self) -> Option<&Question> {
        self.searches.first().map(|search| &search.question)
    }

    /// The addresses of a server that was looked for go to whoever needs them.
    fn take(&mut self, measured: &Measurement) {
        let Some(done) = self.searches.pop() else { return };
        let name = done.question.name.presented().as_str().to_ascii_lowercase();
        let pairs = measured.pairs.iter().filter_map(|pair| pair.last.as_deref());
        let said = pairs.filter(|settled| settled.class == Class::Answer);
        let found: Vec<IpAddr> = said
            .filter_map(|settled| settled.message.as_ref())
            .flat_map(|message| message.answers.iter().filter_map(address))
            .collect();
        let Some(search) = self.searches.last_mut() else { return };
        let known = self.zones.iter_mut().find(|(zone, _)| *zone == search.zone);
        let hosts = search.hosts.iter_mut().chain(known.into_iter().flat_map(|(_, hosts)| hosts));
        for host in hosts.filter(|host| host.name.as_raw().eq_ignore_ascii_case(&name)) {
            host.addresses.clone_from(&found);
        }
    }

    /// Begins to look for the address of the next server that has none; the walk goes on with the
    /// others where that cannot be.
    fn look_up_missing(&mut self) -> Option<()> {
        let depth = self.searches.len();
        let search = self.searches.last_mut()?;
        let is_new = |name: &&str| !search.looked_up.iter().any(|other| other == name);
        let missing = search.hosts.iter().filter(|host| host.addresses.is_empty());
        let wanted = missing.map(|host| host.name.as_raw()).find(is_new);
        let is_possible = depth <= DEPTH && search.looked_up.len() < LOOKED_UP;
        let Some(name) = wanted.filter(|_| is_possible).map(ToOwned::to_owned) else {
            let can_go_on = search.hosts.iter().any(|host| !host.addresses.is_empty());
            if can_go_on {
                return Some(());
            }
            // A server's address that cannot be found: whoever needs it goes on without.
            return if depth > 1 { self.give_up() } else { None };
        };
        search.looked_up.push(name.clone());
        let Ok(domain) = DomainName::parse(&name) else { return self.look_up_missing() };
        let kind = if self.families[0] { RecordType::A } else { RecordType::AAAA };
        // From the nearest zone whose servers are known, but not from the one that needs it.
        let needed = search.zone.clone();
        let near = self.zones.iter().rev().find(|(zone, hosts)| {
            *zone != needed
                && super::round::is_below(&name, zone)
                && hosts.iter().any(|host| !host.addresses.is_empty())
        });
        let Some((zone, hosts)) = near.cloned() else { return self.look_up_missing() };
        self.searches.push(Search {
            question: Question { name: domain, kind, class: RecordClass::IN },
            zone,
            hosts,
            looked_up: Vec::new(),
        });
        Some(())
    }

    fn give_up(&mut self) -> Option<()> {
        self.searches.pop();
        self.look_up_missing()
    }
}

fn target(question: Question) -> Target {
    let given = Untrusted::from(question.name.presented().as_str());
    Target { given, question, group: 0 }
}

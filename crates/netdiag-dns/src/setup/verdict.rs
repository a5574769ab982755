//! All findings about this machine, and what they come to.

use super::diverge::is_local;
use super::lints::is_stub;
use super::steps::reference;
use super::{Programs, Setup};
use crate::class::Class;
use crate::config::Origin;
use crate::result::{ServerResult, Target};
use netdiag_model::finding::{Finding, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Programs that wait longer than this for a name are late.
const LATE: Duration = Duration::from_secs(1);
/// So many queries before the right one are worth a word.
const MANY: usize = 3;

impl Setup {
    /// What is wrong, beside what servers say.
    pub(crate) fn findings(&self, targets: &[Target]) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.no_server(targets).into_iter().collect();
        all.extend(self.path_diverges(targets));
        all.extend(self.config_ignored());
        all.extend(self.search_amplifies(targets));
        all
    }

    /// Nobody answers, or nobody is there to be asked.
    fn no_server(&self, targets: &[Target]) -> Option<Finding> {
        let path = self.path("resolv.conf");
        let servers = of_list(targets);
        let link = self.link.as_ref().map(|link| link.escaped().to_string());
        let (message, advice) = match &self.resolv {
            Err(why) => match &link {
                Some(link) => (
                    format!("{path} is a link to {link}, which cannot be read: {why}"),
                    match link.contains("systemd") {
                        true => "start its service: `systemctl start systemd-resolved`".to_owned(),
                        false => format!("make {path} a file with `nameserver ADDRESS`"),
                    },
                ),
                None => (
                    format!("{path} cannot be read: {why}"),
                    "write it: `nameserver ADDRESS`".to_owned(),
                ),
            },
            Ok(_) if servers.values().any(|it| it.class.is_about_name()) => return None,
            Ok(_) if self.names_nobody() => {
                let said = servers.values().next().map_or("unknown", |it| it.class.name());
                let own = "programs ask this machine itself (127.0.0.1)";
                let message = format!("{path} names no server: {own}, which has no answer: {said}");
                (message, "add a line `nameserver ADDRESS`".to_owned())
            }
            Ok(_) => {
                let outcomes = servers.values().map(|it| it.class.name());
                let mut outcomes: Vec<&str> = outcomes.collect();
                outcomes.dedup();
                let what = outcomes.join(", ");
                let message = match servers.len() {
                    1 => format!("the only server has no answer: {what}"),
                    count => format!("none of the {count} servers has an answer: {what}"),
                };
                let is_own = servers.values().any(|it| is_stub(&it.address));
                let advice = match is_own {
                    true => "start its service: `systemctl start systemd-resolved`".to_owned(),
                    false => format!("another server in {path}, or mend the way to these"),
                };
                (message, advice)
            }
        };
        let code = "dns-no-server";
        let subject = "this machine".to_owned();
        let finding = Finding::new(None, code, Severity::Critical, subject, message);
        let outcomes: BTreeMap<&str, &str> =
            servers.iter().map(|(server, it)| (*server, it.class.name())).collect();
        let outcomes: Vec<String> =
            outcomes.iter().map(|(server, outcome)| format!("{server} {outcome}")).collect();
        Some(
            finding
                .at("file", path.clone())
                .with("file", path)
                .with("link", link)
                .with("outcomes", outcomes)
                .advise(advice),
        )
    }

    /// Programs ask for other names before the right one.
    fn search_amplifies(&self, targets: &[Target]) -> Option<Finding> {
        let given = self.name.as_deref()?;
        let mut tried = self.tried_before(given);
        let place = |name: &str| {
            tried.iter().position(|it| it.eq_ignore_ascii_case(name.trim_end_matches('.')))
        };
        let found = match &self.programs {
            Programs::Found { canonical: Some(name), .. } => place(name.as_raw()),
            _ => None,
        };
        let found = found.or_else(|| place(&targets.first()?.name));
        let stands = targets
            .iter()
            .any(|target| reference(target).is_some_and(|it| it.outcome == Class::Answer));
        match found {
            Some(place) => tried.truncate(place),
            None if stands => {}
            None => return None,
        }
        // For IPv4 and for IPv6.
        let queries = 2 * tried.len();
        if queries < MANY {
            return None;
        }
        let options = self.options();
        let message = format!(
            "programs ask {queries} times in vain before they ask for {given} itself: ndots is {}, and \
             {} domains are searched",
            options.ndots,
            self.search().len()
        );
        let code = "dns-search-amplifies";
        let finding = Finding::new(None, code, Severity::Info, given.to_owned(), message);
        Some(
            finding
                .at("file", self.path("resolv.conf"))
                .with("queries", queries)
                .with("threshold", MANY)
                .with("names", tried)
                .with("ndots", options.ndots)
                .advise(format!("write it `{given}.` with a dot at its end; or `options ndots:1`")),
        )
    }

    /// What it all comes to, in a sentence.
    pub(crate) fn verdict(&self, targets: &[Target], findings: &[Finding]) -> String {
        let servers = of_list(targets);
        let dead = servers.values().filter(|it| it.is_silent()).count();
        let total = servers.len();
        let has = |code: &str| findings.iter().any(|finding| finding.code == code);
        let works = "DNS on this machine";
        let tail = format!("{}{}", self.searched(targets), self.tail(findings));
        if has("dns-no-server") {
            let why = match (total, &self.resolv) {
                (_, Err(_)) => "no resolv.conf can be read".to_owned(),
                _ if self.names_nobody() => {
                    "resolv.conf names no server, and this machine has no answer itself".to_owned()
                }
                (1, _) => "its only server has no answer".to_owned(),
                _ => format!("none of its {total} servers has an answer"),
            };
            return format!("{works} does not work: {why}{tail}");
        }
        let failing = servers.values().filter(|it| it.class.is_failure()).count();
        let mut failures = servers.values().filter(|it| it.class.is_failure());
        let (fails, fail) = match failures.all(|it| it.class == Class::Refused) {
            true => ("refuses to answer", "refuse to answer"),
            false => ("fails", "fail"),
        };
        let silent = match (dead, failing, total) {
            (0, 0, 1) => "its server answers".to_owned(),
            (0, 0, _) => format!("all {total} servers answer"),
            (1, 0, _) => format!("one of {total} servers is dead"),
            (_, 0, _) => format!("{dead} of {total} servers are dead"),
            (0, 1, _) => format!("one of {total} servers {fails}"),
            (0, ..) => format!("{failing} of {total} servers {fail}"),
            (_, 1, _) => format!("of {total} servers {dead} dead, and one {fails}"),
            _ => format!("of {total} servers {dead} dead, and {failing} {fail}"),
        };
        if has("dns-path-diverges") {
            return format!(
                "{works} answers, and programs are told something else; {silent}{tail}"
            );
        }
        if !self.services().iter().any(|it| it.is("dns") || it.is("resolve")) {
            return format!("{works} answers, and programs never ask it; {silent}{tail}");
        }
        let late = match &self.programs {
            Programs::TimedOut(after) => {
                format!(", but programs wait longer than {:.0} s", after.as_secs_f64())
            }
            Programs::Found { took, .. } | Programs::NotFound(took) if *took >= LATE => {
                format!(", {:.0} s late", took.as_secs_f64())
            }
            Programs::Found { took, .. } => {
                format!(", to programs in {:.1} ms", took.as_secs_f64() * 1e3)
            }
            _ => String::new(),
        };
        if has("dns-answer-rewritten") {
            return format!(
                "{works} gives answers for names that do not exist{late}; {silent}{tail}"
            );
        }
        let said: Vec<Class> =
            targets.iter().filter_map(|target| Some(reference(target)?.outcome)).collect();
        let said = match said.iter().min() {
            _ if self.name.as_deref().is_some_and(is_local) => {
                "works, and the name is this machine"
            }
            Some(Class::Answer) => "gives right answers",
            Some(Class::Nodata) => "works, and the name has no address",
            Some(_) | None => "works, and the name does not exist",
        };
        format!("{works} {said}{late}; {silent}{tail}")
    }

    /// What the search list makes of the name, where programs are given that.
    fn searched(&self, targets: &[Target]) -> String {
        let (given, asked) = (self.name.as_deref(), targets.first().map(|it| it.name.as_str()));
        let (Some(given), Some(asked)) = (given, asked) else { return String::new() };
        match self.tried_before(given).iter().any(|it| asked.trim_end_matches('.') == it) {
            true => format!("; by the search list {given} is {asked}"),
            false => String::new(),
        }
    }

    /// What was not measured, and how much is to be mended.
    fn tail(&self, findings: &[Finding]) -> String {
        let ignored = findings.iter().filter(|it| it.code == "dns-config-ignored");
        let place = |it: &Finding| {
            ["file", "line"].map(|key| it.evidence.get(key).map(ToString::to_string))
        };
        // One line can be wrong in several ways.
        let ignored: BTreeSet<_> = ignored.map(place).collect();
        let lines = match ignored.len() {
            0 => String::new(),
            1 => "; one line of its files does not do what it says".to_owned(),
            count => format!("; {count} lines of its files do not do what they say"),
        };
        match (&self.programs, &self.name) {
            (Programs::NotMeasured(why), Some(_)) => {
                format!("{lines}; what programs are told was not measured: {why}")
            }
            _ => lines,
        }
    }
}

/// What one server of the list came to over all questions.
struct Listed {
    address: String,
    class: Class,
}

impl Listed {
    fn is_silent(&self) -> bool {
        !self.class.is_said()
    }
}

/// The servers of resolv.conf, with the best that each said.
fn of_list(targets: &[Target]) -> BTreeMap<&str, Listed> {
    let mut all: BTreeMap<&str, Listed> = BTreeMap::new();
    let results = targets.iter().flat_map(|target| &target.results);
    for result in results.filter(|it| it.origin == Origin::ResolvConf) {
        let ServerResult { server, outcome, .. } = result;
        let address = result.address.map(|it| it.to_string()).unwrap_or_default();
        let entry = all.entry(server).or_insert(Listed { address, class: *outcome });
        entry.class = entry.class.min(*outcome);
    }
    all
}

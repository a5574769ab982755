//! Questions beside the one that was asked for: what the search list makes of the name, and names that
//! do not exist.

use crate::class::Class;
use crate::config::{Config, Origin, Target};
use crate::kind::RecordType;
use crate::measurement::Measurement;
use crate::question::{DomainName, Question};
use crate::text::hex;
use netdiag_engine::Secret;
use netdiag_model::Untrusted;
use netdiag_model::finding::{Finding, Severity};

/// Names that do not exist, one below the zone of the name and one where there is none (RFC 6761
/// section 6.4).
const RANDOM: usize = 2;

impl Config {
    /// Adds them behind what a user asks for; `own` questions are that.
    pub fn ask_beside(&mut self) {
        let Some(setup) = &mut self.setup else { return };
        setup.own = self.targets.len();
        let Some(given) = setup.name.clone() else { return };
        let mut more = Vec::new();
        for tried in setup.tried_before(&given) {
            let Ok(name) = DomainName::parse(&tried) else { continue };
            more.extend(self.targets.iter().map(|own| {
                let question = Question { name: name.clone(), ..own.question.clone() };
                Target { question, ..own.clone() }
            }));
        }
        let first = self.targets.first();
        let invented = first.map(|own| invented(&self.secret, &given, own)).unwrap_or_default();
        setup.invented = invented.len();
        self.targets.extend(more.into_iter().chain(invented));
    }
}

/// Names that do not exist, beside one that does or not.
pub(crate) fn invented(secret: &Secret, given: &str, own: &Target) -> Vec<Target> {
    let zone = given.trim_end_matches('.').split_once('.').map_or("", |(_, zone)| zone);
    let names = [zone, "invalid"].into_iter().enumerate().filter_map(|(number, zone)| {
        let label = hex(&secret.cookie(format!("no such name {number}").as_bytes()));
        let random = format!("{label}.{zone}");
        let name = DomainName::parse(random.trim_end_matches('.')).ok()?;
        let question = Question { name, kind: RecordType::A, ..own.question.clone() };
        Some(Target { given: Untrusted::from(random), question, group: own.group })
    });
    names.collect()
}

impl Measurement {
    /// How many questions are told of.
    pub(crate) fn own(&self) -> usize {
        self.config.setup.as_ref().map_or(self.config.targets.len(), |setup| setup.own)
    }

    fn invented(&self) -> usize {
        self.config.setup.as_ref().map_or(0, |setup| setup.invented)
    }

    /// Which question is told of at a place: what programs are given, where the search list makes that of
    /// the name.
    pub(crate) fn place(&self, shown: usize) -> usize {
        let own = self.own().max(1);
        let beside = self.config.targets.len().saturating_sub(own + self.invented());
        let searched = beside / own;
        let is_answered = |target: usize| {
            (0..self.config.servers.len())
                .any(|server| self.class(target, server) == Some(Class::Answer))
        };
        let found = (1..=searched).find(|number| (0..own).any(|it| is_answered(number * own + it)));
        found.unwrap_or(0) * own + shown
    }

    /// What a server of the list came to; where this machine is not looked at, any server.
    fn class(&self, target: usize, server: usize) -> Option<Class> {
        let is_listed = self.config.setup.is_none()
            || self.config.servers.get(server)?.origin == Origin::ResolvConf;
        let pair = self.pairs.get(self.config.pair(target, server)).filter(|_| is_listed)?;
        pair.class()
    }

    /// Servers that give addresses to names that do not exist.
    pub(crate) fn rewritten(&self) -> Vec<Finding> {
        if self.invented() < RANDOM { Vec::new() } else { self.rewritten_last() }
    }

    /// The same where the last questions are those.
    pub(crate) fn rewritten_last(&self) -> Vec<Finding> {
        let count = self.config.targets.len();
        let random = count - RANDOM..count;
        let servers = self.config.servers.iter().enumerate();
        let bad = servers.filter(|(server, _)| {
            random.clone().all(|target| self.class(target, *server) == Some(Class::Answer))
        });
        bad.map(|(place, server)| self.rewritten_by(place, server.short(53), random.clone()))
            .collect()
    }

    fn rewritten_by(
        &self,
        server: usize,
        named: String,
        random: std::ops::Range<usize>,
    ) -> Finding {
        let names = random.clone().filter_map(|it| self.config.targets.get(it));
        let names: Vec<String> =
            names.map(|it| it.question.name.presented().into_string()).collect();
        let pairs = random.filter_map(|it| self.pairs.get(self.config.pair(it, server)));
        let messages = pairs.filter_map(|pair| pair.last.as_ref()?.message.as_ref());
        let mut answers: Vec<String> = messages
            .flat_map(|message| &message.answers)
            .map(|record| record.data.as_str().to_owned())
            .collect();
        answers.dedup();
        let message = format!(
            "{named} gives {} for names that do not exist ({RANDOM} of {RANDOM})",
            answers.join(", ")
        );
        let code = "dns-answer-rewritten";
        Finding::new(None, code, Severity::Warning, named.clone(), message)
            .at("server", named.clone())
            .with("server", named)
            .with("names", names)
            .with("answers", answers)
            .advise("this server, or the path to it, changes answers: another one, or `--tls`")
    }
}

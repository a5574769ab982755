//! What is wrong with delegations.

use super::delegation::Delegation;
use super::round::Round;
use super::steps::bare;
use netdiag_model::finding::{Finding, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// So many answers without the zone are no accident.
const LEAST: u64 = 2;

impl Delegation {
    /// Servers that do not serve their zone, and what those of one zone say against each other.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let rounds = self.rounds.iter();
        let all = rounds.flat_map(|round| {
            let mut all = lame(round);
            all.extend(serials(round));
            all.extend(answers(round));
            all.extend(servers(round));
            all
        });
        // Zones that are on the way twice are wrong once.
        let mut known: Vec<Finding> = Vec::new();
        for finding in all {
            let is_same = |it: &Finding| it.code == finding.code && it.message == finding.message;
            if !known.iter().any(is_same) {
                known.push(finding);
            }
        }
        known
    }
}

fn lame(round: &Round) -> Vec<Finding> {
    let code = "dns-lame-delegation";
    let advice = match round.zone.as_str() {
        "." => "leave it out of the file of hints, or mend the server".to_owned(),
        zone => format!("correct the NS set of {zone} in the zone above it, or the server"),
    };
    let bad = round.servers.iter().filter_map(|said| Some((said, said.lame.as_ref()?)));
    let bad = bad.filter(|(said, _)| said.asked >= LEAST).map(|(said, why)| {
        let (name, server) = (said.name.escaped().to_string(), bare(&said.endpoint));
        let message =
            format!("{name} ({server}) is named for {} and does not serve it: {why}", round.zone);
        Finding::new(None, code, Severity::Warning, name.clone(), message)
            .at("server", said.endpoint.clone())
            .with("server", said.endpoint.clone())
            .with("zone", round.zone.clone())
            .with("name", name)
            .with("queries", said.asked)
            .with("threshold", LEAST)
            .advise(advice.clone())
    });
    let unknown = round.unreachable.iter().map(|name| {
        let message =
            format!("{name} is named for {} and has no address that can be asked", round.zone);
        Finding::new(None, code, Severity::Warning, name.clone(), message)
            .with("zone", round.zone.clone())
            .with("name", name.clone())
            .advise(advice.clone())
    });
    bad.chain(unknown).collect()
}

fn disagreement(round: &Round, message: String) -> Finding {
    let code = "dns-servers-disagree";
    Finding::new(None, code, Severity::Warning, round.zone.clone(), message)
        .with("zone", round.zone.clone())
}

fn serials(round: &Round) -> Option<Finding> {
    let mut by_serial: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for said in round.servers.iter().filter(|said| said.lame.is_none()) {
        let name = said.name.escaped().to_string();
        by_serial.entry(said.serial?).or_default().push(name);
    }
    if by_serial.len() < 2 || !round.serials_differ {
        return None;
    }
    let told: Vec<String> = by_serial
        .iter()
        .map(|(serial, names)| format!("{serial} ({})", names.join(", ")))
        .collect();
    let message = format!(
        "the servers of {} have different serials: {}; so they did twice",
        round.zone,
        told.join(", ")
    );
    let serials: Vec<u32> = by_serial.keys().copied().collect();
    let advice = "a transfer that has failed, or has not come yet";
    Some(disagreement(round, message).with("serials", serials).with("asked", 2).advise(advice))
}

fn answers(round: &Round) -> Option<Finding> {
    let good = || round.servers.iter().filter(|said| said.lame.is_none() && said.class.is_said());
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in good() {
        let mut data: Vec<&str> = one.answers.iter().map(|data| data.as_str()).collect();
        data.sort_unstable();
        let what = format!("{} {}", one.class.name(), data.join(" ")).trim_end().to_owned();
        said.entry(what).or_default().push(one.name.escaped().to_string());
    }
    if said.len() < 2 || !round.answers_differ {
        return None;
    }
    let told: Vec<String> =
        said.iter().map(|(what, names)| format!("{what} ({})", names.join(", "))).collect();
    let message =
        format!("the servers of {} disagree: {}; so they did twice", round.zone, told.join(", "));
    let advice = "a transfer that has failed, or views for different clients";
    Some(disagreement(round, message).with("asked", 2).advise(advice))
}

/// The zone above names other servers than the zone itself.
fn servers(round: &Round) -> Option<Finding> {
    let good = round.servers.iter().filter(|said| said.lame.is_none());
    let own = good.filter_map(|said| said.own.as_ref()).find(|own| **own != round.named)?;
    if round.zone == "." {
        return None;
    }
    let listed = |names: BTreeSet<&String>| {
        let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        names.join(", ")
    };
    let above = listed(round.named.difference(own).collect());
    let below = listed(own.difference(&round.named).collect());
    let told = [("only above", &above), ("only in it", &below)];
    let told = told.iter().filter(|(_, names)| !names.is_empty());
    let told: Vec<String> = told.map(|(where_, names)| format!("{where_} {names}")).collect();
    let message = format!(
        "the zone above names other servers for {} than the zone itself: {}",
        round.zone,
        told.join(", ")
    );
    let advice = "make both NS sets the same";
    Some(
        disagreement(round, message)
            .with("only_above", above)
            .with("only_in_zone", below)
            .advise(advice),
    )
}

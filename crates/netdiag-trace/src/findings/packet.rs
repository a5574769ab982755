//! What became of our packet on the way, by what routers quote of it.

use crate::Measurement;
use crate::hop::Hop;
use crate::responder::{Changed, Field, Value};
use crate::tally::UntrueMtu;
use crate::translation::Translated;
use netdiag_model::finding::{Finding, Severity};
use std::collections::BTreeSet;

/// In so many quotes a change must have been seen, and none in as many of the hop before.
const QUOTES: u64 = 2;
const IMPLAUSIBLE: &str = "mtu-message-implausible";

impl Measurement {
    pub(super) fn packet_findings(&self) -> Vec<Finding> {
        let mut seen = BTreeSet::new();
        let mut findings = Vec::new();
        let (needed, whole) = (self.quotes_needed(), self.whole_until());
        let quoting: Vec<&Hop> = self.path().filter(|hop| quotes(hop) >= needed).collect();
        let mut source = Translated::nothing();
        for (place, hop) in quoting.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|place| quoting.get(place).copied());
            let here = Translated::at(hop, needed, whole);
            if here.differs(&source) {
                findings.push(self.translated(hop, before, &here));
            }
            source = here.after(source);
            let others = changes(hop).into_iter().filter(|(it, _)| !it.field.is_translated());
            for (change, count) in others {
                if count >= needed && seen.insert(change.field) {
                    findings.push(self.changed(hop, before, &change, count));
                }
            }
        }
        findings.extend(self.low_mss());
        findings.extend(self.mtu_drops());
        findings.extend(self.untrue_mtu());
        findings.extend(self.contradicted_mtu());
        findings
    }

    /// "Too big" that cannot be true: somebody forges it, or a router is broken.
    fn untrue_mtu(&self) -> Option<Finding> {
        let UntrueMtu { from, mtu, count, ttl } = self.tally.untrue_mtu?;
        let sent = self.config.packet_bytes(self.size);
        let said = mtu.map_or_else(|| "no MTU".to_owned(), |mtu| format!("an MTU of {mtu}"));
        let bytes = sent.map(|sent| format!(" for a packet of {sent} bytes")).unwrap_or_default();
        let place = ttl.map(|ttl| format!(" to hop {ttl}")).unwrap_or_default();
        let message = format!(
            "\"too big\" that cannot be true, ignored, {count} times: {from} names {said}{bytes}{place}"
        );
        let finding = self.finding(IMPLAUSIBLE, Severity::Warning, from.to_string(), message);
        let finding = match ttl {
            Some(ttl) => finding.at("hop", ttl),
            None => finding,
        };
        Some(
            finding
                .with("from", from.to_string())
                .with("mtu", mtu)
                .with("sent_bytes", sent)
                .with("count", count)
                .advise("someone forges them, or that router is broken"),
        )
    }

    /// "Too big" of what passes.
    fn contradicted_mtu(&self) -> Option<Finding> {
        let (from, mtu, ttl) = self.contradicted?;
        let passed = mtu + 1;
        let message = format!(
            "\"too big\" not believed: {from} names an MTU of {mtu}, and {passed} bytes come to hop {ttl}"
        );
        let finding = self.finding(IMPLAUSIBLE, Severity::Warning, from.to_string(), message);
        Some(
            finding
                .at("hop", ttl)
                .with("from", from.to_string())
                .with("mtu", mtu)
                .with("passed_bytes", passed)
                .with("count", 1)
                .advise(
                    "`netdiag mtu` tells what does pass; who believes it sends less than could",
                ),
        )
    }

    /// Hops that only smaller packets came to than to those before.
    fn mtu_drops(&self) -> Vec<Finding> {
        let known: Vec<(&Hop, u32)> =
            self.path().filter_map(|hop| Some((hop, self.known_mtu(hop)?))).collect();
        let pairs = known.iter().zip(known.iter().skip(1));
        let drops = pairs.filter(|((_, before), (_, after))| after < before);
        let findings = drops.map(|((nearer, before), (hop, after))| {
            let from = self.too_big.iter().find(|(_, mtu)| mtu == after).map(|(from, _)| *from);
            let who = from.map(|from| format!(", says {from}")).unwrap_or_default();
            let (place, ttl) = (place(hop, Some(nearer)), hop.ttl);
            let message = format!("the MTU falls from {before} to {after} bytes {place}{who}");
            let finding = self.finding_at("mtu-drop", Severity::Info, ttl, message);
            finding
                .with("from", from.map(|from| from.to_string()))
                .with("mtu_before", *before)
                .with("mtu_after", *after)
                .with("n", hop.stats.counters().received())
        });
        findings.collect()
    }

    /// The target's own MSS, as it came here.
    fn low_mss(&self) -> Option<Finding> {
        let (mss, count) = self.low_mss.filter(|(_, count)| *count >= self.quotes_needed())?;
        let (hop, expected) = (self.reached_at()?, self.config.syn?.mss);
        let message = format!(
            "the target's MSS arrived as {mss}, below the {expected} of an interface of 1500 bytes: a \
             smaller link there, a tunnel, or a clamp on the way back"
        );
        let finding = self.finding_at("mss-clamped", Severity::Info, hop.ttl, message);
        Some(finding.with("mss", mss).with("expected", expected).with("n", count))
    }

    /// A single query cannot be quoted twice.
    pub(crate) fn quotes_needed(&self) -> u64 {
        QUOTES.min(self.queries())
    }

    /// Our source is another one from here on, or once more another one.
    fn translated(&self, hop: &Hop, before: Option<&Hop>, here: &Translated) -> Finding {
        let changes = here.fields.iter().map(|(change, _)| {
            let (sent, quoted) = (text(change.sent), text(change.quoted));
            format!("{} {sent} became {quoted}", change.field.name())
        });
        let changes: Vec<String> = changes.collect();
        let (what, place) = (changes.join(", "), place(hop, before));
        let what = match what.is_empty() {
            true => "the checksum in what is quoted is that of other addresses or ports",
            false => &what,
        };
        let message = format!("addresses are translated {place} (NAT): {what}");
        let finding = self.finding_at("nat-seen", Severity::Info, hop.ttl, message);
        let json = |value: Value| serde_json::to_value(value).unwrap_or_default();
        let first = here.fields.first().map(|(change, _)| change);
        finding
            .with("field", first.map_or("checksum", |change| change.field.name()))
            .with("sent", first.map(|change| json(change.sent)))
            .with("quoted", first.map(|change| json(change.quoted)))
            .with("hop_before", before.map(|before| before.ttl))
            .with("n", quotes(hop))
    }

    fn changed(&self, hop: &Hop, before: Option<&Hop>, change: &Changed, count: u64) -> Finding {
        let (sent, quoted) = (text(change.sent), text(change.quoted));
        let (name, place) = (change.field.name(), place(hop, before));
        let (code, message, severity) = if is_clamped(change) {
            let message = format!("the MSS of our SYN was lowered {place}: {sent} became {quoted}");
            ("mss-clamped", message, Severity::Info)
        } else {
            let message =
                format!("our packet was rewritten {place}: {name} {sent} became {quoted}");
            let cleared = match change.field {
                Field::Ecn => change.quoted == Value::Number(0),
                Field::DontFragment => change.quoted == Value::Flag(false),
                _ => false,
            };
            let severity = if cleared { Severity::Warning } else { Severity::Info };
            ("header-rewritten", message, severity)
        };
        let finding = self.finding_at(code, severity, hop.ttl, message);
        let json = |value: Value| serde_json::to_value(value).unwrap_or_default();
        finding
            .with("field", name)
            .with("sent", json(change.sent))
            .with("quoted", json(change.quoted))
            .with("hop_before", before.map(|before| before.ttl))
            .with("n", count)
    }
}

/// Where something happened that this hop was the first to see.
fn place(hop: &Hop, before: Option<&Hop>) -> String {
    match before {
        Some(before) if before.ttl + 1 == hop.ttl => format!("at hop {}", before.ttl),
        Some(before) => format!("between hops {} and {}", before.ttl, hop.ttl),
        None => format!("before hop {}", hop.ttl),
    }
}

/// Whether a change is that of an MSS to a smaller one.
fn is_clamped(change: &Changed) -> bool {
    match (change.field, change.sent, change.quoted) {
        (Field::Mss, Value::Number(sent), Value::Number(quoted)) => quoted < sent,
        _ => false,
    }
}

fn quotes(hop: &Hop) -> u64 {
    hop.responders.iter().map(|who| who.quotes).sum()
}

/// The changes that a hop saw, and in how many quotes.
fn changes(hop: &Hop) -> Vec<(Changed, u64)> {
    let all = hop.responders.iter().flat_map(|who| who.changed.iter().cloned());
    all.collect()
}

fn text(value: Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => if flag { "set" } else { "not set" }.to_owned(),
        Value::Address(address) => address.to_string(),
    }
}

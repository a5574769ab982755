//! The table: a row for each attempt, as it ends.

use super::Resolved;
use crate::number::{ms3, ms5};
use crate::port::label;
use netdiag_model::Untrusted;
use netdiag_tcp::connect::Attempt;
use netdiag_tcp::connect::dialogue::Talk;
use netdiag_tcp::connect::http::exchange::Exchange;
use netdiag_tcp::connect::tls::Talked;
use std::collections::BTreeSet;

/// Which columns there are, and how wide; known before the first row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    /// The hosts, where there are several.
    host: Option<usize>,
    /// The addresses, where one host has several, or several hosts have one each.
    address: Option<usize>,
    port: usize,
    /// The number of the attempt, where there are several.
    number: Option<usize>,
    /// Whether TLS is spoken with any.
    tls: bool,
    /// Whether there is room for these.
    handshake: bool,
    retransmits: bool,
}

impl Layout {
    /// For these targets, each address tried so often.
    pub(super) fn of(targets: &[Resolved], count: u64) -> Self {
        let hosts: BTreeSet<String> =
            targets.iter().map(|target| target.host.host().escaped().to_string()).collect();
        let addresses: BTreeSet<String> =
            targets.iter().flat_map(|target| &target.addresses).map(ToString::to_string).collect();
        let widest = |texts: &BTreeSet<String>, least: usize| {
            texts.iter().map(String::len).max().unwrap_or(0).max(least)
        };
        let is_named = hosts.len() > 1 && !hosts.is_subset(&addresses);
        let ports = targets.iter().map(|target| label(target.port).len());
        Self {
            host: is_named.then(|| widest(&hosts, 4)),
            address: (addresses.len() > 1).then(|| widest(&addresses, 7)),
            port: ports.max().unwrap_or(0).max(4),
            number: (count > 1).then(|| count.to_string().len().max(3)),
            tls: targets.iter().any(|target| target.tls),
            handshake: true,
            retransmits: true,
        }
    }

    /// The line above the rows.
    pub(super) fn header(self, width: Option<usize>) -> String {
        let detail = if self.tls { "detail" } else { "why" };
        let is_room = width.is_none_or(|width| self.width() + detail.len() + 2 <= width);
        self.line(
            ["host", "address", "port", "try"],
            ["state", "connect", "handshake", "tls", "retr", if is_room { detail } else { "" }],
        )
        .trim_end()
        .to_owned()
    }

    /// The row of an attempt to a target, and what is said of it.
    pub(super) fn row(self, target: &Resolved, attempt: &Attempt) -> (String, String) {
        let none = || "-".to_owned();
        let connect = attempt.connect().map_or_else(none, ms5);
        // A refusal is a true round trip.
        let connect = match attempt.class().is_answer() {
            true => attempt.connect().or(Some(attempt.took)).map_or_else(none, ms5),
            false => connect,
        };
        let handshake = attempt.handshake().map_or_else(none, ms5);
        let retransmits = attempt.retransmits.map_or_else(none, |count| count.to_string());
        let tls = attempt.talk.as_ref().and_then(|talk| talk.tls.as_deref());
        let why = attempt.failure().map(|failure| failure.message);
        let why = why.or_else(|| banner(attempt)).or_else(|| over_it(attempt));
        let took = tls.and_then(|tls| tls.took).map_or_else(none, ms5);
        let row = self.line(
            [
                &target.host.host().escaped().to_string(),
                &attempt.destination.to_string(),
                &label(if target.proxy.is_some() { target.port } else { attempt.port }),
                &attempt.number.to_string(),
            ],
            [state(attempt), &connect, &handshake, &took, &retransmits, ""],
        );
        (row, why.unwrap_or_default())
    }

    /// The same for a terminal that wide: without the column that matters least, where there is no room.
    pub(super) fn fitting(mut self, width: Option<usize>) -> Self {
        let is_too_wide = |layout: Self| width.is_some_and(|width| layout.width() > width);
        let drops: [fn(&mut Self); 4] = [
            |it| it.host = None,
            |it| it.retransmits = false,
            |it| it.handshake = false,
            |it| it.tls = false,
        ];
        for drop in drops {
            if is_too_wide(self) {
                drop(&mut self);
            }
        }
        self
    }

    /// Of a row with nothing said of it.
    fn width(self) -> usize {
        self.line([""; 4], ["", "connect", "handshake", "tls", "retr", ""]).trim_end().len()
    }

    fn line(self, place: [&str; 4], rest: [&str; 6]) -> String {
        let [host, address, port, number] = place;
        let [state, connect, handshake, tls, retransmits, why] = rest;
        let mut line = String::new();
        for (text, width) in [(host, self.host), (address, self.address)] {
            if let Some(width) = width {
                line.push_str(&format!("{text:<width$}  "));
            }
        }
        line.push_str(&format!("{port:<width$}  ", width = self.port));
        if let Some(width) = self.number {
            line.push_str(&format!("{number:>width$}  "));
        }
        line.push_str(&format!("{state:<11}  {connect:>7}  "));
        if self.handshake {
            line.push_str(&format!("{handshake:>9}  "));
        }
        if self.tls {
            line.push_str(&format!("{tls:>7}  "));
        }
        if self.retransmits {
            line.push_str(&format!("{retransmits:>4}  "));
        }
        line.push_str(why);
        line
    }
}

/// What an attempt came to, in a word: to whom a proxy does not connect is not open.
fn state(attempt: &Attempt) -> &'static str {
    match attempt.is_barred() {
        true => "not open",
        false => attempt.class().name(),
    }
}

/// What TLS and HTTP came to, where they were spoken.
fn over_it(attempt: &Attempt) -> Option<String> {
    let talk = attempt.talk.as_deref()?;
    let http = talk.http.as_deref().map(Exchange::summary);
    let said = http.or_else(|| talk.tls.as_deref().map(Talked::summary));
    let through = talk.proxy_took().map(|took| format!("proxy {} ms", ms3(took)));
    let said = match (through, said) {
        (Some(through), Some(said)) => Some(format!("{through}, {said}")),
        (through, said) => through.or(said),
    };
    let early = talk.ended_early().filter(|_| !has_idle_close(talk));
    match (said, early) {
        (Some(said), Some(early)) => Some(format!("{said}, {early}")),
        (said, early) => said.or(early),
    }
}

/// Whether how it ended is told with what was asked by HTTP.
fn has_idle_close(talk: &Talk) -> bool {
    talk.http.as_ref().is_some_and(|http| http.idle_close.is_some())
}

/// The first line of what came over a connection, safe to print.
fn banner(attempt: &Attempt) -> Option<String> {
    const SHOWN: usize = 80;
    let talk = attempt.talk.as_deref()?;
    let line = talk.heard.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let text = String::from_utf8_lossy(line.get(..SHOWN).unwrap_or(line)).into_owned();
    let text = Untrusted::from(text);
    Some(text.escaped().to_string()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns go before a line is wider than the terminal; port, state and connect never do.
    #[test]
    fn a_row_has_room() {
        let all = Layout { host: Some(30), port: 8, tls: true, ..Layout::of(&[], 100) };
        assert_eq!(all.fitting(None).width(), all.width());
        for width in [40, 60, 80, 120] {
            let layout = all.fitting(Some(width));
            let header = layout.header(Some(width));
            assert!(layout.width() <= width && header.len() <= width, "{width}: {header}");
            assert!(header.contains("port") && header.contains("connect"), "{width}: {header}");
        }
    }
}

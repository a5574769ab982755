//! What the words mean that netdiag prints. The texts stand in `en/`, a file for each kind, so that
//! another language is another folder:
//!
//! ```text
//! # KIND: NAME | FURTHER NAME
//! What it is, what it usually means, and what to do next: a line each. A topic has its text as it is.
//! ```

mod nearest;

pub(crate) use nearest::nearest;

/// The files, in the order of the list.
const TEXTS: [&str; 12] = [
    include_str!("en/topics.txt"),
    include_str!("en/states.txt"),
    include_str!("en/words.txt"),
    include_str!("en/words-sockets.txt"),
    include_str!("en/errnos.txt"),
    include_str!("en/icmp.txt"),
    include_str!("en/marks.txt"),
    include_str!("en/dns.txt"),
    include_str!("en/outcomes.txt"),
    include_str!("en/findings-sockets.txt"),
    include_str!("en/findings-hosts.txt"),
    include_str!("en/findings-services.txt"),
];

/// One explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `state`, `word`, `errno`, `icmp`, `mark`, `rcode`, `ede`, `outcome`, `reason`, `finding` or `topic`.
    pub(crate) kind: &'static str,
    /// What it is called; the first is its own name.
    pub(crate) names: Vec<&'static str>,
    /// The text below its names.
    pub(crate) text: &'static str,
}

impl Entry {
    /// What it is called.
    pub(crate) fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// What it is, what it usually means, what to do next; `None` of a topic.
    pub(crate) fn sentences(&self) -> Option<[&'static str; 3]> {
        let lines: Vec<&str> = self.text.lines().collect();
        lines.try_into().ok().filter(|_| self.kind != "topic")
    }

    fn is_called(&self, term: &str) -> bool {
        // Names of several words have a hyphen or a blank between them, whatever the term has.
        let hyphened = |text: &str| text.replace(' ', "-");
        self.names.iter().any(|name| {
            hyphened(&plain(name)) == hyphened(term)
                || (self.kind == "errno" && plain(name).split(' ').any(|word| word == term))
        })
    }

    /// Whether it is the entry of all those that have no name but a number, this one with it.
    fn is_of(&self, term: &str) -> bool {
        let number = |before: &str, most: u32| {
            let rest = term.strip_prefix(before).unwrap_or_default().trim_start_matches([' ', '-']);
            rest.parse::<u32>().is_ok_and(|number| number <= most)
        };
        match self.name() {
            "!<TYPE-CODE>" => term.starts_with("!<"),
            "!F" => number("!f-", u16::MAX.into()),
            "RCODEn" => number("rcode", 4_095),
            "EDE-n" => number("ede", u16::MAX.into()),
            "TYPE-n" => number("type-", 255),
            "sysctl" => netdiag_sockets::audit::looks_at(term),
            _ => false,
        }
    }
}

/// All explanations.
pub(crate) fn entries() -> Vec<Entry> {
    let blocks = TEXTS.iter().flat_map(|text| {
        let rest = text.strip_prefix("# ").unwrap_or(text);
        rest.split("\n# ")
    });
    let entry = |block: &'static str| {
        let (head, text) = block.split_once('\n')?;
        let (kind, names) = head.split_once(": ")?;
        let names = names.split(" | ").map(str::trim).collect();
        Some(Entry { kind, names, text: text.trim_end() })
    };
    blocks.filter_map(entry).collect()
}

/// What is called so: mostly one, but ICMP has names in both families. Where nothing is, but something by
/// each of several words, these.
pub(crate) fn find(term: &str) -> Vec<Entry> {
    let term = plain(term);
    let found = find_one(&term);
    if !found.is_empty() || !term.contains(' ') {
        return found;
    }
    let each: Vec<Vec<Entry>> = term.split(' ').map(find_one).collect();
    let is_known = each.iter().all(|found| !found.is_empty());
    if is_known { each.into_iter().flatten().collect() } else { Vec::new() }
}

fn find_one(term: &str) -> Vec<Entry> {
    let called = |term: &str| -> Vec<Entry> {
        entries().into_iter().filter(|entry| entry.is_called(term)).collect()
    };
    let mut found = called(term);
    if found.is_empty() {
        // A key of a document, as `processes.0.pid`.
        let parts = term.split_once('.').and_then(|_| term.rsplit('.').next());
        let found_of = |part: &str| called(part).into_iter().filter(|entry| entry.kind == "word");
        found = parts.into_iter().flat_map(found_of).collect();
    }
    if found.is_empty() {
        found = entries().into_iter().filter(|entry| entry.is_of(term)).collect();
    }
    if found.is_empty() {
        found = looser(term);
    }
    found
}

/// What is called so with a word too much, or without what stands between words.
fn looser(term: &str) -> Vec<Entry> {
    let together = |text: &str| text.replace(['-', ' '], "");
    let last = term.rsplit_once(' ');
    let is_counted = |(_, last): &(&str, &str)| last.starts_with(|c: char| c.is_ascii_digit());
    // As in `keepalive 58 min`, and in `retransmit 3rd`.
    let timed = last.filter(|(_, unit)| ["ms", "s", "min", "h"].contains(unit));
    let timed = timed.and_then(|(rest, _)| rest.rsplit_once(' ')).filter(is_counted);
    let (called, kinds): (_, &[_]) = match term.split_once(' ') {
        Some(("errno" | "error", name)) => (name, &["errno"]),
        Some(("state", name)) => (name, &["state"]),
        _ => match (timed, last.filter(is_counted)) {
            (Some((word, _)), _) => (word, &["word", "state", "topic"]),
            (_, Some((word, _))) => (word, &["word"]),
            _ => ("", &[]),
        },
    };
    let is_meant = |entry: &Entry| match kinds {
        [] => {
            entry.kind == "state"
                && entry.names.iter().any(|name| together(&plain(name)) == together(term))
        }
        kinds => kinds.contains(&entry.kind) && entry.is_called(called),
    };
    entries().into_iter().filter(is_meant).collect()
}

/// A term by which it is compared: in lower case, with `-` for `_`, single blanks, no parentheses and
/// quotes, and nothing that ends a part of a sentence.
fn plain(term: &str) -> String {
    let words = term.split(|c: char| c.is_whitespace() || "()'\"`".contains(c));
    let words = words.map(|word| word.trim_end_matches([',', ';', ':', '.']));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ").to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_entry_but_a_topic_has_three_sentences() {
        let all = entries();
        assert!(all.len() > 200, "{}", all.len());
        for entry in all {
            let kinds = [
                "topic", "state", "word", "errno", "icmp", "mark", "rcode", "ede", "outcome",
                "reason", "finding",
            ];
            assert!(kinds.contains(&entry.kind), "{entry:?}");
            assert!(entry.kind == "topic" || entry.sentences().is_some(), "{entry:?}");
            assert!(entry.text.is_ascii(), "{entry:?}");
            let ends = entry.sentences().is_none_or(|all| all.iter().all(|s| s.ends_with('.')));
            assert!(ends, "{entry:?}");
        }
    }

    /// Drawings cannot be folded, and prose that is broken twice is hard to read.
    #[test]
    fn no_line_of_a_topic_is_wider_than_80_columns() {
        for entry in entries().into_iter().filter(|entry| entry.kind == "topic") {
            for line in entry.text.lines() {
                assert!(line.len() <= 80, "{}: {line}", entry.name());
            }
        }
    }

    /// Whatever the names are that a name server's numbers are shown by.
    #[test]
    fn every_rcode_and_extended_error_is_explained() {
        use netdiag_dns::message::{extended_error_name, rcode_name};
        for number in 0..=4_095 {
            let name = rcode_name(number);
            let found = find(&name);
            assert!(found.len() == 1 && found.iter().all(|it| it.kind == "rcode"), "{name}");
        }
        let mut named = 0;
        for number in 0..=u16::MAX {
            let Some(name) = extended_error_name(number) else { continue };
            named += 1;
            for term in [format!("EDE {number}"), name.to_owned()] {
                let found: Vec<Entry> =
                    find(&term).into_iter().filter(|entry| entry.kind == "ede").collect();
                let [entry] = found.as_slice() else { panic!("{term}: {found:?}") };
                assert_eq!(entry.name(), format!("EDE-{number}"), "{term}");
            }
        }
        assert!(named >= 30, "{named}");
        assert_eq!(find("EDE 49152").first().map(Entry::name), Some("EDE-n"));
    }

    #[test]
    fn no_two_of_a_kind_have_one_name() {
        let mut seen = BTreeMap::new();
        for entry in entries() {
            for name in &entry.names {
                let before = seen.insert((entry.kind, plain(name)), entry.name());
                // The kernel's name may be the RFC's.
                assert!(before.is_none_or(|before| before == entry.name()), "{name}");
            }
        }
    }

    #[test]
    fn a_term_is_found_however_it_is_written() {
        for (term, name) in [
            ("CLOSE_WAIT", "CLOSE-WAIT"),
            ("fin-wait1", "FIN-WAIT-1"),
            ("111", "ECONNREFUSED 111"),
            ("errno 111", "ECONNREFUSED 111"),
            ("errno ECONNREFUSED", "ECONNREFUSED 111"),
            ("econnrefused (111)", "ECONNREFUSED 111"),
            ("error 111", "ECONNREFUSED 111"),
            ("state close-wait", "CLOSE-WAIT"),
            ("'LISTEN'", "LISTEN"),
            ("LISTEN,", "LISTEN"),
            ("-", "-"),
            ("keepalive 58 min", "keepalive"),
            ("time-wait 57 s", "TIME-WAIT"),
            ("orphan 900 ms", "orphan"),
            ("net.ipv4.tcp_tw_reuse", "sysctl"),
            ("somaxconn", "sysctl"),
            ("EDE-65535", "EDE-n"),
            ("closewait", "CLOSE-WAIT"),
            ("FINWAIT1", "FIN-WAIT-1"),
            ("SYN", "flags"),
            ("RST", "flags"),
            ("not visible", "not visible"),
            ("not accepted yet", "not accepted yet"),
            ("retransmit", "retransmit"),
            ("retransmit 3rd", "retransmit"),
            ("window probe 12th", "window probe"),
            ("orphans", "orphan"),
            ("econnrefused", "ECONNREFUSED 111"),
            ("ICMP  3/13", "communication-administratively-prohibited"),
            ("!X", "!X"),
            ("!<3-200>", "!<TYPE-CODE>"),
            ("!<13>", "!<TYPE-CODE>"),
            ("!F-1300", "!F"),
            ("RCODE11", "RCODEn"),
            ("rcode 3", "NXDOMAIN"),
            ("ede 4711", "EDE-n"),
            ("Stale NXDomain Answer", "EDE-19"),
            ("type-200", "TYPE-n"),
            ("nxdomain", "NXDOMAIN"),
            ("ede 7", "EDE-7"),
            ("2MSL", "2msl"),
            ("time-wait-many", "time-wait-many"),
        ] {
            let found = find(term);
            assert_eq!(found.iter().map(Entry::name).collect::<Vec<_>>(), [name], "{term}");
        }
        let both = find("LISTEN CLOSE-WAIT");
        assert_eq!(both.iter().map(Entry::name).collect::<Vec<_>>(), ["LISTEN", "CLOSE-WAIT"]);
        for term in [
            "closewaitt",
            "errno",
            "errno 4711",
            "3rd",
            "close-wait 3rd",
            "LISTEN CLOSE-WAITT",
            "EDE-99999",
            "rcode 4096",
            "type-256",
            "",
        ] {
            assert_eq!(find(term), [], "{term}");
        }
    }
}

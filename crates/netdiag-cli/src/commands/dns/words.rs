//! Which word is a name, which a type, which a server.

use super::servers::Asked;
use crate::args::DnsArguments;
use crate::args::dns::{changes_since, kind};
use netdiag_dns::config::Target;
use netdiag_dns::{DomainName, Question, RecordClass, RecordType};
use netdiag_model::{Untrusted, parse_written};
use std::net::IpAddr;

/// What words come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) names: Vec<String>,
    pub(super) types: Vec<RecordType>,
    pub(super) servers: Vec<Asked>,
    /// The serial number since which changes are asked for.
    pub(super) since: Option<u32>,
}

impl Words {
    /// Sorts the words of a command line.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(super) fn sort(words: &[String]) -> Result<Self, String> {
        let mut all = Self::default();
        for word in words {
            if let Some(server) = word.strip_prefix('@') {
                all.servers.push(Asked::parse(server)?);
            } else if let Some(serial) = changes_since(word) {
                all.since = Some(serial.parse().map_err(|_| {
                    let word = Untrusted::from(word.as_str());
                    format!("`{}`: IXFR=SERIAL, a number below 2^32", word.escaped())
                })?);
                all.types.push(RecordType::IXFR);
            } else if RecordType::parse(word).is_some() {
                let kind = kind(word).map_err(|why| format!("`{word}`: {why}"))?;
                all.types.push(kind);
            } else if looks_like_a_type(word) {
                return Err(format!(
                    "unknown type `{word}`: a mnemonic such as AAAA, or TYPE65; a name is written `{word}.`"
                ));
            } else if word.starts_with('+') && !word.contains('.') {
                let word = Untrusted::from(word.as_str());
                let word = word.escaped();
                return Err(format!(
                    "`{word}`: an option of dig, as they are not written here (`netdiag dns --help`); a \
                     name is written `{word}.`"
                ));
            } else {
                all.names.push(word.clone());
            }
        }
        Ok(all)
    }

    /// Whether there is nothing to ask for.
    pub(super) fn has_no_name(&self) -> bool {
        self.names.is_empty()
    }

    /// The questions: each name with each type.
    pub(super) fn targets(
        &self,
        types: &[RecordType],
        class: RecordClass,
        first_group: usize,
    ) -> Result<Vec<Target>, String> {
        let mut targets = Vec::new();
        let types: Vec<RecordType> = types.iter().chain(&self.types).copied().collect();
        let mut group = first_group;
        for given in &self.names {
            if let (Some(address), true) = (parse_written(given), types.is_empty()) {
                targets.push(reverse(address, class, group));
                group += 1;
                continue;
            }
            let name = DomainName::parse(given).map_err(|why| {
                format!("NAME `{}`: {why}", Untrusted::from(given.as_str()).escaped())
            })?;
            let own = if types.is_empty() {
                &[RecordType::A, RecordType::AAAA][..]
            } else {
                types.as_slice()
            };
            for kind in own {
                let question = Question { name: name.clone(), kind: *kind, class };
                let given = Untrusted::from(given.as_str());
                targets.push(Target { given, question, group });
                // Types that were named stand each for itself.
                group += usize::from(!types.is_empty());
            }
            group += usize::from(types.is_empty());
        }
        Ok(targets)
    }
}

/// Who has the root, which every server knows.
pub(super) fn root(class: RecordClass) -> Target {
    let name = DomainName::parse(".").expect("the root is a name");
    let question = Question { name, kind: RecordType::NS, class };
    Target { given: Untrusted::from("."), question, group: 0 }
}

/// The name of an address.
fn reverse(address: IpAddr, class: RecordClass, group: usize) -> Target {
    let question = Question { name: DomainName::reverse(address), kind: RecordType::PTR, class };
    Target { given: Untrusted::from(address.to_string()), question, group }
}

/// All questions of a command line, without those of a file.
pub(super) fn targets(arguments: &DnsArguments, words: &Words) -> Result<Vec<Target>, String> {
    let mut targets: Vec<Target> = (0..)
        .zip(&arguments.reverse)
        .map(|(group, address)| reverse(*address, arguments.class, group))
        .collect();
    let first = targets.len();
    let is_bare = arguments.types.is_empty() && words.types.is_empty();
    let types = match (arguments.classic || arguments.trace) && is_bare {
        true => &[RecordType::A][..],
        false => &arguments.types,
    };
    targets.extend(words.targets(types, arguments.class, first)?);
    if let Some(given) = &arguments.given {
        for target in &mut targets {
            target.given = Untrusted::from(given.as_str());
        }
    }
    Ok(targets)
}

/// Whether a word can hardly be meant as a name: capitals and digits without a dot.
fn looks_like_a_type(word: &str) -> bool {
    let is_type = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit();
    let is_number = word.bytes().all(|letter| letter.is_ascii_digit());
    let lower = word.to_ascii_lowercase();
    let is_numbered = lower.strip_prefix("type").is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    });
    is_numbered || !word.is_empty() && !is_number && word.bytes().all(is_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(words: &[&str]) -> Result<Vec<String>, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let words = Words::sort(&words)?;
        let targets = words.targets(&[], RecordClass::IN, 0)?;
        Ok(targets.iter().map(|it| format!("{} {}", it.group, it.question)).collect())
    }

    #[test]
    fn each_name_is_asked_for_with_each_type() {
        let all = sorted(&["a.example", "MX", "b.example", "txt"]).expect("questions");
        assert_eq!(
            all,
            ["0 a.example. MX", "1 a.example. TXT", "2 b.example. MX", "3 b.example. TXT"]
        );
        let all = sorted(&["a.example", "192.0.2.1"]).expect("questions");
        assert_eq!(all, ["0 a.example. A", "0 a.example. AAAA", "1 1.2.0.192.in-addr.arpa. PTR"]);
        assert_eq!(sorted(&["MX."]).expect("a name"), ["0 MX. A", "0 MX. AAAA"]);
    }

    #[test]
    fn what_is_neither_is_named() {
        for (words, told) in [
            (["a.example", "BOGUS"], "unknown type `BOGUS`"),
            (["a.example", "type65536"], "unknown type `type65536`"),
            (["a.example", "ixfr"], "`ixfr`: since when"),
            (["a.example", "ixfr=-1"], "`ixfr=-1`: IXFR=SERIAL"),
            (["a.example", "+short"], "`+short`: an option of dig"),
            (["a.example", "@"], "`@`: a server"),
            (["a.example", "b..example"], "NAME `b..example`: a label is empty"),
        ] {
            let why = sorted(&words).expect_err("it is wrong");
            assert!(why.starts_with(told), "{why}");
        }
    }
}

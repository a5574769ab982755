//! getopt(3) as glibc has it: short options that share a dash, values with and without a blank,
//! operands anywhere.

use netdiag_model::Untrusted;
use std::collections::VecDeque;

/// One option as it was found.
pub(super) enum Found {
    Flag(char),
    Value(char, String),
    Operand(String),
}

/// Arguments that are read one by one, so that the first mistake is the one that is told.
pub(super) struct Options {
    /// Letters; those that take a value have a colon behind them.
    known: &'static str,
    /// Long names, each with its letter.
    names: &'static [(&'static str, char)],
    /// Long names may be cut off, as far as they are one alone; mistakes are told as glibc tells them.
    is_gnu: bool,
    words: VecDeque<String>,
    /// What is left of a word of several options.
    cluster: VecDeque<char>,
    only_operands: bool,
}

impl Options {
    pub(super) fn new(known: &'static str, words: Vec<String>) -> Self {
        Self::with_names(known, &[], words)
    }

    /// With long options too, `--name`, `--name=VALUE` and `--name VALUE`.
    pub(super) fn with_names(
        known: &'static str,
        names: &'static [(&'static str, char)],
        words: Vec<String>,
    ) -> Self {
        let words = words.into();
        let is_gnu = false;
        Self { known, names, is_gnu, words, cluster: VecDeque::new(), only_operands: false }
    }

    /// The same as getopt_long(3) of glibc reads them.
    pub(super) fn abbreviated(
        known: &'static str,
        names: &'static [(&'static str, char)],
        words: Vec<String>,
    ) -> Self {
        Self { is_gnu: true, ..Self::with_names(known, names, words) }
    }

    /// Whether an option takes a value; `None` where there is no such option.
    fn takes_value(&self, letter: char) -> Option<bool> {
        let (_, behind) = self.known.split_once(letter).filter(|_| letter != ':')?;
        Some(behind.starts_with(':'))
    }

    fn option(&mut self, letter: char) -> Result<Found, String> {
        match self.takes_value(letter) {
            None => return Err(unknown(&letter.to_string())),
            Some(false) => return Ok(Found::Flag(letter)),
            Some(true) => {}
        }
        let attached: String = self.cluster.drain(..).collect();
        if !attached.is_empty() {
            return Ok(Found::Value(letter, attached));
        }
        match self.words.pop_front() {
            Some(value) => Ok(Found::Value(letter, value)),
            None => Err(format!("option requires an argument -- '{letter}'")),
        }
    }

    /// An option by its long name.
    fn named(&mut self, word: &str) -> Result<Found, String> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let (name, letter) = self.meant(name, word)?;
        let gnu = |gnu: &str, plain: &str| match self.is_gnu {
            true => format!("option '--{name}' {gnu}"),
            false => format!("option {plain} -- '{name}'"),
        };
        let missing = gnu("requires an argument", "requires an argument");
        match (self.takes_value(letter), value) {
            (Some(true), Some(value)) => Ok(Found::Value(letter, value)),
            (Some(true), None) => match self.words.pop_front() {
                Some(value) => Ok(Found::Value(letter, value)),
                None => Err(missing),
            },
            (_, Some(_)) => Err(gnu("doesn't allow an argument", "takes no arguments")),
            (_, None) => Ok(Found::Flag(letter)),
        }
    }

    /// The long name that is meant, and its letter. `word`: as it was written.
    fn meant(&self, name: &str, word: &str) -> Result<(&'static str, char), String> {
        if let Some(found) = self.names.iter().find(|(known, _)| *known == name) {
            return Ok(*found);
        }
        let shown = Untrusted::from(word);
        let shown = shown.escaped();
        if !self.is_gnu {
            return Err(unknown(name));
        }
        let fitting: Vec<_> =
            self.names.iter().filter(|(known, _)| known.starts_with(name)).collect();
        match fitting.as_slice() {
            [only] => Ok(**only),
            [] => Err(format!("unrecognized option '--{shown}'")),
            several => {
                let several = several.iter().map(|(known, _)| format!("'--{known}'"));
                let several = several.collect::<Vec<_>>().join(" ");
                Err(format!("option '--{shown}' is ambiguous; possibilities: {several}"))
            }
        }
    }
}

fn unknown(name: &str) -> String {
    format!("invalid option -- '{}'", Untrusted::from(name).escaped())
}

impl Iterator for Options {
    /// What was found, or what is wrong.
    type Item = Result<Found, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(letter) = self.cluster.pop_front() {
            return Some(self.option(letter));
        }
        let word = self.words.pop_front()?;
        if self.only_operands || word == "-" || !word.starts_with('-') {
            return Some(Ok(Found::Operand(word)));
        }
        if word == "--" {
            self.only_operands = true;
        } else if let Some(name) = word.strip_prefix("--").filter(|_| !self.names.is_empty()) {
            return Some(self.named(name));
        } else {
            self.cluster = word.chars().skip(1).collect();
        }
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Vec<String> {
        said(Options::new("nqc:i:", words(line)))
    }

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn said(options: Options) -> Vec<String> {
        let said = options.map(|found| match found {
            Ok(Found::Flag(letter)) => format!("-{letter}"),
            Ok(Found::Value(letter, value)) => format!("-{letter}={value}"),
            Ok(Found::Operand(word)) => word,
            Err(message) => message,
        });
        said.collect()
    }

    #[test]
    fn options_share_a_dash_and_stand_anywhere() {
        assert_eq!(read("-nqc3 host -i.2"), ["-n", "-q", "-c=3", "host", "-i=.2"]);
        assert_eq!(read("-c 3 -- -q"), ["-c=3", "-q"]);
        assert_eq!(read("- -i -1"), ["-", "-i=-1"]);
    }

    #[test]
    fn long_names_stand_for_letters() {
        let read =
            |line| said(Options::with_names("qc:", &[("quiet", 'q'), ("count", 'c')], words(line)));
        assert_eq!(read("--quiet --count=3 host"), ["-q", "-c=3", "host"]);
        assert_eq!(read("--count 3 -- --quiet"), ["-c=3", "--quiet"]);
        assert_eq!(read("--quiet=1"), ["option takes no arguments -- 'quiet'"]);
        assert_eq!(read("--count"), ["option requires an argument -- 'count'"]);
        assert_eq!(read("--coun"), ["invalid option -- 'coun'"]);
    }

    #[test]
    fn long_names_of_glibc_may_be_cut_off() {
        let names = &[("report", 'r'), ("report-wide", 'w'), ("raw", 'l'), ("count", 'c')];
        let read = |line| said(Options::abbreviated("rwlc:", names, words(line)));
        assert_eq!(read("--report --ra --cou 3 --report-w"), ["-r", "-l", "-c=3", "-w"]);
        let several = "option '--rep' is ambiguous; possibilities: '--report' '--report-wide'";
        assert_eq!(read("--rep"), [several]);
        assert_eq!(read("--foo=1"), ["unrecognized option '--foo=1'"]);
        assert_eq!(read("--ra=1"), ["option '--raw' doesn't allow an argument"]);
        assert_eq!(read("--count"), ["option '--count' requires an argument"]);
        assert_eq!(read("-q"), ["invalid option -- 'q'"]);
    }

    #[test]
    fn mistakes_are_named_by_their_letter() {
        assert_eq!(read("-nZ"), ["-n", "invalid option -- 'Z'"]);
        assert_eq!(read("-q -c"), ["-q", "option requires an argument -- 'c'"]);
        assert_eq!(read("-:"), ["invalid option -- ':'"]);
        assert_eq!(read("--q")[0], "invalid option -- '-'");
    }
}

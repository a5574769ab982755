//! getopt(3) as glibc has it: short options that share a dash, values with and without a blank,
//! operands anywhere.

use super::Refused;
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
    words: VecDeque<String>,
    /// What is left of a word of several options.
    cluster: VecDeque<char>,
    only_operands: bool,
}

impl Options {
    pub(super) fn new(known: &'static str, words: Vec<String>) -> Self {
        Self { known, words: words.into(), cluster: VecDeque::new(), only_operands: false }
    }

    fn option(&mut self, letter: char) -> Result<Found, Refused> {
        let wrong = |message| Refused { message: Some(message), with_usage: true, code: 2 };
        let shown = Untrusted::from(letter.to_string());
        let Some((_, behind)) = self.known.split_once(letter).filter(|_| letter != ':') else {
            return Err(wrong(format!("invalid option -- '{}'", shown.escaped())));
        };
        if !behind.starts_with(':') {
            return Ok(Found::Flag(letter));
        }
        let attached: String = self.cluster.drain(..).collect();
        if !attached.is_empty() {
            return Ok(Found::Value(letter, attached));
        }
        match self.words.pop_front() {
            Some(value) => Ok(Found::Value(letter, value)),
            None => Err(wrong(format!("option requires an argument -- '{letter}'"))),
        }
    }
}

impl Iterator for Options {
    type Item = Result<Found, Refused>;

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
        let words = line.split(' ').map(str::to_owned).collect();
        let said = Options::new("nqc:i:", words).map(|found| match found {
            Ok(Found::Flag(letter)) => format!("-{letter}"),
            Ok(Found::Value(letter, value)) => format!("-{letter}={value}"),
            Ok(Found::Operand(word)) => word,
            Err(refused) => refused.message.unwrap_or_default(),
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
    fn mistakes_are_named_by_their_letter() {
        assert_eq!(read("-nZ"), ["-n", "invalid option -- 'Z'"]);
        assert_eq!(read("-q -c"), ["-q", "option requires an argument -- 'c'"]);
        assert_eq!(read("-:"), ["invalid option -- ':'"]);
        assert_eq!(read("--q")[0], "invalid option -- '-'");
    }
}

//! Command lines as traceroute reads them: letters that share a dash, values behind their letter or as
//! the next word, long names whose value stands behind `=`, operands anywhere. Words are numbered from 1.

use netdiag_model::Untrusted;
use std::collections::VecDeque;

/// An option that there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Its letter; a word where it has none.
    pub(super) short: &'static str,
    /// Its long name; empty where it has none.
    pub(super) long: &'static str,
    /// What its value is called; `None`: it takes none.
    pub(super) value: Option<&'static str>,
}

/// One option or operand as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An option without a value, by its letter.
    Flag(&'static str),
    /// An option with its value.
    Value(Given),
    /// A word that is no option, and its number.
    Operand(String, usize),
}

/// An option with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// Its letter.
    pub(super) name: &'static str,
    /// As it was written.
    written: String,
    /// The value.
    pub(super) text: String,
    /// The number of the word with the value.
    place: usize,
}

impl Given {
    /// That the value is none.
    pub(super) fn refused(&self) -> String {
        let Self { written, place, .. } = self;
        let text = Untrusted::from(self.text.as_str());
        format!("Cannot handle `{written}' option with arg `{}' (argc {place})", text.escaped())
    }
}

/// Words that are read one by one.
pub(super) struct Words {
    known: &'static [Known],
    words: VecDeque<String>,
    /// The number of the word that was taken last.
    place: usize,
    /// What is left of a word of several letters.
    letters: VecDeque<char>,
    only_operands: bool,
}

impl Words {
    pub(super) fn new(known: &'static [Known], words: Vec<String>) -> Self {
        let words = words.into();
        Self { known, words, place: 0, letters: VecDeque::new(), only_operands: false }
    }

    fn take(&mut self) -> Option<String> {
        let word = self.words.pop_front()?;
        self.place += 1;
        Some(word)
    }

    fn long(&mut self, word: &str) -> Result<Found, String> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let place = self.place;
        let known = self.known.iter().find(|known| known.long == name && !name.is_empty());
        match (known, known.and_then(|known| known.value), value) {
            (Some(known), None, None) => Ok(Found::Flag(known.short)),
            (Some(known), Some(_), Some(text)) => Ok(Found::Value(Given {
                name: known.short,
                written: format!("--{name}"),
                text: text.to_owned(),
                place,
            })),
            (Some(_), Some(called), None) => Err(format!(
                "Option `--{name}' (argc {place}) requires an argument: `--{name}={called}'"
            )),
            (_, _, Some(value)) => {
                let (word, value) = (Untrusted::from(word), Untrusted::from(value));
                let (word, value) = (word.escaped(), value.escaped());
                Err(format!("Bad option `--{word}' (with arg `{value}') (argc {place})"))
            }
            (None, _, None) => {
                Err(format!("Bad option `--{}' (argc {place})", Untrusted::from(word).escaped()))
            }
        }
    }

    /// An option by its letter; `is_first` of its word.
    fn letter(&mut self, letter: char, is_first: bool) -> Result<Found, String> {
        let place = self.place;
        let mut buffer = [0; 4];
        let name: &str = letter.encode_utf8(&mut buffer);
        let Some(known) = self.known.iter().find(|known| known.short == name) else {
            let shown = Untrusted::from(name);
            return Err(format!("Bad option `-{}' (argc {place})", shown.escaped()));
        };
        let Some(called) = known.value else { return Ok(Found::Flag(known.short)) };
        let attached: String = self.letters.drain(..).collect();
        let text = match attached.is_empty() {
            true if is_first => self.take(),
            false if is_first => Some(attached),
            _ => None,
        };
        let missing =
            || format!("Option `-{name}' (argc {place}) requires an argument: `-{name} {called}'");
        let text = text.ok_or_else(missing)?;
        let written = format!("-{name}");
        Ok(Found::Value(Given { name: known.short, written, text, place: self.place }))
    }
}

impl Iterator for Words {
    /// What was found, or what is wrong.
    type Item = Result<Found, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(letter) = self.letters.pop_front() {
            return Some(self.letter(letter, false));
        }
        let word = self.take()?;
        let Some(letters) =
            word.strip_prefix('-').filter(|it| !it.is_empty() && !self.only_operands)
        else {
            return Some(Ok(Found::Operand(word, self.place)));
        };
        if word == "--" {
            self.only_operands = true;
            return self.next();
        }
        if let Some(name) = letters.strip_prefix('-') {
            return Some(self.long(name));
        }
        // Some are more than a letter.
        if let Some(known) = self.known.iter().find(|it| it.short == letters && it.value.is_none())
        {
            return Some(Ok(Found::Flag(known.short)));
        }
        self.letters = letters.chars().collect();
        let letter = self.letters.pop_front()?;
        Some(self.letter(letter, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Known] = &[
        Known { short: "n", long: "", value: None },
        Known { short: "I", long: "icmp", value: None },
        Known { short: "UL", long: "", value: None },
        Known { short: "q", long: "queries", value: Some("nqueries") },
        Known { short: "sport", long: "sport", value: Some("num") },
    ];

    fn read(line: &str) -> Vec<String> {
        let words = line.split(' ').map(str::to_owned).collect();
        let said = Words::new(KNOWN, words).map(|found| match found {
            Ok(Found::Flag(name)) => name.to_owned(),
            Ok(Found::Value(given)) => format!("{}={}@{}", given.name, given.text, given.place),
            Ok(Found::Operand(word, place)) => format!("{word}@{place}"),
            Err(message) => message,
        });
        said.collect()
    }

    #[test]
    fn values_stand_behind_their_letter_or_are_the_next_word() {
        assert_eq!(read("-nI -q3 host -q -1 60"), ["n", "I", "q=3@2", "host@3", "q=-1@5", "60@6"]);
        assert_eq!(
            read("--icmp --queries=2 --sport=9 - -- -n"),
            ["I", "q=2@2", "sport=9@3", "-@4", "-n@6"]
        );
        assert_eq!(read("-UL"), ["UL"]);
    }

    #[test]
    fn mistakes_are_told_with_the_number_of_their_word() {
        let said = |line: &str| read(line).pop().expect("something");
        assert_eq!(said("-n -q"), "Option `-q' (argc 2) requires an argument: `-q nqueries'");
        assert_eq!(read("-nq1")[1], "Option `-q' (argc 1) requires an argument: `-q nqueries'");
        let requires = "Option `--queries' (argc 1) requires an argument: `--queries=nqueries'";
        assert_eq!(said("--queries"), requires);
        assert_eq!(read("-nUL"), ["n", "Bad option `-U' (argc 1)", "Bad option `-L' (argc 1)"]);
        assert_eq!(said("--quer=1"), "Bad option `--quer=1' (with arg `1') (argc 1)");
        assert_eq!(said("--icmp=1"), "Bad option `--icmp=1' (with arg `1') (argc 1)");
        assert_eq!(said("h --foo"), "Bad option `--foo' (argc 2)");
        assert!(read("--").is_empty());
    }
}

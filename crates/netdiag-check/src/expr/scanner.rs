//! The text of an expression, read from left to right.
//!
//! What a character means depends on what is expected: a `-` or a `:` belongs to a name, and a
//! bare value reaches to the next space. So the parser asks for what it needs.

use super::error::{ErrorKind, ExprError};

/// The characters that operators are made of.
const SIGNS: [char; 5] = ['=', '!', '<', '>', '~'];

#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    offset: usize,
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RawValue<'a> {
    Bare(&'a str),
    Quoted(String),
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// The byte at which the next token starts.
    pub(super) fn position(&mut self) -> usize {
        self.offset = self.text.len() - self.rest().trim_start().len();
        self.offset
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.position() == self.text.len()
    }

    /// Takes `char` if it is next.
    pub(super) fn eat(&mut self, char: char) -> bool {
        self.position();
        let found = self.rest().starts_with(char);
        if found {
            self.offset += char.len_utf8();
        }
        found
    }

    /// Takes `keyword` if it is the next word, in either case.
    pub(super) fn eat_keyword(&mut self, keyword: &str) -> bool {
        let found = self.peek_word().eq_ignore_ascii_case(keyword);
        if found {
            self.offset += keyword.len();
        }
        found
    }

    /// The name or keyword that is next; empty when none is.
    pub(super) fn peek_word(&mut self) -> &'a str {
        self.position();
        let ends = |c: char| c.is_whitespace() || SIGNS.contains(&c) || "();\"'".contains(c);
        self.peek_until(ends)
    }

    /// Takes the name or keyword that is next; empty when none is.
    pub(super) fn word(&mut self) -> &'a str {
        let word = self.peek_word();
        self.offset += word.len();
        word
    }

    /// Takes the signs of an operator; empty when none is next.
    pub(super) fn signs(&mut self) -> &'a str {
        self.position();
        let signs = self.peek_until(|c| !SIGNS.contains(&c));
        self.offset += signs.len();
        signs
    }

    /// The bare value that is next: to a space, a `;`, or a `)` that it did not open.
    pub(super) fn peek_bare(&mut self) -> &'a str {
        self.position();
        let mut open = 0_usize;
        self.peek_until(|c| match c {
            '(' => {
                open += 1;
                false
            }
            ')' if open > 0 => {
                open -= 1;
                false
            }
            ')' | ';' => true,
            _ => c.is_whitespace(),
        })
    }

    /// Takes the bare value that is next; empty when none is.
    pub(super) fn bare(&mut self) -> &'a str {
        let bare = self.peek_bare();
        self.offset += bare.len();
        bare
    }

    /// Takes a value, quoted or bare; a bare one may be empty.
    pub(super) fn value(&mut self) -> Result<RawValue<'a>, ExprError> {
        let start = self.position();
        let Some(quote) = self.rest().chars().next().filter(|c| "\"'".contains(*c)) else {
            return Ok(RawValue::Bare(self.bare()));
        };
        let mut value = String::new();
        loop {
            self.offset += quote.len_utf8();
            let Some(length) = self.rest().find(quote) else {
                return Err(self.error(start, ErrorKind::Unclosed { opening: quote }));
            };
            value.push_str(&self.rest()[..length]);
            self.offset += length + quote.len_utf8();
            if !self.rest().starts_with(quote) {
                return Ok(RawValue::Quoted(value));
            }
            value.push(quote);
        }
    }

    /// The error that `what` stands nowhere here.
    pub(super) fn expected(&mut self, what: &'static str) -> ExprError {
        let offset = self.position();
        let word = match self.peek_word() {
            "" => self.rest().chars().next().map(String::from),
            word => Some(word.to_owned()),
        };
        self.error(offset, ErrorKind::Expected { what, found: word })
    }

    pub(super) fn error(&self, offset: usize, kind: ErrorKind) -> ExprError {
        ExprError::new(self.text, offset, kind)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    fn peek_until(&self, ends: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        &rest[..rest.find(ends).unwrap_or(rest.len())]
    }
}

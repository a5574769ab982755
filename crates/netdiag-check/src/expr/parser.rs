//! Text to tree. The grammar stands in the module above.

use netdiag_model::metrics::{MetricInfo, Unit};
use regex_lite::RegexBuilder;

use super::comparison::{Comparison, Pattern, Test};
use super::error::{ErrorKind, ExprError};
use super::name::{self, Name};
use super::node::{self, Node};
use super::operator::{Operator, Sense};
use super::quantity::{self, Decimal, Unfit};
use super::quote::is_keyword;
use super::scanner::{RawValue, Scanner};
use super::{MAX_BYTES, MAX_NESTING};

/// The largest program that one regular expression may become, in bytes.
const MAX_REGEX_BYTES: usize = 256 * 1024;

const JOINT: &str = "\"and\", \"or\", \";\" or the end";
const METRIC: &str = "the name of a metric";

pub(super) fn parse(text: &str, known: &[MetricInfo]) -> Result<Node, ExprError> {
    if text.len() > MAX_BYTES {
        let kind = ErrorKind::TooLong { bytes: text.len() };
        let limit = (0..=MAX_BYTES).rev().find(|&at| text.is_char_boundary(at));
        return Err(ExprError::new(text, limit.unwrap_or(0), kind));
    }
    let mut parser = Parser { scanner: Scanner::new(text), known, nesting: 0 };
    let node = parser.sequence()?;
    if !parser.scanner.is_at_end() {
        return Err(parser.scanner.expected(JOINT));
    }
    if node.nesting() > MAX_NESTING {
        return Err(ExprError::new(text, 0, ErrorKind::TooDeep));
    }
    Ok(node)
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    known: &'a [MetricInfo],
    /// Open parentheses; it bounds the recursion.
    nesting: usize,
}

impl<'a> Parser<'a> {
    fn sequence(&mut self) -> Result<Node, ExprError> {
        let mut nodes = vec![self.alternatives()?];
        while self.scanner.eat(';') {
            let mut peek = self.scanner.clone();
            if peek.is_at_end() || peek.eat(')') {
                break;
            }
            nodes.push(self.alternatives()?);
        }
        Ok(node::all(nodes))
    }

    fn alternatives(&mut self) -> Result<Node, ExprError> {
        let mut nodes = vec![self.conjunction()?];
        while self.scanner.eat_keyword("or") {
            nodes.push(self.conjunction()?);
        }
        Ok(node::any(nodes))
    }

    fn conjunction(&mut self) -> Result<Node, ExprError> {
        let mut nodes = vec![self.negation()?];
        while self.scanner.eat_keyword("and") {
            nodes.push(self.negation()?);
        }
        Ok(node::all(nodes))
    }

    fn negation(&mut self) -> Result<Node, ExprError> {
        let mut negated = false;
        while self.scanner.eat_keyword("not") {
            negated = !negated;
        }
        let offset = self.scanner.position();
        let node = match self.scanner.eat('(') {
            true => self.group(offset)?,
            false => Node::Clause(self.comparison()?),
        };
        Ok(if negated { node.negated() } else { node })
    }

    /// What follows a parenthesis that opens at `offset`.
    fn group(&mut self, offset: usize) -> Result<Node, ExprError> {
        if self.nesting == MAX_NESTING {
            return Err(self.scanner.error(offset, ErrorKind::TooDeep));
        }
        self.nesting += 1;
        let node = self.sequence()?;
        self.nesting -= 1;
        if self.scanner.eat(')') {
            Ok(node)
        } else if self.scanner.is_at_end() {
            Err(self.scanner.error(offset, ErrorKind::Unclosed { opening: '(' }))
        } else {
            Err(self.scanner.expected("\"and\", \"or\", \";\" or \")\""))
        }
    }

    fn comparison(&mut self) -> Result<Comparison, ExprError> {
        let offset = self.scanner.position();
        let word = self.scanner.peek_word();
        if word.is_empty() || is_keyword(word) || Decimal::split(word).is_some() {
            return Err(self.scanner.expected(METRIC));
        }
        self.scanner.word();
        let name =
            name::resolve(word, self.known).map_err(|kind| self.scanner.error(offset, kind))?;
        let at_signs = self.scanner.position();
        let signs = self.scanner.signs();
        let test = match Operator::parse(signs) {
            Some(operator) => self.test(&name, operator, signs, at_signs)?,
            None if signs.is_empty() => self.bare_metric(&name, offset)?,
            None => {
                let kind = ErrorKind::UnknownOperator { operator: signs.to_owned() };
                return Err(self.scanner.error(at_signs, kind));
            }
        };
        Ok(Comparison { metric: name.metric, unit: name.unit, test })
    }

    /// A metric that stands alone, at `offset`.
    fn bare_metric(&self, name: &Name, offset: usize) -> Result<Test, ExprError> {
        if name.unit == Unit::Bool {
            return Ok(Test::Flag(true));
        }
        Err(self.scanner.error(offset, name.wrong_operator(None)))
    }

    /// What is asked of a metric, from its operator on; `signs` is that operator, at `offset`.
    fn test(
        &mut self,
        name: &Name,
        operator: Operator,
        signs: &str,
        offset: usize,
    ) -> Result<Test, ExprError> {
        match (name.unit, operator, operator.equality()) {
            (Unit::Text, _, Some(sense)) => Ok(Test::Text(sense, self.text()?)),
            (Unit::Text, Operator::Match(sense), _) => Ok(Test::Pattern(sense, self.pattern()?)),
            (Unit::Bool, _, Some(sense)) => {
                Ok(Test::Flag(self.flag(name)? == (sense == Sense::Wanted)))
            }
            (Unit::Text, ..) | (Unit::Bool, ..) | (_, Operator::Match(_), _) => {
                Err(self.scanner.error(offset, name.wrong_operator(Some(signs))))
            }
            (_, Operator::Relation(relation), _) => Ok(Test::Number(relation, self.number(name)?)),
        }
    }

    fn text(&mut self) -> Result<String, ExprError> {
        Ok(match self.value()? {
            RawValue::Bare(text) => text.to_owned(),
            RawValue::Quoted(text) => text,
        })
    }

    fn pattern(&mut self) -> Result<Pattern, ExprError> {
        let offset = self.scanner.position();
        let source = self.text()?;
        match RegexBuilder::new(&source).size_limit(MAX_REGEX_BYTES).build() {
            Ok(regex) => Ok(Pattern { source, regex }),
            Err(error) => {
                let kind = ErrorKind::Regex { message: error.to_string() };
                Err(self.scanner.error(offset, kind))
            }
        }
    }

    fn flag(&mut self, name: &Name) -> Result<bool, ExprError> {
        let offset = self.scanner.position();
        let found = self.text()?;
        match found.to_ascii_lowercase().as_str() {
            "true" | "yes" => Ok(true),
            "false" | "no" => Ok(false),
            _ => {
                let kind = ErrorKind::NotYesOrNo { metric: name.metric.clone(), found };
                Err(self.scanner.error(offset, kind))
            }
        }
    }

    fn number(&mut self, name: &Name) -> Result<f64, ExprError> {
        let offset = self.scanner.position();
        let word = match self.value()? {
            RawValue::Bare(word) => word,
            RawValue::Quoted(text) => {
                return Err(self.scanner.error(offset, name.not_a_number(&text)));
            }
        };
        let Some((decimal, attached)) = Decimal::split(word) else {
            return Err(self.scanner.error(offset, name.not_a_number(word)));
        };
        let mut unit = attached;
        let mut at_unit = offset + word.len() - attached.len();
        if unit.is_empty() && quantity::is_unit(self.scanner.peek_bare()) {
            at_unit = self.scanner.position();
            unit = self.scanner.bare();
        }
        decimal.convert(unit, name.unit).map_err(|unfit| match unfit {
            Unfit::Number => self.scanner.error(offset, name.not_a_number(word)),
            Unfit::Unit => self.scanner.error(at_unit, name.wrong_unit(unit)),
        })
    }

    fn value(&mut self) -> Result<RawValue<'a>, ExprError> {
        let mut peek = self.scanner.clone();
        let bare = peek.peek_bare();
        if bare.is_empty() || is_keyword(bare) {
            return Err(self.scanner.expected("a value"));
        }
        self.scanner.value()
    }
}

//! What came back: every message that can be read, and of others what can be read of them.
//!
//! Names are followed by the crate `domain`, whose pointers only lead backwards and which counts what
//! a name comes to, so that no message loops. All work is linear in the size of the message.

mod edns;
mod record;
#[cfg(test)]
mod tests;
mod wire;

pub use edns::{Edns, EdnsOption, ExtendedError, Subnet, extended_error_name};
pub use record::Record;
pub(crate) use record::{generic, presented};
pub use wire::data;

use crate::kind::{RecordClass, RecordType};
use crate::question::Question;
use crate::text::Presented;
use domain::base::Question as ParsedQuestion;
use domain::base::iana::{Opcode, OptRcode};
use domain::base::name::ParsedName;
use domain::dep::octseq::Parser;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;

/// The bytes of the header.
const HEADER: usize = 12;
/// The most records that are kept of a message: more than these do not fit 64 KiB, since a record has 11
/// bytes at least.
const RECORDS_KEPT: usize = 65_536 / 11;

/// A message, as far as it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Which query it belongs to.
    pub id: u16,
    /// What kind of query it answers.
    pub opcode: u8,
    /// How it went, with the upper bits of EDNS.
    pub rcode: u16,
    /// The flags that are set.
    pub flags: Flags,
    /// What it says was asked.
    pub questions: Vec<Asked>,
    /// What was asked for.
    pub answers: Vec<Record>,
    /// Who is responsible.
    pub authorities: Vec<Record>,
    /// What may be of use, without the pseudo-record of EDNS.
    pub additionals: Vec<Record>,
    /// EDNS, where it has any.
    pub edns: Option<Edns>,
    /// OPT records behind the first, of which there must be none (RFC 6891 section 6.1.1).
    pub further_opts: usize,
    /// Where it cannot be read any further, and why.
    pub broken: Option<Broken>,
    /// Bytes behind the last record, which belong to nothing.
    pub trailing: usize,
    /// Bytes in all.
    pub size: usize,
}

/// The beginning of a message with one question: whether it answers a query, told without reading the
/// rest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Which query it belongs to.
    pub(crate) id: u16,
    /// It is no query itself (QR), and answers one (opcode 0).
    pub(crate) is_answer: bool,
    /// Its question is the one that was asked.
    pub(crate) is_ours: bool,
}

impl Head {
    /// `None` where there is not one question, or it cannot be read.
    pub(crate) fn read(bytes: &[u8], question: &Question) -> Option<Self> {
        if bytes.len() < HEADER || word(bytes, 4) != 1 {
            return None;
        }
        let mut parser = Parser::from_ref(bytes);
        parser.advance(HEADER).ok()?;
        let asked = ParsedQuestion::<ParsedName<&[u8]>>::parse(&mut parser).ok()?;
        Some(Self {
            id: word(bytes, 0),
            is_answer: word(bytes, 2) >> 11 == 0x10,
            is_ours: question.name.is(asked.qname())
                && asked.qtype().to_int() == question.kind.0
                && asked.qclass().to_int() == question.class.0,
        })
    }
}

/// The bits of the header (RFC 1035 section 4.1.1, RFC 4035 section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

/// Name and bit of each flag, in the order of the header.
const FLAGS: [(&str, u16); 8] = [
    ("qr", 1 << 15),
    ("aa", 1 << 10),
    ("tc", 1 << 9),
    ("rd", 1 << 8),
    ("ra", 1 << 7),
    ("z", 1 << 6),
    ("ad", 1 << 5),
    ("cd", 1 << 4),
];

impl Flags {
    /// The names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        FLAGS.iter().filter(move |(_, bit)| self.0 & bit != 0).map(|(name, _)| *name)
    }

    /// Whether a flag is set; `name` as in [`names`](Self::names).
    #[must_use]
    pub fn has(self, name: &str) -> bool {
        self.names().any(|set| set == name)
    }
}

/// A question as a message repeats it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The name.
    pub name: Presented,
    /// The type.
    pub kind: RecordType,
    /// The class.
    pub class: RecordClass,
    /// Whether it is the one that was asked.
    pub is_ours: bool,
}

/// The parts of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// The first 12 bytes.
    Header,
    /// What was asked.
    Question,
    /// What was asked for.
    Answer,
    /// Who is responsible.
    Authority,
    /// What may be of use.
    Additional,
}

/// Where a message cannot be read any further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Broken {
    /// The section.
    pub section: Section,
    /// The number of the record in its section, from 1 on.
    pub record: usize,
    /// How many records the header says that there are.
    pub of: usize,
    /// Where the record begins, in bytes from the start of the message.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, record, of, offset, reason } = self;
        match section {
            Section::Header => write!(f, "the header: {reason}"),
            Section::Question => write!(f, "question {record} of {of} at byte {offset}: {reason}"),
            Section::Answer => write!(f, "answer {record} of {of} at byte {offset}: {reason}"),
            Section::Authority => {
                write!(f, "authority {record} of {of} at byte {offset}: {reason}")
            }
            Section::Additional => {
                write!(f, "additional {record} of {of} at byte {offset}: {reason}")
            }
        }
    }
}

impl Message {
    /// Reads a message that answers `question`. Less than a header is a message that breaks there.
    #[must_use]
    pub fn decode(bytes: &[u8], question: &Question) -> Self {
        let mut message = Self {
            id: word(bytes, 0),
            opcode: 0,
            rcode: 0,
            flags: Flags(0),
            questions: Vec::new(),
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
            edns: None,
            further_opts: 0,
            broken: None,
            trailing: 0,
            size: bytes.len(),
        };
        if bytes.len() < HEADER {
            message.broken = Some(Broken {
                section: Section::Header,
                record: 1,
                of: 1,
                offset: 0,
                reason: format!("{} bytes, a header has {HEADER}", bytes.len()),
            });
            return message;
        }
        let bits = word(bytes, 2);
        message.flags = Flags(bits & 0x87f0);
        message.opcode = (bits >> 11 & 15) as u8;
        message.rcode = bits & 15;
        message.read(bytes, question);
        message
    }

    fn read(&mut self, bytes: &[u8], question: &Question) {
        let mut parser = Parser::from_ref(bytes);
        let counts = [4, 6, 8, 10].map(|place| usize::from(word(bytes, place)));
        let [questions, answers, authorities, additionals] = counts;
        if parser.advance(HEADER).is_err() {
            return;
        }
        let read = self.questions(&mut parser, questions, question).and_then(|()| {
            self.section(&mut parser, Section::Answer, answers)?;
            self.section(&mut parser, Section::Authority, authorities)?;
            self.section(&mut parser, Section::Additional, additionals)
        });
        match read {
            Ok(()) => self.trailing = parser.remaining(),
            Err(broken) => self.broken = Some(broken),
        }
    }

    fn questions(
        &mut self,
        parser: &mut Parser<'_, [u8]>,
        of: usize,
        question: &Question,
    ) -> Result<(), Broken> {
        for record in 1..=of {
            let offset = parser.pos();
            let parsed = ParsedQuestion::<ParsedName<&[u8]>>::parse(parser).map_err(|error| {
                let reason = error.to_string();
                Broken { section: Section::Question, record, of, offset, reason }
            })?;
            let kind = RecordType(parsed.qtype().to_int());
            let class = RecordClass(parsed.qclass().to_int());
            let is_name = question.name.is(parsed.qname());
            if self.questions.len() < RECORDS_KEPT {
                self.questions.push(Asked {
                    name: presented(parsed.qname()),
                    kind,
                    class,
                    is_ours: is_name && kind == question.kind && class == question.class,
                });
            }
        }
        Ok(())
    }

    fn section(
        &mut self,
        parser: &mut Parser<'_, [u8]>,
        section: Section,
        of: usize,
    ) -> Result<(), Broken> {
        for record in 1..=of {
            let offset = parser.pos();
            let broken = |reason: String| Broken { section, record, of, offset, reason };
            let parsed = record::parse(parser).map_err(broken)?;
            if parsed.kind == RecordType::OPT && section == Section::Additional {
                let edns = Edns::read(&parsed).map_err(broken)?;
                if self.edns.is_some() {
                    self.further_opts += 1;
                    continue;
                }
                self.rcode |= u16::from(edns.upper_rcode) << 4;
                self.edns = Some(edns);
                continue;
            }
            let list = match section {
                Section::Answer => &mut self.answers,
                Section::Authority => &mut self.authorities,
                Section::Header | Section::Question | Section::Additional => &mut self.additionals,
            };
            // The record itself says where the next one begins: what is wrong in it ends nothing.
            let (record, fault) = parsed.record();
            if list.len() < RECORDS_KEPT {
                list.push(record);
            }
            if let (Some(reason), None) = (fault, &self.broken) {
                self.broken = Some(broken(reason));
            }
        }
        Ok(())
    }

    /// The rcode by its mnemonic; `RCODEnnn` for one without.
    #[must_use]
    pub fn rcode_name(&self) -> Cow<'static, str> {
        rcode_name(self.rcode)
    }

    /// The opcode by its mnemonic.
    #[must_use]
    pub fn opcode_name(&self) -> String {
        match Opcode::from_int(self.opcode).to_mnemonic_str() {
            Some(name) => name.to_owned(),
            None => format!("OPCODE{}", self.opcode),
        }
    }
}

/// An rcode by its mnemonic; `RCODEnnn` for one without.
#[must_use]
pub fn rcode_name(rcode: u16) -> Cow<'static, str> {
    match OptRcode::masked_from_int(rcode).to_mnemonic_str() {
        Some(name) => name.into(),
        None => format!("RCODE{rcode}").into(),
    }
}

/// The word at a place, 0 where there is none.
fn word(bytes: &[u8], place: usize) -> u16 {
    let found = bytes.get(place..).and_then(|rest| rest.first_chunk());
    found.map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

//! One record: whose, what, for how long.

use crate::data;
use crate::kind::{RecordClass, RecordType};
use crate::text::{Presented, hex, push_byte};
use domain::base::name::{ParsedName, ToName};
use domain::base::record::ParsedRecord;
use domain::dep::octseq::Parser;
use serde::Serialize;
use std::borrow::Cow;

/// One record, as zone files have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Record {
    /// Whose it is, with the last dot.
    pub name: Presented,
    /// The mnemonic of its type.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The mnemonic of its class.
    pub class: Cow<'static, str>,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// Its data; `\# LENGTH HEX` (RFC 3597) where the type is not known or the data does not fit it.
    pub data: Presented,
    /// The number of its type.
    #[serde(skip)]
    pub number: RecordType,
}

/// A record whose bounds are known.
pub(super) struct Framed<'a> {
    pub(super) name: ParsedName<&'a [u8]>,
    pub(super) kind: RecordType,
    pub(super) class: u16,
    pub(super) ttl: u32,
    /// The whole message, and where the data of the record begins and ends.
    message: &'a [u8],
    start: usize,
    pub(super) end: usize,
}

/// Reads what stands around the data of a record, and goes behind it.
pub(super) fn parse<'a>(parser: &mut Parser<'a, [u8]>) -> Result<Framed<'a>, String> {
    let message = parser.octets_ref();
    let header = ParsedRecord::parse(parser).map_err(|error| error.to_string())?;
    let end = parser.pos();
    Ok(Framed {
        name: header.owner(),
        kind: RecordType(header.rtype().to_int()),
        class: header.class().to_int(),
        ttl: header.ttl().as_secs(),
        message,
        start: end.saturating_sub(usize::from(header.rdlen())),
        end,
    })
}

impl<'a> Framed<'a> {
    /// The data.
    pub(super) fn data(&self) -> &'a [u8] {
        self.message.get(self.start..self.end).unwrap_or_default()
    }

    /// The record, and what is wrong with its data.
    pub(super) fn record(&self) -> (Record, Option<String>) {
        let shown = data::present(self.kind, self.message, self.start..self.end);
        let (data, fault) = match shown {
            Ok(data) => (data, None),
            Err(why) => (generic(self.data()), Some(format!("{} data: {why}", self.kind))),
        };
        let record = Record {
            name: presented(&self.name),
            kind: self.kind.name(),
            class: RecordClass(self.class).name(),
            ttl: self.ttl,
            data: Presented::new(data),
            number: self.kind,
        };
        (record, fault)
    }
}

/// Data of an unknown type (RFC 3597 section 5).
pub(crate) fn generic(data: &[u8]) -> String {
    match data {
        [] => "\\# 0".to_owned(),
        data => format!("\\# {} {}", data.len(), hex(data).to_uppercase()),
    }
}

/// A name with its last dot.
pub(crate) fn presented(name: &impl ToName) -> Presented {
    let mut text = String::with_capacity(name.compose_len().into());
    for label in name.iter_labels().take_while(|label| !label.is_root()) {
        for byte in label.iter() {
            match byte {
                // As dig has it: a blank ends a word, whatever stands before it.
                b' ' => text.push_str("\\032"),
                _ => push_byte(&mut text, byte, b".\\"),
            }
        }
        text.push('.');
    }
    if text.is_empty() {
        text.push('.');
    }
    Presented::new(text)
}

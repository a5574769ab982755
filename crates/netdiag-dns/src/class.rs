//! What became of a question, in a word.

use crate::aliases::{Aliases, is_of};
use crate::kind::RecordType;
use crate::message::{Message, Record, Section};
use crate::question::Question;
use serde::Serialize;

/// What became of a question. Each has a value of its own in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Records of the type that was asked for.
    Answer,
    /// The name exists, with no record of the type (RFC 2308 section 2.2).
    Nodata,
    /// The name does not exist.
    Nxdomain,
    /// Other servers are responsible, for the name or for the one that it leads to: nothing is said of
    /// it (RFC 1034 section 4.3.1).
    Referral,
    /// The server failed.
    Servfail,
    /// The server does not want to.
    Refused,
    /// The server could not read the query.
    Formerr,
    /// The server does not know how.
    Notimp,
    /// Any other rcode.
    OtherRcode,
    /// There is more than fits a datagram, and it could not be had over TCP.
    Truncated,
    /// An answer that cannot be read.
    Malformed,
    /// Nothing in time.
    Timeout,
    /// The server, or the way to it, refuses.
    Unreachable,
    /// The server was reached, and ended the connection in place of an answer.
    Closed,
    /// TLS could not be agreed on, or the server is not to be believed.
    TlsError,
    /// QUIC could not be agreed on, or the server ended it or an answer by a code that says why.
    QuicError,
    /// The answer is not signed as it should be, or the server does not take the signature of the query.
    TsigError,
    /// A transfer of a zone began, and not all of it came, or not as it should.
    TransferFailed,
    /// HTTP brought no message of DNS: another status, something else, or nothing whole.
    HttpError,
    /// The name of the server has no address.
    Unresolved,
    /// The query never left this machine.
    NotSent,
    /// Something on this machine made it meaningless, or it was still under way at the end.
    Unknown,
}

impl Class {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Nodata => "nodata",
            Self::Nxdomain => "nxdomain",
            Self::Referral => "referral",
            Self::Servfail => "servfail",
            Self::Refused => "refused",
            Self::Formerr => "formerr",
            Self::Notimp => "notimp",
            Self::OtherRcode => "other-rcode",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Closed => "closed",
            Self::TlsError => "tls-error",
            Self::QuicError => "quic-error",
            Self::TsigError => "tsig-error",
            Self::TransferFailed => "transfer-failed",
            Self::HttpError => "http-error",
            Self::Unresolved => "unresolved",
            Self::NotSent => "not-sent",
            Self::Unknown => "unknown",
        }
    }

    /// What a message says to the question; one that breaks anywhere says nothing that counts.
    #[must_use]
    pub fn of(message: &Message, question: &Question) -> Self {
        if message.broken.as_ref().is_some_and(|broken| broken.section == Section::Header) {
            return Self::Malformed;
        }
        match message.rcode {
            _ if message.broken.is_some() => Self::Malformed,
            0 => Self::of_success(message, question),
            1 => Self::Formerr,
            2 => Self::Servfail,
            3 => Self::Nxdomain,
            4 => Self::Notimp,
            5 => Self::Refused,
            _ => Self::OtherRcode,
        }
    }

    fn of_success(message: &Message, question: &Question) -> Self {
        let is_wanted = |kind| kind == question.kind || question.kind == RecordType::ANY;
        let has = |kind| message.authorities.iter().any(|record| record.number == kind);
        let is_empty = message.answers.is_empty();
        let (name, of_class) = (question.name.presented(), question.class.name());
        let is_own = |name: &str, it: &Record| is_of(it, name, &of_class);
        // Along the way, too: who asks for the CNAME has it.
        let aliases = Aliases::of(name.as_str(), &of_class, &message.answers);
        let is_found =
            |it: &Record| is_wanted(it.number) && aliases.names.iter().any(|name| is_own(name, it));
        let is_delegated = is_empty && !message.flags.has("aa") && has(RecordType::NS);
        // Another name, of which a server that does not recurse knows nothing.
        let leads_elsewhere = aliases.lead() && !message.flags.has("ra");
        if message.answers.iter().any(is_found) {
            Self::Answer
        } else if (is_delegated || leads_elsewhere) && !has(RecordType::SOA) {
            Self::Referral
        } else {
            Self::Nodata
        }
    }

    /// Whether it is a failure of the server, whatever the name.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Servfail | Self::Refused | Self::Formerr | Self::Truncated)
    }

    /// Whether the server itself said so.
    #[must_use]
    pub const fn is_said(self) -> bool {
        matches!(
            self,
            Self::Answer
                | Self::Nodata
                | Self::Nxdomain
                | Self::Referral
                | Self::Servfail
                | Self::Refused
                | Self::Formerr
                | Self::Notimp
                | Self::OtherRcode
                | Self::Truncated
        )
    }

    /// Whether it says something of the name, and not of the server.
    #[must_use]
    pub const fn is_about_name(self) -> bool {
        matches!(self, Self::Answer | Self::Nodata | Self::Nxdomain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::RecordClass;
    use crate::question::DomainName;

    /// The class of a message with these flags and records behind the question: type and whether it is
    /// an answer.
    fn of(flags: u16, records: &[(u16, bool)]) -> Class {
        let name = DomainName::parse("a").expect("a name");
        let question = Question { name, kind: RecordType::A, class: RecordClass::IN };
        let count = |answers| {
            let some = records.iter().filter(|(_, is_answer)| *is_answer == answers).count();
            u8::try_from(some).expect("few")
        };
        let mut bytes = vec![0, 7];
        bytes.extend((0x8000 | flags).to_be_bytes());
        bytes.extend([0, 1, 0, count(true), 0, count(false), 0, 0, 1, b'a', 0, 0, 1, 0, 1]);
        for (kind, _) in records {
            let data: &[u8] = match kind {
                1 => &[192, 0, 2, 1],
                6 => &[0; 22],
                _ => &[0],
            };
            bytes.extend([0xc0, 12]);
            bytes.extend(kind.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 0, 9, 0]);
            bytes.push(u8::try_from(data.len()).expect("short"));
            bytes.extend(data);
        }
        Class::of(&Message::decode(&bytes, &question), &question)
    }

    #[test]
    fn no_data_is_said_only_by_who_knows_the_name() {
        const AA: u16 = 1 << 10;
        const RA: u16 = 1 << 7;
        for (flags, records, class) in [
            (AA, &[(5, true), (1, true)][..], Class::Answer),
            (AA, &[(6, false)], Class::Nodata),
            (AA, &[(5, true), (6, false)], Class::Nodata),
            (RA, &[(5, true)], Class::Nodata),
            (AA, &[(5, true)], Class::Referral),
            (0, &[(2, false)], Class::Referral),
            (RA, &[], Class::Nodata),
            (AA | 3, &[(6, false)], Class::Nxdomain),
            (AA | 9, &[], Class::OtherRcode),
        ] {
            assert_eq!(of(flags, records), class, "{flags:x} {records:?}");
        }
    }

    #[test]
    fn records_of_another_name_or_class_are_no_answer() {
        let name = DomainName::parse("a").expect("a name");
        let question = Question { name, kind: RecordType::A, class: RecordClass::IN };
        let address = |owner: &[u8], class: u8| {
            [owner, &[0, 1, 0, class, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1][..]].concat()
        };
        let alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 3, 1, b'b', 0];
        let class = |records: &[Vec<u8>]| {
            let count = u8::try_from(records.len()).expect("few");
            let head = [0, 7, 0x85, 0x80, 0, 1, 0, count, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
            let bytes = [&head[..], &records.concat()].concat();
            Class::of(&Message::decode(&bytes, &question), &question)
        };
        let (own, other) = (&[0xc0, 12][..], &[1, b'b', 0][..]);
        for (records, expected) in [
            (vec![address(own, 1)], Class::Answer),
            (vec![address(other, 1)], Class::Nodata),
            (vec![address(own, 3)], Class::Nodata),
            (vec![alias.to_vec(), address(other, 1)], Class::Answer),
            (vec![address(other, 1), alias.to_vec()], Class::Answer),
            (vec![alias.to_vec(), address(&[1, b'c', 0], 1)], Class::Nodata),
            (vec![alias.to_vec(), address(other, 3)], Class::Nodata),
        ] {
            assert_eq!(class(&records), expected, "{records:?}");
        }
    }
}

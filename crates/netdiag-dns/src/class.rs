//! What became of a question, in a word.

use crate::kind::RecordType;
use crate::message::{Message, Section};
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
    /// Other servers are responsible: nothing is said of the name (RFC 1034 section 4.3.1).
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
        if message.answers.iter().any(|record| is_wanted(record.number)) {
            Self::Answer
        } else if message.answers.is_empty()
            && !message.flags.has("aa")
            && has(RecordType::NS)
            && !has(RecordType::SOA)
        {
            Self::Referral
        } else {
            Self::Nodata
        }
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

//! Transfers of zones: many messages for one question, over one connection (RFC 5936, RFC 1995), over TLS
//! where that was asked for (RFC 9103), signed where there is a key (RFC 8945).
//!
//! Records are told message by message as they come, and kept only where a document will have them, as
//! the bytes of their messages: so much and no more is what a zone takes.

mod course;
mod ends;
mod kept;
mod line;
mod messages;
mod policy;
#[cfg(test)]
pub(crate) mod tests;

use crate::class::Class;
use crate::config::Config;
use crate::event::Settled;
use crate::message::{Message, Record};
use crate::question::Question;
use crate::result::Target;
use crate::tsig::Signed;
pub use course::TransferKind;
use course::{Course, Disorder};
pub use kept::Kept;
use line::Line;
use netdiag_model::Instant;
use netdiag_model::contract::Method;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;

/// What is wanted of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferQuery {
    /// Changes since this serial number; `None`: the whole zone.
    pub since: Option<u32>,
    /// The most bytes of messages that are taken: more is a failure.
    pub most_bytes: u64,
    /// Whether messages are kept to the end, for a document.
    pub keeps: bool,
}

/// What came of a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Transferred {
    /// What it turned out to be; `null` where it did not come so far.
    pub kind: Option<TransferKind>,
    /// Whether all of it came: its last SOA record did, and all signatures are right.
    pub complete: bool,
    /// The serial number of the zone.
    pub serial: Option<u32>,
    /// Messages.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records, with the SOA records that mark where it begins and ends.
    pub records: u64,
    /// Of changes: from how many serial numbers to the next.
    pub steps: u64,
    /// The messages that have records, where they were kept.
    #[serde(skip)]
    pub kept: Kept,
}

/// One message of a transfer.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its number, from 1 on.
    pub number: u64,
    /// Its records.
    pub records: Vec<Record>,
    /// The record of its signature, where it has one.
    pub tsig: Option<Record>,
}

impl Transferred {
    /// Does something with each record of the messages that were kept.
    ///
    /// # Errors
    /// The first that comes of it.
    pub fn each<E>(
        &self,
        question: &Question,
        mut what: impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        for bytes in self.kept.iter() {
            Message::decode(bytes, question).answers.iter().try_for_each(&mut what)?;
        }
        Ok(())
    }
}

/// Why a transfer failed after it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Disorder(Disorder),
    /// A message has the number of another query.
    WrongId,
    /// A message answers another question.
    WrongQuestion,
    /// It is no answer.
    NoAnswer,
    /// A later message has an rcode.
    LaterRcode(u16),
    /// There is more than is taken.
    Limit(u64),
    /// Too many messages in a row have no record.
    NoRecords,
    /// The connection ended.
    BrokenOff,
    /// Nothing more came in time.
    Timeout,
    /// The run ended.
    Ended,
}

/// A transfer under way.
#[derive(Debug)]
struct Run {
    line: Line,
    /// The number in the header of the query.
    id: u16,
    signed: Option<Signed>,
    course: Course,
    so_far: Transferred,
    /// The first message, without its records.
    head: Option<Message>,
    /// So many messages have come since the last one with a record.
    blank: u32,
}

/// Asks for a transfer, one server after the other until one says something.
#[derive(Debug)]
pub(crate) struct Transfer {
    config: Arc<Config>,
    wanted: TransferQuery,
    /// Who is asked next.
    server: usize,
    /// The number of the last probe.
    probes: u64,
    run: Option<Run>,
    /// Connections that are of no more use, and what is to be said before their end.
    ending: VecDeque<(u64, Vec<u8>)>,
    /// What came of it at which server.
    ended: Vec<(usize, Arc<Settled>)>,
    started_at: Option<Instant>,
    is_stopped: bool,
    is_over: bool,
}

impl Transfer {
    pub(crate) fn new(config: Arc<Config>, wanted: TransferQuery) -> Self {
        Self {
            config,
            wanted,
            server: 0,
            probes: 0,
            run: None,
            ending: VecDeque::new(),
            ended: Vec::new(),
            started_at: None,
            is_stopped: false,
            is_over: false,
        }
    }

    pub(crate) const fn is_complete(&self) -> bool {
        self.is_over
    }

    /// What was found.
    pub(crate) fn results(&self, method: &Method) -> Vec<Target> {
        let Some(target) = self.config.targets.first() else { return Vec::new() };
        let results = self.ended.iter();
        let results = results.filter_map(|(server, it)| it.result(&self.config, *server));
        let method = Some(method.clone());
        vec![Target { method, results: results.collect(), ..Target::unmeasured(target) }]
    }

    /// What it came to, in a sentence.
    pub(crate) fn verdict(&self) -> String {
        let Some((server, settled)) = self.ended.last() else {
            return "nobody was asked: no server is known".to_owned();
        };
        let question = self.config.targets.first().map(|it| it.question.name.presented());
        let zone = question.unwrap_or_default();
        let server = self.config.servers.get(*server).map(|it| it.short(53)).unwrap_or_default();
        let what = match self.wanted.since {
            Some(since) => format!("changes of {zone} since serial {since}"),
            None => format!("transfer of {zone}"),
        };
        let what = format!("{what} from {server} ({})", settled.transport);
        let none = Transferred::default();
        let came = settled.transfer.as_deref().unwrap_or(&none);
        let count = |number: u64, one: &str| match number {
            1 => format!("1 {one}"),
            _ => format!("{number} {one}s"),
        };
        let &Transferred { messages, bytes, records, .. } = came;
        let amount = format!("{} in {}", count(records, "record"), count(messages, "message"));
        if !came.complete {
            let failure = settled.failure.as_ref().map(|it| match settled.class {
                Class::TransferFailed => it.message.clone(),
                class => format!("{}, {}", class.name(), it.message),
            });
            let rcode = settled.message.as_ref().map(|it| it.rcode_name().into_owned());
            let why = failure.or(rcode).unwrap_or_default();
            let after = if records == 0 { String::new() } else { format!(" after {amount}") };
            return format!("{what} failed{after}: {why}");
        }
        let serial = came.serial.unwrap_or_default();
        let time = settled.rtt.unwrap_or_default().as_secs_f64() * 1e3;
        let signed = settled.tsig.as_ref().map(|it| format!("; signed with {}, verified", it.key));
        let signed = signed.unwrap_or_default();
        let kind = match came.kind {
            Some(TransferKind::UpToDate) => {
                return format!("{what}: there are none, serial {serial}{signed}");
            }
            Some(TransferKind::Zone) if self.wanted.since.is_some() => "complete, as a whole zone",
            _ => "complete",
        };
        format!("{what} {kind}: {amount}, {bytes} bytes, serial {serial}, in {time:.3} ms{signed}")
    }
}

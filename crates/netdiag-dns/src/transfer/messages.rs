//! What is made of each message that comes.

use super::{Fault, Part, Transfer};
use crate::class::Class;
use crate::event::{Event, EventKind};
use crate::message::{Message, Record};
use crate::tsig::TsigResult;
use netdiag_engine::Events;
use netdiag_engine::failure::plain;
use netdiag_model::Instant;
use netdiag_model::failure::Stage;
use std::sync::Arc;

/// The type of records that are signatures of messages (RFC 8945 section 4.2).
const TSIG: u16 = 250;
/// So many messages in a row may have no record: nothing says why there should be any.
pub(super) const MOST_BLANK: u32 = 100;

impl Transfer {
    /// The next message.
    pub(super) fn message(&mut self, at: Instant, bytes: &[u8], events: &mut Events<Event>) {
        let config = Arc::clone(&self.config);
        let (Some(run), Some(target)) = (self.run.as_mut(), config.targets.first()) else { return };
        let is_first = run.so_far.messages == 0;
        let mut message = Message::decode(bytes, &target.question);
        run.so_far.messages += 1;
        run.so_far.bytes += bytes.len() as u64;
        if run.so_far.bytes > self.wanted.most_bytes {
            return self.fail(at, Fault::Limit(self.wanted.most_bytes), events);
        }
        if message.id != run.id {
            return self.fail(at, Fault::WrongId, events);
        }
        if !message.flags.has("qr") || message.opcode != 0 {
            return self.fail(at, Fault::NoAnswer, events);
        }
        // Later messages need not repeat it (RFC 5936 section 2.2.1).
        let is_asked = match message.questions.as_slice() {
            [] => !is_first || message.rcode != 0 || message.broken.is_some(),
            [asked] => asked.is_ours,
            _ => false,
        };
        if !is_asked {
            return self.fail(at, Fault::WrongQuestion, events);
        }
        let tsig = config.tsig.as_ref();
        let signature = tsig.map(|tsig| tsig.judge(run.signed.as_mut(), at, bytes));
        if let Some(signature) = signature.filter(|it| !it.verified) {
            return self.unsigned(at, signature, is_first.then_some(message), events);
        }
        if let Some(broken) = &message.broken {
            let why = format!("message {} cannot be read: {broken}", run.so_far.messages);
            let class = if is_first { Class::Malformed } else { Class::TransferFailed };
            let failure = plain(Stage::Request, "malformed", &why);
            return self.end(at, class, Some(failure), None, events);
        }
        if message.rcode != 0 {
            if !is_first {
                return self.fail(at, Fault::LaterRcode(message.rcode), events);
            }
            let class = Class::of(&message, &target.question);
            run.head = Some(message);
            return self.end(at, class, None, None, events);
        }
        let records = std::mem::take(&mut message.answers);
        let is_signature = |it: &&Record| it.number.0 == TSIG;
        let tsig = message.additionals.iter().find(is_signature).cloned();
        run.head.get_or_insert(message);
        let disorder = records.iter().find_map(|record| run.course.take(record).err());
        if let Some(disorder) = disorder {
            return self.fail(at, Fault::Disorder(disorder), events);
        }
        run.course.end_message();
        // What has no record brings it no further.
        if is_first || !records.is_empty() {
            run.line.get_on(at);
        }
        run.blank = if records.is_empty() { run.blank + 1 } else { 0 };
        if run.blank >= MOST_BLANK {
            return self.fail(at, Fault::NoRecords, events);
        }
        if self.wanted.keeps && !records.is_empty() {
            run.so_far.kept.push(bytes);
        }
        let (is_over, number) = (run.course.is_over(), run.so_far.messages);
        let part = Part { number, records, tsig };
        events.push(Event { at, kind: EventKind::Part(self.server, Arc::new(part)) });
        if is_over {
            self.complete(at, events);
        }
    }

    /// The last record came.
    pub(super) fn complete(&mut self, at: Instant, events: &mut Events<Event>) {
        let Some(run) = &mut self.run else { return };
        let signed = run.signed.take();
        let signature = self.config.tsig.as_ref().map(|tsig| tsig.judge_end(signed));
        match signature {
            Some(signature) if !signature.verified => self.unsigned(at, signature, None, events),
            signature => {
                run.so_far.complete = true;
                self.end(at, Class::Answer, None, signature, events);
            }
        }
    }

    /// A signature is wrong, or missing.
    pub(super) fn unsigned(
        &mut self,
        at: Instant,
        signature: TsigResult,
        head: Option<Message>,
        events: &mut Events<Event>,
    ) {
        if let (Some(run), Some(head)) = (&mut self.run, head) {
            // What nobody signed is not shown.
            run.head = Some(Message { answers: Vec::new(), authorities: Vec::new(), ..head });
        }
        let failure = signature.failure();
        self.end(at, Class::TsigError, failure, Some(signature), events);
    }
}

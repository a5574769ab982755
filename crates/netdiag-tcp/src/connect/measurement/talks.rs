//! Connections that are open: what is said over them, and when they have said enough.

use super::follow::Follow;
use crate::connect::config::{Config, Target};
use crate::connect::conversation::Conversation;
use crate::connect::dialogue::{Early, Stage, TalkResult};
use crate::connect::event::{Attempt, Ending};
use netdiag_engine::port::{AnswerKind, SendError, TalkEnd};
use netdiag_engine::{Heard, Next};
use netdiag_model::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// A socket was destroyed on this machine.
const ECONNABORTED: i32 = 103;

/// Connections that are open, by the number of their probe.
#[derive(Debug, Default)]
pub(super) struct Talks(BTreeMap<u64, Open>);

#[derive(Debug)]
struct Open {
    /// The place of its series.
    place: u32,
    attempt: Attempt,
    opened_at: Instant,
    phase: Phase,
    conversation: Conversation,
    /// What this connection follows.
    follow: Option<Box<Follow>>,
}

/// What is next for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// What is waited for at this stage must come until then.
    Waiting(Stage, Instant),
    /// It is only kept open until then.
    Holding(Instant),
    /// The last is to be said.
    Closing,
    /// Its end is on its way.
    Ending,
}

impl Talks {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A connection opened, after so many redirects; the attempt comes back where nothing is to be said over it.
    pub(super) fn begin(
        &mut self,
        seq: u64,
        attempt: Attempt,
        config: &Config,
        (place, target, followed): (u32, &Target, usize),
    ) -> Option<Attempt> {
        let opened_at = attempt.started_at + attempt.took;
        let Some(conversation) = Conversation::new(config, target, followed, opened_at) else {
            return Some(attempt);
        };
        let phase = Phase::Waiting(conversation.stage(), opened_at + config.timeout);
        let mut open = Open { place, attempt, opened_at, phase, conversation, follow: None };
        open.go_on(opened_at, config);
        self.0.insert(seq, open);
        None
    }

    /// One that began follows an earlier one.
    pub(super) fn follows(&mut self, seq: u64, follow: Box<Follow>) {
        if let Some(open) = self.0.get_mut(&seq) {
            open.follow = Some(follow);
        }
    }

    /// A segment came over one, and how far it had come.
    pub(super) fn answered(&mut self, seq: u64, kind: AnswerKind, hop_limit: u8) {
        // A SYN-ACK that comes again says nothing new.
        if let Some(open) = self.0.get_mut(&seq).filter(|_| kind == AnswerKind::Reset) {
            open.attempt.reset_ttl = Some(hop_limit);
        }
    }

    /// What is to be done now for any of them; else when something is.
    pub(super) fn next(&mut self, now: Instant) -> Result<Next, Instant> {
        let mut due = Instant::FAR;
        for (seq, open) in &mut self.0 {
            if matches!(open.phase, Phase::Waiting(..) | Phase::Holding(_)) {
                let output = open.conversation.take_output();
                if !output.is_empty() {
                    return Ok(Next::Say(*seq, output));
                }
            }
            match open.phase {
                Phase::Waiting(_, until) | Phase::Holding(until) if until <= now => {
                    open.conversation.give_up();
                    open.phase = Phase::Closing;
                    let last = open.conversation.close();
                    if !last.is_empty() {
                        return Ok(Next::Say(*seq, last));
                    }
                }
                Phase::Waiting(_, until) | Phase::Holding(until) => due = due.min(until),
                Phase::Closing | Phase::Ending => {}
            }
            if open.phase == Phase::Closing {
                open.phase = Phase::Ending;
                return Ok(Next::HangUp(*seq));
            }
        }
        Err(due)
    }

    /// Something came over one; the attempt, where that is its end.
    pub(super) fn hear(
        &mut self,
        seq: u64,
        at: Instant,
        heard: Heard<'_>,
        config: &Config,
    ) -> Option<Attempt> {
        let open = self.0.get_mut(&seq)?;
        match heard {
            Heard::Said => {
                open.conversation.said(at);
                None
            }
            Heard::Bytes(bytes) => {
                open.conversation.hear(at, bytes);
                open.go_on(at, config);
                None
            }
            Heard::End(end) => self.0.remove(&seq).map(|open| open.end(at, end, false)),
        }
    }

    /// The run is over: those that are still open, with the places of their series.
    pub(super) fn cut(&mut self, at: Instant) -> Vec<(u32, Attempt)> {
        const END: TalkEnd = TalkEnd::HungUp { acknowledged: None };
        let all = std::mem::take(&mut self.0).into_values();
        all.map(|open| (open.place, open.end(at, END, true))).collect()
    }
}

impl Open {
    /// What came of it, now that it has ended.
    fn end(self, at: Instant, end: TalkEnd, is_cut: bool) -> Attempt {
        let mut attempt = self.attempt;
        let is_asked = self.conversation.is_asked();
        let mut talk = self.conversation.end(at, end).opened(attempt.took);
        talk.is_cut = is_cut;
        let is_early = matches!(self.phase, Phase::Holding(until) if at < until)
            && talk.end == TalkResult::AsExpected;
        talk.early = match end {
            TalkEnd::Closed if is_early => Some(Early::Closed),
            TalkEnd::Failed(number) if is_early => Some(Early::Broken(number)),
            _ => None,
        };
        // All that was asked for is that it stays.
        if let (Some(Early::Broken(number)), false) = (talk.early, is_asked) {
            talk.end = TalkResult::Failed(number);
        }
        let is_open = matches!(self.phase, Phase::Waiting(..) | Phase::Holding(_));
        if is_open && end == TalkEnd::Failed(ECONNABORTED) {
            attempt.ending = Ending::Local(SendError::new(ECONNABORTED));
        } else {
            attempt.talk = Some(Box::new(talk));
        }
        match self.follow {
            Some(follow) => follow.merge(attempt),
            None => attempt,
        }
    }

    /// Where it stands now that something was said or heard.
    fn go_on(&mut self, at: Instant, config: &Config) {
        let Phase::Waiting(stage, _) = self.phase else { return };
        let hold = config.dialogue.as_ref().map_or(Duration::ZERO, |dialogue| dialogue.hold);
        if self.conversation.result().is_some() {
            self.phase = Phase::Holding(self.opened_at + hold);
        } else if self.conversation.stage() != stage {
            self.phase = Phase::Waiting(self.conversation.stage(), at + config.timeout);
        }
    }
}

//! Connections that are open: what is said over them, and when they have said enough.

use crate::connect::config::Config;
use crate::connect::dialogue::{MOST_HEARD, Talk, TalkResult};
use crate::connect::event::Attempt;
use netdiag_engine::port::TalkEnd;
use netdiag_engine::{Heard, Next};
use netdiag_model::Instant;
use std::collections::BTreeMap;

/// Connections that are open, by the number of their probe.
#[derive(Clone, Debug, Default)]
pub(super) struct Talks(BTreeMap<u64, Open>);

#[derive(Clone, Debug)]
struct Open {
    attempt: Attempt,
    opened_at: Instant,
    phase: Phase,
    heard: Vec<u8>,
    first_at: Option<Instant>,
    /// How it went, once that is known.
    result: Option<TalkResult>,
}

/// What is next for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The request is to be sent.
    Asking,
    /// What is waited for must come until then.
    Waiting(Instant),
    /// It is only kept open until then.
    Holding(Instant),
    /// Its end is on its way.
    Ending,
}

impl Talks {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A connection opened.
    pub(super) fn begin(&mut self, seq: u64, attempt: Attempt, config: &Config) {
        let Some(dialogue) = &config.dialogue else { return };
        let opened_at = attempt.started_at + attempt.took;
        let phase = match (dialogue.send.is_empty(), dialogue.waits()) {
            (false, _) => Phase::Asking,
            (_, true) => Phase::Waiting(opened_at + config.timeout),
            (_, false) => Phase::Holding(opened_at + dialogue.hold),
        };
        let result = (!dialogue.waits()).then_some(TalkResult::AsExpected);
        let open = Open { attempt, opened_at, phase, heard: Vec::new(), first_at: None, result };
        self.0.insert(seq, open);
    }

    /// What is to be done now for any of them; else when something is.
    pub(super) fn next(&mut self, config: &Config, now: Instant) -> Result<Next, Instant> {
        let mut due = Instant::FAR;
        for (seq, open) in &mut self.0 {
            match open.phase {
                Phase::Asking => {
                    let send = config.dialogue.as_ref().map(|dialogue| dialogue.send.clone());
                    open.phase = Phase::Waiting(open.opened_at + config.timeout);
                    return Ok(Next::Say(*seq, send.unwrap_or_default()));
                }
                Phase::Waiting(until) | Phase::Holding(until) if until <= now => {
                    open.give_up();
                    open.phase = Phase::Ending;
                    return Ok(Next::HangUp(*seq));
                }
                Phase::Waiting(until) | Phase::Holding(until) => due = due.min(until),
                Phase::Ending => {}
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
            Heard::Bytes(bytes) => {
                open.hear(at, bytes, config);
                None
            }
            Heard::End(end) => self.0.remove(&seq).map(|open| open.end(at, end)),
        }
    }
}

impl Open {
    fn hear(&mut self, at: Instant, bytes: &[u8], config: &Config) {
        let Some(dialogue) = &config.dialogue else { return };
        self.first_at.get_or_insert(at);
        let room = MOST_HEARD.saturating_sub(self.heard.len());
        self.heard.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if !matches!(self.phase, Phase::Waiting(_)) {
            return;
        }
        if dialogue.is_met(&self.heard) {
            self.result = Some(TalkResult::AsExpected);
        } else if self.heard.len() < MOST_HEARD {
            return;
        }
        // It has said enough, whatever it was.
        self.give_up();
        self.phase = Phase::Holding(self.opened_at + dialogue.hold);
    }

    /// Nothing more is waited for.
    fn give_up(&mut self) {
        let missed = if self.heard.is_empty() { TalkResult::Silent } else { TalkResult::Other };
        self.result.get_or_insert(missed);
    }

    fn end(self, at: Instant, end: TalkEnd) -> Attempt {
        let (acknowledged, met) = match end {
            TalkEnd::HungUp { acknowledged } => (acknowledged, TalkResult::Silent),
            TalkEnd::Closed => (None, TalkResult::Closed),
            TalkEnd::Failed(number) => (None, TalkResult::Failed(number)),
        };
        let talk = Talk {
            heard: self.heard,
            first_byte: self.first_at.map(|first| first.since(self.opened_at)),
            end: self.result.unwrap_or(met),
            acknowledged,
            lasted: at.since(self.opened_at),
        };
        Attempt { talk: Some(Box::new(talk)), ..self.attempt }
    }
}

//! What `dns` shows: one writer for each form of output, all fed the same events.

mod classic;
mod columns;
mod compare;
mod jsonl;
mod nslookup;
mod records;
mod series;
mod setup;
mod text;
mod tls;
mod trace;

use crate::report::Subject;
use netdiag_dns::event::EventKind;
use netdiag_dns::{Event, Told};
use netdiag_model::Instant;
use serde_json::{Value, json};
use std::io;
use std::net::IpAddr;

pub use classic::ClassicReport;
pub use jsonl::JsonLinesReport;
pub use nslookup::{Asking, Last, NslookupReport, Seen};
pub use text::{Detail, TextOptions, TextReport};

/// A question before it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Resolved {
    /// Its place in the run.
    pub target_index: usize,
    /// When it was known.
    pub at: Instant,
}

/// One question at the end of a run.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// The result.
    pub target: &'a Told,
    /// What the whole run came to, in one sentence.
    pub verdict: &'a str,
}

/// What `dns` reports about.
#[derive(Clone, Copy, Debug)]
pub enum Dns {}

impl Subject for Dns {
    type Resolved = Resolved;
    type Event = Event;
    type Target = Told;
    type Ended<'a> = Ended<'a>;

    const COLUMNS: &'static [&'static str] = columns::COLUMNS;

    fn interim(event: &Event) -> Option<(Option<IpAddr>, String)> {
        let EventKind::Interim(answered, sent) = &event.kind else { return None };
        Some((None, format!("{answered} of {sent} queries answered")))
    }

    /// The records of a transfer one by one.
    fn table(told: &Told, write: &mut dyn FnMut(&Value) -> io::Result<()>) -> io::Result<()> {
        let mut target = told.target().into_owned();
        let kept = target.results.iter_mut().find_map(|result| result.answers.take_kept());
        let whole = serde_json::to_value(&target).map_err(io::Error::other)?;
        let Some((kept, question)) = kept else { return Self::rows(whole, write) };
        kept.each(&question, |record| {
            let mut one = whole.clone();
            if let Some(Value::Array(results)) = one.get_mut("results") {
                // It is the last server that said something.
                let mut last = results.pop().unwrap_or_default();
                last["answers"] = json!([record]);
                *results = vec![last];
            }
            Self::rows(one, write)
        })
    }

    /// A row for each record that was asked for, and for each server without one.
    fn rows(mut target: Value, write: &mut dyn FnMut(&Value) -> io::Result<()>) -> io::Result<()> {
        let results = target.get_mut("results").map(Value::take);
        let Some(Value::Array(results)) = results else { return Ok(()) };
        for mut result in results {
            let answers = result.get_mut("answers").map(Value::take);
            let records = match answers {
                Some(Value::Array(records)) if !records.is_empty() => records,
                _ => vec![Value::Null],
            };
            for record in records {
                let mut row = json!({"result": result, "record": record});
                for name in ["target", "name", "type", "class", "agree"] {
                    row[name] = target.get(name).cloned().unwrap_or_default();
                }
                write(&row)?;
            }
        }
        Ok(())
    }
}

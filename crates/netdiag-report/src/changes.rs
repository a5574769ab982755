//! Changes of this machine, in words.

use netdiag_engine::port::{Change, InterfaceEvent};
use netdiag_model::{Instant, milliseconds};
use serde_json::{Value, json};

/// The change that was told last: every target that it concerns tells it.
#[derive(Default)]
pub(crate) struct Said(Option<(Instant, Change)>);

impl Said {
    /// Whether a change is another than the last one.
    pub(crate) fn is_new(&mut self, at: Instant, change: &Change) -> bool {
        let told = Some((at, change.clone()));
        std::mem::replace(&mut self.0, told.clone()) != told
    }
}

/// A change as a line of its own.
pub(crate) fn line(change: &Change) -> String {
    match change {
        Change::Suspended { length } => format!("-- suspended {:.0} s --", length.as_secs_f64()),
        Change::ClockStepped { nanos } => {
            format!("-- the wall clock was set by {:+.3} s --", *nanos as f64 / 1e9)
        }
        Change::Interface(change) => format!("-- {change} --"),
        Change::ReceiveDrops { count } => {
            format!("-- local receive drops: {count} --")
        }
    }
}

/// A change as the contract has it: of what, what was before and what is after.
pub(crate) fn words(change: &Change) -> (&'static str, Value, Value) {
    match change {
        Change::Suspended { length } => {
            ("suspend", Value::Null, json!({"ms": milliseconds(*length)}))
        }
        Change::ClockStepped { nanos } => {
            ("clock", Value::Null, json!({"step_ms": *nanos as f64 / 1e6}))
        }
        Change::Interface(change) => {
            let what = match change.what {
                InterfaceEvent::RouteAdded(..) | InterfaceEvent::RouteRemoved(..) => "route",
                _ => "interface",
            };
            let after = json!({"interface": change.interface(), "event": change.what.to_string()});
            (what, Value::Null, after)
        }
        Change::ReceiveDrops { count } => ("capture-drop", Value::Null, json!({"drops": count})),
    }
}

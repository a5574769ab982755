//! What a run comes to, in a sentence.

use crate::number::thousands;
use netdiag_tcp::syn::{Measurement, State};

/// What the run came to; what was not measured is not spoken of.
pub(super) fn verdict(measurement: &Measurement) -> String {
    let (totals, asked) = (measurement.totals(), measurement.asked());
    if asked == 0 {
        return "nothing was measured".to_owned();
    }
    let settled = State::ALL.into_iter().filter(|state| *state != State::Unsettled);
    let some = settled.filter(|state| totals.of(*state) > 0);
    let mut parts: Vec<String> =
        some.map(|state| format!("{} {}", thousands(totals.of(state)), words(state))).collect();
    let unsettled = asked.saturating_sub(totals.done());
    if unsettled > 0 {
        parts.push(format!("{} not measured to the end", thousands(unsettled)));
    }
    let mut text = parts.join(", ");
    let (addresses, nowhere) = measurement.addresses();
    if addresses > 1 {
        let (asked, addresses) = (thousands(asked), thousands(addresses));
        text.push_str(&format!(" of {asked} ports of {addresses} addresses"));
    }
    match nowhere {
        0 => {}
        1 => text.push_str("; 1 more target has no address"),
        more => text.push_str(&format!("; {} more targets have no address", thousands(more))),
    }
    match totals.late {
        0 => {}
        1 => text.push_str("; 1 answer came after the timeout"),
        more => text.push_str(&format!("; {} answers came after the timeout", thousands(more))),
    }
    if totals.of(State::Open) > 0 {
        text.push_str("; nothing was completed, the applications saw no connection");
    }
    text
}

const fn words(state: State) -> &'static str {
    match state {
        State::NotSent => "not sent",
        State::Unknown => "made meaningless by this machine",
        other => other.name(),
    }
}

//! `--classic`: what iputils prints, and nothing more.

use super::lines::{self, Times};
use netdiag_engine::Outcome;
use netdiag_ping::event::{EventKind, Settled};

/// The line of an event, if iputils prints one.
pub(super) fn line(kind: &EventKind, who: &str) -> Option<String> {
    match kind {
        EventKind::Probe(Settled { seq, outcome: Outcome::Replied(reply), .. }) => {
            let mut line = lines::reply(*seq, reply, who, Times::Classic);
            if reply.is_truncated() {
                line.push_str(" (truncated)");
            }
            if let Some(c) = reply.corruption {
                line.push_str(&format!(
                    "\nwrong data byte #{} should be 0x{:x} but was 0x{:x}",
                    c.offset, c.sent, c.received
                ));
            }
            Some(line)
        }
        EventKind::Probe(Settled { seq, outcome: Outcome::NetError(error), .. }) => Some(format!(
            "From {} icmp_seq={} {}",
            error.from.address(),
            seq % 65_536,
            lines::error_text(error)
        )),
        // iputils knows no timeout of a single probe: an answer is an answer whenever it comes.
        EventKind::Late { seq, reply } => Some(lines::reply(*seq, reply, who, Times::Classic)),
        EventKind::Duplicate { seq, reply } => {
            Some(format!("{} (DUP!)", lines::reply(*seq, reply, who, Times::Classic)))
        }
        EventKind::Advice { seq, error } => Some(lines::advice(*seq, error)),
        _ => None,
    }
}

/// What iputils says on standard error when a packet cannot be sent.
pub(super) fn send_error(kind: &EventKind) -> Option<String> {
    let EventKind::Probe(Settled { outcome: Outcome::LocalError(error), .. }) = kind else {
        return None;
    };
    if let Some(mtu) = error.mtu {
        return Some(format!("ping: local error: message too long, mtu={mtu}"));
    }
    let text = std::io::Error::from_raw_os_error(error.errno).to_string();
    let text = text.split(" (os error").next().unwrap_or(&text).to_owned();
    Some(format!("ping: sendmsg: {text}"))
}

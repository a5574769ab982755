//! Why a probe has no answer, in the words of the contract.

use crate::Outcome;
use crate::outcome::IcmpError;
use crate::port::SendError;
use netdiag_model::errno::{self, Errno};
use netdiag_model::failure::{Failure, IcmpSource, Stage};

const EPROTO: i32 = 71;
const ECONNRESET: i32 = 104;

/// Why a probe has no reply.
#[must_use]
pub fn probe_failure(outcome: &Outcome) -> Option<Failure> {
    match outcome {
        Outcome::Replied(_) => None,
        Outcome::TimedOut => Some(plain(Stage::Request, "timeout", "no answer in time")),
        Outcome::NetError(error) => Some(net_failure(error)),
        Outcome::Refused(refusal) => Some(refusal_failure(refusal.errno)),
        Outcome::LocalError(error) => Some(local_failure(error)),
        Outcome::Unknown(why) => Some(plain(Stage::Request, why.name(), why.meaning())),
    }
}

/// A failure with neither error number nor ICMP message.
#[must_use]
pub fn plain(stage: Stage, reason: &str, message: &str) -> Failure {
    let (reason, message) = (reason.to_owned(), message.to_owned());
    Failure { stage, reason, errno: None, icmp: None, message }
}

fn net_failure(error: &IcmpError) -> Failure {
    let from = error.from.address();
    Failure {
        stage: Stage::Request,
        reason: error.kind.reason(),
        errno: None,
        icmp: Some(IcmpSource::new(error.kind, from)),
        message: format!("{} from {from}", error.kind.ping_text()),
    }
}

/// Somebody there refused, with this error number.
#[must_use]
pub fn refusal_failure(number: i32) -> Failure {
    let errno = Errno::new(number);
    let (stage, reason, said) = match number {
        ECONNRESET => (Stage::Request, "reset", "reset: it opened, and was reset or closed"),
        EPROTO => (Stage::Request, "protocol-error", "it answers, but not as the protocol has it"),
        _ => (Stage::Connect, "refused", "refused: the host is up, nothing listens there"),
    };
    let message = format!("{said} ({} {number})", errno.name);
    Failure { stage, reason: reason.to_owned(), errno: Some(errno), icmp: None, message }
}

/// It never left this machine.
#[must_use]
pub fn local_failure(error: &SendError) -> Failure {
    let number = error.errno;
    let errno = Errno::new(number);
    let meaning = error.meaning().unwrap_or("this machine could not send it");
    let mtu = error.mtu.map(|mtu| format!(", mtu={mtu}")).unwrap_or_default();
    let message = format!("not sent: {meaning}{mtu} ({} {number})", errno.name);
    let stage = if errno::is_route(number) { Stage::Route } else { Stage::Send };
    Failure { stage, reason: error.reason(), errno: Some(errno), icmp: None, message }
}

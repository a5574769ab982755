//! Why an attempt failed, in the words of the contract.

use super::dialogue::{self, Talk, TalkResult};
use super::event::{Attempt, Ending};
use super::words::in_bytes;
use netdiag_engine::failure::{local_failure, plain};
use netdiag_model::errno::{self, Errno};
use netdiag_model::failure::{Failure, IcmpSource, Stage};
use netdiag_model::{Untrusted, milliseconds};

const ECONNABORTED: i32 = 103;
const ECONNRESET: i32 = 104;
const ETIMEDOUT: i32 = 110;
const ECONNREFUSED: i32 = 111;

impl Attempt {
    /// Why it failed; `None` where the connection opened, and what was waited for came.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        let mut failure = self.own_failure()?;
        if self.is_proxied && self.connect().is_none() {
            failure.message.insert_str(0, "no connection to the proxy: ");
        }
        Some(failure)
    }

    fn own_failure(&self) -> Option<Failure> {
        let to = self.destination;
        Some(match &self.ending {
            Ending::Connected { .. } if self.is_self_connected() => {
                let said = "the kernel met itself: both ends are the same, nothing listens";
                plain(Stage::Connect, "self-connected", said)
            }
            Ending::Connected { .. } => {
                return self.talk.as_ref().and_then(|talk| unexpected(talk));
            }
            Ending::Refused => {
                let said = format!("RST from {to}: host up, nothing listens");
                connect_failure("refused", ECONNREFUSED, &said)
            }
            Ending::Reset => {
                let said = format!("{to} opened the connection and reset it at once");
                connect_failure("reset", ECONNRESET, &said)
            }
            Ending::TimedOut => connect_failure("timeout", ETIMEDOUT, &self.silence()),
            Ending::Icmp { kind, from, errno } => {
                let by =
                    if *from == to.address() { "the target itself" } else { whose(self, *from) };
                let (number, code) = (kind.kind, kind.code);
                let text = kind.ping_text();
                let errno = errno.map(Errno::new);
                let named = errno.as_ref().map(|e| format!(" ({} {})", e.name, e.number));
                let protocol = if from.is_ipv4() { "ICMP" } else { "ICMPv6" };
                let message = format!(
                    "{protocol} {number}/{code} from {from}, {by}: {text}{}",
                    named.unwrap_or_default()
                );
                let (stage, icmp) = (Stage::Connect, Some(IcmpSource::new(*kind, *from)));
                Failure { stage, reason: kind.reason(), errno, icmp, message }
            }
            Ending::Local(error) if error.errno == ECONNABORTED => {
                let said = "something on this machine destroyed the connection";
                let message = format!("{said} (ECONNABORTED {ECONNABORTED})");
                // Its SYN had been sent.
                Failure { message, stage: Stage::Connect, ..local_failure(error) }
            }
            Ending::Local(error) => local_failure(error),
            Ending::Unknown(why) => plain(Stage::Connect, why.name(), why.meaning()),
        })
    }

    /// That nothing came, and to how many SYNs.
    fn silence(&self) -> String {
        let seconds = milliseconds(self.took) / 1e3;
        match self.syns() {
            1 => format!("1 SYN, no answer of any kind in {seconds:.1} s"),
            syns => format!("{syns} SYNs in {seconds:.1} s, no answer of any kind"),
        }
    }

    /// How many SYNs left, as far as is known.
    #[must_use]
    pub fn syns(&self) -> u64 {
        u64::from(!matches!(self.ending, Ending::Local(_)))
            + u64::from(self.retransmits.unwrap_or_default())
    }
}

/// What was wrong with what came over a connection.
fn unexpected(talk: &Talk) -> Option<Failure> {
    if talk.is_as_asked() {
        return None;
    }
    let seconds = milliseconds(talk.lasted) / 1e3;
    let seconds = match talk.is_cut {
        true => format!("{seconds:.1} s, when the run ended"),
        false => format!("{seconds:.1} s"),
    };
    let (stage, during) = match talk.stage {
        dialogue::Stage::Proxy => return Some(barred(talk, &seconds)),
        dialogue::Stage::Upgrade => (Stage::Tls, " before TLS"),
        dialogue::Stage::Tls => (Stage::Tls, " during the TLS handshake"),
        dialogue::Stage::Service if talk.http.is_some() => (Stage::Request, ""),
        dialogue::Stage::Service => (Stage::Expect, ""),
    };
    let (reason, message) = match talk.end {
        TalkResult::AsExpected => return None,
        TalkResult::Untrusted => {
            let fault = talk.tls.as_ref().and_then(|tls| tls.fault())?;
            let at = talk.tls_at.map(|at| format!(" (at {at}, where a redirect leads)"));
            let at = at.unwrap_or_default();
            (fault.reason.name().to_owned(), format!("connected, but {}{at}", fault.message))
        }
        TalkResult::Silent if talk.stage == dialogue::Stage::Tls => (
            "timeout".to_owned(),
            format!("connected, but the TLS handshake was not done in {seconds}"),
        ),
        TalkResult::Silent if talk.has_come => {
            let came = match talk.tls_took() {
                Some(_) => "TLS was agreed on, and then no answer came",
                None => "what came is no answer, and none did",
            };
            ("timeout".to_owned(), format!("connected, but {came} in {seconds}"))
        }
        TalkResult::Silent => {
            // The handshake of TLS is no request.
            let asked = talk.acknowledged.filter(|bytes| *bytes > 0 && talk.tls.is_none());
            let asked = asked.map(|bytes| format!(" to {} that it acknowledged", in_bytes(bytes)));
            let asked = asked.unwrap_or_default();
            (
                "timeout".to_owned(),
                format!("connected, but not a byte came{during} in {seconds}{asked}"),
            )
        }
        TalkResult::Refused => {
            let why = talk.refused.clone().unwrap_or_default();
            ("no-starttls".to_owned(), format!("connected, but {why}"))
        }
        TalkResult::Astray => {
            let http = talk.http.as_ref();
            let said = http.map(|http| http.summary()).unwrap_or_default();
            let reason = http.and_then(|http| http.reason).unwrap_or("redirect-failed");
            (reason.to_owned(), format!("connected, but {said}"))
        }
        TalkResult::Malformed => {
            let http = talk.http.as_ref();
            let said = http.map(|http| http.summary()).unwrap_or_default();
            let reason = http.and_then(|http| http.reason).unwrap_or("malformed");
            (reason.to_owned(), format!("connected, but {said}"))
        }
        TalkResult::Other if stage == Stage::Request => (
            "timeout".to_owned(),
            format!("connected, but the answer was not whole after {seconds}"),
        ),
        TalkResult::Other if stage == Stage::Tls => {
            let came = beginning(&talk.heard);
            (
                "timeout".to_owned(),
                format!("connected, but what came{during} was not whole in {seconds}: `{came}`"),
            )
        }
        TalkResult::Other => {
            let came = beginning(&talk.heard);
            (
                "mismatch".to_owned(),
                format!("connected, but what came is not what was expected: {came}"),
            )
        }
        TalkResult::Closed => {
            let http = talk.http.as_ref().and_then(|http| http.broken.as_ref());
            let how =
                http.map(|how| match how.strip_prefix("the other end closed the connection ") {
                    Some(before) => format!(", {before}"),
                    None => format!(": {how}"),
                });
            let how = how.unwrap_or_default();
            (
                "closed".to_owned(),
                format!("connected, and closed by the other end{during} after {seconds}{how}"),
            )
        }
        TalkResult::Failed(number) => {
            let name = Errno::new(number).name;
            let message = match talk.early {
                Some(_) => format!("connected, and then broken after {seconds} ({name} {number})"),
                None => format!("connected, and then broken{during} ({name} {number})"),
            };
            (errno::reason(number), message)
        }
    };
    let errno = match talk.end {
        TalkResult::Failed(number) => Some(Errno::new(number)),
        _ => None,
    };
    Some(Failure { stage, reason, errno, icmp: None, message })
}

/// Why a proxy opened no connection to a target.
fn barred(talk: &Talk, seconds: &str) -> Failure {
    let proxy = talk.proxy.as_deref();
    let asked = proxy.map(|proxy| proxy.asked.as_str()).unwrap_or_default();
    let (reason, message) = match (talk.end, proxy.and_then(|proxy| proxy.refusal.as_ref())) {
        (_, Some(refusal)) => (refusal.reason.to_owned(), refusal.message.clone()),
        (TalkResult::Closed, _) => (
            "closed".to_owned(),
            format!("the proxy closed the connection after {seconds}, without one to {asked}"),
        ),
        (TalkResult::Failed(number), _) => (
            errno::reason(number),
            format!(
                "the connection to the proxy broke, before it had one to {asked} ({} {number})",
                Errno::new(number).name
            ),
        ),
        _ if talk.has_come => (
            "timeout".to_owned(),
            format!("the proxy did not say in {seconds} whether it has a connection to {asked}"),
        ),
        _ => ("timeout".to_owned(), format!("not a byte came from the proxy in {seconds}")),
    };
    let errno = match talk.end {
        TalkResult::Failed(number) => Some(Errno::new(number)),
        _ => None,
    };
    Failure { stage: Stage::Proxy, reason, errno, icmp: None, message }
}

/// The first of what came, safe to print; a result has more of it.
fn beginning(heard: &[u8]) -> String {
    const SHOWN: usize = 64;
    let more = if heard.len() > SHOWN { "..." } else { "" };
    let shown = String::from_utf8_lossy(heard.get(..SHOWN).unwrap_or(heard)).into_owned();
    format!("{}{more}", Untrusted::from(shown).escaped())
}

/// Who sends an ICMP error that the target does not send: the address that the SYN left from stands for
/// this machine's own neighbour table.
fn whose(attempt: &Attempt, from: std::net::IpAddr) -> &'static str {
    match attempt.local {
        Some(local) if local.ip() == from => "this machine, whose neighbour did not answer",
        _ => "a router",
    }
}

fn connect_failure(reason: &str, number: i32, said: &str) -> Failure {
    let errno = Errno::new(number);
    let message = format!("{said} ({} {number})", errno.name);
    let (stage, reason) = (Stage::Connect, reason.to_owned());
    Failure { stage, reason, errno: Some(errno), icmp: None, message }
}

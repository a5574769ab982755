//! Who was asked, and what became of it.

use hickory_resolver::proto::op::ResponseCode;
use netdiag_model::errno::{self, Errno};
use netdiag_model::failure::LookupError;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Why a server said neither yes nor no.
#[derive(Clone, Debug)]
pub(super) struct Silence {
    /// In words that follow its address.
    words: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// It answered with this code, as a stable word.
    Answered(String),
    /// The system told this error number.
    Failed(i32),
    Silent,
}

impl Silence {
    pub(super) fn timed_out() -> Self {
        Self::other("timed out".to_owned())
    }

    pub(super) fn other(words: String) -> Self {
        Self { words, kind: Kind::Silent }
    }

    /// The system told this error number: of the question that was to be sent, or, `heard`, of one
    /// that had left.
    pub(super) fn failed(number: i32, heard: bool) -> Self {
        let name = Errno::new(number).name;
        let words = match number {
            libc::ECONNREFUSED => format!("refused: nothing listens on its port ({name})"),
            _ if heard => format!("not reached: {} ({name})", heard_meaning(number)),
            _ => match errno::send_meaning(number) {
                Some(meaning) => format!("not reached: {meaning} ({name})"),
                None => format!("not reached ({name})"),
            },
        };
        Self { words, kind: Kind::Failed(number) }
    }

    pub(super) fn answered(code: ResponseCode) -> Self {
        let name = match code {
            ResponseCode::ServFail => "SERVFAIL",
            ResponseCode::Refused => "REFUSED",
            ResponseCode::FormErr => "FORMERR",
            ResponseCode::NotImp => "NOTIMP",
            other => other.to_str(),
        };
        let word = name.to_lowercase().replace(' ', "-");
        Self { words: format!("answered {name}"), kind: Kind::Answered(word) }
    }
}

/// What the error number of a datagram that had left says (ip(7), IP_RECVERR).
const fn heard_meaning(number: i32) -> &'static str {
    match number {
        libc::EHOSTUNREACH => "no neighbour has its address, says a router or this machine",
        libc::ENETUNREACH => "a router has no route to it",
        libc::EACCES => "a filter on the way prohibits it",
        libc::EMSGSIZE => "the question is too large for the way",
        _ => "an ICMP error came back",
    }
}

/// The servers in the order in which they were asked.
#[derive(Default)]
pub(super) struct Ledger(Vec<Entry>);

struct Entry {
    server: IpAddr,
    since: Option<Instant>,
    took: Duration,
    tries: Arc<AtomicUsize>,
    outcome: Silence,
}

impl Ledger {
    /// A server is asked; returns where its tries are counted.
    pub(super) fn open(&mut self, server: IpAddr) -> Arc<AtomicUsize> {
        let tries = Arc::<AtomicUsize>::default();
        self.0.push(Entry {
            server,
            since: Some(Instant::now()),
            took: Duration::ZERO,
            tries: Arc::clone(&tries),
            outcome: Silence::timed_out(),
        });
        tries
    }

    pub(super) fn close(&mut self, server: IpAddr, outcome: Silence) {
        let open = |entry: &&mut Entry| entry.server == server && entry.since.is_some();
        if let Some(entry) = self.0.iter_mut().find(open) {
            entry.took = entry.since.take().map_or(Duration::ZERO, |since| since.elapsed());
            entry.outcome = outcome;
        }
    }

    /// That nothing is known. What a server answered says most, then what became of all alike.
    pub(super) fn account(&self) -> LookupError {
        let tried = self.words();
        let kinds = || self.0.iter().map(|entry| &entry.outcome.kind);
        let answered = kinds().find(|kind| matches!(kind, Kind::Answered(_)));
        let alike = kinds().next().filter(|first| kinds().all(|kind| kind == *first));
        match answered.or(alike) {
            Some(Kind::Answered(word)) => {
                LookupError::NoAnswer { tried, reason: word.clone(), errno: None }
            }
            Some(Kind::Failed(number)) => {
                let reason = errno::reason(*number);
                LookupError::NoAnswer { tried, reason, errno: Some(*number) }
            }
            Some(Kind::Silent) | None => LookupError::no_resolver(tried),
        }
    }

    /// `192.0.2.53 timed out (2 tries, 5.0 s), 192.0.2.54 answered SERVFAIL (1 try, 0.0 s)`.
    fn words(&self) -> String {
        let entries = self.0.iter().map(|entry| {
            let took = entry.since.map_or(entry.took, |since| since.elapsed());
            let tries = entry.tries.load(Ordering::Relaxed).max(1);
            let word = if tries == 1 { "try" } else { "tries" };
            let words = &entry.outcome.words;
            format!("{} {words} ({tries} {word}, {:.1} s)", entry.server, took.as_secs_f64())
        });
        entries.collect::<Vec<_>>().join(", ")
    }
}

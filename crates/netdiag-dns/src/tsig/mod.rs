//! Queries that are signed with a secret that the server has, too, and whether answers are (RFC 8945).
//!
//! Digests and the sequence of them are those of the crate `domain`. One fault of it is gone
//! around: of the time of a server, which has six bytes, eight go into the digest, so that what says BADTIME
//! is told without its signature being checked.

mod key;
#[cfg(test)]
mod tests;

use domain::base::iana::{Rcode, TsigRcode};
use domain::base::message_builder::{AdditionalBuilder, MessageBuilder};
use domain::base::{Message, UnknownRecordData};
use domain::rdata::tsig::{Time48, Tsig as Data};
use domain::tsig::{ClientSequence, Key, ValidationError};
pub use key::TsigKey;
use netdiag_engine::failure::plain;
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::{ClockAnchor, Instant};
use serde::Serialize;
use std::sync::Arc;

/// How queries are signed.
#[derive(Clone, Debug)]
pub struct Tsig {
    /// With what.
    pub key: TsigKey,
    /// The time of day, which signatures have.
    pub anchor: ClockAnchor,
}

/// What the signature of an answer is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TsigResult {
    /// The name of the key.
    pub key: String,
    /// Its algorithm, such as `hmac-sha256`.
    pub algorithm: &'static str,
    /// Whether it is the server's, of this answer to this query.
    pub verified: bool,
    /// What is wrong: `badkey`, `badsig` or `badtime`, which the server says; `unsigned`, `bad-signature`,
    /// `other-key`, `bad-time` or `malformed`, which is so here; `null` where nothing is.
    pub error: Option<&'static str>,
    /// By how many seconds the server's clock is ahead, where the times are what is wrong.
    pub clock_difference_s: Option<i64>,
    /// The same for people.
    #[serde(skip)]
    pub message: String,
}

impl TsigResult {
    /// Why an answer is not to be believed; `None` where it is.
    pub(crate) fn failure(&self) -> Option<Failure> {
        Some(plain(Stage::Request, self.error?, &self.message))
    }
}

/// A query that was signed: its answers are judged by it, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Signed(ClientSequence<Arc<Key>>);

/// What is wrong with a signature.
struct Fault(&'static str, String, Option<i64>);

impl Tsig {
    fn seconds(&self, at: Instant) -> u64 {
        u64::try_from(self.anchor.unix_nanos_at(at) / 1_000_000_000).unwrap_or_default()
    }

    /// The query with its signature; `None` where there is no room for one.
    pub(crate) fn sign(&self, at: Instant, query: &[u8]) -> Option<(Vec<u8>, Signed)> {
        let mut builder = rebuilt(query)?;
        let now = Time48::from_u64(self.seconds(at));
        let signed = ClientSequence::request(self.key.shared(), &mut builder, now).ok()?;
        Some((builder.finish(), Signed(signed)))
    }

    /// What the signature of the next answer is worth.
    pub(crate) fn judge(
        &self,
        signed: Option<&mut Signed>,
        at: Instant,
        answer: &[u8],
    ) -> TsigResult {
        let Some(signed) = signed else { return self.told(Some(not_signed())) };
        self.told(self.check(signed, at, answer).err())
    }

    /// The same where it was the last one, which must not go without.
    pub(crate) fn judge_end(&self, signed: Option<Signed>) -> TsigResult {
        let Some(signed) = signed else { return self.told(Some(not_signed())) };
        let is_signed = signed.0.done().is_ok();
        let why = || Fault("unsigned", "the last messages have no signature".to_owned(), None);
        self.told((!is_signed).then(why))
    }

    fn told(&self, fault: Option<Fault>) -> TsigResult {
        let (key, algorithm) = (self.key.name(), self.key.algorithm());
        let blank = TsigResult {
            key,
            algorithm,
            verified: fault.is_none(),
            error: None,
            clock_difference_s: None,
            message: String::new(),
        };
        let Some(Fault(reason, message, clock_difference_s)) = fault else { return blank };
        TsigResult { error: Some(reason), message, clock_difference_s, ..blank }
    }

    fn check(&self, signed: &mut Signed, at: Instant, answer: &[u8]) -> Result<(), Fault> {
        let malformed =
            || Fault("malformed", "the signature of the answer cannot be read".to_owned(), None);
        let mut message = Message::from_octets(answer.to_vec()).map_err(|_| malformed())?;
        if let Some((signed_at, server)) = bad_time(&message) {
            return Err(Fault::of_time("badtime", "says BADTIME", server, signed_at));
        }
        let now = self.seconds(at);
        let stamp = time_of(&message);
        let rcode = message.header().rcode();
        let checked = signed.0.answer(&mut message, Time48::from_u64(now));
        checked.map_err(|error| match error {
            ValidationError::ServerBadKey => {
                let why = format!("the server does not know the key {} (BADKEY)", self.key.name());
                Fault("badkey", why, None)
            }
            ValidationError::ServerBadSig => {
                let why = "the server finds the signature wrong (BADSIG): it has another secret";
                Fault("badsig", why.to_owned(), None)
            }
            ValidationError::BadTime | ValidationError::ServerBadTime { .. } => {
                Fault::of_time("bad-time", "signed by another time", stamp.unwrap_or(now), now)
            }
            ValidationError::ServerUnsigned => {
                let why = match rcode {
                    Rcode::NOERROR => "the answer has no signature".to_owned(),
                    rcode => format!("the answer, {rcode}, has no signature"),
                };
                Fault("unsigned", why, None)
            }
            ValidationError::TooManyUnsigned => {
                Fault("unsigned", "100 messages in a row have no signature".to_owned(), None)
            }
            ValidationError::BadSig | ValidationError::BadTrunc => {
                Fault("bad-signature", "the signature of the answer is wrong".to_owned(), None)
            }
            ValidationError::BadKey | ValidationError::BadAlg => {
                Fault("other-key", "the answer is signed with another key".to_owned(), None)
            }
            ValidationError::FormErr | ValidationError::BadOther => malformed(),
        })
    }
}

impl Fault {
    /// `server` and `own`: the two clocks, in seconds.
    fn of_time(reason: &'static str, what: &str, server: u64, own: u64) -> Self {
        let ahead =
            i64::try_from(server).unwrap_or_default() - i64::try_from(own).unwrap_or_default();
        let side = if ahead < 0 { "behind" } else { "ahead of" };
        let seconds = ahead.unsigned_abs();
        let message = format!("the server {what}: its clock is {seconds} s {side} this one");
        Self(reason, message, Some(ahead))
    }
}

/// That the query had no room for a signature: then no answer has a right one.
fn not_signed() -> Fault {
    Fault("unsigned", "the query could not be signed".to_owned(), None)
}

/// The same message as what it can be signed as.
fn rebuilt(query: &[u8]) -> Option<AdditionalBuilder<Vec<u8>>> {
    let message = Message::from_octets(query).ok()?;
    let mut builder = MessageBuilder::new_vec();
    *builder.header_mut() = message.header();
    let mut builder = builder.question();
    for question in message.question() {
        builder.push(question.ok()?).ok()?;
    }
    let mut builder = builder.authority();
    for record in message.authority().ok()?.limit_to::<UnknownRecordData<_>>() {
        builder.push(record.ok()?).ok()?;
    }
    let mut builder = builder.additional();
    for record in message.additional().ok()?.limit_to::<UnknownRecordData<_>>() {
        builder.push(record.ok()?).ok()?;
    }
    Some(builder)
}

/// When the server signed, in seconds since 1970.
fn time_of(message: &Message<Vec<u8>>) -> Option<u64> {
    let record = message.additional().ok()?.limit_to::<Data<_, _>>().last()?.ok()?;
    Some(record.data().time_signed().into())
}

/// The time of the query, and that of the server, where it says that they differ (RFC 8945 section
/// 5.2.3).
fn bad_time(message: &Message<Vec<u8>>) -> Option<(u64, u64)> {
    let record = message.additional().ok()?.limit_to::<Data<_, _>>().last()?.ok()?;
    let data = record.data();
    let is_said = message.header().rcode() == Rcode::NOTAUTH && data.error() == TsigRcode::BADTIME;
    let server = data.other_time().filter(|_| is_said)?;
    Some((data.time_signed().into(), server.into()))
}

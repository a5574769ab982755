//! Keys as they are written, and answers of a server that signs by the same library.

use super::*;
use crate::class::Class;
use crate::transfer::tests::{Bench, soa};
use domain::base::message_builder::AdditionalBuilder;
use domain::tsig::{ServerSequence, ServerTransaction};

const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
/// 2026-11-22.
const NOW: u64 = 1_795_305_600;

fn key(name: &str, secret: &str) -> TsigKey {
    TsigKey::parse(&format!("{name}:{secret}")).expect("a key")
}

fn tsig(key: TsigKey) -> Tsig {
    let unix_nanos = i128::from(NOW) * 1_000_000_000;
    Tsig { key, anchor: ClockAnchor { instant: Instant::ZERO, unix_nanos } }
}

#[test]
fn keys_are_written_as_dig_and_bind_have_them() {
    let named = |key: TsigKey| format!("{} {}", key.algorithm(), key.name());
    let parse = |text: &str| TsigKey::parse(text).map(named);
    assert_eq!(parse(&format!("a.key:{SECRET}")).as_deref(), Ok("hmac-sha256 a.key."));
    assert_eq!(parse(&format!("HMAC-SHA512:k:{SECRET}")).as_deref(), Ok("hmac-sha512 k."));
    let file = format!(
        "# one\n/* key \"no\" */ key \"xfr.key\" {{ // two\n  algorithm \"hmac-sha1\";\n\tsecret \"{SECRET}\";\n}};\n"
    );
    assert_eq!(TsigKey::parse_file(&file).map(named).as_deref(), Ok("hmac-sha1 xfr.key."));
    for wrong in
        ["", "k", "k:", "hmac-sha224:k:AAAA", "k:no base64!", "a..b:AAAA", "a:b:c:d", "x:k:AAAA"]
    {
        let why = TsigKey::parse(wrong).expect_err(wrong);
        assert!(!why.contains("AAAA") && !why.contains("base64!"), "{why}");
    }
    for wrong in
        ["", "key", "key k {", "key k { algorithm hmac-sha256; };", "key \"k", "\"", "/*", "{"]
    {
        assert!(TsigKey::parse_file(wrong).is_err(), "{wrong}");
    }
    assert_eq!(format!("{:?}", key("k", SECRET)), "TsigKey(hmac-sha256 k.)");
}

/// The query of a signed look-up, and what judges its answer.
fn asked(own: &Tsig) -> (Vec<u8>, Signed) {
    let query = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
    own.sign(Instant::ZERO, &query).expect("there is room")
}

fn builder(answer: &[u8]) -> AdditionalBuilder<Vec<u8>> {
    rebuilt(answer).expect("a message")
}

/// An answer that a server with this key signs at this time.
fn answer(query: &[u8], server: &TsigKey, at: u64) -> Vec<u8> {
    let now = Time48::from_u64(at);
    let mut message = Message::from_octets(query.to_vec()).expect("a message");
    let mut answer = builder(&[0, 7, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1]);
    let signed = ServerTransaction::request(&server.shared(), &mut message, Time48::from_u64(NOW));
    match signed {
        Ok(Some(signed)) => signed.answer(&mut answer, now).expect("there is room"),
        Ok(None) => panic!("the query is not signed"),
        Err(error) => {
            let message = Message::from_octets(query).expect("a message");
            let built = error.build_message(&message, MessageBuilder::new_vec());
            return built.expect("there is room").finish();
        }
    }
    answer.finish()
}

#[test]
fn an_answer_counts_only_with_the_signature_of_the_same_key() {
    let own = tsig(key("k", SECRET));
    let (query, signed) = asked(&own);
    let judge = |answer: &[u8]| own.judge(Some(&mut signed.clone()), Instant::ZERO, answer);
    let good = answer(&query, &own.key, NOW);
    let told = judge(&good);
    assert!(told.verified && told.error.is_none(), "{told:?}");
    assert_eq!((told.key.as_str(), told.algorithm), ("k.", "hmac-sha256"));
    for place in [0, 2, 13, good.len() - 20] {
        let mut forged = good.clone();
        forged[place] ^= 1;
        let told = judge(&forged);
        // The number may change on the way (RFC 8945 section 5.3): the signature has the first one.
        assert_eq!(told.verified, place == 0, "{place}: {told:?}");
    }
    assert_eq!(judge(&good[..19]).error, Some("malformed"), "cut");
    let bare = [0, 7, 0x84, 5, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
    let told = judge(&bare);
    assert_eq!(told.error, Some("unsigned"));
    assert_eq!(told.message, "the answer, REFUSED, has no signature");
    let late = judge(&answer(&query, &own.key, NOW - 1_000));
    assert_eq!((late.error, late.clock_difference_s), (Some("bad-time"), Some(-1_000)));
    let other = answer(&query, &key("other", SECRET), NOW);
    assert_eq!(judge(&other).error, Some("badkey"));
    // Where the query had no signature no answer counts.
    assert!(!own.judge(None, Instant::ZERO, &good).verified);
    assert!(!own.judge_end(None).verified);
}

#[test]
fn a_server_s_other_time_is_told_with_the_difference() {
    let own = tsig(key("k", SECRET));
    let (_, mut signed) = asked(&own);
    // As BIND writes it: NOTAUTH, the time of the query, BADTIME, six bytes of its own time.
    let mut bytes = vec![0, 7, 0x84, 9, 0, 1, 0, 0, 0, 0, 0, 1, 1, b'a', 0, 0, 1, 0, 1];
    bytes.extend([1, b'k', 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 13 + 10 + 6 + 6 + 2]);
    bytes.extend(b"\x0bhmac-sha256\0");
    bytes.extend(&NOW.to_be_bytes()[2..]);
    bytes.extend([1, 44, 0, 0, 0, 7, 0, 18, 0, 6]);
    bytes.extend(&(NOW + 4_000).to_be_bytes()[2..]);
    let length = bytes.len() - 19 - 13;
    bytes[19 + 12] = u8::try_from(length).expect("short");
    let told = own.judge(Some(&mut signed), Instant::ZERO, &bytes);
    assert_eq!((told.error, told.clock_difference_s), (Some("badtime"), Some(4_000)));
    assert!(told.message.contains("its clock is 4000 s ahead of this one"), "{}", told.message);
}

/// Messages of a transfer as a server signs them: which of them.
fn transfer(signs: &[bool], changes: Option<usize>) -> (Option<Class>, Option<String>, usize) {
    let own = tsig(key("k", SECRET));
    let mut bench = Bench::new(None, |config| config.tsig = Some(own.clone()));
    let now = Time48::from_u64(NOW);
    let mut query = Message::from_octets(bench.query.clone()).expect("a message");
    let request = ServerSequence::request(&own.key.shared(), &mut query, now).ok().flatten();
    let mut server = request.expect("the query is signed");
    let soa = soa(7);
    let mut messages = Vec::new();
    for (place, is_signed) in signs.iter().enumerate() {
        let is_edge = place == 0 || place + 1 == signs.len();
        let kind: (u16, &[u8]) = if is_edge { (6, &soa) } else { (1, &[192, 0, 2, 1]) };
        let plain = bench.message(0, &[kind]);
        let mut answer = rebuilt_answer(&plain);
        if *is_signed {
            server.answer(&mut answer, now).expect("there is room");
        }
        let mut bytes = answer.finish();
        if changes == Some(place) {
            bytes[3] ^= 0x10;
        }
        messages.push(bytes);
    }
    bench.hear(&messages).ended()
}

fn rebuilt_answer(plain: &[u8]) -> AdditionalBuilder<Vec<u8>> {
    let message = Message::from_octets(plain).expect("a message");
    let mut builder = MessageBuilder::new_vec();
    *builder.header_mut() = message.header();
    let mut builder = builder.question();
    for question in message.question() {
        builder.push(question.expect("a question")).expect("there is room");
    }
    let mut builder = builder.answer();
    for record in message.answer().expect("records").limit_to::<UnknownRecordData<_>>() {
        builder.push(record.expect("a record")).expect("there is room");
    }
    builder.additional()
}

#[test]
fn each_message_of_a_transfer_is_signed_with_the_digest_of_those_before() {
    assert_eq!(transfer(&[true, true, true], None), (Some(Class::Answer), None, 3));
    let (class, reason, told) = transfer(&[true, true, true], Some(1));
    assert_eq!((class, told), (Some(Class::TsigError), 1));
    assert_eq!(reason.as_deref(), Some("bad-signature"));
    let (class, reason, _) = transfer(&[false, true], None);
    assert_eq!((class, reason.as_deref()), (Some(Class::TsigError), Some("unsigned")));
    let (class, reason, _) = transfer(&[true, true, false], None);
    assert_eq!((class, reason.as_deref()), (Some(Class::TsigError), Some("unsigned")), "the last");
}

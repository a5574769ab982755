//! Two million mutated messages through every parser: nothing panics, nothing is read outside of
//! the input, what parses survives being written again.
//!
//! `NETDIAG_MUTATE_SEED` (a decimal number) repeats a run; a failure prints it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use netdiag_wire::extension::{Extensions, Malformation};
use netdiag_wire::quote::{QuoteError, Quoted, QuotedTransport};
use netdiag_wire::{fuzzing, icmp, quote};

mod mutator;

use mutator::{Random, corpus, mutate};

const INPUTS: u32 = 2_000_000;
const DEFAULT_SEED: u64 = 0x6e65_7464_6961_6721;

#[test]
fn mutated_ipv4_holds() {
    hold(&corpus::ipv4(), fuzzing::check_ipv4);
}

#[test]
fn mutated_ipv6_holds() {
    hold(&corpus::ipv6(), fuzzing::check_ipv6);
}

#[test]
fn mutated_icmp_over_ipv4_holds() {
    hold(&corpus::icmp_v4(), fuzzing::check_icmp_v4);
}

#[test]
fn mutated_icmp_over_ipv6_holds() {
    hold(&corpus::icmp_v6(), fuzzing::check_icmp_v6);
}

#[test]
fn mutated_udp_and_tcp_hold() {
    hold(&corpus::transport(), |bytes| {
        fuzzing::check_udp(bytes);
        fuzzing::check_tcp(bytes);
    });
}

/// A mutator that only made garbage would prove nothing.
#[test]
fn mutations_reach_every_outcome() {
    let mut seen = BTreeSet::new();
    let mut random = Random::new(DEFAULT_SEED);
    let (v4, v6) = (corpus::icmp_v4(), corpus::icmp_v6());
    let mut bytes = Vec::new();
    for _ in 0..100_000 {
        mutate(&mut random, &v4, &mut bytes);
        let body = icmp::parse_v4(&bytes).ok().and_then(|message| message.error_body());
        if let Some(body) = body {
            seen.insert(outcome_of_extensions(body.extensions));
            seen.insert(outcome_of_quote(quote::parse_v4(body.quoted_bytes)));
        }
        mutate(&mut random, &v6, &mut bytes);
        let body = icmp::parse_v6(&bytes).ok().and_then(|message| message.error_body());
        if let Some(body) = body {
            seen.insert(outcome_of_extensions(body.extensions));
            seen.insert(outcome_of_quote(quote::parse_v6(body.quoted_bytes)));
        }
    }
    let expected = [
        "absent",
        "beyond message",
        "chain",
        "checksum",
        "echo",
        "later fragment",
        "not IP",
        "object content",
        "object length",
        "other",
        "present",
        "query",
        "quote too short",
        "short",
        "tcp",
        "tcp in full",
        "truncated",
        "udp",
        "version",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
}

fn outcome_of_extensions(extensions: Extensions<'_>) -> &'static str {
    match extensions {
        Extensions::Absent => "absent",
        Extensions::Present(_) => "present",
        Extensions::Malformed(why) => match why {
            Malformation::QuoteLengthBeyondMessage => "beyond message",
            Malformation::QuoteLengthTooShort => "quote too short",
            Malformation::Truncated => "truncated",
            Malformation::Version { .. } => "version",
            Malformation::Checksum => "checksum",
            Malformation::ObjectLength { .. } => "object length",
            Malformation::ObjectContent { .. } => "object content",
            Malformation::TooManyObjects => "too many objects",
        },
    }
}

fn outcome_of_quote(quoted: Result<Quoted<'_>, QuoteError>) -> &'static str {
    match quoted.map(|quoted| quoted.transport) {
        Ok(QuotedTransport::Echo { .. }) => "echo",
        Ok(QuotedTransport::Query { .. }) => "query",
        Ok(QuotedTransport::Udp { .. }) => "udp",
        Ok(QuotedTransport::Tcp { rest: None, .. }) => "tcp",
        Ok(QuotedTransport::Tcp { rest: Some(_), .. }) => "tcp in full",
        Ok(QuotedTransport::Other { .. }) => "other",
        Err(QuoteError::Short { .. }) => "short",
        Err(QuoteError::NotIp) => "not IP",
        Err(QuoteError::NonFirstFragment) => "later fragment",
        Err(QuoteError::UnparsableChain) => "chain",
    }
}

fn hold(corpus: &[Vec<u8>], check: impl Fn(&[u8])) {
    let seed = match std::env::var("NETDIAG_MUTATE_SEED") {
        Ok(text) => text.parse().expect("NETDIAG_MUTATE_SEED is a decimal number"),
        Err(_) => DEFAULT_SEED,
    };
    corpus.iter().for_each(|bytes| check(bytes));
    let mut random = Random::new(seed);
    let mut bytes = Vec::new();
    for round in 0..INPUTS {
        mutate(&mut random, corpus, &mut bytes);
        // The one place where a panic is caught: to say which bytes and which seed it took.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&bytes))) {
            #[expect(clippy::print_stderr, reason = "a failing test says how to repeat it")]
            {
                eprintln!("NETDIAG_MUTATE_SEED={seed}, input {round}: {bytes:02x?}");
            }
            resume_unwind(panic);
        }
    }
}

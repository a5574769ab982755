//! Any text as a condition: it is refused in words, or it is the same when written and read again.
#![no_main]

use netdiag_check::expr::{Expr, MAX_BYTES};
use netdiag_ping::metrics::METRICS;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match Expr::parse(text, METRICS) {
        Err(refused) => assert!(!refused.to_string().is_empty()),
        Ok(first) => {
            let written = first.to_string();
            // Written out in full it may be longer than what is taken.
            if written.len() > MAX_BYTES {
                return;
            }
            let again = Expr::parse(&written, METRICS).expect("what we write we can read");
            assert_eq!(written, again.to_string());
        }
    }
});

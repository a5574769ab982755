//! Any measurements and any inputs, the port's promises broken too: the invariants of the engine hold.
//! The same steps and checks as in the engine's own tests.
#![no_main]
#![allow(dead_code, reason = "the tests of the engine use the rest")]

#[path = "../../../crates/netdiag-engine/tests/engine/bytes.rs"]
mod bytes;
#[path = "../../../crates/netdiag-engine/tests/engine/harness.rs"]
mod harness;
#[path = "../../../crates/netdiag-engine/tests/engine/packets.rs"]
mod packets;
#[path = "../../../crates/netdiag-engine/tests/engine/script.rs"]
mod script;
#[path = "../../../crates/netdiag-engine/tests/engine/steps.rs"]
mod steps;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bytes::check(data);
});

//! Any bytes as what a server of HTTP/3 says: nothing panics, and each request has one end.
#![no_main]

#[path = "../../../crates/netdiag-http/tests/three/feed.rs"]
mod feed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| feed::feed(data));

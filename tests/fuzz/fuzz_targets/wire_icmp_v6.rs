//! Any bytes as the wire's icmp_v6: nothing panics, and what parses survives being written again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netdiag_wire::fuzzing::check_icmp_v6(data));

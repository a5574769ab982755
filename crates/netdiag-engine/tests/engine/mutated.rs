//! A million inputs by chance, and every file that a fuzzer found worth keeping.

use crate::bytes::check;
use std::path::Path;

const INPUTS: usize = 1_000_000;
const SEED: u64 = 0x656e_6769_6e65_2121;

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// `NETDIAG_MUTATE_SEED` repeats a run; a failure prints it.
#[test]
fn a_million_inputs_by_chance_hold() {
    let seed = std::env::var("NETDIAG_MUTATE_SEED").ok().and_then(|text| text.parse().ok());
    let mut random = Random(seed.unwrap_or(SEED));
    let mut inputs = 0;
    while inputs < INPUTS {
        let seed = random.0;
        let length = 100 + random.next() as usize % 900;
        let data: Vec<u8> =
            std::iter::repeat_with(|| random.next().to_le_bytes()).flatten().take(length).collect();
        let held = std::panic::catch_unwind(|| check(&data));
        inputs += held.unwrap_or_else(|fault| {
            println!("NETDIAG_MUTATE_SEED={seed}");
            std::panic::resume_unwind(fault)
        });
    }
}

#[test]
fn what_was_found_stays_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/engine");
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
    let mut inputs = 0;
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        inputs += check(&std::fs::read(path).expect("a readable file"));
    }
    assert!(inputs > 0, "the corpus is empty");
}

//! What fuzzers found worth keeping (`tests/fuzz/corpus` of the workspace) holds, file by file.

use netdiag_wire::fuzzing;
use std::fs;
use std::path::Path;

/// The folder of a target, and its check.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 6] = [
    ("wire_ipv4", fuzzing::check_ipv4),
    ("wire_ipv6", fuzzing::check_ipv6),
    ("wire_icmp_v4", fuzzing::check_icmp_v4),
    ("wire_icmp_v6", fuzzing::check_icmp_v6),
    ("wire_udp", fuzzing::check_udp),
    ("wire_tcp", fuzzing::check_tcp),
];

#[test]
fn what_was_found_stays_found() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    for (target, check) in TARGETS {
        let folder = corpus.join(target);
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
        let mut files = 0;
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            check(&fs::read(&path).expect("a readable file"));
            files += 1;
        }
        assert!(files > 0, "{target} has no corpus");
    }
}

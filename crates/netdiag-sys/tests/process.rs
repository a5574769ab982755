//! Privileges and descriptors, each in a process of its own.
#![allow(clippy::print_stderr, reason = "what was seen, and SKIPPED")]

mod support;

use netdiag_engine::port::{Control, InputKind, Network, Operations};
use netdiag_model::Family;
use netdiag_sys::{OpenRequest, privileges};
use support::{collect, count, in_namespace, loopback, push_echo};

#[test]
fn nothing_is_left_after_the_drop_and_open_sockets_still_work() {
    in_namespace("nothing_is_left_after_the_drop_and_open_sockets_still_work", || {
        let mut network = OpenRequest::default().open();
        privileges::drop_all().expect("dropped");
        // The status of the thread: libtest's main thread keeps its own capabilities.
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("readable");
        for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
            assert!(line.ends_with("\t0000000000000000"), "{line}");
        }
        assert!(status.contains("NoNewPrivs:\t1"));
        let mut operations = Operations::new();
        for family in [Family::Ipv4, Family::Ipv6] {
            push_echo(&mut operations, &network, loopback(family), 1, Control::default(), 56);
        }
        network.submit(&mut operations).expect("submitted");
        collect(&mut network, |inputs| {
            count(inputs, |kind| matches!(kind, InputKind::Received(_))) == 2
        });
    });
}

#[test]
fn closed_standard_descriptors_become_dev_null() {
    in_namespace("closed_standard_descriptors_become_dev_null", || {
        nix::unistd::close(0).expect("closed");
        privileges::ensure_standard_descriptors().expect("open");
        let link = |fd: i32| std::fs::read_link(format!("/proc/self/fd/{fd}")).expect("open");
        assert_eq!(link(0), std::path::Path::new("/dev/null"));
        assert_ne!(link(1), std::path::Path::new("/dev/null"));
    });
}

//! Half-open connections: floods, and what looks like one.

use super::*;

/// A queue that is half full turns nobody away: what is seen is told, with what it may be, as no warning.
/// One that is full, or of which nobody knows how long it may be, is one.
#[test]
fn a_queue_that_has_room_and_drops_nothing_is_no_warning() {
    let half = |from: u16| {
        let socket = socket(State::SynReceived, "192.0.2.1:8006", &format!("198.51.100.{from}:9"));
        waiting(Socket { inode: 0, ..socket }, TimerKind::Retransmit, 1)
    };
    let of = |backlog: Option<u32>, count: u16| {
        let listeners = backlog.map(|backlog| listener("192.0.2.1:8006", backlog));
        let all = young(listeners.into_iter().chain((1..=count).map(half)));
        let mut found = judged(&everything(), &all, None, &[[5, 0, 0], [5, 0, 0]]).findings;
        assert_eq!((found.len(), found[0].code.as_str()), (1, "syn-received-flood"), "{found:?}");
        found.remove(0)
    };
    let room = of(Some(64), 40);
    assert_eq!(room.severity, Severity::Info, "{room:?}");
    assert_eq!(
        room.message,
        "40 SYN-RECEIVED at port 8006 from 40 sources; within a second none completed there and none was \
         turned away, since the queue has room, 40 of 64 taken: a flood that is over or has not filled the \
         queue, or the answers to all of them are lost"
    );
    assert!(room.advice.as_deref().is_some_and(|said| said.starts_with("look again")), "{room:?}");
    assert_eq!(of(Some(4096), 200).severity, Severity::Info);
    for full in [of(Some(40), 40), of(None, 200)] {
        assert_eq!(full.severity, Severity::Warning, "{full:?}");
        assert!(!full.message.contains("has room"), "{full:?}");
    }
    let said = "though the queue is full, 40 of 40: a flood that has just ended, or the answers";
    assert!(of(Some(40), 40).message.contains(said));
}

/// Under a flood all that waits is turned over at once: for a second of each cycle nothing of it was sent
/// again.
#[test]
fn a_flood_of_a_full_queue_is_told_though_nothing_was_sent_again_yet() {
    let half = |from: u16| {
        let socket = socket(State::SynReceived, "192.0.2.1:8006", &format!("198.51.100.{from}:9"));
        waiting(Socket { inode: 0, ..socket }, TimerKind::Retransmit, 0)
    };
    let with =
        |count| young([listener("192.0.2.1:8006", 64)].into_iter().chain((1..=count).map(half)));
    for turn in [[5, 0, 1_001], [5, 1_000, 0]] {
        let found = judged(&everything(), &with(65), None, &[[5, 0, 0], turn]).findings;
        let [flood] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(
            (flood.code.as_str(), flood.severity),
            ("syn-received-flood", Severity::Critical)
        );
    }
    // A service that many come to at once, who get through.
    let open: [Vec<(u8, u16)>; 2] = [Vec::new(), (1..=90).map(|cookie| (cookie, 8006)).collect()];
    let turns = [[5, 0, 0], [95, 0, 0]];
    let kernel = Counters { turns: turns.into(), open: open.into(), ..Counters::default() };
    assert_eq!(told(&judged_by(kernel, &everything(), &with(65), None)), []);
    assert_eq!(told(&judged(&everything(), &with(40), None, &[[5, 0, 0], [5, 9, 0]])), []);
}

/// That others complete is said only where some did.
#[test]
fn twenty_sources_with_two_each_are_a_flood_where_nothing_completes() {
    let half = |from: u16| {
        let from = format!("10.99.0.{}:{from}", from % 20 + 1);
        let socket = socket(State::SynReceived, "192.0.2.1:7200", &from);
        waiting(Socket { inode: 0, ..socket }, TimerKind::Retransmit, 1)
    };
    let all = young([listener("192.0.2.1:7200", 64)].into_iter().chain((0..40).map(half)));
    let found = |turn: [u64; 3], completed: u8| {
        let open: [Vec<(u8, u16)>; 2] =
            [Vec::new(), (0..completed).map(|cookie| (cookie, 7200)).collect()];
        let turns = [[5, 0, 0], turn].into();
        let kernel = Counters { turns, open: open.into(), ..Counters::default() };
        let mut found = judged_by(kernel, &everything(), &all, None).findings;
        assert_eq!(found.len(), 1, "{found:?}");
        let found = found.remove(0);
        (found.code, found.severity, found.message)
    };
    let (flood, lossy) = ("syn-received-flood", "syn-received-lossy");
    let (code, severity, message) = found([5, 8_820, 0], 0);
    assert_eq!((code.as_str(), severity), (flood, Severity::Critical), "{message}");
    let (code, severity, message) = found([5, 0, 0], 0);
    assert_eq!((code.as_str(), severity), (flood, Severity::Info), "{message}");
    let (code, severity, message) = found([12, 0, 0], 7);
    assert_eq!((code.as_str(), severity), (lossy, Severity::Warning), "{message}");
    assert!(message.ends_with("17 more; 7 others completed there within a second"), "{message}");
}

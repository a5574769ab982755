//! Each query has a port and a number of its own (RFC 5452 sections 4.5 and 9.2), and an answer to
//! another's port is none.

use super::stub::{Asked, Stub, record};
use super::{A, address, dns, result};
use crate::support::process::{NETDIAG, bound, run};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

const QUERIES: usize = 20;
/// How many sockets a family has at the most for queries, beside the one that is open anyway.
const SOCKETS: usize = 64;

/// How many ports and numbers the questions had, and how many came.
fn seen(stub: &Stub) -> (usize, usize, usize) {
    let ports: Vec<u16> = stub.ports.try_iter().collect();
    let numbers: BTreeSet<[u8; 2]> =
        stub.questions.try_iter().map(|question| [question[0], question[1]]).collect();
    (ports.iter().collect::<BTreeSet<_>>().len(), numbers.len(), ports.len())
}

#[test]
fn each_query_leaves_from_a_port_of_its_own_with_a_number_of_its_own() {
    let all = (QUERIES, QUERIES, QUERIES);
    let names: Vec<String> = (0..QUERIES).map(|number| format!("n{number}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let count = QUERIES.to_string();
    for words in [
        &[&["-t", "A"][..], &names].concat()[..],
        &["-c", &count, "-i", "1us", "a.example", "A"],
        &["-c", &count, "-i", "5ms", "a.example", "A"],
    ] {
        let stub = Stub::udp(address);
        let ended = dns(&[&[stub.at().as_str()], words].concat());
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert_eq!(seen(&stub), all, "{words:?}");
    }
}

#[test]
fn ports_are_taken_anew_where_there_are_more_queries_than_sockets() {
    // One after the other, since those that are under way at once may share a port.
    let ports = ports_of_200("0");
    // The kernel may give a port twice.
    assert!(ports > 180, "{ports}");
    // However many of them come to be under way at once, there are as many ports as sockets.
    let ports = ports_of_200("1us");
    assert!(ports >= SOCKETS, "{ports}");
}

/// How many ports 200 queries of a series left from, none of which was lost.
fn ports_of_200(interval: &str) -> usize {
    let stub = Stub::udp(address);
    let ended = dns(&["-c", "200", "-i", interval, "--json", &stub.at(), "a.example", "A"]);
    let result = result(&ended);
    assert_eq!((&result["received"], &result["late"]), (&200.into(), &0.into()), "{ended:?}");
    let (ports, numbers, came) = seen(&stub);
    assert_eq!((numbers, came), (200, 200));
    ports
}

#[test]
fn no_query_fails_for_want_of_descriptors() {
    for limit in [12, 16, 24] {
        let stub = Stub::udp(address);
        let script = format!("ulimit -n {limit}; exec \"$@\"");
        let mut command = bound("sh");
        let arguments = ["-c", &script, "sh", NETDIAG, "dns", "--json", "-c", "100", "-i", "1us"];
        let ended = run(command.args(arguments).args([&stub.at(), "a.example", "A"]));
        assert_eq!(ended.code(), Some(0), "{limit}: {ended:?}");
        assert_eq!(result(&ended)["received"], 100, "{limit}");
        assert_eq!(seen(&stub).2, 100, "{limit}");
    }
}

/// The first of two questions waits for the second; then each is first answered falsely to the port of
/// the other.
fn crossed(asked: &Asked<'_>) -> Option<Vec<u8>> {
    static FIRST: Mutex<Option<[Vec<u8>; 2]>> = Mutex::new(None);
    static PORT: AtomicU16 = AtomicU16::new(0);
    let answer = |data: &[u8]| asked.answer(0, [1, 0, 0], &record(asked.kind(), 9, data));
    let [forged, good] = match asked.kind() {
        A => [answer(&[203, 0, 113, 66]), answer(&[192, 0, 2, 1])],
        _ => [answer(&[0x66; 16]), answer(&[0x20; 16])],
    };
    let mut first = FIRST.lock().expect("not poisoned");
    match first.take() {
        None => {
            *first = Some([forged, good]);
            PORT.store(asked.port(), Ordering::Relaxed);
            None
        }
        Some([other_forged, other_good]) => {
            let (here, there) = (asked.port(), PORT.load(Ordering::Relaxed));
            asked.send_to_port(&other_forged, here);
            asked.send_to_port(&forged, there);
            asked.send_to_port(&other_good, there);
            Some(good)
        }
    }
}

#[test]
fn an_answer_to_the_port_of_another_query_is_none() {
    let stub = Stub::udp(crossed);
    let ended = dns(&["--json", &stub.at(), "a.example"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let document = ended.json();
    for target in document["targets"].as_array().expect("two") {
        let result = &target["results"][0];
        assert_eq!(result["rejected"]["wrong-port"], 1, "{result}");
        let data = result["answers"][0]["data"].as_str().expect("data");
        assert!(!data.starts_with("203.") && !data.starts_with("6666"), "{data}");
    }
}

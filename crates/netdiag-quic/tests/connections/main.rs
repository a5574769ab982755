//! Connections with a real server, in memory and in virtual time: what comes of them over a good way, a
//! bad one, and with whoever breaks the rules.

#[expect(dead_code, reason = "some of it is for other tests")]
mod server;

use netdiag_model::{ClockAnchor, Instant};
use netdiag_quic::{Clock, Connection, Ending, Event, Start};
use netdiag_tls::{Client, Demand, Reason, Roots, Terms};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use server::{Does, Manner, Server};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// 2026-01-01.
const NOW: i128 = 1_767_225_600_000_000_000;
const NAME: &str = "dns.example";
/// From one end to the other.
const DELAY: Duration = Duration::from_millis(10);

fn addresses() -> (SocketAddr, SocketAddr) {
    let parse = |text: &str| text.parse().expect("an address and a port");
    (parse("192.0.2.1:40000"), parse("192.0.2.53:853"))
}

/// A certificate that vouches for itself, and the configuration of a server with it.
fn certified(alpn: &str) -> (String, Arc<rustls::ServerConfig>) {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().expect("versions");
    let chain = vec![certificate.der().clone()];
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = config.with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.expect("a certificate and its key");
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    (certificate.pem(), Arc::new(config))
}

/// A client, a server, and what is between them.
struct Bench<F> {
    client: Connection,
    server: Server<F>,
    clock: Clock,
    now: Instant,
    /// What is on its way to the server, and to the client.
    there: VecDeque<(Instant, Vec<u8>)>,
    back: VecDeque<(Instant, Vec<u8>)>,
    /// Which datagrams are lost, of all that left: by their number.
    loses: fn(u64) -> bool,
    left: u64,
}

#[allow(clippy::disallowed_methods)]
fn clock() -> Clock {
    Clock { at: Instant::ZERO, std: std::time::Instant::now() }
}

fn client(roots: Roots, demand: Demand, clock: Clock) -> Connection {
    let client = Client::new(roots).expect("nothing odd");
    let terms = Terms { name: NAME, alpn: &["doq"], demand, pins: &[] };
    let anchor = ClockAnchor { instant: Instant::ZERO, unix_nanos: NOW };
    let to = addresses().1;
    let random = std::array::from_fn(|at| u8::try_from(at * 7 % 251).expect("small"));
    let (client, terms, anchor) = (&client, &terms, &anchor);
    let start = Start { client, terms, anchor, to, clock, random, beside: 3 };
    Connection::new(&start, Instant::ZERO)
}

impl<F: FnMut(&[u8]) -> Does> Bench<F> {
    fn new(manner: Manner, does: F) -> Self {
        let (pem, tls) = certified("doq");
        let roots = Roots::read(pem.as_bytes()).expect("a certificate");
        Self::with(roots, tls, manner, does)
    }

    fn with(roots: Roots, tls: Arc<rustls::ServerConfig>, manner: Manner, does: F) -> Self {
        let clock = clock();
        Self {
            client: client(roots, Demand::Believed, clock),
            server: Server::new(tls, manner, does),
            clock,
            now: Instant::ZERO,
            there: VecDeque::new(),
            back: VecDeque::new(),
            loses: |_| false,
            left: 0,
        }
    }

    fn std(&self) -> std::time::Instant {
        self.clock.std + self.now.since(self.clock.at)
    }

    fn send(&mut self) {
        while let Some(datagram) = self.client.poll_output(self.now) {
            self.left += 1;
            if !(self.loses)(self.left) {
                self.there.push_back((self.now + DELAY, datagram));
            }
        }
        while let Some((_, datagram)) = self.server.poll_output(self.std()) {
            self.left += 1;
            if !(self.loses)(self.left) {
                self.back.push_back((self.now + DELAY, datagram));
            }
        }
    }

    /// Runs until nothing more happens, or for so long, and gives what came of it.
    fn run(&mut self, most: Duration) -> Vec<(Instant, Event)> {
        let until = self.now + most;
        let mut told = Vec::new();
        loop {
            self.send();
            while let Some(event) = self.client.poll_event() {
                told.push((self.now, event));
            }
            let clock = self.clock;
            let std = self.server.due();
            let server_due = std.map(|due| clock.at + due.saturating_duration_since(clock.std));
            let first = |queue: &VecDeque<(Instant, Vec<u8>)>| queue.front().map(|(at, _)| *at);
            let dues = [first(&self.there), first(&self.back), self.client.due(), server_due];
            let Some(next) = dues.into_iter().flatten().min().filter(|next| *next <= until) else {
                self.now = until;
                return told;
            };
            self.now = self.now.max(next);
            while first(&self.there).is_some_and(|at| at <= self.now)
                && let Some((_, datagram)) = self.there.pop_front()
            {
                self.server.receive(self.std(), addresses().0, &datagram);
            }
            while first(&self.back).is_some_and(|at| at <= self.now)
                && let Some((_, datagram)) = self.back.pop_front()
            {
                self.client.receive(self.now, &datagram);
            }
            self.client.tick(self.now);
            self.server.tick(self.std());
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn echo(question: &[u8]) -> Does {
    Does::Say([b"re: ", question].concat())
}

/// What came without the times.
fn plain(told: Vec<(Instant, Event)>) -> Vec<Event> {
    told.into_iter().map(|(_, event)| event).collect()
}

#[test]
fn an_answer_comes_after_two_round_trips_and_the_server_is_verified() {
    let mut bench = Bench::new(Manner::default(), echo);
    bench.client.ask(bench.now, 7, b"hello");
    let told = bench.run(SECOND);
    let (two, four) = (Instant::ZERO + 2 * DELAY, Instant::ZERO + 4 * DELAY);
    let answer = Event::Bytes(7, b"re: hello".to_vec());
    assert_eq!(told, [(two, Event::Open), (four, answer), (four, Event::End(7))]);
    let talked = bench.client.talked();
    assert!(talked.is_verified() && !bench.client.is_refused(), "{talked:?}");
    assert_eq!((talked.took, talked.shown.version), (Some(2 * DELAY), Some("TLS 1.3")));
    assert_eq!(talked.shown.alpn.expect("one").as_raw(), "doq");
    assert!(talked.shown.cipher.is_some() && talked.shown.group.is_some());
    // One that is open takes one round trip.
    bench.client.ask(bench.now, 8, b"again");
    let asked_at = bench.now;
    let told = bench.run(SECOND);
    assert_eq!(told.last(), Some(&(asked_at + 2 * DELAY, Event::End(8))));
    assert_eq!(bench.server.met, 1);
}

#[test]
fn whatever_is_lost_is_sent_again() {
    /// Of sixteen so many, in no order.
    const fn of_sixteen(left: u64, many: u64, seed: u64) -> bool {
        let mixed = (left ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 60 < many
    }
    // Each of the first ones alone, then some of all.
    let losses: [fn(u64) -> bool; 11] = [
        |left| left == 1,
        |left| left == 2,
        |left| left == 3,
        |left| left == 4,
        |left| left == 5,
        |left| left == 6,
        |left| left < 6,
        |left| of_sixteen(left, 3, 0),
        |left| of_sixteen(left, 5, 77),
        |left| of_sixteen(left, 6, 1_234),
        |left| of_sixteen(left, 4, 99_999),
    ];
    for (number, loses) in losses.into_iter().enumerate() {
        let mut bench = Bench::new(Manner { idle: 60_000, ..Manner::default() }, echo);
        bench.loses = loses;
        for seq in 0..20 {
            bench.client.ask(bench.now, seq, b"question");
        }
        let told = plain(bench.run(100 * SECOND));
        let ends = told.iter().filter(|event| matches!(event, Event::End(_))).count();
        assert_eq!(ends, 20, "losses {number}: {told:?}");
    }
}

#[test]
fn who_is_silent_is_asked_again_and_again_and_never_understood() {
    let mut bench = Bench::new(Manner::default(), echo);
    bench.loses = |_| true;
    let told = bench.run(5 * SECOND);
    assert_eq!((told, bench.client.is_heard()), (Vec::new(), false));
    // 1 s after the first one, then after twice as long each time (RFC 9002 section 6.2).
    assert!((3..=12).contains(&bench.left), "{}", bench.left);
}

#[test]
fn a_server_may_have_a_client_begin_anew_or_refuse_it() {
    let mut bench = Bench::new(Manner { retries: true, ..Manner::default() }, echo);
    bench.client.ask(bench.now, 1, b"hello");
    let told = plain(bench.run(SECOND));
    assert_eq!(told.last(), Some(&Event::End(1)), "{told:?}");
    let mut bench = Bench::new(Manner { refuses: true, ..Manner::default() }, echo);
    let told = plain(bench.run(SECOND));
    let [Event::Ended(Ending::Closed { code: 2, .. })] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(Ending::code_name(2), Some("CONNECTION_REFUSED"));
}

#[test]
fn no_more_is_asked_at_once_than_the_server_lets_us() {
    let mut bench = Bench::new(Manner { streams: 2, ..Manner::default() }, echo);
    for seq in 0..9 {
        bench.client.ask(bench.now, seq, b"question");
    }
    let told = plain(bench.run(5 * SECOND));
    let ends = told.iter().filter(|event| matches!(event, Event::End(_))).count();
    assert_eq!(ends, 9, "{told:?}");
}

#[test]
fn what_one_end_alone_says_is_told_with_its_stream() {
    const BESIDE: &[(&[u8], bool)] = &[(b"settings", false), (b"nothing", true)];
    let manner = Manner { beside: |_| BESIDE, streams: 1, ..Manner::default() };
    let mut bench = Bench::new(manner, echo);
    bench.client.say(bench.now, b"ours");
    for number in [7, 8] {
        bench.client.ask(bench.now, number, b"hello");
    }
    assert_eq!(bench.client.asked_from(0), [7, 8]);
    bench.send();
    let mut told = plain(bench.run(SECOND));
    // Streams of a server that go one way are 3, 7, 11 ... (RFC 9000 section 2.1).
    told.retain(|event| matches!(event, Event::Beside(..) | Event::BesideOver(_)));
    let said = |stream, bytes: &[u8]| Event::Beside(stream, bytes.to_vec());
    assert_eq!(told, [said(3, b"settings"), said(7, b"nothing"), Event::BesideOver(7)]);
    assert_eq!(bench.server.heard_beside, b"ours");
    // Their streams are 0, 4 ...; one that is answered is none that is left.
    for number in [9, 10] {
        bench.client.ask(bench.now, number, b"hello");
    }
    assert_eq!((bench.client.asked_from(8), bench.client.asked_from(12)), (vec![9, 10], vec![10]));
}

#[test]
fn a_protocol_that_is_refused_is_an_alert() {
    let (pem, tls) = certified("h3");
    let roots = Roots::read(pem.as_bytes()).expect("a certificate");
    let mut bench = Bench::with(roots, tls, Manner::default(), echo);
    let told = plain(bench.run(SECOND));
    assert_eq!(told, [Event::Ended(Ending::Tls)]);
    let fault = bench.client.fault().expect("a fault").clone();
    assert_eq!(fault.reason, Reason::Alert);
    assert!(fault.message.contains("no_application_protocol"), "{fault:?}");
}

#[test]
fn a_server_that_is_not_to_be_believed_is_open_and_refused() {
    let (_, tls) = certified("doq");
    let mut bench = Bench::with(Roots::none(), tls, Manner::default(), echo);
    let told = plain(bench.run(SECOND));
    assert_eq!(told, [Event::Open]);
    assert!(bench.client.is_refused());
    assert_eq!(bench.client.talked().fault().map(|fault| fault.reason), Some(Reason::SelfSigned));
    let last = bench.client.close(bench.now, 0);
    assert!(last.is_some_and(|last| !last.is_empty()));
}

#[test]
fn how_a_server_gives_up_an_answer_or_all_is_told_with_its_code() {
    for (does, wanted) in [
        (Does::Reset(1), Event::Reset(3, 1)),
        (
            Does::Close(4, "too much \u{1b}"),
            Event::Ended(Ending::Left { code: 4, reason: "too much \u{1b}".into() }),
        ),
        (Does::Say(Vec::new()), Event::End(3)),
    ] {
        let mut bench = Bench::new(Manner::default(), |_: &[u8]| does.clone());
        bench.client.ask(bench.now, 3, b"hello");
        let told = plain(bench.run(SECOND));
        assert_eq!(told, [Event::Open, wanted]);
    }
}

#[test]
fn a_server_that_was_started_anew_knows_nothing_of_a_connection() {
    let mut bench = Bench::new(Manner::default(), echo);
    bench.client.ask(bench.now, 1, b"hello");
    assert_eq!(bench.run(SECOND).len(), 3);
    bench.server.forget();
    bench.client.ask(bench.now, 2, b"hello?");
    assert_eq!(plain(bench.run(SECOND)), [Event::Ended(Ending::Reset)]);
}

#[test]
fn a_connection_that_nothing_is_said_over_ends() {
    let mut bench = Bench::new(Manner { idle: 3_000, ..Manner::default() }, echo);
    let told = bench.run(10 * SECOND);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1].1, Event::Ended(Ending::Idle));
    assert!(told[1].0.since(Instant::ZERO) < 4 * SECOND, "{told:?}");
}

#[test]
fn who_speaks_other_versions_says_which() {
    let mut bench = Bench::new(Manner::default(), echo);
    let first = bench.client.poll_output(bench.now).expect("a hello");
    // Identifiers come back the other way round: ours is empty.
    let theirs = &first[6..6 + usize::from(first[5])];
    let mut packet = vec![0xc0, 0, 0, 0, 0, 0];
    packet.push(u8::try_from(theirs.len()).expect("short"));
    packet.extend(theirs);
    packet.extend([0x6b, 0x33, 0x43, 0xcf, 0xff, 0, 0, 29]);
    bench.client.receive(bench.now, &packet);
    let told = bench.client.poll_event();
    let versions = vec![0x6b33_43cf, 0xff00_001d];
    assert_eq!(told, Some(Event::Ended(Ending::Versions(versions))));
}

#[test]
fn a_name_that_no_certificate_can_have_is_impossible() {
    let client = Client::new(Roots::none()).expect("nothing odd");
    let terms = Terms { name: "no name", alpn: &["doq"], demand: Demand::Believed, pins: &[] };
    let anchor = ClockAnchor { instant: Instant::ZERO, unix_nanos: NOW };
    let (to, clock, random) = (addresses().1, clock(), [1; 52]);
    let (client, terms, anchor) = (&client, &terms, &anchor);
    let start = Start { client, terms, anchor, to, clock, random, beside: 0 };
    let mut connection = Connection::new(&start, Instant::ZERO);
    assert!(connection.is_impossible() && connection.fault().is_some());
    assert_eq!(connection.poll_output(Instant::ZERO), None);
}

/// A small generator of numbers: the same ones each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }
}

#[test]
fn no_datagram_makes_it_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..60 {
        let mut bench = Bench::new(Manner::default(), echo);
        bench.client.ask(bench.now, 1, b"hello");
        if round % 3 > 0 {
            bench.run(Duration::from_millis(5 + 10 * round));
        }
        for _ in 0..200 {
            bench.send();
            let genuine = bench.back.pop_front().map(|(_, datagram)| datagram);
            let mut datagram = genuine.clone().unwrap_or_else(|| {
                (0..random.below(1_300)).map(|_| random.next().to_le_bytes()[0]).collect()
            });
            for _ in 0..random.below(4) {
                if !datagram.is_empty() {
                    let at = random.below(datagram.len());
                    datagram[at] = random.next().to_le_bytes()[0];
                }
            }
            datagram.truncate(random.below(datagram.len() + 1).max(datagram.len() / 2));
            bench.client.receive(bench.now, &datagram);
            if let Some(genuine) = genuine.filter(|_| random.below(2) == 0) {
                bench.client.receive(bench.now, &genuine);
            }
            bench.now = bench.now + Duration::from_millis(random.next() % 50);
            bench.client.tick(bench.now);
            while bench.client.poll_event().is_some() {}
            if let Some((_, datagram)) = bench.there.pop_front() {
                bench.server.receive(bench.std(), addresses().0, &datagram);
            }
            bench.server.tick(bench.std());
        }
        bench.client.ask(bench.now, 2, b"still there");
        bench.client.give_up(bench.now, 1, 3);
        let _ = bench.client.close(bench.now, 0);
        bench.run(SECOND);
    }
}

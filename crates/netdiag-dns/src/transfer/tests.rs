//! Servers that break off, say other things in between, or never end.

mod slow;

use super::*;
use crate::config::{Choice, Transport};
use crate::event::{Event, EventKind};
use crate::kind::RecordType;
use crate::measurement::tests::{at, config, plain, sent};
use netdiag_engine::port::TalkEnd;
use netdiag_engine::{Events, Heard, Next, Outcome, Probe};
use netdiag_model::contract::{SocketKind, Timestamps};

/// A transfer that has asked, and what it told.
pub(crate) struct Bench {
    transfer: Transfer,
    probe: Probe,
    events: Events<Event>,
    /// The query.
    pub(crate) query: Vec<u8>,
}

impl Bench {
    /// What a document has of it.
    pub(super) fn results(&self) -> Vec<Target> {
        let method = Method {
            socket: SocketKind::KernelConnect,
            timestamps: Timestamps::User,
            because: String::new(),
            lost: Vec::new(),
            remedy: None,
        };
        self.transfer.results(&method)
    }

    pub(crate) fn new(since: Option<u32>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(1, Choice::Each);
        config.transport = Transport::Tcp;
        config.targets[0].question.kind =
            if since.is_some() { RecordType::IXFR } else { RecordType::AXFR };
        config.query.edns = None;
        change(&mut config);
        let wanted = TransferQuery { since, most_bytes: 1_000, keeps: true };
        let mut transfer = Transfer::new(Arc::new(config), wanted);
        let mut events = Events::new();
        let next = transfer.next(at(0), &mut events);
        let Next::Probe(spec) = next else { panic!("{next:?}") };
        let probe = sent(&spec, at(0));
        transfer.settle(&probe, &Outcome::Replied(plain(&spec, at(3))), &mut events);
        let next = transfer.next(at(3), &mut events);
        let Next::Say(1, query) = next else { panic!("{next:?}") };
        Self { transfer, probe, events, query: query[2..].to_vec() }
    }

    /// These bytes come at this time.
    fn hear_at(&mut self, millis: u64, bytes: &[u8]) -> Next {
        self.transfer.heard(&self.probe, at(millis), Heard::Bytes(bytes), &mut self.events);
        self.transfer.next(at(millis), &mut self.events)
    }

    /// These messages come, byte by byte.
    pub(crate) fn hear(&mut self, messages: &[Vec<u8>]) -> &mut Self {
        for message in messages {
            let length = u16::try_from(message.len()).expect("short").to_be_bytes();
            for byte in [&length[..], message].concat() {
                self.transfer.heard(&self.probe, at(9), Heard::Bytes(&[byte]), &mut self.events);
            }
        }
        self
    }

    fn end(&mut self) -> &mut Self {
        let end = Heard::End(TalkEnd::Closed);
        self.transfer.heard(&self.probe, at(10), end, &mut self.events);
        self
    }

    /// A message with these flags and records.
    pub(crate) fn message(&self, flags: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
        let count = u8::try_from(records.len()).expect("few");
        let mut bytes = self.query[..2].to_vec();
        bytes.extend((0x8400 | flags).to_be_bytes());
        bytes.extend([0, 1, 0, count, 0, 0, 0, 0]);
        bytes.extend(&self.query[12..12 + 15]);
        for (kind, data) in records {
            bytes.extend([0xc0, 12]);
            bytes.extend(kind.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).expect("short")]);
            bytes.extend(*data);
        }
        bytes
    }

    /// The class, the reason, and how many records were told.
    pub(crate) fn ended(&mut self) -> (Option<Class>, Option<String>, usize) {
        let mut records = 0;
        while let Some(event) = self.events.pop() {
            if let EventKind::Part(_, part) = event.kind {
                records += part.records.len();
            }
        }
        let last = self.transfer.ended.last().map(|(_, settled)| settled);
        let reason = last.and_then(|it| it.failure.as_ref()).map(|it| it.reason.clone());
        (last.map(|it| it.class), reason, records)
    }

    pub(crate) fn settled(&self) -> &Settled {
        &self.transfer.ended.last().expect("it has ended").1
    }
}

pub(crate) fn soa(serial: u8) -> Vec<u8> {
    let mut data = vec![0, 0, 0, 0, 0, serial];
    data.extend([0; 16]);
    data
}

const A: (u16, &[u8]) = (1, &[192, 0, 2, 1]);

#[test]
fn a_zone_of_several_messages_is_whole_with_its_second_soa_record() {
    let mut bench = Bench::new(None, |_| {});
    let soa = soa(7);
    let first = bench.message(0, &[(6, &soa), A]);
    // Later messages need no question, nor records of the zone itself.
    let mut second = bench.query[..2].to_vec();
    second.extend([0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    second.extend([0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    let third = bench.message(0, &[(6, &soa)]);
    let ended = bench.hear(&[first, second, third]).ended();
    assert_eq!(ended, (Some(Class::Answer), None, 4));
    let came = bench.settled().transfer.clone().expect("a transfer");
    assert_eq!((came.kind, came.complete), (Some(TransferKind::Zone), true));
    assert_eq!((came.serial, came.messages, came.records), (Some(7), 3, 4));
    let next = bench.transfer.next(at(11), &mut Events::new());
    assert_eq!(next, Next::HangUp(1));
    assert_eq!(bench.transfer.next(at(11), &mut Events::new()), Next::Done);
    assert!(bench.transfer.verdict().contains("complete: 4 records in 3 messages"));
    // A document has all of its records.
    let results = bench.results();
    let loss = results[0].results[0].loss_percent;
    assert_eq!(loss, Some(0.0), "one query, and one answer");
    let mut answers = results[0].results[0].answers.clone();
    let (kept, question) = answers.take_kept().expect("they were kept");
    let mut kinds = Vec::new();
    let all = kept.each(&question, |record| {
        kinds.push(record.kind.clone().into_owned());
        Ok::<(), ()>(())
    });
    assert_eq!((all, kinds.join(" ")), (Ok(()), "SOA A A SOA".to_owned()));
}

#[test]
fn a_transfer_that_breaks_off_or_goes_wrong_has_a_reason_of_its_own() {
    let check = |messages: &dyn Fn(&Bench) -> Vec<Vec<u8>>, class, reason: &str, told| {
        let mut bench = Bench::new(None, |_| {});
        let messages = messages(&bench);
        let ended = bench.hear(&messages).end().ended();
        assert_eq!(ended, (Some(class), Some(reason.to_owned()), told));
        assert!(!bench.settled().transfer.as_ref().is_some_and(|it| it.complete), "{reason}");
    };
    let (own, other) = (soa(7), soa(8));
    let begun = |bench: &Bench| bench.message(0, &[(6, &own), A]);
    let failed = Class::TransferFailed;
    check(&|_| vec![], Class::Closed, "closed", 0);
    check(&|it| vec![begun(it)], failed, "broken-off", 2);
    check(&|it| vec![begun(it), it.message(2, &[])], failed, "servfail", 2);
    check(&|it| vec![begun(it), it.message(0, &[(6, &other)])], failed, "soa-differs", 2);
    check(&|it| vec![it.message(0, &[A, (6, &own)])], failed, "no-soa", 0);
    check(
        &|it| vec![it.message(0, &[(6, &own), A, (6, &own), A])],
        failed,
        "records-behind-the-end",
        0,
    );
    let changed = |place: usize, bit: u8| {
        let own = own.clone();
        move |it: &Bench| {
            let mut second = it.message(0, &[A, (6, &own)]);
            second[place] ^= bit;
            vec![it.message(0, &[(6, &own), A]), second]
        }
    };
    check(&changed(1, 1), failed, "wrong-id", 2);
    check(&changed(13, 1), failed, "wrong-question", 2);
    check(&changed(2, 0x80), failed, "no-answer", 2);
    check(
        &|it| {
            let mut second = it.message(0, &[A]);
            second.pop();
            vec![begun(it), second]
        },
        failed,
        "malformed",
        2,
    );
    // Each message has 16 bytes a record: more than the limit of 1,000.
    let many = [A; 40];
    check(&|it| vec![begun(it), it.message(0, &many), it.message(0, &many)], failed, "limit", 42);
}

#[test]
fn what_is_refused_at_once_is_told_as_of_any_question() {
    for (flags, class, rcode) in [(5, Class::Refused, "REFUSED"), (9, Class::OtherRcode, "NOTAUTH")]
    {
        let mut bench = Bench::new(None, |_| {});
        let message = bench.message(flags, &[]);
        assert_eq!(bench.hear(&[message]).ended(), (Some(class), None, 0));
        let head = bench.settled().message.as_ref().expect("a message");
        assert_eq!(head.rcode_name(), rcode);
        assert!(bench.transfer.verdict().contains(rcode), "{}", bench.transfer.verdict());
    }
}

#[test]
fn silence_within_a_transfer_ends_it() {
    let mut bench = Bench::new(None, |_| {});
    let message = bench.message(0, &[(6, &soa(7)), A]);
    bench.hear(&[message]);
    let mut events = Events::new();
    assert_eq!(bench.transfer.next(at(10), &mut events), Next::NotBefore(at(2_009)));
    assert_eq!(bench.transfer.next(at(2_009), &mut events), Next::HangUp(1));
    assert_eq!(bench.ended().1.as_deref(), Some("timeout"));
    assert_eq!(bench.settled().class, Class::TransferFailed);
    assert!(bench.transfer.verdict().contains("failed after 2 records in 1 message"));
}

#[test]
fn changes_since_a_serial_number_are_asked_for_in_an_soa_record() {
    let mut bench = Bench::new(Some(7), |_| {});
    assert_eq!(bench.query[4..12], [0, 1, 0, 0, 0, 1, 0, 0]);
    let question = 12 + 15;
    assert_eq!(bench.query[12 + 11..question], [0, 251, 0, 1]);
    let record = &bench.query[question + 11..];
    assert_eq!(record[..10], [0, 6, 0, 1, 0, 0, 0, 0, 0, 22]);
    assert_eq!((&record[10..16], record.len()), (&[0, 0, 0, 0, 0, 7][..], 32));
    let (new, old) = (soa(8), soa(7));
    let message = bench.message(0, &[(6, &new), (6, &old), A, (6, &new), (6, &new)]);
    assert_eq!(bench.hear(&[message]).ended(), (Some(Class::Answer), None, 5));
    let came = bench.settled().transfer.clone().expect("a transfer");
    assert_eq!((came.kind, came.steps), (Some(TransferKind::Changes), 1));
    let mut bench = Bench::new(Some(8), |_| {});
    let message = bench.message(0, &[(6, &new)]);
    assert_eq!(bench.hear(&[message]).ended(), (Some(Class::Answer), None, 1));
    assert!(bench.transfer.verdict().ends_with("there are none, serial 8"));
}

#[test]
fn a_run_that_ends_within_a_transfer_says_so() {
    let mut bench = Bench::new(None, |_| {});
    let message = bench.message(0, &[(6, &soa(7)), A]);
    bench.hear(&[message]);
    bench.transfer.stop();
    assert_eq!(bench.transfer.next(at(10), &mut Events::new()), Next::Quit);
    bench.transfer.finish(at(10), &mut Events::new());
    assert_eq!(bench.ended().1.as_deref(), Some("ended"));
}

//! Whole messages and broken ones.

use super::*;
use crate::question::DomainName;

fn question() -> Question {
    let name = DomainName::parse("a.example").expect("a name");
    Question { name, kind: RecordType::A, class: RecordClass::IN }
}

/// A header with these flags and counts, and the question.
fn head(flags: u16, counts: [u16; 4]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [7, flags].into_iter().chain(counts) {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(b"\x01a\x07example\0\0\x01\0\x01");
    bytes
}

/// A record of the name that was asked for.
fn record(kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 12];
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(ttl.to_be_bytes());
    bytes.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
    bytes.extend(data);
    bytes
}

fn decode(bytes: &[u8]) -> Message {
    Message::decode(bytes, &question())
}

#[test]
fn a_whole_message_is_read() {
    let mut bytes = head(0x8580, [1, 2, 0, 1]);
    bytes.extend(record(1, 300, &[192, 0, 2, 1]));
    bytes.extend(record(16, 60, b"\x03a\"\x1b\x01z"));
    bytes.extend(b"\0\0\x29\x04\xd0\x01\0\x80\0\0\x14\0\x0f\0\x0b\0\x12denied\x1b[2\0\x03\0\x01x");
    let message = decode(&bytes);
    assert_eq!(message.broken, None);
    assert_eq!(message.flags.names().collect::<Vec<_>>(), ["qr", "aa", "rd", "ra"]);
    assert!(message.questions[0].is_ours);
    let shown: Vec<String> = message
        .answers
        .iter()
        .map(|r| format!("{} {} {} {}", r.name, r.ttl, r.kind, r.data))
        .collect();
    assert_eq!(shown, ["a.example. 300 A 192.0.2.1", "a.example. 60 TXT \"a\\\"\\027\" \"z\""]);
    let edns = message.edns.as_ref().expect("EDNS");
    assert_eq!((edns.udp_size, edns.dnssec, message.rcode), (1_232, true, 16));
    assert_eq!(edns.ede[0].to_string(), "EDE 18 (Prohibited): \"denied\\u{1b}[2\"");
    assert_eq!(edns.nsid.as_ref().map(|nsid| nsid.as_raw().to_owned()).as_deref(), Some("x"));
    assert_eq!(message.rcode_name(), "BADVERS");
}

#[test]
fn what_is_behind_a_broken_record_is_read_where_its_length_tells() {
    let mut bytes = head(0x8180, [1, 2, 0, 0]);
    bytes.extend(record(1, 300, &[192, 0, 2]));
    bytes.extend(record(1, 300, &[192, 0, 2, 2]));
    let message = decode(&bytes);
    let broken = message.broken.as_ref().expect("it is broken");
    assert_eq!(
        (broken.section, broken.record, broken.of, broken.offset),
        (Section::Answer, 1, 2, 27)
    );
    assert_eq!(message.answers[0].data.as_str(), "\\# 3 C00002");
    assert_eq!(message.answers[1].data.as_str(), "192.0.2.2");
}

#[test]
fn where_a_message_breaks_is_told_and_what_came_before_is_kept() {
    let mut whole = head(0x8180, [1, 2, 0, 0]);
    whole.extend(record(1, 300, &[192, 0, 2, 1]));
    whole.extend(record(1, 300, &[192, 0, 2, 2]));
    assert_eq!(decode(&whole).broken, None);
    for len in 0..whole.len() {
        let message = decode(&whole[..len]);
        let broken = message.broken.expect("it is cut");
        let (section, records) = match len {
            0..12 => (Section::Header, 0),
            12..27 => (Section::Question, 0),
            27..43 => (Section::Answer, 0),
            _ => (Section::Answer, 1),
        };
        assert_eq!((broken.section, message.answers.len()), (section, records), "{len} bytes");
    }
    whole.extend([1, 2, 3]);
    assert_eq!(decode(&whole).trailing, 3);
}

#[test]
fn pointers_that_loop_or_lead_forward_end_the_message() {
    for pointer in [[0xc0, 27], [0xc0, 28], [0xc0, 200], [0xff, 0xff], [0x80, 0]] {
        let mut bytes = head(0x8180, [1, 1, 0, 0]);
        bytes.extend(pointer);
        bytes.extend([0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
        let broken = decode(&bytes).broken.expect("it is broken");
        assert_eq!((broken.section, broken.offset), (Section::Answer, 27), "{pointer:?}");
    }
    // A chain of labels and pointers that adds up to more than a name can have.
    let mut bytes = head(0x8180, [1, 1, 0, 0]);
    bytes.extend([3, b'x', b'x', b'x', 0xc0, 27, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert!(decode(&bytes).broken.is_some());
}

/// A generator that is the same each time (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn no_bytes_make_it_panic_and_nothing_but_ascii_comes_out() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let kinds: Vec<u16> =
        (0..70).chain([99, 104, 105, 106, 107, 108, 109, 249, 250, 256, 257, 32_769]).collect();
    for round in 0..60_000_usize {
        let mut bytes = head(0x8180, [1, 2, 1, 1]);
        for _ in 0..4 {
            let kind = kinds[random.next() as usize % kinds.len()];
            let len = random.next() as usize % 48;
            let data: Vec<u8> = (0..len)
                .map(|_| match random.next() % 4 {
                    0 => 0xc0,
                    1 => (random.next() % 16) as u8,
                    _ => random.next() as u8,
                })
                .collect();
            bytes.extend(record(kind, random.next() as u32, &data));
        }
        if round % 2 == 0 {
            for _ in 0..1 + random.next() % 4 {
                let place = random.next() as usize % bytes.len();
                bytes[place] = random.next() as u8;
            }
        }
        let message = decode(&bytes);
        let records =
            message.answers.iter().chain(&message.authorities).chain(&message.additionals);
        for record in records {
            for text in [record.name.as_str(), record.data.as_str()] {
                assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
            }
        }
    }
}

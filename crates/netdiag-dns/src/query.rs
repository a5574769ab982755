//! The message that asks.

use crate::kind::RecordType;
use crate::question::Question;
use std::net::IpAddr;

/// The UDP payload that is announced: what passes nearly every path unfragmented (DNS flag day 2020).
pub const UDP_SIZE: u16 = 1_232;

/// The flags of the header that a client may set (RFC 1035 section 4.1.1, RFC 4035 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryFlags {
    /// Recursion desired.
    pub recursion: bool,
    /// Checking disabled: no validation.
    pub checking_disabled: bool,
    /// The client understands AD (RFC 6840 section 5.7).
    pub authentic_data: bool,
}

/// What a query is made of, beside its question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryOptions {
    /// The flags.
    pub flags: QueryFlags,
    /// EDNS; `None`: without.
    pub edns: Option<EdnsQuery>,
}

/// The pseudo-record of EDNS(0) in a query (RFC 6891).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdnsQuery {
    /// The largest UDP payload that is taken, in bytes.
    pub udp_size: u16,
    /// The version, which is 0 unless somebody tries others.
    pub version: u8,
    /// DNSSEC records are wanted (RFC 3225).
    pub dnssec: bool,
    /// The server's identifier is wanted (RFC 5001).
    pub nsid: bool,
    /// For whom the answer is: an address and how many of its bits are told (RFC 7871).
    pub subnet: Option<(IpAddr, u8)>,
    /// A cookie is sent (RFC 7873).
    pub cookie: bool,
    /// Answers with another cookie count, too, as they do with dig.
    pub takes_any_cookie: bool,
    /// The message is filled up to a multiple of so many bytes (RFC 7830, RFC 8467); 0: not.
    pub padding: u16,
    /// Options by number, as they are.
    pub raw: Vec<(u16, Vec<u8>)>,
}

impl Default for EdnsQuery {
    fn default() -> Self {
        Self {
            udp_size: UDP_SIZE,
            version: 0,
            dnssec: false,
            nsid: false,
            subnet: None,
            cookie: false,
            takes_any_cookie: false,
            padding: 0,
            raw: Vec::new(),
        }
    }
}

/// The options of EDNS that have names here (IANA, DNS EDNS0 Option Codes).
pub(crate) mod code {
    pub(crate) const NSID: u16 = 3;
    pub(crate) const SUBNET: u16 = 8;
    pub(crate) const EXPIRE: u16 = 9;
    pub(crate) const COOKIE: u16 = 10;
    pub(crate) const KEEPALIVE: u16 = 11;
    pub(crate) const PADDING: u16 = 12;
    pub(crate) const EXTENDED_ERROR: u16 = 15;
}

const RECURSION_DESIRED: u16 = 1 << 8;
const AUTHENTIC_DATA: u16 = 1 << 5;
const CHECKING_DISABLED: u16 = 1 << 4;

impl QueryOptions {
    /// The message with this number that asks the question; `cookie`: the client's, with the server's
    /// behind it where that is known.
    ///
    /// ```
    /// use netdiag_dns::{DomainName, Question, QueryFlags, QueryOptions, RecordClass, RecordType};
    ///
    /// let name = DomainName::parse("a.example").expect("a name");
    /// let question = Question { name, kind: RecordType::A, class: RecordClass::IN };
    /// let flags = QueryFlags { recursion: true, checking_disabled: false, authentic_data: false };
    /// let query = QueryOptions { flags, edns: None }.message(0x1234, &question, &[]);
    /// assert_eq!(query[..12], [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    /// assert_eq!(query[12..], *b"\x01a\x07example\0\0\x01\0\x01");
    /// ```
    #[must_use]
    pub fn message(&self, id: u16, question: &Question, cookie: &[u8]) -> Vec<u8> {
        self.composed(id, question, cookie, &[])
    }

    /// The message that asks for the transfer of a zone, or for its changes since this serial number: that
    /// stands in an SOA record of which nothing else counts (RFC 1995 section 3).
    pub(crate) fn transfer(
        &self,
        id: u16,
        question: &Question,
        cookie: &[u8],
        since: Option<u32>,
    ) -> Vec<u8> {
        let soa = since.map(|since| {
            let mut record = question.name.wire().to_vec();
            record.extend(RecordType::SOA.0.to_be_bytes());
            record.extend(question.class.0.to_be_bytes());
            // No time to live, 22 bytes: two names that are the root, and five numbers.
            record.extend([0, 0, 0, 0, 0, 22, 0, 0]);
            record.extend(since.to_be_bytes());
            record.extend([0; 16]);
            record
        });
        self.composed(id, question, cookie, &soa.unwrap_or_default())
    }

    /// `authority`: a record, or none.
    fn composed(&self, id: u16, question: &Question, cookie: &[u8], authority: &[u8]) -> Vec<u8> {
        let QueryFlags { recursion, checking_disabled, authentic_data } = self.flags;
        let flags = [
            (recursion, RECURSION_DESIRED),
            (authentic_data, AUTHENTIC_DATA),
            (checking_disabled, CHECKING_DISABLED),
        ];
        let flags = flags.iter().filter(|(set, _)| *set).fold(0, |all, (_, bit)| all | bit);
        let additional = u16::from(self.edns.is_some());
        let mut bytes = Vec::with_capacity(64);
        for word in [id, flags, 1, 0, u16::from(!authority.is_empty()), additional] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(question.name.wire());
        bytes.extend(question.kind.0.to_be_bytes());
        bytes.extend(question.class.0.to_be_bytes());
        bytes.extend(authority);
        if let Some(edns) = &self.edns {
            edns.append(cookie, &mut bytes);
        }
        bytes
    }
}

impl EdnsQuery {
    fn append(&self, cookie: &[u8], bytes: &mut Vec<u8>) {
        const DNSSEC_OK: u16 = 1 << 15;
        let mut options = self.options(cookie);
        bytes.push(0);
        bytes.extend(RecordType::OPT.0.to_be_bytes());
        bytes.extend(self.udp_size.to_be_bytes());
        bytes.extend([0, self.version]);
        bytes.extend((if self.dnssec { DNSSEC_OK } else { 0 }).to_be_bytes());
        if let Some(fill) = self.fill(bytes.len() + 2 + options.len()) {
            option(code::PADDING, &vec![0; fill], &mut options);
        }
        bytes.extend(u16::try_from(options.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend(options);
    }

    fn options(&self, cookie: &[u8]) -> Vec<u8> {
        let mut options = Vec::new();
        if self.nsid {
            option(code::NSID, &[], &mut options);
        }
        if let Some((address, bits)) = self.subnet {
            option(code::SUBNET, &subnet(address, bits), &mut options);
        }
        if self.cookie {
            option(code::COOKIE, cookie, &mut options);
        }
        for (number, data) in &self.raw {
            option(*number, data, &mut options);
        }
        options
    }

    /// How many bytes of padding a message of this length needs, where any are wanted.
    fn fill(&self, len: usize) -> Option<usize> {
        const HEADER: usize = 4;
        let block = usize::from(self.padding);
        if block == 0 {
            return None;
        }
        Some((len + HEADER).next_multiple_of(block) - len - HEADER)
    }
}

fn option(number: u16, data: &[u8], out: &mut Vec<u8>) {
    out.extend(number.to_be_bytes());
    out.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(data);
}

/// The data of a client subnet option: no more bytes than bits are told, and those beyond are 0 (RFC
/// 7871 section 6).
fn subnet(address: IpAddr, bits: u8) -> Vec<u8> {
    let (family, mut octets) = match address {
        IpAddr::V4(v4) => (1_u8, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let bits = bits.min(if family == 1 { 32 } else { 128 });
    octets.truncate(usize::from(bits).div_ceil(8));
    if let (Some(last), rest @ 1..) = (octets.last_mut(), bits % 8) {
        *last &= u8::MAX << (8 - rest);
    }
    let mut data = vec![0, family, bits, 0];
    data.extend(octets);
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::RecordClass;
    use crate::question::DomainName;

    fn query(edns: EdnsQuery) -> Vec<u8> {
        let name = DomainName::parse("a.example").expect("a name");
        let question = Question { name, kind: RecordType::A, class: RecordClass::IN };
        let flags = QueryFlags { recursion: true, checking_disabled: true, authentic_data: true };
        QueryOptions { flags, edns: Some(edns) }.message(7, &question, &[1, 2, 3, 4, 5, 6, 7, 8])
    }

    #[test]
    fn edns_stands_behind_the_question_with_its_options_in_order() {
        let subnet = Some(("192.0.2.255".parse().expect("an address"), 20));
        let edns = EdnsQuery {
            dnssec: true,
            nsid: true,
            cookie: true,
            subnet,
            raw: vec![(65_001, vec![0xab])],
            ..EdnsQuery::default()
        };
        let bytes = query(edns);
        assert_eq!(bytes[2..12], [0x01, 0x30, 0, 1, 0, 0, 0, 0, 0, 1]);
        let opt = &bytes[12 + 11 + 4..];
        assert_eq!(opt[..9], [0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0]);
        assert_eq!(usize::from(u16::from_be_bytes([opt[9], opt[10]])), opt.len() - 11);
        assert_eq!(opt[11..15], [0, 3, 0, 0]);
        assert_eq!(opt[15..26], [0, 8, 0, 7, 0, 1, 20, 0, 192, 0, 0]);
        assert_eq!(opt[26..38], [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(opt[38..], [0xfd, 0xe9, 0, 1, 0xab]);
    }

    #[test]
    fn padding_fills_the_whole_message() {
        for nsid in [false, true] {
            let bytes = query(EdnsQuery { padding: 128, nsid, ..EdnsQuery::default() });
            assert_eq!(bytes.len(), 128);
        }
    }
}

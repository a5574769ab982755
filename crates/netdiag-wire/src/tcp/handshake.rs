//! The first two segments of a connection: a SYN as a host's own stack writes it, and what the answer
//! offers.

use core::net::IpAddr;

use super::{CHECKSUM_AT, MIN_HEADER_LENGTH, TcpFlags, TcpOption, TcpRepr, emit};
use crate::bytes::u16_at;
use crate::checksum::pseudo_header;
use crate::protocol::TCP;

/// Bytes of a SYN of [`emit_syn`]: the header and its options.
pub const SYN_LENGTH: usize = MIN_HEADER_LENGTH + 20;

/// Linux offers 44 segments of 1460 bytes, and to shift its window by 7.
const WINDOW: u16 = 64_240;
const WINDOW_SCALE: u8 = 7;
/// The flags of a SYN that asks for explicit congestion notification (RFC 3168 section 6.1.1).
const ECN_SYN: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ECE.0 | TcpFlags::CWR.0);

/// What differs from one SYN to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syn {
    /// Port it comes from.
    pub source_port: u16,
    /// Port it is for.
    pub destination_port: u16,
    /// Its sequence number, which the answer acknowledges plus one.
    pub sequence: u32,
    /// The largest segment that is taken, in bytes of data.
    pub mss: u16,
    /// The value of its timestamp (RFC 7323 section 3.2).
    pub timestamp: u32,
    /// It asks for explicit congestion notification (RFC 3168 section 6.1.1).
    pub ecn: bool,
}

/// Appends a SYN with the options that Linux sends, in its order: MSS, SACK permitted, timestamps,
/// window scale. Filters that look for odd SYNs let it pass.
pub fn emit_syn(syn: &Syn, source: IpAddr, destination: IpAddr, out: &mut Vec<u8>) {
    let mut options = Vec::with_capacity(SYN_LENGTH.saturating_sub(MIN_HEADER_LENGTH));
    for option in [
        TcpOption::MaximumSegmentSize(syn.mss),
        TcpOption::SackPermitted,
        TcpOption::Timestamps { value: syn.timestamp, echo_reply: 0 },
        TcpOption::NoOperation,
        TcpOption::WindowScale(WINDOW_SCALE),
    ] {
        option.emit(&mut options);
    }
    let header = TcpRepr {
        source_port: syn.source_port,
        destination_port: syn.destination_port,
        sequence: syn.sequence,
        acknowledgement: 0,
        flags: if syn.ecn { ECN_SYN } else { TcpFlags::SYN },
        window: WINDOW,
        checksum: 0,
        urgent: 0,
        options: &options,
    };
    // Twenty bytes of options always fit.
    let _ = emit(&header, &[], source, destination, out);
}

/// What a SYN or SYN-ACK offers (RFC 9293 section 3.7.1, RFC 2018, RFC 7323).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offer {
    /// The largest segment that it takes.
    pub mss: Option<u16>,
    /// Bits that its window is to be shifted by.
    pub window_scale: Option<u8>,
    /// Selective acknowledgements are understood.
    pub sack_permitted: bool,
    /// It has timestamps.
    pub timestamps: bool,
    /// Of a SYN-ACK: explicit congestion notification is agreed to, by ECE without CWR (RFC 3168
    /// section 6.1.1).
    pub ecn: bool,
}

impl TcpRepr<'_> {
    /// What it offers; of an option that comes twice the first counts.
    #[must_use]
    pub fn offer(&self) -> Offer {
        let agrees = TcpFlags::SYN | TcpFlags::ACK | TcpFlags::ECE;
        let ecn = self.flags.contains(agrees) && !self.flags.contains(TcpFlags::CWR);
        let mut offer = Offer { ecn, ..Offer::default() };
        for option in self.options() {
            match option {
                TcpOption::MaximumSegmentSize(size) => offer.mss = offer.mss.or(Some(size)),
                TcpOption::WindowScale(shift) => {
                    offer.window_scale = offer.window_scale.or(Some(shift));
                }
                TcpOption::SackPermitted => offer.sack_permitted = true,
                TcpOption::Timestamps { .. } => offer.timestamps = true,
                _ => {}
            }
        }
        offer
    }
}

/// Whether a segment's checksum is left to the interface: it holds the sum of the pseudo-header alone.
/// Linux leaves it so in what never comes to a real interface (loopback, veth), where raw sockets see
/// it.
#[must_use]
pub fn checksum_left_out(bytes: &[u8], source: IpAddr, destination: IpAddr) -> bool {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let partial = !pseudo_header(source, destination, TCP, length).finish();
    u16_at(bytes, CHECKSUM_AT) == Some(partial)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::{checksum_ok, parse};

    const SYN: Syn = Syn {
        source_port: 40_000,
        destination_port: 443,
        sequence: 0xfedc_ba98,
        mss: 1_460,
        timestamp: 77,
        ecn: false,
    };

    fn pairs() -> [(IpAddr, IpAddr); 2] {
        [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")]
            .map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap()))
    }

    #[test]
    fn a_syn_offers_what_a_stack_does() {
        for (source, destination) in pairs() {
            let mut bytes = Vec::new();
            emit_syn(&SYN, source, destination, &mut bytes);
            assert_eq!(bytes.len(), SYN_LENGTH);
            assert!(checksum_ok(&bytes, source, destination));
            assert!(!checksum_ok(&bytes, destination, destination), "the addresses count");
            let (header, payload) = parse(&bytes).unwrap();
            assert_eq!((header.sequence, header.flags), (SYN.sequence, TcpFlags::SYN));
            assert_eq!((header.source_port, header.destination_port), (40_000, 443));
            assert!(payload.is_empty());
            let offer = Offer {
                mss: Some(1_460),
                window_scale: Some(7),
                sack_permitted: true,
                timestamps: true,
                ecn: false,
            };
            assert_eq!(header.offer(), offer);
        }
    }

    /// Only what has ECE without CWR agrees: some send back the flags that came.
    #[test]
    fn ecn_is_asked_for_by_two_flags_and_agreed_to_by_one() {
        let (source, destination) = pairs()[0];
        let mut bytes = Vec::new();
        emit_syn(&Syn { ecn: true, ..SYN }, source, destination, &mut bytes);
        assert_eq!(parse(&bytes).unwrap().0.flags.0, 0xc2);
        assert!(checksum_ok(&bytes, source, destination));
        for (flags, agrees) in [(0x52, true), (0x12, false), (0xd2, false), (0xc2, false)] {
            bytes[13] = flags;
            assert_eq!(parse(&bytes).unwrap().0.offer().ecn, agrees, "{flags:x}");
        }
    }

    #[test]
    fn a_checksum_that_an_interface_was_to_complete_is_known() {
        for (source, destination) in pairs() {
            let mut bytes = Vec::new();
            emit_syn(&SYN, source, destination, &mut bytes);
            assert!(!checksum_left_out(&bytes, source, destination));
            let length = u32::try_from(bytes.len()).unwrap();
            let partial = !pseudo_header(source, destination, TCP, length).finish();
            bytes[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&partial.to_be_bytes());
            assert!(checksum_left_out(&bytes, source, destination));
            assert!(!checksum_ok(&bytes, source, destination));
        }
        assert!(!checksum_left_out(&[0; 17], pairs()[0].0, pairs()[0].1));
    }

    #[test]
    fn the_first_of_an_option_counts() {
        let (source, destination) = pairs()[0];
        let options = [2, 4, 0x02, 0x18, 2, 4, 0x05, 0xb4, 3, 3, 1, 3, 3, 9, 1, 1];
        let mut bytes = Vec::new();
        emit_syn(&SYN, source, destination, &mut bytes);
        let (header, _) = parse(&bytes).unwrap();
        let header = TcpRepr { options: &options, ..header };
        let offer = Offer { mss: Some(536), window_scale: Some(1), ..Offer::default() };
        assert_eq!(header.offer(), offer);
    }
}

//! One datagram of a dump (netlink(7)): its messages, checked against what was asked.

/// `struct nlmsghdr` of linux/netlink.h.
pub(super) const HEADER: usize = 16;
const ERROR: u16 = netlink_packet_core::NLMSG_ERROR;
const DONE: u16 = netlink_packet_core::NLMSG_DONE;
const OVERRUN: u16 = netlink_packet_core::NLMSG_OVERRUN;

/// What a datagram said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// The table changed while the kernel read it (NLM_F_DUMP_INTR), or parts of it were lost.
    pub(super) interrupted: bool,
    /// It was the last one, and whether all went well: 0 or an error number.
    pub(super) ended: Option<i32>,
}

/// Hands on what the messages of a datagram carry, those of this question only.
pub(super) fn read(
    mut bytes: &[u8],
    (port, sequence): (u32, u32),
    each: &mut dyn FnMut(&[u8]),
) -> Part {
    let mut part = Part::default();
    while let Some(header) = bytes.first_chunk::<HEADER>() {
        let word = |at: usize| {
            u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let length = word(0) as usize;
        let Some(payload) = bytes.get(HEADER..length) else {
            // Cut off: what came so far stands.
            part.interrupted = true;
            return part;
        };
        let kind = u16::from_ne_bytes([header[4], header[5]]);
        let flags = u16::from_ne_bytes([header[6], header[7]]);
        if word(8) == sequence && word(12) == port {
            part.interrupted |= flags & netlink_packet_core::NLM_F_DUMP_INTR != 0;
            match kind {
                DONE | ERROR => {
                    let code = payload.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                    part.ended = Some(code.saturating_neg().max(0));
                    return part;
                }
                OVERRUN => part.interrupted = true,
                kind if kind < 16 => {}
                _ => each(payload),
            }
        }
        // Messages stand at multiples of four bytes (NLMSG_ALIGN).
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: (u32, u32) = (77, 5);

    fn message(kind: u16, flags: u16, (port, sequence): (u32, u32), payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + payload.len()).expect("short");
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend(port.to_ne_bytes());
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn check(bytes: &[u8], seen: &[&[u8]], part: Part) {
        let mut found = Vec::new();
        let told = read(bytes, ASKED, &mut |payload| found.push(payload.to_vec()));
        assert_eq!(
            (found.as_slice(), told),
            (seen.iter().map(|s| s.to_vec()).collect::<Vec<_>>().as_slice(), part)
        );
    }

    #[test]
    fn messages_of_this_question_are_handed_on_until_it_is_done() {
        let mut bytes = message(20, 2, ASKED, &[1, 2, 3]);
        bytes.extend(message(20, 2, ASKED, &[4]));
        check(&bytes, &[&[1, 2, 3], &[4]], Part::default());
        bytes.extend(message(DONE, 2, ASKED, &0_i32.to_ne_bytes()));
        bytes.extend(message(20, 2, ASKED, &[5]));
        check(&bytes, &[&[1, 2, 3], &[4]], Part { ended: Some(0), ..Part::default() });
    }

    #[test]
    fn a_table_that_changed_is_told_and_what_it_said_stands() {
        let mut bytes = message(20, 2 | 16, ASKED, &[1]);
        bytes.extend(message(DONE, 2, ASKED, &[0; 4]));
        check(&bytes, &[&[1]], Part { interrupted: true, ended: Some(0) });
        let done = message(DONE, 2 | 16, ASKED, &[0; 4]);
        check(&done, &[], Part { interrupted: true, ended: Some(0) });
    }

    #[test]
    fn an_error_ends_it_with_its_number() {
        for kind in [ERROR, DONE] {
            let bytes = message(kind, 0, ASKED, &(-libc::ENOENT).to_ne_bytes());
            check(&bytes, &[], Part { ended: Some(libc::ENOENT), ..Part::default() });
        }
        check(&message(ERROR, 0, ASKED, &[]), &[], Part { ended: Some(0), ..Part::default() });
    }

    #[test]
    fn what_answers_another_question_or_comes_from_another_is_passed_over() {
        let mut bytes = message(20, 16, (78, 5), &[1]);
        bytes.extend(message(DONE, 0, (77, 4), &[0; 4]));
        check(&bytes, &[], Part::default());
    }

    #[test]
    fn no_bytes_are_too_few_and_no_length_too_strange() {
        let whole = message(20, 0, ASKED, &[1; 40]);
        for length in 0..whole.len() {
            let mut found = 0;
            let part = read(&whole[..length], ASKED, &mut |_| found += 1);
            assert_eq!((found, part.interrupted), (0, length >= HEADER), "{length}");
        }
        let mut short = whole;
        short[0] = 4;
        check(&short, &[], Part { interrupted: true, ended: None });
    }
}

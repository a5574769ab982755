//! `--classic`: what the classic traceroute prints, and nothing more.

use netdiag_model::way::initial_ttl;
use netdiag_model::{IcmpKind, Untrusted, milliseconds};
use netdiag_trace::classic::{Object, Seen, Shown};
use std::io::{self, Write};
use std::net::IpAddr;

/// MPLS label stacks (RFC 4950).
const LABELS: (u8, u8) = (1, 1);
/// Objects are written in words of so many bytes.
const WORD: usize = 4;

/// How its text is written, by its options.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassicOptions {
    /// Addresses only.
    pub numeric: bool,
    /// What routers add to their answers.
    pub extensions: bool,
    /// The flags of the target's segments.
    pub flags: bool,
    /// How many hops the way back has, where it is not as many as the way there.
    pub back: bool,
}

/// Its text, on one writer.
pub struct ClassicReport<W> {
    out: W,
    options: ClassicOptions,
    /// Who answered last in the hop that is shown.
    last: Option<Seen>,
}

impl<W: Write> ClassicReport<W> {
    /// A report with these options.
    pub const fn new(out: W, options: ClassicOptions) -> Self {
        Self { out, options, last: None }
    }

    /// The first line, which ends when a hop is known.
    ///
    /// # Errors
    /// When the writer fails, as everywhere here.
    pub fn start(
        &mut self,
        target: &Untrusted,
        address: IpAddr,
        hops: u8,
        bytes: u32,
    ) -> io::Result<()> {
        let target = target.escaped();
        write!(
            self.out,
            "traceroute to {target} ({address}), {hops} hops max, {bytes} byte packets"
        )
    }

    /// What became of a probe.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn probe(&mut self, shown: &Shown) -> io::Result<()> {
        if shown.is_first {
            write!(self.out, "\n{:2} ", shown.ttl)?;
            self.last = None;
        }
        let Some(seen) = &shown.answer else {
            self.out.write_all(b" *")?;
            return self.fitted(shown);
        };
        match seen.from {
            None => self.out.write_all(b" *")?,
            Some(_) if self.is_known(seen) => {}
            Some(address) => self.who(address, seen, shown.ttl)?,
        }
        write!(self.out, "  {:.3} ms", milliseconds(seen.rtt))?;
        if let Some(mark) = seen.icmp.and_then(|kind| mark(kind, seen.mtu)) {
            write!(self.out, " {mark}")?;
        } else {
            self.fitted(shown)?;
        }
        if seen.from.is_some() {
            self.last = Some(seen.clone());
        }
        Ok(())
    }

    /// The MTU that a probe was made smaller for.
    fn fitted(&mut self, shown: &Shown) -> io::Result<()> {
        shown.fitted.map_or(Ok(()), |mtu| write!(self.out, " F={mtu}"))
    }

    /// The end of the last line.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")?;
        self.flush()
    }

    /// Shows what was written.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Whether the one before it in the hop said all that would be said of this one.
    fn is_known(&self, seen: &Seen) -> bool {
        let ClassicOptions { extensions, flags, back, .. } = self.options;
        self.last.as_ref().is_some_and(|last| {
            last.from == seen.from
                && (!extensions || last.objects == seen.objects)
                && (!flags || last.flags == seen.flags)
                && (!back || last.reply_ttl == seen.reply_ttl)
        })
    }

    fn who(&mut self, address: IpAddr, seen: &Seen, ttl: u8) -> io::Result<()> {
        match &seen.name {
            _ if self.options.numeric => write!(self.out, " {address}")?,
            Some(name) => write!(self.out, " {} ({address})", name.escaped())?,
            None => write!(self.out, " {address} ({address})")?,
        }
        let objects = objects(&seen.objects).filter(|_| self.options.extensions);
        if let Some(objects) = objects {
            write!(self.out, " <{objects}>")?;
        }
        if let Some(flags) = seen.flags.as_ref().filter(|_| self.options.flags) {
            write!(self.out, " <{flags}>")?;
        }
        match seen.reply_ttl.filter(|ttl| self.options.back && *ttl > 0).map(hops_back) {
            Some(hops) if hops != ttl => write!(self.out, " '-{hops}'"),
            _ => Ok(()),
        }
    }
}

/// How many hops an answer came, guessed from its TTL: none begins below 64 there.
fn hops_back(ttl: u8) -> u8 {
    const LEAST_INITIAL: u8 = 64;
    (initial_ttl(ttl).max(LEAST_INITIAL) - ttl).saturating_add(1)
}

/// The mark of an ICMP error; `None` of what needs none.
fn mark(kind: IcmpKind, mtu: Option<u32>) -> Option<String> {
    const SOURCE_POLICY: u8 = 5;
    let is_v6 = kind.family == netdiag_model::Family::Ipv6;
    if kind.is_too_big() {
        return Some(format!("!F-{}", mtu.unwrap_or_default()));
    }
    if kind.is_unreachable() {
        // It knows no newer ones.
        return match (is_v6, kind.code) {
            (true, SOURCE_POLICY..) => Some(format!("!<{}>", kind.code)),
            _ => kind.mark().map(|mark| match mark.starts_with("!<") {
                true => format!("!<{}>", kind.code),
                false => mark,
            }),
        };
    }
    let is_plain = kind.is_time_exceeded() && kind.code == 0;
    let is_answer = matches!((is_v6, kind.kind), (false, 0) | (true, 129));
    (!is_plain && !is_answer).then(|| format!("!<{}-{}>", kind.kind, kind.code))
}

/// Extension objects: labels by their fields, others as words. Nothing where one is no whole words.
fn objects(objects: &[Object]) -> Option<String> {
    let is_whole = |object: &Object| object.data.len().is_multiple_of(WORD);
    if objects.is_empty() || !objects.iter().all(is_whole) {
        return None;
    }
    let shown = objects.iter().map(|object| {
        let words = object.data.chunks_exact(WORD).filter_map(|word| word.try_into().ok());
        let words = words.map(u32::from_be_bytes);
        if (object.class, object.kind) == LABELS {
            return format!("MPLS:{}", words.map(label).collect::<Vec<_>>().join("/"));
        }
        let words: Vec<String> = words.map(|word| format!("{word:08x}")).collect();
        format!("{}/{}:{}", object.class, object.kind, words.join(","))
    });
    Some(shown.collect::<Vec<_>>().join(";"))
}

/// A label stack entry (RFC 3032 section 2.1).
fn label(word: u32) -> String {
    let (label, class, bottom, ttl) = (word >> 12, word >> 9 & 7, word >> 8 & 1, word & 0xff);
    format!("L={label},E={class},S={bottom},T={ttl}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_labels_or_words() {
        let object = |class, kind, data: &[u8]| Object { class, kind, data: data.to_vec() };
        let labels = object(1, 1, &[0x05, 0xdd, 0x10, 1, 0, 1, 1, 254]);
        let other = object(2, 11, &[0, 0, 0, 7, 0x0c, 0x67, 0x65, 0x2d]);
        assert_eq!(
            objects(&[labels.clone(), other]).as_deref(),
            Some("MPLS:L=24017,E=0,S=0,T=1/L=16,E=0,S=1,T=254;2/11:00000007,0c67652d")
        );
        assert_eq!(objects(&[labels, object(200, 7, &[1, 2])]), None);
        assert_eq!(objects(&[]), None);
    }

    #[test]
    fn marks_are_those_of_the_classic() {
        let v4 = |kind, code| mark(IcmpKind::v4(kind, code), Some(1300));
        let v6 = |kind, code| mark(IcmpKind::v6(kind, code), Some(1300));
        assert_eq!([v4(11, 0), v4(3, 3), v6(3, 0), v6(1, 4)], [None, None, None, None]);
        assert_eq!((v4(3, 4).as_deref(), v6(2, 0).as_deref()), (Some("!F-1300"), Some("!F-1300")));
        assert_eq!(
            (v4(11, 1).as_deref(), v4(12, 0).as_deref()),
            (Some("!<11-1>"), Some("!<12-0>"))
        );
        assert_eq!((v4(3, 16).as_deref(), v6(1, 5).as_deref()), (Some("!<16>"), Some("!<5>")));
        assert_eq!(v4(3, 13).as_deref(), Some("!X"));
    }
}

//! Segments of one address that come from different distances: somebody on the way answers in its name.

use crate::Measurement;
use crate::protocol::{Answer, Protocol};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::way::{OTHER_SENDER_ROUTERS, OTHER_SENDER_SEEN, hops_back};
use std::collections::BTreeMap;

/// From which distances a target's segments came, in routers back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Senders(BTreeMap<u8, Sender>);

/// Those of one distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sender {
    /// The TTL or hop limit of the last one.
    ttl: u8,
    syn_acks: u64,
    resets: u64,
}

impl Sender {
    const fn seen(self) -> u64 {
        self.syn_acks + self.resets
    }

    /// What it sends, in words.
    const fn sends(self) -> &'static str {
        match (self.syn_acks, self.resets) {
            (0, _) => "RST",
            (_, 0) => "SYN-ACK",
            _ => "SYN-ACK and RST",
        }
    }
}

impl Senders {
    /// The target answered, or somebody in its name.
    pub(crate) fn note(&mut self, answer: &Answer) {
        if let Some((segment, ttl)) = answer.segment.zip(answer.hop_limit) {
            self.count(ttl, segment.is_open());
        }
    }

    fn count(&mut self, ttl: u8, is_open: bool) {
        let sender = self.0.entry(hops_back(ttl)).or_default();
        sender.ttl = ttl;
        match is_open {
            true => sender.syn_acks += 1,
            false => sender.resets += 1,
        }
    }

    /// The nearest and the farthest of those that were seen often enough, where they are two.
    fn apart(&self) -> Option<((u8, Sender), (u8, Sender))> {
        let often = self.0.iter().filter(|(_, sender)| sender.seen() >= OTHER_SENDER_SEEN);
        let mut often = often.map(|(back, sender)| (*back, *sender));
        let near = often.next()?;
        let far = often.next_back()?;
        (far.0 - near.0 >= OTHER_SENDER_ROUTERS).then_some((near, far))
    }
}

impl Measurement {
    /// That who answers as the target is not always the same. A path that changed explains it, too.
    pub(super) fn other_sender(&self) -> Option<Finding> {
        let ((near_back, near), (far_back, far)) =
            self.senders.apart().filter(|_| self.epochs.past.is_empty())?;
        let (target, Protocol::Tcp { port }) = (self.reached_at()?, self.config.protocol) else {
            return None;
        };
        let is_sure = near.sends() != far.sends();
        let by = match is_sure {
            true => "a device on the way answers in its name",
            false => {
                "probably a device on the way answers in its name; ways back of different length look \
                 the same"
            }
        };
        let message = format!(
            "port {port} is answered from two distances: {} from {} routers nearer than {} (ttl {}, \
             not {}): {by}",
            near.sends(),
            far_back - near_back,
            far.sends(),
            near.ttl,
            far.ttl
        );
        let finding = self.finding_at("middlebox-answers", Severity::Info, target.ttl, message);
        Some(
            finding
                .with("ports", vec![port])
                .with("ttls", vec![near.ttl])
                .with("ttl_of_others", far.ttl)
                .with("hops_back_of_others", far_back)
                .with("syn_acks", near.syn_acks)
                .with("resets", near.resets)
                .with("n", near.seen() + far.seen())
                .with("threshold_routers", OTHER_SENDER_ROUTERS)
                .with("threshold_seen", OTHER_SENDER_SEEN)
                .advise("what is nearer is not the host's own: where its answers end is not where the host is"),
        )
    }

    /// The same for the verdict.
    pub(crate) fn other_sender_text(&self) -> &'static str {
        match self.other_sender() {
            Some(_) => ", or somebody on the way in its name",
            None => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_distances_are_two_senders_when_both_are_seen_twice_and_two_routers_apart() {
        let apart = |ttls: &[u8]| {
            let mut senders = Senders::default();
            ttls.iter().for_each(|ttl| senders.count(*ttl, true));
            senders.apart().map(|((near, _), (far, _))| (near, far))
        };
        assert_eq!(apart(&[62, 60, 62, 60]), Some((2, 4)));
        assert_eq!(apart(&[62, 62, 125, 125]), None, "one router apart");
        assert_eq!(apart(&[62, 62, 60]), None, "once");
        assert_eq!(apart(&[62, 62, 61, 60, 60]), Some((2, 4)));
        assert_eq!(apart(&[254, 254, 60, 60]), Some((1, 4)));
        assert_eq!(apart(&[]), None);
    }
}

//! How fast a user who is not root may send, whatever a command asks for: netdiag is no flooder.

use libc::EDQUOT;
use netdiag_engine::port::{
    Channel, InputKind, Inputs, Operation, Operations, SendError, Transmit,
};
use netdiag_model::Instant;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Packets of all targets together in any second.
const IN_A_SECOND: u32 = 2_500;
/// From one packet to a target to the next.
const APART: Duration = Duration::from_millis(2);
/// From one TCP connection attempt, or SYN, to a target to the next.
const CONNECTS_APART: Duration = Duration::from_millis(20);
/// From one packet to a group to the next: each can bring an answer from every host there.
const GROUPS_APART: Duration = Duration::from_secs(1);
/// How much too early a packet to a group may be, since no clock is kept exactly.
const GROUPS_SLACK: Duration = Duration::from_millis(10);
/// So many may follow each other at once, as with iputils' preload.
const AT_ONCE: u32 = 3;
/// How many targets are remembered before those that have rested are forgotten.
const REMEMBERED: usize = 4_096;

/// Lets packets pass, or makes them wait: what is refused fails with EDQUOT, after which the engine
/// tries again a little later.
#[derive(Debug, Default)]
pub(super) struct Gate {
    all: Bucket,
    targets: BTreeMap<(IpAddr, bool), Bucket>,
}

/// A virtual schedule (the GCRA of ITU-T I.371): when the next packet would be due if all had come
/// evenly.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    due: Instant,
}

impl Bucket {
    /// Whether one more may pass now, which may be so much too early.
    fn allows(self, now: Instant, slack: Duration) -> bool {
        self.due <= now + slack
    }

    fn pass(&mut self, now: Instant, apart: Duration) {
        self.due = self.due.max(now) + apart;
    }
}

impl Gate {
    /// Takes what is too much out of a batch, and says so.
    pub(super) fn hold(&mut self, now: Instant, operations: &mut Operations, told: &mut Inputs) {
        for refused in operations.take_refused(|operation| self.admit(now, operation)) {
            let (id, error) = (refused.id(), SendError::new(EDQUOT));
            let kind = match refused {
                Operation::Connect(_) => {
                    let stamp = netdiag_model::Stamp::user(now);
                    InputKind::ConnectFailed { id, stamp, error, icmp: None }
                }
                _ => InputKind::SendFailed { id, error },
            };
            told.push(now, kind);
        }
    }

    fn admit<B>(&mut self, now: Instant, operation: &Operation<B>) -> bool {
        let (to, apart, slack) = match operation {
            // To the broadcast address of a network a user's sockets cannot send (SO_BROADCAST).
            Operation::Transmit(transmit) if is_group(transmit.destination.address()) => {
                ((transmit.destination.address(), false), GROUPS_APART, GROUPS_SLACK)
            }
            Operation::Transmit(Transmit { channel: Channel::Tcp, destination, .. }) => {
                let slack = CONNECTS_APART * (AT_ONCE - 1);
                ((destination.address(), true), CONNECTS_APART, slack)
            }
            Operation::Transmit(transmit) => {
                ((transmit.destination.address(), false), APART, APART * (AT_ONCE - 1))
            }
            Operation::Connect(connect) => {
                let slack = CONNECTS_APART * (AT_ONCE - 1);
                ((connect.destination.address(), true), CONNECTS_APART, slack)
            }
            Operation::Say(_)
            | Operation::HangUp(_)
            | Operation::Exchange(_)
            | Operation::Lookup(_)
            | Operation::Close(_) => return true,
        };
        let every = Duration::from_secs(1) / IN_A_SECOND;
        // A tenth of a second's worth may go together.
        if !self.all.allows(now, every * (IN_A_SECOND / 10 - 1)) {
            return false;
        }
        if self.targets.len() >= REMEMBERED {
            self.targets.retain(|_, target| target.due > now);
        }
        let target = self.targets.entry(to).or_default();
        if !target.allows(now, slack) {
            return false;
        }
        target.pass(now, apart);
        self.all.pass(now, every);
        true
    }
}

/// Whether an address by itself stands for many hosts.
fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_engine::port::{Control, OperationId};
    use netdiag_model::Destination;

    fn at(micros: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(1) + Duration::from_micros(micros)
    }

    fn to(host: u32) -> Operation<Vec<u8>> {
        Operation::Transmit(Transmit {
            id: OperationId(host),
            channel: Channel::Icmp,
            destination: Destination::new(IpAddr::V4((0x7f00_0000 + host).into())),
            control: Control::default(),
            bytes: Vec::new(),
        })
    }

    #[test]
    fn one_target_gets_three_at_once_and_then_one_every_two_milliseconds() {
        let mut gate = Gate::default();
        let passed = (0..100_000).filter(|micros| gate.admit(at(*micros), &to(1)));
        let times: Vec<u64> = passed.collect();
        assert_eq!(times[..5], [0, 1, 2, 2_000, 4_000]);
        assert_eq!(times.len(), 2 + 100_000 / 2_000);
    }

    #[test]
    fn a_group_gets_one_a_second() {
        for group in ["224.0.0.1", "ff02::1", "255.255.255.255"] {
            let group = Destination::new(group.parse().expect("an address"));
            let mut gate = Gate::default();
            let passed = (0..4_000).filter(|millis| {
                let Operation::Transmit(transmit) = to(1) else { unreachable!("it sends") };
                let sent = Operation::Transmit(Transmit { destination: group, ..transmit });
                gate.admit(at(millis * 1_000), &sent)
            });
            assert_eq!(passed.collect::<Vec<u64>>(), [0, 990, 1_990, 2_990, 3_990]);
        }
    }

    #[test]
    fn all_targets_together_get_2_500_a_second() {
        let mut gate = Gate::default();
        let mut passed = 0;
        for micros in 0..4_000_000 {
            passed += u32::from(gate.admit(at(micros), &to(micros as u32 % 50_000)));
        }
        assert!((10_000..=10_250).contains(&passed), "{passed}");
        assert!(gate.targets.len() <= REMEMBERED);
    }

    #[test]
    fn what_is_held_is_told_as_a_quota() {
        let (mut gate, mut operations, mut told) =
            (Gate::default(), Operations::new(), Inputs::new());
        for _ in 0..5 {
            operations.push(to(1).map_bytes(|_| &b""[..]));
        }
        gate.hold(at(0), &mut operations, &mut told);
        assert_eq!((operations.len(), told.len()), (3, 2));
        let full = |kind: InputKind<&[u8]>| matches!(kind, InputKind::SendFailed { error, .. } if error.errno == EDQUOT);
        assert!(told.iter().all(|input| full(input.kind)));
    }
}

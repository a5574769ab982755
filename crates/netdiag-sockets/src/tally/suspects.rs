//! What a tally keeps of sockets that may be suspicious.

use super::Party;
use crate::{Socket, TcpInfo};
use std::collections::BTreeMap;

/// Of suspects of one kind, how many are kept to be looked at more closely.
pub const SAMPLE: usize = 512;
/// Beyond those, so many of each owner or port are kept, so that one with very many hides no other.
const SHARE: usize = 128;
/// No more are kept than that.
const MOST: usize = 4_096;
/// Owners that are told apart; of ports all are.
const OWNERS: usize = 4_096;

/// What suspects of one kind are judged together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kin {
    /// Who has them; `None`: no process.
    Owner(Option<Party>),
    /// The port of this side.
    Port(u16),
}

/// How many there are of an owner or at a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// All.
    pub count: u64,
    kept: [usize; 2],
}

/// A socket, with TCP_INFO where it was asked for.
pub type Suspect = (Socket, Option<Box<TcpInfo>>);

/// Sockets that may be what a finding is about, whether they are listed or not: how many, and the first
/// of them.
#[derive(Clone, Debug, Default)]
pub struct Suspects {
    /// How many there were.
    pub count: u64,
    /// How many of them are listed.
    pub listed: u64,
    /// The first: of those that are listed, then of the others.
    pub first: Vec<Suspect>,
    pub(super) others: Vec<Suspect>,
    /// By owner or port, of kinds that are judged by these.
    pub shares: BTreeMap<Kin, Share>,
}

impl Suspects {
    pub(super) fn take(&mut self, socket: &Socket, info: Option<&TcpInfo>, is_listed: bool) {
        self.add(socket, info, is_listed, None);
    }

    /// Takes one that is judged with others of its kin.
    pub(super) fn take_of(
        &mut self,
        kin: Kin,
        socket: &Socket,
        info: Option<&TcpInfo>,
        is_listed: bool,
    ) {
        let is_known = self.shares.contains_key(&kin) || matches!(kin, Kin::Port(_));
        let has_room = is_known || self.shares.len() < OWNERS;
        self.add(socket, info, is_listed, has_room.then_some(kin));
    }

    fn add(&mut self, socket: &Socket, info: Option<&TcpInfo>, is_listed: bool, kin: Option<Kin>) {
        self.count += 1;
        self.listed += u64::from(is_listed);
        let sample = if is_listed { &mut self.first } else { &mut self.others };
        let mut is_kept = sample.len() < SAMPLE;
        if let Some(kin) = kin {
            let share = self.shares.entry(kin).or_default();
            let kept = &mut share.kept[usize::from(is_listed)];
            share.count += 1;
            is_kept |= *kept < SHARE && sample.len() < MOST;
            *kept += usize::from(is_kept);
        }
        if is_kept {
            sample.push((*socket, info.cloned().map(Box::new)));
        }
    }

    /// How many there are of a kin; 0 where they are not told apart.
    #[must_use]
    pub fn of(&self, kin: Kin) -> u64 {
        self.shares.get(&kin).map_or(0, |share| share.count)
    }

    /// How many ports or owners there are.
    #[must_use]
    pub fn kin(&self) -> Vec<(Kin, u64)> {
        self.shares.iter().map(|(kin, share)| (*kin, share.count)).collect()
    }

    /// As many as all can be looked at: all of them, or all that are listed where there are some; `None`
    /// where there are more.
    #[must_use]
    pub fn whole(&self) -> Option<&[Suspect]> {
        let listed = usize::try_from(self.listed).unwrap_or(usize::MAX);
        match self.first.len() as u64 == self.count {
            true => Some(&self.first),
            false if listed > 0 => self.first.get(..listed).filter(|_| listed <= SAMPLE),
            false => None,
        }
    }
}

/// A set of ports.
#[derive(Clone, Debug)]
pub(super) struct PortSet(Vec<u64>);

impl PortSet {
    pub(super) fn new() -> Self {
        Self(vec![0; 1024])
    }

    pub(super) fn insert(&mut self, port: u16) {
        self.0[usize::from(port >> 6)] |= 1 << (port & 63);
    }

    pub(super) fn contains(&self, port: u16) -> bool {
        self.0[usize::from(port >> 6)] >> (port & 63) & 1 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Protocol, State};

    #[test]
    fn an_owner_with_very_many_hides_none_of_another() {
        let mut bytes = [0; Socket::BYTES];
        (bytes[0], bytes[1]) = (2, State::CloseWait as u8);
        let socket = Socket::decode(Protocol::Tcp, &bytes).expect("a socket");
        let mut all = Suspects::default();
        let [many, few] = [1, 2].map(|uid| Kin::Owner(Some(Party::User(uid))));
        (0..2_000).for_each(|_| all.take_of(many, &socket, None, true));
        (0..200).for_each(|_| all.take_of(few, &socket, None, true));
        assert_eq!((all.of(many), all.of(few)), (2_000, 200));
        assert_eq!(all.first.len(), SAMPLE + SHARE);
        for uid in 3..200 {
            let kin = Kin::Owner(Some(Party::User(uid)));
            (0..SHARE).for_each(|_| all.take_of(kin, &socket, None, true));
        }
        assert_eq!((all.first.len(), all.kin().len()), (MOST, 199));
    }
}

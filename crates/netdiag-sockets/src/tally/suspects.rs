//! What a tally keeps of sockets that may be suspicious.

use crate::{Socket, TcpInfo};

/// Of suspects of one kind, how many are kept to be looked at more closely.
pub const SAMPLE: usize = 512;
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
}

impl Suspects {
    pub(super) fn take(&mut self, socket: &Socket, info: Option<&TcpInfo>, is_listed: bool) {
        self.count += 1;
        self.listed += u64::from(is_listed);
        let sample = if is_listed { &mut self.first } else { &mut self.others };
        if sample.len() < SAMPLE {
            sample.push((*socket, info.cloned().map(Box::new)));
        }
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

//! Where packets to many targets leave from.

use super::order::{ask, asker, has_family, leave_by, source};
use crate::interfaces::{Stretches, bits};
use crate::raw;
use netdiag_engine::Sources;
use netdiag_engine::port::{NetworkError, SendCause, SendError};
use netdiag_model::{Destination, Family};
use socket2::Socket;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::os::fd::AsFd;

/// So many are asked for one by one: the tables of routes take as long to read.
const FEW: usize = 256;

type Source = Result<IpAddr, SendError>;

/// The addresses that packets to targets leave from, as [`source`](super::source) has each, or why
/// there is none. The targets come in the order of their numbers. Of many it is asked once for all
/// those for which the kernel's tables have the same answer. Sends nothing.
pub fn sources(
    targets: impl Iterator<Item = (u32, Destination)>,
    interface: Option<u32>,
) -> Sources {
    let mut sources = Sources::default();
    let mut asked = [Family::Ipv4, Family::Ipv6].map(|family| Asked::new(family, interface));
    for (number, to) in targets {
        let [ipv4, ipv6] = &mut asked;
        let asked = if to.family() == Family::Ipv4 { ipv4 } else { ipv6 };
        sources.push(
            number,
            asked.source(to).map_err(|error| match error.errno {
                libc::EADDRNOTAVAIL if !has_family(to.family()) => {
                    SendError { cause: SendCause::NoFamily(to.family()), ..error }
                }
                _ => error,
            }),
        );
    }
    sources
}

/// What is known of a family.
struct Asked {
    family: Family,
    interface: Option<u32>,
    socket: Option<Socket>,
    /// How many targets were asked for.
    count: usize,
    /// `None`: not read, or they cannot be.
    stretches: Option<Stretches>,
    /// The answers, by the first addresses of their stretches.
    known: BTreeMap<u128, Source>,
    /// The stretch of the last target, and its answer.
    last: Option<(RangeInclusive<u128>, Source)>,
}

impl Asked {
    const fn new(family: Family, interface: Option<u32>) -> Self {
        let known = BTreeMap::new();
        Self { family, interface, socket: None, count: 0, stretches: None, known, last: None }
    }

    fn source(&mut self, to: Destination) -> Source {
        let address = to.address();
        let is_link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if to.scope() != 0 || is_link_local {
            return source(to, None, self.interface).map_err(why);
        }
        if let Some((range, known)) = &self.last
            && range.contains(&bits(address))
        {
            return *known;
        }
        self.count += 1;
        if self.count == FEW {
            self.stretches = Stretches::read(self.family).ok();
        }
        let Some(range) = self.stretches.as_ref().and_then(|it| it.around(address)) else {
            return self.ask(to);
        };
        let known = self.known.get(range.start()).copied();
        let source = known.unwrap_or_else(|| self.ask(to));
        self.known.insert(*range.start(), source);
        self.last = Some((range, source));
        source
    }

    /// Asks the kernel, by the same socket as before.
    fn ask(&mut self, to: Destination) -> Source {
        let kept = self.socket.take().filter(|socket| raw::disconnect(socket.as_fd()).is_ok());
        let socket = kept.map_or_else(|| asker(self.family), Ok).map_err(why)?;
        let answer = leave_by(&socket, self.interface).and_then(|()| ask(&socket, to));
        self.socket = Some(socket);
        answer.map_err(why)
    }
}

fn why(error: NetworkError) -> SendError {
    SendError::new(error.errno)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    /// All by loopback, of which each target has the source that it has alone.
    #[test]
    fn of_many_targets_each_has_the_source_that_it_has_alone() {
        let first = Ipv4Addr::new(127, 0, 255, 0).to_bits();
        let all = (0..1_024).map(|n| (n, Destination::V4(Ipv4Addr::from_bits(first + n))));
        let sources = sources(all.clone(), None);
        for (number, to) in all {
            assert_eq!(sources.of(number), source(to, None, None).map_err(why), "{to}");
        }
    }
}

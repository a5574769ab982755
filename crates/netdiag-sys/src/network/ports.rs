//! The ports that queries leave from (RFC 5452 section 9.2): one for each, chosen by the kernel, as long
//! as there are few; of many at once some leave from one port, and the next from another. A port is heard
//! until another takes its place, which is that of a socket all of whose queries have ended, longest ago
//! first.

use super::lane::{Lane, Shared};
use super::receive::Drained;
use crate::open::{self, OpenRequest};
use crate::raw::{self, Epoll, MOST_READY, PollFd, Ready};
use netdiag_engine::port::{InputKind, Inputs, NetworkError, OperationId};
use netdiag_model::{Family, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

/// Sockets of a family, beside the one that is open anyway.
pub(super) const MOST: usize = MOST_READY / 2;
/// They take no more than this part of the descriptors that this process may have.
const SHARE: usize = 4;
/// Behind the first [`MOST`] a query has a port of its own where no more are under way, and no more
/// leave with it.
const ALONE: usize = 32;
const FEW: usize = 4;
/// Where there are more so many leave from a port before the next is taken: a port for each costs a quarter
/// more time a query, two of them on one a tenth to a sixth.
const TOGETHER: u32 = 8;

/// The sockets of both families.
pub(super) struct Ports {
    request: OpenRequest,
    most: usize,
    pools: [Pool; 2],
    /// Where queries under way left: which pool, which seat.
    under_way: BTreeMap<u32, (usize, usize)>,
    /// How many there were.
    placed: usize,
    epoll: Option<Epoll>,
    ready: Vec<Ready>,
}

/// The sockets of one family.
struct Pool {
    family: Family,
    seats: Vec<Seat>,
    /// The one that took the last query.
    last: usize,
    /// Those that have nothing under way, or had: longest ago first.
    resting: VecDeque<usize>,
    /// No other can be opened.
    is_full: bool,
}

/// A socket.
struct Seat {
    lane: Lane,
    /// Queries under way.
    open: u32,
    /// Queries that left from this port.
    used: u32,
    is_resting: bool,
}

impl Ports {
    /// None yet but those that were opened while there were rights.
    pub(super) fn new(request: OpenRequest, opened: Vec<Lane>) -> Self {
        let most = (raw::descriptor_limit() / SHARE).clamp(1, MOST);
        let mut ports = Self {
            request,
            most,
            pools: [Family::Ipv4, Family::Ipv6].map(Pool::new),
            under_way: BTreeMap::new(),
            placed: 0,
            epoll: None,
            ready: Vec::new(),
        };
        for lane in opened {
            let family = lane.socket.family;
            ports.seat(place_of(family), lane);
        }
        ports
    }

    /// The socket that a query shall leave by; `None` where there is none but the one that is open
    /// anyway. `like`: that one; `together`: how many leave at once.
    pub(super) fn place(
        &mut self,
        id: OperationId,
        like: &Lane,
        together: usize,
    ) -> Option<(usize, usize)> {
        let pool = place_of(like.socket.family);
        if let Some(place) = self.under_way.get(&id.0) {
            // It met a full queue before.
            return Some(*place);
        }
        let is_crowded = together > FEW || self.under_way.len() >= ALONE;
        let seat = self.choose(pool, like, self.placed >= MOST && is_crowded)?;
        self.placed += 1;
        self.under_way.insert(id.0, (pool, seat));
        let seat_of = self.pools.get_mut(pool)?.seats.get_mut(seat)?;
        seat_of.open += 1;
        seat_of.used += 1;
        self.pools.get_mut(pool)?.last = seat;
        Some((pool, seat))
    }

    fn choose(&mut self, pool: usize, like: &Lane, shares: bool) -> Option<usize> {
        let own = self.pools.get(pool)?;
        let goes_on = own.seats.get(own.last).is_some_and(|seat| seat.used < TOGETHER);
        if shares && goes_on {
            return Some(own.last);
        }
        let fresh = self.open(pool, like);
        let own = self.pools.get_mut(pool)?;
        fresh.or_else(|| own.rested()).or_else(|| own.next())
    }

    /// A new one, where there may be one more.
    fn open(&mut self, pool: usize, like: &Lane) -> Option<usize> {
        let own = self.pools.get_mut(pool).filter(|own| !own.is_full)?;
        own.is_full = own.seats.len() + 1 >= self.most;
        match open::another(&self.request, own.family, like.socket.stamp_keys) {
            Ok(socket) => self.seat(pool, Lane::new(socket)),
            Err(_) => {
                own.is_full = true;
                None
            }
        }
    }

    fn seat(&mut self, pool: usize, mut lane: Lane) -> Option<usize> {
        let own = self.pools.get_mut(pool)?;
        let place = own.seats.len();
        if self.epoll.is_none() {
            self.epoll = Epoll::new().ok();
        }
        let number = (pool * MOST + place) as u64;
        let added = self.epoll.as_ref()?.add(lane.socket.as_fd(), number);
        if added.is_err() {
            own.is_full = true;
            return None;
        }
        lane.own_port = Some(lane.socket.opening.identifiers.first);
        own.seats.push(Seat { lane, open: 0, used: 0, is_resting: false });
        Some(place)
    }

    /// One of them.
    pub(super) fn lane(&mut self, (pool, seat): (usize, usize)) -> Option<&mut Lane> {
        self.pools.get_mut(pool)?.seats.get_mut(seat).map(|seat| &mut seat.lane)
    }

    /// A query has ended: its port may become another's.
    pub(super) fn close(&mut self, id: OperationId) {
        let Some((pool, place)) = self.under_way.remove(&id.0) else { return };
        let Some(own) = self.pools.get_mut(pool) else { return };
        let Some(seat) = own.seats.get_mut(place) else { return };
        seat.open = seat.open.saturating_sub(1);
        if seat.open == 0 && !seat.is_resting {
            seat.is_resting = true;
            own.resting.push_back(place);
        }
    }

    /// What to poll for, if anything.
    pub(super) fn poll(&self) -> Option<PollFd> {
        self.epoll.as_ref().map(|epoll| PollFd::new(epoll.as_fd(), false))
    }

    /// So many queries are under way that answers come faster than this process wakes up for each.
    pub(super) fn is_crowded(&self) -> bool {
        self.under_way.len() >= ALONE
    }

    /// Those by which something was sent.
    pub(super) fn lanes(&mut self) -> impl Iterator<Item = &mut Lane> {
        let seats = self.pools.iter_mut().flat_map(|pool| &mut pool.seats);
        seats.map(|seat| &mut seat.lane).filter(|lane| lane.active)
    }

    /// Those of them that wait for something.
    pub(super) fn waiting(&mut self) -> impl Iterator<Item = &mut Lane> {
        let seats = self.pools.iter_mut().flat_map(|pool| &mut pool.seats);
        seats.filter(|seat| seat.open > 0).map(|seat| &mut seat.lane)
    }

    /// Reads all that are ready.
    pub(super) fn drain(
        &mut self,
        shared: &mut Shared,
        inputs: &mut Inputs,
    ) -> Result<Drained, NetworkError> {
        let Some(epoll) = &self.epoll else { return Ok(Drained::Empty) };
        self.ready.clear();
        let found = epoll.ready(&mut self.ready);
        found.map_err(|errno| NetworkError { call: "epoll_pwait", errno })?;
        let mut drained = Drained::Empty;
        for ready in &self.ready {
            let number = usize::try_from(ready.number).unwrap_or(usize::MAX);
            let pool = self.pools.get_mut(number / MOST);
            if let Some(seat) = pool.and_then(|pool| pool.seats.get_mut(number % MOST)) {
                drained = drained.min(seat.lane.drain(shared, ready.has_error, inputs)?);
            }
        }
        Ok(drained)
    }
}

impl Pool {
    const fn new(family: Family) -> Self {
        Self { family, seats: Vec::new(), last: 0, resting: VecDeque::new(), is_full: false }
    }

    /// The one that has rested longest, with a new port.
    fn rested(&mut self) -> Option<usize> {
        loop {
            let place = self.resting.pop_front()?;
            let seat = self.seats.get_mut(place)?;
            seat.is_resting = false;
            if seat.open == 0 {
                seat.renew();
                return Some(place);
            }
        }
    }

    /// All have queries under way: in turn.
    fn next(&mut self) -> Option<usize> {
        let place = if self.last + 1 < self.seats.len() { self.last + 1 } else { 0 };
        self.seats.get_mut(place)?.used = 0;
        Some(place)
    }
}

impl Seat {
    /// Takes another port; where none is to be had it keeps the one that it has.
    fn renew(&mut self) {
        self.used = 0;
        if let Ok(port) = open::renew(&self.lane.socket) {
            self.lane.own_port = Some(port);
        }
    }
}

/// Where the sockets of a family are.
const fn place_of(family: Family) -> usize {
    match family {
        Family::Ipv4 => 0,
        Family::Ipv6 => 1,
    }
}

/// A query is about to leave from a port of its own.
pub(super) fn tell(lane: &Lane, id: OperationId, now: Instant, inputs: &mut Inputs) {
    let any: IpAddr = match lane.socket.family {
        Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    if let Some(port) = lane.own_port {
        inputs.push(now, InputKind::Begun { id, local: SocketAddr::new(any, port) });
    }
}

//! How queries leave: each by the socket that [`Ports`] says, those that follow each other from one port
//! together.

use super::SystemNetwork;
use super::lane::{Lane, Lanes};
use super::ports::{self, Ports};
use super::send::Prepared;
use crate::clock;
use netdiag_engine::port::{Channel, NetworkError, Operation, Operations, Transmit};
use netdiag_model::Family;

/// The socket of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The one that is open anyway.
    Usual(Family),
    /// One of its own.
    Own((usize, usize)),
}

impl Place {
    fn lane<'a>(self, lanes: &'a mut Lanes, ports: &'a mut Ports) -> Option<&'a mut Lane> {
        match self {
            Self::Usual(family) => lanes.udp(family),
            Self::Own(place) => ports.lane(place),
        }
    }
}

impl SystemNetwork {
    /// Whether it leaves by one of the sockets for queries.
    pub(super) fn is_query(&mut self, operation: &Operation<&[u8]>) -> bool {
        let Operation::Transmit(transmit) = operation else { return false };
        matches!(transmit.channel, Channel::Query { .. })
            && self.lanes.udp(transmit.destination.family()).is_some()
    }

    /// Sends queries, those that follow each other from one port together.
    pub(super) fn submit_queries(&mut self, operations: &Operations) -> Result<(), NetworkError> {
        let is_query = |operation: &Operation<&[u8]>| {
            matches!(
                operation,
                Operation::Transmit(Transmit { channel: Channel::Query { .. }, .. })
            )
        };
        let together = operations.iter().filter(is_query).count();
        if together == 0 {
            return Ok(());
        }
        let mut at: Option<Place> = None;
        let mut prepared: Vec<Prepared<'_>> = Vec::new();
        for operation in operations.iter() {
            let Operation::Transmit(transmit) = &operation else { continue };
            let family = transmit.destination.family();
            let Channel::Query { .. } = transmit.channel else { continue };
            let Some(usual) = self.lanes.udp(family) else { continue };
            // The first one leaves by the socket that is open anyway.
            let place = match usual.active {
                true => self.ports.place(transmit.id, usual, together).map(Place::Own),
                false => None,
            };
            let place = place.unwrap_or(Place::Usual(family));
            if at != Some(place) {
                self.send_queries(at, &mut prepared)?;
            }
            at = Some(place);
            let Some(lane) = self.lane_at(place) else { continue };
            // Before the next is placed it is known that something leaves by it.
            lane.take_queries();
            let query = lane.prepare(transmit);
            let (lanes, ports, early) = (&mut self.lanes, &mut self.ports, &mut self.early);
            if let Some(lane) = place.lane(lanes, ports) {
                ports::tell(lane, transmit.id, clock::now(), early);
            }
            prepared.push(query);
        }
        self.send_queries(at, &mut prepared)
    }

    fn lane_at(&mut self, place: Place) -> Option<&mut Lane> {
        place.lane(&mut self.lanes, &mut self.ports)
    }

    fn send_queries(
        &mut self,
        at: Option<Place>,
        prepared: &mut Vec<Prepared<'_>>,
    ) -> Result<(), NetworkError> {
        let lane = at.and_then(|place| place.lane(&mut self.lanes, &mut self.ports));
        if let Some(lane) = lane {
            match prepared.as_slice() {
                [one] => lane.send_one(&mut self.shared, one, &mut self.early)?,
                many => lane.send_many(&mut self.shared, many, &mut self.early)?,
            }
        }
        prepared.clear();
        Ok(())
    }
}

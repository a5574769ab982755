//! Which address the SYNs to each of many targets leave from: the checksum covers it, so it must be
//! known before.

use crate::port::SendError;
use std::net::IpAddr;

/// No route leads there.
const ENETUNREACH: i32 = 101;

/// Sources of targets by their numbers; those of neighbours are mostly the same.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<(u32, Result<IpAddr, SendError>)>);

impl Sources {
    /// From this target on, which is behind all that were told before, it is this one; or there is
    /// none.
    pub fn push(&mut self, target: u32, source: Result<IpAddr, SendError>) {
        if self.0.last().is_none_or(|(_, last)| *last != source) {
            self.0.push((target, source));
        }
    }

    /// The source of a target.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(&self, target: u32) -> Result<IpAddr, SendError> {
        let place = self.0.partition_point(|(first, _)| *first <= target).checked_sub(1);
        let found = place.and_then(|place| self.0.get(place));
        found.map_or(Err(SendError::new(ENETUNREACH)), |(_, source)| *source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_holds_until_the_next_is_told() {
        let one = Ok(IpAddr::from([10, 0, 0, 9]));
        let none = Err(SendError::new(ENETUNREACH));
        let mut sources = Sources::default();
        assert_eq!(sources.of(0), none);
        for (target, source) in [(1, one), (2, one), (5, none)] {
            sources.push(target, source);
        }
        let found: Vec<_> = (0..7).map(|target| sources.of(target)).collect();
        assert_eq!(found, [none, one, one, one, one, none, none]);
        assert_eq!(sources.0.len(), 2);
    }
}

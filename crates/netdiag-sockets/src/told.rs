//! Which sockets of a table were told already.

/// How many are kept together: what grows by doubling would take half as much again.
const PIECE: usize = 4_096;
/// So many of the last ones are compared with each: where the table changes between two parts of a
/// reading the kernel begins the next part with what it ended the last one with.
const RECENT: usize = 16;

/// What the kernel tells sockets apart by, of those that were told. It counts them, so that four bytes
/// are mostly enough.
#[derive(Default)]
pub(crate) struct Told {
    low: Vec<Vec<u32>>,
    high: Vec<u64>,
    recent: [Option<u64>; RECENT],
    next: usize,
    /// All of them, once the table is read again.
    sorted: Vec<u64>,
}

impl Told {
    /// Adds one of the first reading; whether it is new.
    pub(crate) fn push(&mut self, cookie: u64) -> bool {
        if self.recent.contains(&Some(cookie)) {
            return false;
        }
        if let Some(place) = self.recent.get_mut(self.next) {
            *place = Some(cookie);
        }
        self.next = (self.next + 1) % RECENT;
        let Ok(low) = u32::try_from(cookie) else {
            self.high.push(cookie);
            return true;
        };
        match self.low.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(low),
            _ => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(low);
                self.low.push(piece);
            }
        }
        true
    }

    /// The table is read again.
    pub(crate) fn sort(&mut self) {
        let low = std::mem::take(&mut self.low).into_iter().flatten().map(u64::from);
        self.sorted.extend(low);
        self.sorted.append(&mut self.high);
        self.sorted.sort_unstable();
    }

    /// Adds one of a later reading; whether it is new.
    pub(crate) fn insert(&mut self, cookie: u64) -> bool {
        let place = self.sorted.binary_search(&cookie);
        if let Err(place) = place {
            self.sorted.insert(place, cookie);
        }
        place.is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_told_twice_in_a_row_nor_in_another_reading() {
        let mut told = Told::default();
        let many: Vec<u64> = (0..10_000).chain([u64::MAX]).collect();
        assert!(many.iter().all(|cookie| told.push(*cookie)));
        assert!(!told.push(u64::MAX) && !told.push(9_990));
        told.sort();
        assert!(many.iter().all(|cookie| !told.insert(*cookie)));
        assert!(told.insert(10_000) && !told.insert(10_000));
    }

    #[test]
    fn what_was_told_is_known_however_large_its_number() {
        let mut told = Told::default();
        let all = [7, u64::from(u32::MAX) + 1, 3, u64::MAX, u64::from(u32::MAX)];
        assert!(all.iter().all(|cookie| told.push(*cookie)));
        told.sort();
        assert!(all.iter().all(|cookie| !told.insert(*cookie)));
        assert!(told.insert(1 << 40) && told.insert(4) && !told.insert(4) && !told.insert(1 << 40));
    }
}

//! One direction of a link: when a packet comes out, if it does.

use crate::random::Random;
use crate::scenario::{Distribution, Link};

/// What a direction does to packets.
#[derive(Clone, Debug, Default)]
struct Behaviour {
    delay: u64,
    jitter: u64,
    distribution: Distribution,
    ordered: bool,
    loss: Fault,
    duplicate: Fault,
    reorder: Fault,
    reorder_by: u64,
    corrupt: Fault,
    rate: Option<u64>,
    queue: Option<u64>,
    mtu: Option<u32>,
    down: bool,
}

/// Something that happens to some packets: to each with a probability, and to every n-th.
#[derive(Clone, Copy, Debug, Default)]
struct Fault {
    chance: f64,
    every: Option<u64>,
}

impl Fault {
    fn set(&mut self, chance: Option<f64>, every: Option<u64>) {
        self.chance = chance.unwrap_or(self.chance);
        self.every = every.or(self.every);
    }

    fn strikes(self, number: u64, random: &mut Random) -> bool {
        self.every.is_some_and(|every| number.is_multiple_of(every)) || random.chance(self.chance)
    }
}

/// One direction of a link.
#[derive(Clone, Debug)]
pub(super) struct Direction {
    behaviour: Behaviour,
    random: Random,
    /// How many packets entered it.
    entered: u64,
    /// When the last packet came out, for `ordered`.
    last_out: u64,
    /// When the last byte of the last packet is sent at `rate`.
    busy_until: u64,
}

/// Why a packet does not come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    Lost,
    Overflowed,
    Down,
}

/// What becomes of a packet that does come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    /// When it comes out.
    pub(super) at: u64,
    /// When a second one comes out.
    pub(super) duplicate_at: Option<u64>,
    /// A random number that says which bit is flipped.
    pub(super) corrupt: Option<u64>,
    /// It was held back.
    pub(super) held_back: bool,
}

impl Direction {
    /// A direction without delay or fault, with a stream of random numbers of its own.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self {
            behaviour: Behaviour::default(),
            random: Random::new(seed, stream),
            entered: 0,
            last_out: 0,
            busy_until: 0,
        }
    }

    /// Sets what the scenario says, leaving the rest.
    pub(super) fn set(&mut self, link: &Link) {
        let own = &mut self.behaviour;
        let nanos = |span: Option<crate::scenario::Span>, old| span.map_or(old, |s| s.unsigned());
        own.delay = nanos(link.delay, own.delay);
        own.jitter = nanos(link.jitter, own.jitter);
        own.distribution = link.distribution.unwrap_or(own.distribution);
        own.ordered = link.ordered.unwrap_or(own.ordered);
        own.loss.set(link.loss, link.loss_every);
        own.duplicate.set(link.duplicate, link.duplicate_every);
        own.reorder.set(link.reorder, link.reorder_every);
        own.reorder_by = nanos(link.reorder_by, own.reorder_by);
        own.corrupt.set(link.corrupt, link.corrupt_every);
        own.rate = link.rate.map(|rate| rate.bits).or(own.rate);
        own.queue = link.queue.or(own.queue);
        own.mtu = link.mtu.or(own.mtu);
        own.down = link.down.unwrap_or(own.down);
    }

    /// The MTU, if the scenario sets one.
    pub(super) const fn mtu(&self) -> Option<u32> {
        self.behaviour.mtu
    }

    /// A packet of `length` bytes enters at `now`.
    pub(super) fn pass(&mut self, now: u64, length: usize) -> Result<Passage, Dropped> {
        let Self { behaviour, random, entered, .. } = self;
        if behaviour.down {
            return Err(Dropped::Down);
        }
        *entered += 1;
        let number = *entered;
        if behaviour.loss.strikes(number, random) {
            return Err(Dropped::Lost);
        }
        let duplicate = behaviour.duplicate.strikes(number, random);
        let held_back = behaviour.reorder.strikes(number, random);
        let corrupt = behaviour.corrupt.strikes(number, random).then(|| random.next());
        let sent = self.serialize(now, length)?;
        let mut at = sent + self.delay();
        if held_back {
            at += self.behaviour.reorder_by;
        } else if self.behaviour.ordered {
            at = at.max(self.last_out);
            self.last_out = at;
        }
        let duplicate_at = duplicate.then_some(at);
        Ok(Passage { at, duplicate_at, corrupt, held_back })
    }

    /// When the last byte is out at the link's rate.
    fn serialize(&mut self, now: u64, length: usize) -> Result<u64, Dropped> {
        let Some(rate) = self.behaviour.rate else { return Ok(now) };
        let start = self.busy_until.max(now);
        let waiting = u128::from(start - now) * u128::from(rate) / 8_000_000_000;
        if self.behaviour.queue.is_some_and(|queue| waiting + length as u128 > u128::from(queue)) {
            return Err(Dropped::Overflowed);
        }
        self.busy_until = start + (length as u128 * 8_000_000_000 / u128::from(rate)) as u64;
        Ok(self.busy_until)
    }

    fn delay(&mut self) -> u64 {
        let Behaviour { delay, jitter, distribution, .. } = self.behaviour;
        if jitter == 0 {
            return delay;
        }
        match distribution {
            Distribution::Uniform => {
                (delay + self.random.below(2 * jitter + 1)).saturating_sub(jitter)
            }
            Distribution::Normal => {
                let offset = self.random.normal() * jitter as f64;
                (delay as f64 + offset).max(0.0) as u64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction(keys: &str) -> Direction {
        let mut direction = Direction::new(1, 0);
        direction.set(&toml::from_str(keys).expect("keys of a link"));
        direction
    }

    #[test]
    fn loss_every_fourth_loses_the_fourth_and_the_eighth() {
        let mut link = direction("loss_every = 4");
        let lost: Vec<u64> = (1..=9).filter(|n| link.pass(*n, 84).is_err()).collect();
        assert_eq!(lost, [4, 8]);
    }

    #[test]
    fn a_random_loss_is_near_its_probability() {
        let mut link = direction("loss = 0.1");
        let lost = (0..10_000).filter(|n| link.pass(*n, 84).is_err()).count();
        assert!((900..1_100).contains(&lost), "{lost}");
    }

    #[test]
    fn uniform_jitter_stays_within_its_bounds() {
        let mut link = direction("delay = \"10ms\"\njitter = \"5ms\"");
        for _ in 0..1_000 {
            let at = link.pass(0, 84).expect("no loss").at;
            assert!((5_000_000..=15_000_000).contains(&at), "{at}");
        }
    }

    #[test]
    fn an_ordered_link_keeps_the_order_in_spite_of_jitter() {
        let mut link = direction("delay = \"10ms\"\njitter = \"5ms\"\nordered = true");
        let mut last = 0;
        for now in 0..1_000 {
            let at = link.pass(now * 1_000, 84).expect("no loss").at;
            assert!(at >= last);
            last = at;
        }
    }

    #[test]
    fn a_rate_spaces_packets_and_a_full_queue_drops_them() {
        let mut link = direction("rate = \"8kbit\"\nqueue = 250");
        let pass: Vec<_> = (0..4).map(|_| link.pass(0, 100).map(|passage| passage.at)).collect();
        assert_eq!(pass[0], Ok(100_000_000));
        assert_eq!(pass[1], Ok(200_000_000));
        assert_eq!(pass[2], Err(Dropped::Overflowed));
    }
}

//! A seeded mutator that knows where messages keep their lengths, and valid messages to start from.

pub(crate) mod corpus;

/// SplitMix64: small, seedable, good enough to pick mutations.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let wide = u128::from(self.next()) * (end as u128);
        (wide >> 64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }
}

/// Writes a mutated copy of one message of `corpus` into `out`.
///
/// One in sixteen is left as it is, so that the valid case keeps being checked.
pub(crate) fn mutate(random: &mut Random, corpus: &[Vec<u8>], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&corpus[random.below(corpus.len())]);
    if random.below(16) == 0 {
        return;
    }
    for _ in 0..1 + random.below(4) {
        mutate_once(random, corpus, out);
    }
}

fn mutate_once(random: &mut Random, corpus: &[Vec<u8>], out: &mut Vec<u8>) {
    if out.is_empty() {
        out.push(random.byte());
        return;
    }
    let at = random.below(out.len());
    match random.below(10) {
        0 => out[at] ^= 1 << random.below(8),
        1 => out[at] = random.byte(),
        2 => out[at] = BOUNDARIES[random.below(BOUNDARIES.len())],
        3 => out.truncate(at),
        // Length fields stand near the start of a message and of what it quotes or carries.
        4 => lie_about_length(random, out),
        5 => splice(random, corpus, out, at),
        6 => {
            let junk: Vec<u8> = (0..random.below(24)).map(|_| random.byte()).collect();
            out.splice(at..at, junk);
        }
        7 => {
            let end = at + random.below(out.len() - at);
            out.drain(at..end);
        }
        8 => {
            let start = random.below(at + 1);
            let piece = out[start..at].to_vec();
            out.splice(at..at, piece);
        }
        _ => correct_checksum(random, out),
    }
    out.truncate(2048);
}

const BOUNDARIES: [u8; 14] = [0, 1, 2, 3, 4, 5, 7, 8, 0x20, 0x40, 0x45, 0x7f, 0x80, 0xff];

/// Where IPv4, IPv6, UDP, TCP, ICMP (RFC 4884) and extension objects have lengths, from their starts.
const LENGTHS: [usize; 8] = [0, 1, 2, 3, 4, 5, 12, 13];
/// Where such a start can be: the message, a quote, its transport header, a structure and its objects.
const STARTS: [usize; 10] = [0, 8, 20, 28, 36, 40, 48, 136, 140, 152];

fn lie_about_length(random: &mut Random, out: &mut [u8]) {
    let at = STARTS[random.below(STARTS.len())] + LENGTHS[random.below(LENGTHS.len())];
    let length = out.len();
    let Some(field) = out.get_mut(at) else { return };
    *field = match random.below(5) {
        0 => field.wrapping_add(1),
        1 => field.wrapping_sub(1),
        2 => (length / 4) as u8,
        3 => length as u8,
        _ => random.byte(),
    };
}

/// Takes the end of another message from some point on.
fn splice(random: &mut Random, corpus: &[Vec<u8>], out: &mut Vec<u8>, at: usize) {
    let other = &corpus[random.below(corpus.len())];
    out.truncate(at);
    out.extend_from_slice(&other[random.below(other.len())..]);
}

/// Makes a changed extension structure pass its checksum, so that what is behind it gets looked at.
fn correct_checksum(random: &mut Random, out: &mut [u8]) {
    let at = STARTS[random.below(STARTS.len())];
    let Some(structure) = out.get_mut(at..) else { return };
    let Some(field) = structure.get_mut(2..4) else { return };
    field.fill(0);
    let checksum = netdiag_wire::checksum::internet_checksum(structure);
    structure[2..4].copy_from_slice(&checksum.to_be_bytes());
}

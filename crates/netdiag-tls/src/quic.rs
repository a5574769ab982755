//! The handshake of TLS as QUIC has it (RFC 9001): without records, in frames of QUIC, whose packets are
//! protected by keys that come of it.

use crate::client::{Client, Hello, server_name};
use crate::fault::Fault;
use crate::opening::Opening;
use crate::session::Shown;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{self, ClientConnection, KeyChange, Secrets, Version};
use rustls::{AlertDescription, Error, Side};
use std::fmt;
use std::time::Duration;

/// A handshake, of the end that began it.
pub struct Handshake {
    connection: ClientConnection,
    opening: Opening,
    next: Option<Secrets>,
    failed: Option<Fault>,
}

/// What packets of one kind are protected by: those that are sent, and those that come.
pub struct Keys {
    /// Those that are sent.
    pub local: (HeaderKey, PacketKey),
    /// Those that come.
    pub remote: (HeaderKey, PacketKey),
}

/// Hides what headers tell (RFC 9001 section 5.4).
pub struct HeaderKey(Box<dyn quic::HeaderProtectionKey>);

/// Protects what packets carry (RFC 9001 section 5.3).
pub struct PacketKey(Box<dyn quic::PacketKey>);

impl Handshake {
    /// One that has yet to say hello, with these transport parameters; certificates will be judged by
    /// `now`, since 1970-01-01 UTC.
    ///
    /// # Errors
    /// When no certificate can be for that name.
    pub fn new(
        client: &Client,
        hello: &Hello<'_>,
        now: Duration,
        parameters: Vec<u8>,
    ) -> Result<Self, Fault> {
        let (opening, config) = Opening::new(client, hello, now)?;
        let name = opening.name.clone();
        let connection = ClientConnection::new(config, Version::V1, name, parameters);
        let connection = connection.map_err(|error| Fault::of(&error, None))?;
        Ok(Self { connection, opening, next: None, failed: None })
    }

    /// Takes in what came, of one kind of packets.
    ///
    /// # Errors
    /// The number of the alert that says what is wrong, where there is one (RFC 9001 section 4.8), with a
    /// sentence.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), (Option<u8>, String)> {
        self.connection.read_hs(bytes).map_err(|error| {
            let fault = Fault::of(&error, None);
            let message = fault.message.clone();
            self.failed = Some(fault);
            (self.connection.alert().map(u8::from), message)
        })
    }

    /// What is to be sent next, and the keys of what comes after it.
    pub fn send(&mut self, out: &mut Vec<u8>) -> Option<Keys> {
        match self.connection.write_hs(out)? {
            KeyChange::Handshake { keys } => Some(Keys::of(keys)),
            KeyChange::OneRtt { keys, next } => {
                self.next = Some(next);
                Some(Keys::of(keys))
            }
        }
    }

    /// The keys that follow those of packets that carry data: to send by, and of what comes.
    pub fn next_keys(&mut self) -> Option<(PacketKey, PacketKey)> {
        let keys = self.next.as_mut()?.next_packet_keys();
        Some((PacketKey(keys.local), PacketKey(keys.remote)))
    }

    /// Whether it is still under way.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the other end has chosen a protocol.
    #[must_use]
    pub fn has_protocol(&self) -> bool {
        self.connection.alpn_protocol().is_some()
    }

    /// The transport parameters of the other end, once they came.
    #[must_use]
    pub fn parameters(&self) -> Option<&[u8]> {
        self.connection.quic_transport_parameters()
    }

    /// What the other end showed so far, judged.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.opening.shown(&self.connection)
    }

    /// Why it failed, if it did.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        self.failed.as_ref()
    }
}

impl Keys {
    /// Those of the first packets, which everybody can make who sees the identifier that the first one
    /// goes to (RFC 9001 section 5.2).
    #[must_use]
    pub fn initial(destination: &[u8]) -> Option<Self> {
        let suite = TLS13_AES_128_GCM_SHA256.tls13()?.quic_suite()?;
        Some(Self::of(suite.keys(destination, Side::Client, Version::V1)))
    }

    fn of(keys: quic::Keys) -> Self {
        let pair = |keys: quic::DirectionalKeys| (HeaderKey(keys.header), PacketKey(keys.packet));
        Self { local: pair(keys.local), remote: pair(keys.remote) }
    }
}

impl HeaderKey {
    /// Hides the first byte and the number of a packet, by a sample of what it carries; `false`: the
    /// lengths do not fit.
    pub fn hide(&self, sample: &[u8], first: &mut u8, number: &mut [u8]) -> bool {
        self.0.encrypt_in_place(sample, first, number).is_ok()
    }

    /// Shows them again.
    pub fn show(&self, sample: &[u8], first: &mut u8, number: &mut [u8]) -> bool {
        self.0.decrypt_in_place(sample, first, number).is_ok()
    }

    /// How many bytes a sample has.
    #[must_use]
    pub fn sample_len(&self) -> usize {
        self.0.sample_len()
    }
}

impl PacketKey {
    /// Seals what the packet with this number carries, and puts the proof into `tag`; `false`: the
    /// lengths do not fit.
    pub fn seal(&self, number: u64, header: &[u8], payload: &mut [u8], tag: &mut [u8]) -> bool {
        let Ok(made) = self.0.encrypt_in_place(number, header, payload) else { return false };
        let fits = tag.len() == made.as_ref().len();
        if fits {
            tag.copy_from_slice(made.as_ref());
        }
        fits
    }

    /// Opens what a packet carries, with the proof behind it; how long it is without. `None`: it was
    /// changed on the way, or made by somebody else.
    pub fn open(&self, number: u64, header: &[u8], payload: &mut [u8]) -> Option<usize> {
        self.0.decrypt_in_place(number, header, payload).ok().map(<[u8]>::len)
    }

    /// How many bytes the proof has.
    #[must_use]
    pub fn tag_len(&self) -> usize {
        self.0.tag_len()
    }

    /// How many packets may be sealed (RFC 9001 section 6.6).
    #[must_use]
    pub fn most_sealed(&self) -> u64 {
        self.0.confidentiality_limit()
    }

    /// How many packets may be found to be changed.
    #[must_use]
    pub fn most_broken(&self) -> u64 {
        self.0.integrity_limit()
    }
}

/// Whether a certificate can be for the name of a handshake.
///
/// # Errors
/// Why not.
pub fn check(hello: &Hello<'_>) -> Result<(), Fault> {
    server_name(hello.name).map(drop)
}

/// What the other end meant by the number of an alert (RFC 9001 section 4.8).
#[must_use]
pub fn alert(number: u8) -> Fault {
    Fault::of(&Error::AlertReceived(AlertDescription::from(number)), None)
}

/// Whether a server that asks to begin anew saw the packet that began: the proof is at the end of
/// `payload` (RFC 9001 section 5.8).
#[must_use]
pub fn is_genuine_retry(destination: &[u8], header: &[u8], payload: &[u8]) -> bool {
    let (Some(proof_at), Ok(len)) =
        (payload.len().checked_sub(16), u8::try_from(destination.len()))
    else {
        return false;
    };
    let Ok(key) = UnboundKey::new(&AES_128_GCM, &RETRY_KEY) else { return false };
    let mut all = [&[len], destination, header, payload].concat();
    let (about, proof) = all.split_at_mut(1 + destination.len() + header.len() + proof_at);
    let nonce = Nonce::assume_unique_for_key(RETRY_NONCE);
    LessSafeKey::new(key).open_in_place(nonce, Aad::from(about), proof).is_ok()
}

const RETRY_KEY: [u8; 16] = [
    0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e,
];
const RETRY_NONCE: [u8; 12] =
    [0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb];

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("name", &self.opening.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl fmt::Debug for HeaderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderKey").finish_non_exhaustive()
    }
}

impl fmt::Debug for PacketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9001 section A.4.
    #[test]
    fn a_retry_is_genuine_by_its_proof() {
        const PACKET: [u8; 36] = [
            0xff, 0, 0, 0, 1, 0, 8, 0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5, 0x74, 0x6f,
            0x6b, 0x65, 0x6e, 0x04, 0xa2, 0x65, 0xba, 0x2e, 0xff, 0x4d, 0x82, 0x90, 0x58, 0xfb,
            0x3f, 0x0f, 0x24, 0x96, 0xba,
        ];
        let destination = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
        let (header, payload) = PACKET.split_at(15);
        assert!(is_genuine_retry(&destination, header, payload));
        assert!(!is_genuine_retry(&destination[1..], header, payload));
        for at in 0..payload.len() {
            let mut changed = payload.to_vec();
            changed[at] ^= 1;
            assert!(!is_genuine_retry(&destination, header, &changed), "{at}");
        }
        assert!(!is_genuine_retry(&destination, header, &payload[..9]));
    }

    #[test]
    fn an_alert_has_its_name() {
        let fault = alert(120);
        assert!(fault.message.ends_with("alert no_application_protocol"), "{}", fault.message);
    }
}

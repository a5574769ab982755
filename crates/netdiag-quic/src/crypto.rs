//! The handshake of `netdiag-tls`, and the keys that come of it, as quinn-proto wants them.

use bytes::BytesMut;
use netdiag_tls::quic::{Handshake, HeaderKey, Keys, PacketKey, is_genuine_retry};
use netdiag_tls::{Client, Fault, Hello, Shown};
use quinn_proto::crypto::{self, CryptoError, ExportKeyingMaterialError, KeyPair};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectError, ConnectionId, Side, TransportError, TransportErrorCode};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// By what a handshake is begun.
pub(crate) struct Config {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) sni: bool,
    pub(crate) alpn: Vec<String>,
    pub(crate) now: Duration,
}

impl crypto::ClientConfig for Config {
    fn start_session(
        self: Arc<Self>,
        _: u32,
        _: &str,
        parameters: &TransportParameters,
    ) -> Result<Box<dyn crypto::Session>, ConnectError> {
        let mut bytes = Vec::new();
        parameters.write(&mut bytes);
        let alpn: Vec<&str> = self.alpn.iter().map(String::as_str).collect();
        let hello = Hello { name: &self.name, sni: self.sni, alpn: &alpn };
        let handshake = Handshake::new(&self.client, &hello, self.now, bytes);
        let handshake =
            handshake.map_err(|fault| ConnectError::InvalidServerName(fault.message))?;
        Ok(Box::new(Session { handshake, has_told: false }))
    }
}

/// A handshake on its way.
struct Session {
    handshake: Handshake,
    /// That a protocol was chosen.
    has_told: bool,
}

/// What the other end of a connection showed, judged.
pub(crate) fn shown(session: &dyn crypto::Session) -> Shown {
    let shown = session.handshake_data().and_then(|data| data.downcast::<Shown>().ok());
    shown.map(|shown| *shown).unwrap_or_default()
}

/// Why the handshake of a connection failed, if it did, by this end.
pub(crate) fn fault(session: &dyn crypto::Session) -> Option<Fault> {
    session.peer_identity()?.downcast::<Fault>().ok().map(|fault| *fault)
}

impl crypto::Session for Session {
    fn initial_keys(&self, destination: &ConnectionId, _: Side) -> crypto::Keys {
        let keys = Keys::initial(destination).expect("ring has the cipher of the first packets");
        all(keys)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(self.handshake.shown()))
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.handshake.fault().map(|fault| -> Box<dyn Any> { Box::new(fault.clone()) })
    }

    fn early_crypto(&self) -> Option<(Box<dyn crypto::HeaderKey>, Box<dyn crypto::PacketKey>)> {
        None
    }

    fn early_data_accepted(&self) -> Option<bool> {
        Some(false)
    }

    fn is_handshaking(&self) -> bool {
        self.handshake.is_under_way()
    }

    fn read_handshake(&mut self, bytes: &[u8]) -> Result<bool, TransportError> {
        self.handshake.receive(bytes).map_err(|(alert, reason)| TransportError {
            code: alert.map_or(TransportErrorCode::PROTOCOL_VIOLATION, TransportErrorCode::crypto),
            frame: None,
            reason,
        })?;
        let is_known = self.handshake.has_protocol() || !self.handshake.is_under_way();
        Ok(is_known && !std::mem::replace(&mut self.has_told, is_known))
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let Some(mut bytes) = self.handshake.parameters() else { return Ok(None) };
        Ok(Some(TransportParameters::read(Side::Client, &mut bytes)?))
    }

    fn write_handshake(&mut self, out: &mut Vec<u8>) -> Option<crypto::Keys> {
        self.handshake.send(out).map(all)
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn crypto::PacketKey>>> {
        let (local, remote) = self.handshake.next_keys()?;
        Some(KeyPair { local: Box::new(Packets(local)), remote: Box::new(Packets(remote)) })
    }

    fn is_valid_retry(&self, destination: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        is_genuine_retry(destination, header, payload)
    }

    fn export_keying_material(
        &self,
        _: &mut [u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        Err(ExportKeyingMaterialError)
    }
}

fn all(keys: Keys) -> crypto::Keys {
    let ((local_header, local), (remote_header, remote)) = (keys.local, keys.remote);
    crypto::Keys {
        header: KeyPair {
            local: Box::new(Headers(local_header)),
            remote: Box::new(Headers(remote_header)),
        },
        packet: KeyPair { local: Box::new(Packets(local)), remote: Box::new(Packets(remote)) },
    }
}

struct Headers(HeaderKey);

struct Packets(PacketKey);

/// The longest number of a packet, in bytes: a sample begins so far behind where the number does (RFC
/// 9001 section 5.4.2).
const NUMBER: usize = 4;

impl Headers {
    /// The sample, the first byte, and the number of a packet with what comes behind it.
    fn parts<'a>(
        &self,
        number_at: usize,
        packet: &'a mut [u8],
    ) -> Option<(&'a [u8], &'a mut u8, &'a mut [u8])> {
        let (header, rest) = packet.split_at_mut_checked(number_at + NUMBER)?;
        let sample = rest.get(..self.0.sample_len())?;
        let (first, header) = header.split_first_mut()?;
        Some((sample, first, header.get_mut(number_at - 1..)?))
    }
}

impl crypto::HeaderKey for Headers {
    fn decrypt(&self, number_at: usize, packet: &mut [u8]) {
        if let Some((sample, first, number)) = self.parts(number_at, packet) {
            self.0.show(sample, first, number);
        }
    }

    fn encrypt(&self, number_at: usize, packet: &mut [u8]) {
        if let Some((sample, first, number)) = self.parts(number_at, packet) {
            self.0.hide(sample, first, number);
        }
    }

    fn sample_size(&self) -> usize {
        self.0.sample_len()
    }
}

impl crypto::PacketKey for Packets {
    fn encrypt(&self, number: u64, packet: &mut [u8], header_len: usize) {
        let (header, rest) = packet.split_at_mut(header_len);
        let payload_len = rest.len() - self.0.tag_len();
        let (payload, tag) = rest.split_at_mut(payload_len);
        let is_sealed = self.0.seal(number, header, payload, tag);
        assert!(is_sealed, "a packet of QUIC is never too long for its cipher");
    }

    fn decrypt(
        &self,
        number: u64,
        header: &[u8],
        payload: &mut BytesMut,
    ) -> Result<(), CryptoError> {
        let len = self.0.open(number, header, payload).ok_or(CryptoError)?;
        payload.truncate(len);
        Ok(())
    }

    fn tag_len(&self) -> usize {
        self.0.tag_len()
    }

    fn confidentiality_limit(&self) -> u64 {
        self.0.most_sealed()
    }

    fn integrity_limit(&self) -> u64 {
        self.0.most_broken()
    }
}

/// No key: a client has nobody to reset (RFC 9000 section 10.3).
pub(crate) struct NoKey;

impl crypto::HmacKey for NoKey {
    fn sign(&self, _: &[u8], out: &mut [u8]) {
        out.fill(0);
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, _: &[u8], _: &[u8]) -> Result<(), CryptoError> {
        Err(CryptoError)
    }
}

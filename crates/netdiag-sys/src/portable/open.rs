//! Opening surge-ping's sockets, and what they cannot tell.

use super::PortableNetwork;
use super::second::Second;
use crate::dialog::Reverse;
use crate::privileges::with_net_raw;
use crate::random;
use netdiag_engine::port::{Control, Identifiers, NetworkError, Opened, Opening};
use netdiag_model::Family;
use netdiag_model::contract::SocketKind;
use socket2::Type;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::num::NonZeroU32;
use std::time::Duration;
use surge_ping::{Client, Config, ICMP};
use tokio::runtime::Builder;

/// How long a reply is waited for where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(10);
/// A reply is not waited for longer, whatever is said.
const MOST_PATIENCE: Duration = Duration::from_secs(3_600);

/// What to open with surge-ping. All of it goes for every packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortableRequest {
    /// The TTL or hop limit.
    pub hop_limit: Option<u8>,
    /// The source address.
    pub source: Option<IpAddr>,
    /// The index of the interface to leave by.
    pub interface: Option<u32>,
    /// How long a reply is waited for, 10 seconds where not given and an hour at most. What comes
    /// later is not heard of, so it should be as long as the engine remembers a probe.
    pub patience: Option<Duration>,
}

impl PortableRequest {
    /// Opens a socket for each family: an ICMP datagram socket, or else a raw one. A family that
    /// cannot be opened is an `Err` in [`Opened`].
    ///
    /// Call it before [`crate::privileges::drop_all`]; no thread is started before the network is
    /// used.
    ///
    /// # Errors
    /// When there is no runtime to be had (descriptors).
    pub fn open(&self) -> Result<PortableNetwork, NetworkError> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| failed("tokio runtime", &error))?;
        let patience = self.patience.unwrap_or(PATIENCE).min(MOST_PATIENCE);
        let both = with_net_raw(|| {
            let context = runtime.enter();
            let both = [Family::Ipv4, Family::Ipv6].map(|family| self.family(family, patience));
            drop(context);
            both
        });
        let [ipv4, ipv6] = both;
        let opening = |one: &Result<(Client, Opening), NetworkError>| match one {
            Ok((_, opening)) => Ok(opening.clone()),
            Err(error) => Err(error.clone()),
        };
        Ok(PortableNetwork {
            opened: Opened::icmp(opening(&ipv4), opening(&ipv6)),
            ipv4: ipv4.ok().map(|(client, _)| client),
            ipv6: ipv6.ok().map(|(client, _)| client),
            control: Control {
                hop_limit: self.hop_limit,
                source: self.source,
                interface: self.interface,
                ..Control::default()
            },
            patience,
            second: Second::new(runtime),
            output: None,
            reverse: Reverse::default(),
        })
    }

    /// Opens one family, within the runtime.
    fn family(
        &self,
        family: Family,
        patience: Duration,
    ) -> Result<(Client, Opening), NetworkError> {
        const CALL: &str = "surge-ping's socket";
        let client = Client::new(&self.config(family)).map_err(|error| failed(CALL, &error))?;
        let socket = client.get_socket();
        let is_raw = socket.get_type() == Type::RAW;
        let identifiers = if is_raw || !cfg!(any(target_os = "linux", target_os = "android")) {
            let drawn = random::bytes().map_err(|error| failed("random bytes", &error))?;
            Identifiers { first: u16::from_be_bytes(drawn) & !15, count: 16 }
        } else {
            // The kernel puts its own in, which is the port of the socket.
            let local = socket.local_addr().map_err(|error| failed("getsockname", &error))?;
            Identifiers { first: local.port(), count: 1 }
        };
        let opening = Opening {
            socket: if is_raw { SocketKind::Raw } else { SocketKind::IcmpDatagram },
            identifiers,
            because: "--backend portable was asked for".to_owned(),
            lost: lost(family, is_raw, patience),
        };
        Ok((client, opening))
    }

    fn config(&self, family: Family) -> Config {
        let source = self.source.filter(|source| Family::of(*source) == family);
        let scope = self.interface.unwrap_or(0);
        let (kind, bind) = match family {
            Family::Ipv4 => {
                let source = source.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
                (ICMP::V4, SocketAddr::new(source, 0))
            }
            Family::Ipv6 => {
                let source = match source {
                    Some(IpAddr::V6(source)) => source,
                    _ => Ipv6Addr::UNSPECIFIED,
                };
                (ICMP::V6, SocketAddrV6::new(source, 0, 0, scope).into())
            }
        };
        let mut config = Config::builder().kind(kind).bind(bind);
        if let Some(hop_limit) = self.hop_limit {
            config = config.ttl(hop_limit.into());
        }
        if let Some(index) = self.interface.and_then(NonZeroU32::new) {
            config = config.interface_index(index);
        }
        config.build()
    }
}

/// What surge-ping cannot tell over any socket.
const LOST: &[&str] = &[
    "kernel time stamps: a round trip is from after the send returned to when this process woke up, \
     so a delay of this machine can make it too short as well as too long",
    "the data of replies: it is taken for what was sent, so neither a forged tag nor a corrupt byte \
     is seen",
    "duplicates",
    "packets that answer no probe",
    "replies that this machine dropped, its sleep, and changes of its interfaces: what they cost \
     counts as lost",
];

const LOST_DATAGRAM: &str =
    "ICMP errors: who sent one, and that one came; its probe counts as lost";
const LOST_TOO_BIG: &str = "the MTU of \"packet too big\", whose probe counts as lost";
const LOST_HOP_LIMIT: &str = "hop limits of replies";

/// What surge-ping cannot tell over this kind of socket.
fn lost(family: Family, is_raw: bool, patience: Duration) -> Vec<String> {
    let by_kind: &[&str] = match (family, is_raw) {
        (_, false) => &[LOST_DATAGRAM, LOST_HOP_LIMIT],
        (Family::Ipv4, true) => &[
            "the MTU of \"fragmentation needed\"",
            "the checksums of replies and errors, which nobody checks",
            "the reply to a probe after a redirect or a source quench for it: it counts as lost",
        ],
        (Family::Ipv6, true) => &[LOST_TOO_BIG, LOST_HOP_LIMIT],
    };
    let late = format!("replies later than {} s", patience.as_secs_f64());
    LOST.iter().chain(by_kind).map(|&what| what.to_owned()).chain([late]).collect()
}

/// An error of the operating system. surge-ping words a refusal anew and so loses its number.
pub(super) fn failed(call: &'static str, error: &io::Error) -> NetworkError {
    let unnumbered = match error.kind() {
        io::ErrorKind::PermissionDenied => libc::EACCES,
        _ => libc::EIO,
    };
    NetworkError { call, errno: error.raw_os_error().unwrap_or(unnumbered) }
}

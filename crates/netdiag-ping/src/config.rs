//! What to do: one target and how it is probed.

use crate::goal::Goal;
use crate::protocol::Protocol;
use netdiag_engine::port::Control;
use netdiag_engine::{InterfaceQuery, Pattern};
use netdiag_model::{ClockAnchor, Destination, Instant, Way};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

/// How many probes are kept one by one for the result.
pub const PROBES_KEPT: usize = 10_000;

/// One series of probes to one target. What [`Probing`] says stands in it as if it were its own:
/// targets that are probed alike share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The target's place in the run.
    pub target_index: usize,
    /// Where it goes.
    pub destination: Destination,
    /// How it is probed.
    pub probing: Arc<Probing>,
}

/// How targets are probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probing {
    /// To how many hosts a probe goes.
    pub cast: Cast,
    /// What is sent.
    pub protocol: Protocol,
    /// How many probes; `None`: until stopped.
    pub count: Option<u64>,
    /// Whose rules say when it ends.
    pub manner: Manner,
    /// From one probe to the next. Zero: as soon as the one before is answered, or after 10 ms.
    pub interval: Duration,
    /// Follow the mean round trip instead of the interval, which counts until the first answer; never
    /// faster than this.
    pub adaptive: Option<Duration>,
    /// The state of the target that ends the series.
    pub goal: Option<Goal>,
    /// After which time without an answer a probe is lost.
    pub timeout: Duration,
    /// After which time the series ends, whatever is under way.
    pub deadline: Option<Duration>,
    /// How many probes go at once at the start; at least 1.
    pub preload: u64,
    /// Data bytes of a request.
    pub size: u16,
    /// How many echo identifiers there are to change between.
    pub identifiers: u8,
    /// What fills them.
    pub pattern: Pattern,
    /// What [`Protocol::IcmpProbe`] asks; without it that sends echo requests.
    pub query: Option<InterfaceQuery>,
    /// The wall clock, for [`Protocol::IcmpTimestamp`].
    pub wall: ClockAnchor,
    /// What travels with each packet.
    pub control: Control,
    /// The way that the packets take out of this machine, where known.
    pub way: Option<Way>,
    /// Whether the name of the address is wanted.
    pub wants_name: bool,
    /// Whether single probes are kept for the result, the last [`PROBES_KEPT`].
    pub keeps_probes: bool,
    /// Whether each probe is told, not only what it changes.
    pub tells_probes: bool,
}

/// To how many hosts a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cast {
    /// To one.
    Unicast,
    /// To those that have joined a group (RFC 1112, RFC 4291 section 2.7).
    Multicast,
    /// To all of a network (RFC 919).
    Broadcast,
}

/// When a series ends by itself, and what it may send under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Once every probe of the count has settled.
    Settled,
    /// As the ping of iputils does: once so many answers or errors have come; else a while after
    /// the last probe. It has one identifier only, and knows the name before it starts.
    Iputils {
        /// How long it stays after the last probe where nothing was answered; `None`: for good.
        linger: Option<Duration>,
        /// Whether a packet that was too large to be sent is an error that ends the wait.
        counts_too_large: bool,
    },
}

impl Config {
    /// The defaults of `ping`: one probe of 56 bytes a second, lost after 2 s, no end.
    #[must_use]
    pub fn new(target_index: usize, destination: Destination) -> Self {
        Self { target_index, destination, probing: Arc::new(Probing::default()) }
    }
}

impl Deref for Config {
    type Target = Probing;

    fn deref(&self) -> &Probing {
        &self.probing
    }
}

/// What is changed for one target is changed for no other.
impl DerefMut for Config {
    fn deref_mut(&mut self) -> &mut Probing {
        Arc::make_mut(&mut self.probing)
    }
}

impl Default for Probing {
    fn default() -> Self {
        Self {
            cast: Cast::Unicast,
            protocol: Protocol::Icmp,
            count: None,
            manner: Manner::Settled,
            interval: Duration::from_secs(1),
            adaptive: None,
            goal: None,
            timeout: Duration::from_secs(2),
            deadline: None,
            preload: 1,
            size: 56,
            identifiers: 1,
            pattern: Pattern::COUNTING,
            query: None,
            wall: ClockAnchor { instant: Instant::ZERO, unix_nanos: 0 },
            control: Control::default(),
            way: None,
            wants_name: false,
            keeps_probes: false,
            tells_probes: true,
        }
    }
}

//! How packets leave.

use super::marking::Marking;
use std::net::IpAddr;

/// Where packets leave from, and what they carry.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Outgoing {
    /// Source address.
    #[arg(short = 'S', visible_short_alias = 'b', long, value_name = "ADDR")]
    pub(crate) source: Option<IpAddr>,
    /// Interface to send by.
    #[arg(short = 'I', long, value_name = "NAME")]
    pub(crate) interface: Option<String>,
    /// TTL or hop limit of every packet [default: what the kernel has, mostly 64].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) ttl: Option<u8>,
    #[command(flatten)]
    pub(crate) marking: Marking,
    /// Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17).
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) mark: Option<u32>,
}

//! How packets ask to be treated on the way.

use super::value;

/// The bits of the TOS byte or traffic class (RFC 2474, RFC 3168).
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Marking {
    /// DSCP by name (ef, cs1, af41 ...) or number, 0 to 63.
    #[arg(long, value_name = "NAME|N", value_parser = value::dscp, allow_negative_numbers = true)]
    pub(crate) dscp: Option<u8>,
    /// ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp.
    #[arg(long, value_name = "NAME|N", value_parser = value::ecn, allow_negative_numbers = true)]
    pub(crate) ecn: Option<u8>,
}

impl Marking {
    /// The TOS byte or traffic class, where any of its bits was asked for.
    pub(crate) fn traffic_class(self) -> Option<u8> {
        let parts = self.dscp.is_some() || self.ecn.is_some();
        let whole = self.dscp.unwrap_or_default() | self.ecn.unwrap_or_default();
        parts.then_some(whole)
    }
}

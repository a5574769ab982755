//! Message types and field offsets (IANA "ICMP Type Numbers", "ICMPv6 Type Numbers").

/// ICMP over IPv4.
pub(crate) mod v4 {
    pub(crate) const ECHO_REPLY: u8 = 0;
    pub(crate) const DESTINATION_UNREACHABLE: u8 = 3;
    pub(crate) const REDIRECT: u8 = 5;
    pub(crate) const ECHO_REQUEST: u8 = 8;
    pub(crate) const TIME_EXCEEDED: u8 = 11;
    pub(crate) const PARAMETER_PROBLEM: u8 = 12;
    pub(crate) const TIMESTAMP_REQUEST: u8 = 13;
    pub(crate) const TIMESTAMP_REPLY: u8 = 14;
    pub(crate) const EXTENDED_ECHO_REQUEST: u8 = 42;
    pub(crate) const EXTENDED_ECHO_REPLY: u8 = 43;

    /// Code of a destination unreachable: the next link's MTU is smaller, and the datagram must not be fragmented.
    pub(crate) const FRAGMENTATION_NEEDED: u8 = 4;
}

/// ICMP over IPv6.
pub(crate) mod v6 {
    pub(crate) const DESTINATION_UNREACHABLE: u8 = 1;
    pub(crate) const PACKET_TOO_BIG: u8 = 2;
    pub(crate) const TIME_EXCEEDED: u8 = 3;
    pub(crate) const PARAMETER_PROBLEM: u8 = 4;
    pub(crate) const ECHO_REQUEST: u8 = 128;
    pub(crate) const ECHO_REPLY: u8 = 129;
    pub(crate) const REDIRECT: u8 = 137;
    pub(crate) const EXTENDED_ECHO_REQUEST: u8 = 160;
    pub(crate) const EXTENDED_ECHO_REPLY: u8 = 161;
}

/// Where fields stand in a message.
pub(crate) mod field {
    pub(crate) const CHECKSUM: usize = 2;
    /// What follows type, code and checksum.
    pub(crate) const REST: usize = 4;
    pub(crate) const IDENT: usize = 4;
    pub(crate) const SEQ: usize = 6;
    /// RFC 1191 section 4.
    pub(crate) const V4_MTU: usize = 6;
    pub(crate) const V4_POINTER: usize = 4;
    pub(crate) const V4_GATEWAY: usize = 4;
    pub(crate) const V6_MTU: usize = 4;
    pub(crate) const V6_POINTER: usize = 4;
    pub(crate) const ORIGINATE: usize = 8;
    pub(crate) const RECEIVE: usize = 12;
    pub(crate) const TRANSMIT: usize = 16;
    /// RFC 4861 section 4.5.
    pub(crate) const V6_REDIRECT_TARGET: usize = 8;
    pub(crate) const V6_REDIRECT_DESTINATION: usize = 24;
    pub(crate) const V6_REDIRECT_OPTIONS: usize = 40;
    /// RFC 4884 section 4.1: counts words of 32 bits.
    pub(crate) const V4_QUOTE_LENGTH: usize = 5;
    /// RFC 4884 section 4.4: counts words of 64 bits.
    pub(crate) const V6_QUOTE_LENGTH: usize = 4;
}

/// The neighbour discovery option that quotes a redirected datagram (RFC 4861 section 4.6.3).
pub(crate) mod redirected_header {
    pub(crate) const KIND: u8 = 4;
    /// Bytes in front of the quote: type, length, reserved.
    pub(crate) const HEADER: usize = 8;
    /// The option's length counts units of eight bytes, header included.
    pub(crate) const UNIT: usize = 8;
}

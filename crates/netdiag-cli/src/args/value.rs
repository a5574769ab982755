//! The values of options.

use netdiag_engine::port::{IpOptions, Stamping};
use netdiag_engine::{InterfaceQuery, Pattern};
use netdiag_ping::Protocol;
use netdiag_ping::protocol::{DNS_PORT, HTTP_PORT, TCP_PORT, TLS_PORT, UDP_PORT};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The longest duration that is taken: about 31 years.
const LONGEST_SECONDS: f64 = 1e9;

const NO_DURATION: &str = "not a duration: a number of seconds, or with us, ms, s, m, h";

/// A duration that may be zero: a bare number is seconds, or with `us`, `ms`, `s`, `m`, `h`.
pub(crate) fn duration_or_zero(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(number.len()..).unwrap_or_default();
    let scale = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ if number.is_empty() => return Err(NO_DURATION.to_owned()),
        _ => return Err(format!("unknown unit `{unit}`; us, ms, s, m or h")),
    };
    let value: f64 = number.parse().map_err(|_| NO_DURATION.to_owned())?;
    let seconds = value * scale;
    if seconds.is_nan() || seconds < 0.0 || number.starts_with('-') {
        return Err("a duration cannot be negative".to_owned());
    }
    if seconds > LONGEST_SECONDS {
        return Err(format!("too long: at most {LONGEST_SECONDS} seconds"));
    }
    let duration = Duration::from_secs_f64(seconds);
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    if duration.is_zero() && mantissa.contains(|c: char| ('1'..='9').contains(&c)) {
        return Err("shorter than a nanosecond".to_owned());
    }
    Ok(duration)
}

/// A duration above zero.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match duration_or_zero(text)? {
        Duration::ZERO => Err("must be above zero".to_owned()),
        duration => Ok(duration),
    }
}

/// A duration above zero, and whether it had no unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeout {
    pub(crate) duration: Duration,
    pub(crate) bare: bool,
}

/// A duration above zero that remembers whether it had a unit.
pub(crate) fn timeout(text: &str) -> Result<Timeout, String> {
    let bare = !text.ends_with(|c: char| c.is_ascii_alphabetic());
    Ok(Timeout { duration: duration(text)?, bare })
}

/// The bytes of a pattern: 1 to 16, in hexadecimal.
pub(crate) fn pattern(text: &str) -> Result<Pattern, String> {
    let wrong = || "1 to 16 bytes in hexadecimal, such as `ff00`".to_owned();
    if !text.is_ascii() || text.is_empty() {
        return Err(wrong());
    }
    // As iputils: two digits a byte, an odd last one stands alone.
    let bytes: Result<Vec<u8>, _> = text
        .as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(&String::from_utf8_lossy(digits), 16))
        .collect();
    bytes.ok().and_then(|bytes| Pattern::repeated(&bytes)).ok_or_else(wrong)
}

/// A DSCP by name (RFC 2474, 2597, 3246, 5865, 8622) or number, as a traffic class byte.
pub(crate) fn dscp(text: &str) -> Result<u8, String> {
    let lower = text.to_ascii_lowercase();
    let named = DSCP.iter().find(|(name, _)| *name == lower).map(|(_, value)| *value);
    let value = match named {
        Some(value) => value,
        None => lower.parse().ok().filter(|value| *value < 64).ok_or_else(|| {
            let names: Vec<&str> = DSCP.iter().map(|(name, _)| *name).collect();
            format!("a number from 0 to 63, or one of {}", names.join(" "))
        })?,
    };
    Ok(value << 2)
}

const DSCP: &[(&str, u8)] = &[
    ("cs0", 0),
    ("le", 1),
    ("cs1", 8),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("cs2", 16),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("cs3", 24),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("cs4", 32),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("cs5", 40),
    ("voice-admit", 44),
    ("ef", 46),
    ("cs6", 48),
    ("cs7", 56),
];

/// A protocol and perhaps its port: `icmp`, `udp`, `udp:7`, `tcp:443`.
pub(crate) fn protocol(text: &str) -> Result<Protocol, String> {
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let port = match port.map(str::parse::<u16>) {
        None => None,
        Some(Ok(port)) if port > 0 => Some(port),
        Some(_) => return Err("a port is a number from 1 to 65535".to_owned()),
    };
    match (name.to_ascii_lowercase().as_str(), port) {
        ("icmp", None) => Ok(Protocol::Icmp),
        ("icmp", Some(_)) => Err("icmp has no ports".to_owned()),
        ("udp", port) => Ok(Protocol::Udp { port: port.unwrap_or(UDP_PORT) }),
        ("tcp", port) => Ok(Protocol::Tcp { port: port.unwrap_or(TCP_PORT), any_answer: false }),
        _ => Err("icmp, udp, udp:PORT, tcp or tcp:PORT".to_owned()),
    }
}

/// A protocol of a sweep: one of these, or SYNs of our own, `syn:443`.
pub(crate) fn sweep_protocol(text: &str) -> Result<Protocol, String> {
    let syn = text.get(..3).filter(|name| name.eq_ignore_ascii_case("syn"));
    match (syn, text.get(3..).unwrap_or_default()) {
        (Some(_), "") => Ok(Protocol::Syn { port: TCP_PORT }),
        (Some(_), rest) if rest.starts_with(':') => match rest[1..].parse() {
            Ok(port) if port > 0 => Ok(Protocol::Syn { port }),
            _ => Err("a port is a number from 1 to 65535".to_owned()),
        },
        _ => protocol(text).map_err(|said| match said.strip_suffix(" or tcp:PORT") {
            Some(start) => format!("{start}, tcp:PORT, syn or syn:PORT"),
            None => said,
        }),
    }
}

/// A protocol of `ping`: one of these, or the requests of ICMP that only it sends.
pub(crate) fn ping_protocol(text: &str) -> Result<Protocol, String> {
    match text.to_ascii_lowercase().as_str() {
        "icmp-timestamp" => Ok(Protocol::IcmpTimestamp),
        "icmp-probe" => Ok(Protocol::IcmpProbe),
        _ => service(text).unwrap_or_else(|| protocol(text)).map_err(|said| match said.strip_prefix("icmp, udp") {
            Some(rest) => {
                format!("icmp, icmp-timestamp, icmp-probe, udp{rest}, syn, tls, http, https, dns or quic, by commas")
            }
            None => said,
        }),
    }
}

/// A service that `ping` asks, `tls`, `http`, `https`, `dns` or `quic`, or SYNs of our own, `syn`: with a
/// port or without.
fn service(text: &str) -> Option<Result<Protocol, String>> {
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let (usual, to): (u16, fn(u16) -> Protocol) = match name.to_ascii_lowercase().as_str() {
        "tls" => (TLS_PORT, |port| Protocol::Tls { port }),
        "http" => (HTTP_PORT, |port| Protocol::Http { port, tls: false }),
        "https" => (TLS_PORT, |port| Protocol::Http { port, tls: true }),
        "dns" => (DNS_PORT, |port| Protocol::Dns { port }),
        "quic" => (TLS_PORT, |port| Protocol::Quic { port }),
        "syn" | "tcp-syn" => (TCP_PORT, |port| Protocol::Syn { port }),
        _ => return None,
    };
    let port = port.map_or(Some(usual), |port| port.parse().ok().filter(|port| *port > 0));
    Some(port.map(to).ok_or_else(|| "a port is a number from 1 to 65535".to_owned()))
}

/// ECN by name (RFC 3168 section 5) or number, as the low bits of a traffic class byte.
pub(crate) fn ecn(text: &str) -> Result<u8, String> {
    match text.to_ascii_lowercase().as_str() {
        "not-ect" | "0" => Ok(0b00),
        "ect1" | "1" => Ok(0b01),
        "ect0" | "2" => Ok(0b10),
        "ce" | "3" => Ok(0b11),
        _ => Err("not-ect, ect0, ect1, ce, or a number from 0 to 3".to_owned()),
    }
}

/// What an extended echo asks about, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) query: InterfaceQuery,
}

/// An interface of the target by number, address or name, or `neighbor:ADDR` for a neighbour of it.
pub(crate) fn question(text: &str) -> Result<Question, String> {
    let address = |text: &str| text.parse::<IpAddr>().ok();
    let query = if let Some(rest) = text.strip_prefix("neighbor:") {
        let address = address(rest).ok_or("behind `neighbor:` stands an address")?;
        InterfaceQuery::neighbor(address)
    } else if let Some(address) = address(text) {
        InterfaceQuery::by_address(address)
    } else if let Ok(index) = text.parse() {
        InterfaceQuery::by_index(index)
    } else {
        InterfaceQuery::by_name(text)
    };
    let query = query.ok_or("a name of 1 to 255 bytes, a number, or an address")?;
    Ok(Question { text: text.to_owned(), query })
}

/// A whole number above zero.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "a whole number from 1".to_owned())
}

/// Where routers write the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IpStamps {
    /// Nothing but the time.
    Only,
    /// Each its address and the time.
    WithAddresses,
    /// The time at these addresses alone.
    At(Vec<Ipv4Addr>),
}

impl IpStamps {
    /// The option; `None` for more addresses than it has room for.
    pub(crate) fn options(&self) -> Option<IpOptions> {
        IpOptions::timestamps(match self {
            Self::Only => Stamping::Only,
            Self::WithAddresses => Stamping::WithAddresses,
            Self::At(addresses) => Stamping::At(addresses),
        })
    }
}

/// What the timestamp option shall bring.
pub(crate) fn ip_timestamps(text: &str) -> Result<IpStamps, String> {
    const WRONG: &str = "tsonly, tsandaddr, or tsprespec: and one to four IPv4 addresses";
    let stamps = match text {
        "tsonly" => IpStamps::Only,
        "tsandaddr" => IpStamps::WithAddresses,
        _ => {
            let addresses = text.strip_prefix("tsprespec:").ok_or(WRONG)?;
            let addresses = addresses.split(',').map(str::parse).collect::<Result<_, _>>();
            IpStamps::At(addresses.map_err(|_| WRONG)?)
        }
    };
    stamps.options().map(|_| stamps).ok_or_else(|| WRONG.to_owned())
}

/// A flow label: 20 bits, decimal or hexadecimal with `0x`.
pub(crate) fn flow_label(text: &str) -> Result<u32, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let label = parsed.filter(|label| *label <= MOST_FLOW_LABEL);
    label.ok_or_else(|| "a number from 0 to 1048575, decimal or 0x..".to_owned())
}

/// The largest flow label (RFC 8200 section 3).
pub(crate) const MOST_FLOW_LABEL: u32 = 0xf_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        let check = |text, nanos| {
            assert_eq!(duration_or_zero(text), Ok(Duration::from_nanos(nanos)), "{text}");
        };
        check("0.2", 200_000_000);
        check("1e-3", 1_000_000);
        check("250us", 250_000);
        check("20ms", 20_000_000);
        check("2m", 120_000_000_000);
        check("1h", 3_600_000_000_000);
        check("0", 0);
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in
            ["", "x", "-1", "-0", "nan", "inf", "1e400", "1e-400", "1e-10", "5x", "1 s", "1d"]
        {
            assert!(duration_or_zero(text).is_err(), "{text}");
        }
        assert!(duration("0").is_err());
    }

    #[test]
    fn dscp_has_names_and_numbers() {
        assert_eq!(dscp("EF"), Ok(46 << 2));
        assert_eq!(dscp("10"), Ok(40));
        assert!(dscp("64").is_err());
        assert!(dscp("af99").is_err());
    }

    #[test]
    fn ecn_has_the_bits_of_the_rfc() {
        for (name, number, bits) in
            [("Not-ECT", "0", 0), ("ECT1", "1", 1), ("ect0", "2", 2), ("ce", "3", 3)]
        {
            assert_eq!((ecn(name), ecn(number)), (Ok(bits), Ok(bits)), "{name}");
        }
        assert!(ecn("4").is_err() && ecn("").is_err() && ecn("ect").is_err());
    }

    #[test]
    fn a_question_is_about_a_name_a_number_or_an_address() {
        let asked = |text| question(text).map(|question| Some(question.query));
        let address: IpAddr = "192.0.2.1".parse().expect("an address");
        assert_eq!(asked("eth0"), Ok(InterfaceQuery::by_name("eth0")));
        assert_eq!(asked("7"), Ok(InterfaceQuery::by_index(7)));
        assert_eq!(asked("192.0.2.1"), Ok(InterfaceQuery::by_address(address)));
        assert_eq!(asked("neighbor:192.0.2.1"), Ok(InterfaceQuery::neighbor(address)));
        assert!(question("").is_err() && question("neighbor:eth0").is_err());
    }

    #[test]
    fn requests_of_icmp_have_names() {
        assert_eq!(ping_protocol("ICMP-timestamp"), Ok(Protocol::IcmpTimestamp));
        assert_eq!(ping_protocol("udp:7"), Ok(Protocol::Udp { port: 7 }));
        assert!(ping_protocol("x").is_err_and(|said| said.contains("icmp-probe, udp, udp:PORT")));
        assert!(protocol("icmp-probe").is_err());
    }

    #[test]
    fn a_pattern_is_hexadecimal() {
        assert_eq!(pattern("ff0"), Ok(Pattern::repeated(&[0xff, 0]).expect("two bytes")));
        for text in ["", "xyz", "ü", &"0".repeat(34)] {
            assert!(pattern(text).is_err(), "{text}");
        }
    }
}

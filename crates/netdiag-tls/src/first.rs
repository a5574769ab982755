//! The first bytes of a server: whether they are TLS at all, and which version they choose.

use netdiag_model::Untrusted;

/// So many bytes tell.
pub(crate) const TELLING: usize = 256;

/// Whether what came first cannot be TLS: its records begin with 20 to 23 (RFC 8446 section 5.1), and
/// a 3.
pub(crate) fn is_foreign(first: &[u8]) -> bool {
    match first {
        [] | [20..=23] => false,
        [20..=23, major, ..] => *major != 3,
        _ => true,
    }
}

/// The first line of what came, safe to print.
pub(crate) fn line(first: &[u8]) -> String {
    const SHOWN: usize = 80;
    let line = first.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let line = line.get(..SHOWN).unwrap_or(line);
    Untrusted::from(String::from_utf8_lossy(line).into_owned()).escaped().to_string()
}

/// The version that a server chose in its hello, where that is older than TLS 1.2 (RFC 5246 section
/// 7.4.1.3: type 2, three bytes of length, two of version).
pub(crate) fn old_version(first: &[u8]) -> Option<&'static str> {
    match first {
        [22, 3, _, _, _, 2, _, _, _, 3, minor, ..] => match minor {
            0 => Some("SSL 3.0"),
            1 => Some("TLS 1.0"),
            2 => Some("TLS 1.1"),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_record_is_no_tls() {
        for tls in [&b""[..], b"\x16", b"\x16\x03\x03", b"\x15\x03\x01\x00\x02\x02\x46"] {
            assert!(!is_foreign(tls), "{tls:?}");
        }
        for other in [&b"HTTP/1.1 400\r\n"[..], b"2", b"\x16\x02", b"SSH-2.0"] {
            assert!(is_foreign(other), "{other:?}");
        }
        assert_eq!(line(b"220 \x1b[2Jhi\r\nmore"), "220 \\u{1b}[2Jhi");
    }

    #[test]
    fn an_old_version_stands_in_the_hello() {
        let hello = |minor| [22, 3, 1, 0, 74, 2, 0, 0, 70, 3, minor, 0];
        assert_eq!(old_version(&hello(1)), Some("TLS 1.0"));
        assert_eq!(old_version(&hello(2)), Some("TLS 1.1"));
        assert_eq!(old_version(&hello(3)), None);
        assert_eq!(old_version(&hello(1)[..10]), None);
    }
}

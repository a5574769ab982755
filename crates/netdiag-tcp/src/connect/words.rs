//! Figures in sentences.

use netdiag_model::milliseconds;
use std::time::Duration;

/// Milliseconds with as many decimals as a table has.
pub(super) fn ms(time: Duration) -> String {
    let ms = milliseconds(time);
    match ms {
        ..10.0 => format!("{ms:.3} ms"),
        ..100.0 => format!("{ms:.2} ms"),
        ..1_000.0 => format!("{ms:.1} ms"),
        _ => format!("{ms:.0} ms"),
    }
}

/// So many bytes.
pub(super) fn in_bytes(count: u64) -> String {
    match count {
        1 => "1 byte".to_owned(),
        ..=9_999 => format!("{count} bytes"),
        _ => {
            let (mut rest, mut text) = (count, " bytes".to_owned());
            while rest >= 1_000 {
                text = format!(",{:03}{text}", rest % 1_000);
                rest /= 1_000;
            }
            format!("{rest}{text}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_of_bytes_have_commas() {
        let all = [(0, "0 bytes"), (1, "1 byte"), (9_999, "9999 bytes"), (10_000, "10,000 bytes")];
        for (count, text) in all {
            assert_eq!(in_bytes(count), text);
        }
        assert_eq!(in_bytes(10_485_760), "10,485,760 bytes");
        assert_eq!(in_bytes(1_000_007), "1,000,007 bytes");
    }
}

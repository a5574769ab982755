//! Numbers as sscanf(3) and atoi(3) read them: what stands in front counts, the rest does not.

use std::time::Duration;

/// More than this is nowhere needed, and everywhere safe to add.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// The number in front of a text; `None` where there is none.
pub(super) fn float(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let mut lengths = (1..=end).rev();
    lengths.find_map(|length| text.get(..length)?.parse().ok())
}

/// The whole number in front of a text, from 0; `None` where there is none.
pub(super) fn whole(text: &str) -> Option<u32> {
    let text = text.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// A whole number above zero.
pub(super) fn positive(text: &str) -> Option<u32> {
    whole(text).filter(|number| *number > 0)
}

/// A whole number, or a hexadecimal one with `0x`, or an octal one with `0` (sscanf's `%i`).
pub(super) fn any_base(text: &str) -> Option<u32> {
    let text = text.trim_start();
    let digits = |text: &str, base: u32| {
        let end = text.find(|c: char| !c.is_digit(base)).unwrap_or(text.len());
        u32::from_str_radix(text.get(..end)?, base).ok()
    };
    match (text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")), text.strip_prefix('0')) {
        (Some(hexadecimal), _) => digits(hexadecimal, 16),
        (None, Some("")) => Some(0),
        (None, Some(octal)) => digits(octal, 8).or(Some(0)),
        (None, None) => digits(text, 10),
    }
}

/// A time in a unit of so many seconds, with a fraction, from 0.
pub(super) fn time(text: &str, unit: f64) -> Option<Duration> {
    let number = float(text).filter(|number| *number >= 0.0)?;
    Some(Duration::try_from_secs_f64(number * unit).unwrap_or(LONGEST).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_front_counts() {
        assert_eq!(float(" 5x"), Some(5.0));
        assert_eq!(float("1.5e"), Some(1.5));
        assert_eq!(float("-1"), Some(-1.0));
        assert_eq!([float("x"), float(""), float(".")], [None; 3]);
        assert_eq!((whole("12ab"), whole("-1"), whole("")), (Some(12), None, None));
        assert_eq!(positive("0"), None);
        assert_eq!(whole("99999999999"), None);
        assert_eq!(
            (any_base("0x10z"), any_base("010"), any_base("10")),
            (Some(16), Some(8), Some(10))
        );
        assert_eq!((any_base("0"), any_base("x")), (Some(0), None));
    }

    #[test]
    fn times_are_bounded() {
        assert_eq!(time("1.5", 1e-3), Some(Duration::from_micros(1_500)));
        assert_eq!(time("1e300", 1.0), Some(LONGEST));
        assert_eq!((time("-1", 1.0), time("nan", 1.0)), (None, None));
    }
}

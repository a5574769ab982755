//! Numbers with units, in and out.

use netdiag_model::metrics::Unit;

/// A unit of time: `seconds` times ten to the power of `exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TimeUnit {
    seconds: u32,
    exponent: i32,
}

const SECOND: TimeUnit = TimeUnit { seconds: 1, exponent: 0 };
const MILLISECOND: TimeUnit = TimeUnit { seconds: 1, exponent: -3 };
const DAY: TimeUnit = TimeUnit { seconds: 86_400, exponent: 0 };

const TIME_UNITS: [(&str, TimeUnit); 7] = [
    ("us", TimeUnit { seconds: 1, exponent: -6 }),
    ("µs", TimeUnit { seconds: 1, exponent: -6 }),
    ("ms", MILLISECOND),
    ("s", SECOND),
    ("m", TimeUnit { seconds: 60, exponent: 0 }),
    ("h", TimeUnit { seconds: 3_600, exponent: 0 }),
    ("d", DAY),
];

/// An exponent beyond this is too large or too small for any number.
const LARGEST_EXPONENT: i32 = 100_000;

/// A decimal number as it is written: the text before the exponent, and the exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal<'a> {
    mantissa: &'a str,
    exponent: i32,
}

/// Why a number with its unit is not a value of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    Number,
    Unit,
}

impl<'a> Decimal<'a> {
    /// The number at the start of `word`, and the rest; `None` when none starts there.
    pub(super) fn split(word: &'a str) -> Option<(Self, &'a str)> {
        let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
        let after_whole = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
        let mut rest = after_whole;
        let mut digits = unsigned.len() - after_whole.len();
        if let Some(fraction) = after_whole.strip_prefix('.') {
            rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            digits += fraction.len() - rest.len();
        }
        if digits == 0 {
            return None;
        }
        let mantissa = &word[..word.len() - rest.len()];
        let (exponent, rest) = split_exponent(rest).unwrap_or((0, rest));
        Some((Self { mantissa, exponent }, rest))
    }

    /// The number in `own`, having been written in `written`, which is empty for a bare number.
    pub(super) fn convert(self, written: &str, own: Unit) -> Result<f64, Unfit> {
        let value = match (written, own) {
            ("", _) | ("%", Unit::Percent) => self.shifted(0),
            _ => {
                let (from, to) = time_unit(written).zip(time_of(own)).ok_or(Unfit::Unit)?;
                let shifted = self.shifted(from.exponent - to.exponent);
                if from.seconds >= to.seconds {
                    shifted * f64::from(from.seconds / to.seconds)
                } else {
                    shifted / f64::from(to.seconds / from.seconds)
                }
            }
        };
        if value.is_finite() { Ok(value) } else { Err(Unfit::Number) }
    }

    /// The number times ten to the power of `places`: the decimal point moves before anything is
    /// rounded, so that `0.07s` is 70 ms and not 70.00000000000001.
    fn shifted(self, places: i32) -> f64 {
        let text = format!("{}e{}", self.mantissa, self.exponent + places);
        text.parse().unwrap_or(f64::NAN)
    }
}

/// Whether `word` is a unit, of whatever metric.
pub(super) fn is_unit(word: &str) -> bool {
    word == "%" || time_unit(word).is_some()
}

/// What a number in `unit` ends in where it is an expression.
pub(super) const fn suffix(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "",
        _ => unit.symbol(),
    }
}

/// What may be written for a metric in `unit`, for a message.
pub(super) const fn expected(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "a number such as 80, 80ms or 0.08s (units: us ms s m h d)",
        Unit::Seconds => "a number such as 90, 90s or 1.5m (units: us ms s m h d)",
        Unit::Days => "a number such as 14, 14d or 36h (units: us ms s m h d)",
        Unit::Percent => "a number such as 5 or 5%",
        Unit::Count | Unit::Bytes | Unit::None => "a bare number",
        Unit::Text => "text",
        Unit::Bool => "true, false, yes or no",
    }
}

/// A number as an expression reads it back, without hundreds of zeros.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || (1e-6..1e16).contains(&value.abs()) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

/// A measured number to three decimals, or in full where that would hide a difference to `limit`.
pub(super) fn rounded(value: f64, limit: f64) -> String {
    let full = number(value);
    if !(1e-3..1e16).contains(&value.abs()) {
        return full;
    }
    let short = format!("{value:.3}");
    let short = short.trim_end_matches('0').trim_end_matches('.');
    if short == number(limit) { full } else { short.to_owned() }
}

/// `e3` or `E-3` at the start of `rest`, and what follows.
fn split_exponent(rest: &str) -> Option<(i32, &str)> {
    let text = rest.strip_prefix(['e', 'E'])?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let after = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    if after.len() == unsigned.len() {
        return None;
    }
    let digits = &unsigned[..unsigned.len() - after.len()];
    let size = digits.parse().map_or(LARGEST_EXPONENT, |size: i32| size.min(LARGEST_EXPONENT));
    Some((if text.starts_with('-') { -size } else { size }, after))
}

fn time_unit(word: &str) -> Option<TimeUnit> {
    TIME_UNITS.iter().find(|(name, _)| *name == word).map(|&(_, unit)| unit)
}

const fn time_of(unit: Unit) -> Option<TimeUnit> {
    match unit {
        Unit::Milliseconds => Some(MILLISECOND),
        Unit::Seconds => Some(SECOND),
        Unit::Days => Some(DAY),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, own: Unit, expect: Result<f64, Unfit>) {
        let (decimal, unit) = Decimal::split(word).expect("a number");
        assert_eq!(decimal.convert(unit, own), expect, "{word}");
    }

    #[test]
    fn units_are_converted_without_a_trace_of_binary() {
        check("0.07s", Unit::Milliseconds, Ok(70.0));
        check("0.2s", Unit::Milliseconds, Ok(200.0));
        check("300us", Unit::Milliseconds, Ok(0.3));
        check("300µs", Unit::Milliseconds, Ok(0.3));
        check("1.1m", Unit::Milliseconds, Ok(66_000.0));
        check("36h", Unit::Days, Ok(1.5));
        check("2d", Unit::Seconds, Ok(172_800.0));
        check("1e3us", Unit::Milliseconds, Ok(1.0));
        check("-.5", Unit::None, Ok(-0.5));
        check("5%", Unit::Percent, Ok(5.0));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        check("5%", Unit::Count, Err(Unfit::Unit));
        check("5ms", Unit::Percent, Err(Unfit::Unit));
        check("5kg", Unit::Days, Err(Unfit::Unit));
        check("1e999", Unit::None, Err(Unfit::Number));
        check("1e99999999999999", Unit::None, Err(Unfit::Number));
        check("1e-99999999999999", Unit::None, Ok(0.0));
        for word in ["", ".", "-", "nan", "inf", "-inf", "e5", "+.e1"] {
            assert_eq!(Decimal::split(word), None, "{word}");
        }
    }

    #[test]
    fn rounding_hides_no_difference() {
        assert_eq!(rounded(33.333_333_3, 5.0), "33.333");
        assert_eq!(rounded(10.0, 5.0), "10");
        assert_eq!(rounded(5.000_01, 5.0), "5.00001");
        assert_eq!(rounded(100.0, 5.0), "100");
        assert_eq!(rounded(1e300, 5.0), "1e300");
    }
}

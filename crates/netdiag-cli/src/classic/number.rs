//! Numbers as iputils reads them, and its words where they are none.

use super::Refused;
use crate::args::value::MOST_FLOW_LABEL;
use netdiag_model::Untrusted;
use std::ops::RangeInclusive;
use std::time::Duration;

/// iputils ends with 1 for a number that is none.
const BAD_NUMBER: u8 = 1;

/// A decimal number in a range (strtol(3)).
pub(super) fn whole(text: &str, range: &RangeInclusive<i64>) -> Result<i64, Refused> {
    let shown = Untrusted::from(text);
    let shown = shown.escaped();
    let refused = |why: &str| Refused::new(BAD_NUMBER, format!("invalid argument: '{shown}'{why}"));
    let trimmed = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused(""));
    }
    let Ok(number) = trimmed.parse() else {
        return Err(refused(": Numerical result out of range"));
    };
    if !range.contains(&number) {
        let (least, most) = (range.start(), range.end());
        return Err(refused(&format!(": out of range: {least} <= value <= {most}")));
    }
    Ok(number)
}

/// Seconds with a fraction, cut to milliseconds, which iputils counts in, and what it says of text
/// behind them that is no number. It takes a negative interval; this does not.
pub(super) fn seconds(text: &str, what: &str) -> Result<(Duration, Vec<String>), Refused> {
    let shown = Untrusted::from(text);
    let refused = |why: &str| Refused::new(2, format!("bad {what}: {}{why}", shown.escaped()));
    if text.is_empty() {
        return Err(refused(": No such file or directory"));
    }
    let (seconds, rest) = leading_number(text);
    if !seconds.is_finite() {
        return Err(refused(": Numerical result out of range"));
    }
    if !(0.0..=f64::from(i32::MAX) / 1e3).contains(&seconds) {
        return Err(refused(""));
    }
    let garbage = Untrusted::from(rest);
    let said = [
        format!("option argument contains garbage: {}", garbage.escaped()),
        "this will become fatal error in the future".to_owned(),
    ];
    let said = said.into_iter().filter(|_| !rest.is_empty()).collect();
    Ok((Duration::from_millis((seconds * 1e3) as u64), said))
}

/// The number that a text begins with, and what is behind it (strtod(3), of hexadecimal only whole
/// numbers); 0 and the whole text where there is none.
fn leading_number(text: &str) -> (f64, &str) {
    let trimmed = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let sign = if trimmed.starts_with('-') { -1.0 } else { 1.0 };
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let (digits, rest) =
            digits.split_at(digits.bytes().take_while(u8::is_ascii_hexdigit).count());
        if let Ok(number) = u32::from_str_radix(digits, 16) {
            return (sign * f64::from(number), rest);
        }
    }
    // The longest beginning that is a number: digits, a point, an exponent, or inf and nan.
    let ends = (1..=unsigned.len()).rev().filter(|end| unsigned.is_char_boundary(*end));
    let found = ends.map(|end| unsigned.split_at(end)).find_map(|(number, rest)| {
        number.parse::<f64>().ok().filter(|_| !number.starts_with(['+', '-'])).map(|it| (it, rest))
    });
    found.map_or((0.0, text), |(number, rest)| (sign * number, rest))
}

/// The TOS byte: decimal, or hexadecimal with `0x`.
pub(super) fn tos(text: &str) -> Result<u8, Refused> {
    let shown = Untrusted::from(text);
    let shown = shown.escaped();
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None if text.is_empty() => Some(0),
        None => text.parse().ok(),
    };
    let number = parsed.ok_or_else(|| Refused::new(2, format!("bad TOS value: {shown}")))?;
    let range = "the decimal value of TOS bits must be in range 0-255";
    match number {
        // The kernel takes the lowest byte.
        ..=255 => Ok(number as u8),
        _ => Err(Refused::new(2, format!("{range}: {number}"))),
    }
}

/// A flow label of 20 bits: decimal, or hexadecimal with `0x`; nothing at all is 0 (strtoul(3)).
pub(super) fn flow_label(text: &str) -> Result<u32, Refused> {
    let shown = Untrusted::from(text);
    let shown = shown.escaped();
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(Refused::new(2, format!("bad value for flowinfo: {shown}")));
    }
    let number = if digits.is_empty() { Ok(0) } else { u32::from_str_radix(digits, radix) };
    let label = number.ok().filter(|label| *label <= MOST_FLOW_LABEL);
    label
        .filter(|label| sign.is_empty() || *label == 0)
        .ok_or_else(|| Refused::new(2, format!("flow value is greater than 20 bits: {shown}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_and_in_range() {
        let said = |text| match whole(text, &(1..=i64::MAX)) {
            Ok(number) => number.to_string(),
            Err(refused) => refused.message.unwrap_or_default(),
        };
        assert_eq!(said(" +7"), "7");
        assert_eq!(said("1x"), "invalid argument: '1x'");
        assert_eq!(said("0x10"), "invalid argument: '0x10'");
        assert_eq!(said(""), "invalid argument: ''");
        let range = "out of range: 1 <= value <= 9223372036854775807";
        assert_eq!(said("0"), format!("invalid argument: '0': {range}"));
        let far = "99999999999999999999";
        assert_eq!(said(far), format!("invalid argument: '{far}': Numerical result out of range"));
    }

    #[test]
    fn seconds_are_cut_to_milliseconds() {
        let taken =
            |text| seconds(text, "timing interval").ok().map(|(length, said)| (length, said.len()));
        assert_eq!(taken(".2"), Some((Duration::from_millis(200), 0)));
        assert_eq!(taken("0.0019"), Some((Duration::from_millis(1), 0)));
        // With a warning.
        assert_eq!(taken("x"), Some((Duration::ZERO, 2)));
        assert_eq!(taken("1s"), Some((Duration::from_secs(1), 2)));
        for text in ["", "-1", "nan", "1e300", "3000000"] {
            assert!(seconds(text, "linger time").is_err(), "{text}");
        }
    }
}

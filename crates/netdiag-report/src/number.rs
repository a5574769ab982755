//! Numbers as text.

use netdiag_model::Destination;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

/// Milliseconds with three decimals, at every size.
#[must_use]
pub fn ms3(duration: Duration) -> String {
    // Rounded to the microsecond as a whole number, so that 0.0005 never depends on binary fractions.
    let micros = (duration.as_nanos() + 500) / 1_000;
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

/// Milliseconds in five characters, as tables have them: three decimals below 10, and one less for
/// each digit more; longer from 100 s on.
#[must_use]
pub fn ms5(duration: Duration) -> String {
    let mut text = String::with_capacity(MS5);
    push_ms5(duration, &mut text);
    text
}

/// The same at the end of a line. A sweep has many rows, and the machinery of formatting would take
/// longer than the probes.
pub fn push_ms5(duration: Duration, line: &mut String) {
    let micros = u64::try_from((duration.as_nanos() + 500) / 1_000).unwrap_or(u64::MAX);
    let start = line.len();
    match micros {
        ..=9_999 => push_decimal(micros, 1_000, line),
        10_000..=99_994 => push_decimal((micros + 5) / 10, 100, line),
        99_995..=999_949 => push_decimal((micros + 50) / 100, 10, line),
        _ => push_number(micros.saturating_add(500) / 1_000, line),
    }
    align(start, MS5, line);
}

/// An address; the zone as it was given, which says more than a number.
#[must_use]
pub fn zoned(to: Destination, given: &str) -> String {
    match given.split_once('%') {
        Some((_, zone)) if to.scope() != 0 => {
            format!("{}%{}", to.address(), zone.trim_end_matches(']'))
        }
        _ => to.to_string(),
    }
}

/// How wide most times are.
const MS5: usize = 5;

/// A number of parts of which a power of ten make a whole, at the end of a line.
fn push_decimal(parts: u64, whole: u64, line: &mut String) {
    push_number(parts / whole, line);
    line.push('.');
    let mut place = whole / 10;
    while place > 0 {
        line.push(digit(parts / place));
        place /= 10;
    }
}

/// A whole number at the end of a line.
pub fn push_number(number: u64, line: &mut String) {
    let mut place = 1;
    while number / place >= 10 {
        place *= 10;
    }
    while place > 0 {
        line.push(digit(number / place));
        place /= 10;
    }
}

/// The last digit of a number.
fn digit(number: u64) -> char {
    char::from_digit(u32::try_from(number % 10).unwrap_or_default(), 10).unwrap_or('0')
}

/// An address at the end of a line.
pub fn push_address(address: IpAddr, line: &mut String) {
    let IpAddr::V4(v4) = address else {
        let _ = write!(line, "{address}");
        return;
    };
    for (place, octet) in v4.octets().into_iter().enumerate() {
        if place > 0 {
            line.push('.');
        }
        push_number(octet.into(), line);
    }
}

/// Moves what begins at `start` to the right, into a column that is so wide.
pub fn align(start: usize, width: usize, line: &mut String) {
    for _ in line.len() - start..width {
        line.insert(start, ' ');
    }
}

/// Spaces at the end of a line.
pub fn pad(spaces: usize, line: &mut String) {
    const SPACES: &str = "                                ";
    match SPACES.get(..spaces) {
        Some(spaces) => line.push_str(spaces),
        None => line.extend(std::iter::repeat_n(' ', spaces)),
    }
}

/// A cell of a table at the end of a line, in so many characters or more, at their left.
pub fn push_left(cell: &str, width: usize, line: &mut String) {
    line.push_str(cell);
    pad(width.saturating_sub(cell.chars().count()), line);
}

/// The same at their right.
pub fn push_right(cell: &str, width: usize, line: &mut String) {
    pad(width.saturating_sub(cell.chars().count()), line);
    line.push_str(cell);
}

/// A count with a comma between thousands, as text has it.
#[must_use]
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure of the contract in milliseconds, with three decimals.
#[must_use]
pub fn ms3_f64(milliseconds: f64) -> String {
    format!("{milliseconds:.3}")
}

/// Milliseconds as iputils rounds them: three significant digits from 1 ms on.
#[must_use]
pub fn ms_classic(duration: Duration) -> String {
    let micros = (duration.as_nanos() + 500) / 1_000;
    match micros {
        100_000.. => format!("{}", (micros + 500) / 1_000),
        10_000.. => format!("{}.{:01}", (micros + 50) / 1_000, (micros + 50) % 1_000 / 100),
        1_000.. => format!("{}.{:02}", (micros + 5) / 1_000, (micros + 5) % 1_000 / 10),
        _ => format!("{}.{:03}", micros / 1_000, micros % 1_000),
    }
}

/// A number as C's `%g` prints it: six significant digits, no trailing zeros.
#[must_use]
pub fn g6(number: f64) -> String {
    significant(number, 6)
}

/// A number with so many significant digits, at least one, no trailing zeros.
#[must_use]
pub fn significant(number: f64, digits: usize) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let exponent = number.abs().log10().floor() as i32;
    let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
    let text = format!("{number:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A rate by what lies between two: `1,000 packets/s`.
#[must_use]
pub fn rate(spacing: Duration, what: &str) -> String {
    if spacing.is_zero() {
        return "as fast as it goes".to_owned();
    }
    let rate = 1.0 / spacing.as_secs_f64();
    match rate >= 10.0 {
        true => format!("{} {what}/s", thousands(rate.round() as u64)),
        false => format!("{} {what}/s", significant(rate, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_shown_as_it_was_given() {
        let at = |scope| Destination::scoped("fe80::1".parse().expect("an address"), scope);
        assert_eq!(zoned(at(2), "[fe80::1%lan0]"), "fe80::1%lan0");
        assert_eq!(zoned(at(2), "printer.local"), "fe80::1%2");
        assert_eq!(zoned(at(0), "fe80::1%lan0"), "fe80::1");
    }

    #[test]
    fn milliseconds_keep_their_microseconds_at_every_size() {
        assert_eq!(ms3(Duration::from_nanos(41_499)), "0.041");
        assert_eq!(ms3(Duration::from_nanos(41_500)), "0.042");
        assert_eq!(ms3(Duration::from_micros(1_234_567)), "1234.567");
    }

    #[test]
    fn table_milliseconds_have_five_characters() {
        let check = |micros, text: &str| assert_eq!(ms5(Duration::from_micros(micros)), text);
        check(42, "0.042");
        check(4_871, "4.871");
        check(9_999, "9.999");
        check(10_004, "10.00");
        check(12_440, "12.44");
        check(99_994, "99.99");
        check(99_995, "100.0");
        check(182_149, "182.1");
        check(999_949, "999.9");
        check(999_950, " 1000");
        check(1_031_400, " 1031");
        check(123_456_789, "123457");
    }

    #[test]
    fn numbers_and_addresses_are_those_of_the_standard_library() {
        for number in [0, 7, 10, 99, 100, 65_536, u64::MAX] {
            let mut line = String::from("x");
            push_number(number, &mut line);
            assert_eq!(line, format!("x{number}"));
        }
        for address in ["0.0.0.0", "10.9.100.255", "2001:db8::1"] {
            let address: IpAddr = address.parse().expect("an address");
            let mut line = String::new();
            push_address(address, &mut line);
            assert_eq!(line, address.to_string());
        }
        let mut line = String::from("ab12");
        align(2, 4, &mut line);
        assert_eq!(line, "ab  12");
        align(2, 3, &mut line);
        assert_eq!(line, "ab  12");
    }

    #[test]
    fn thousands_are_set_apart() {
        let all = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (10_000, "10,000"),
            (1_234_567, "1,234,567"),
        ];
        for (count, text) in all {
            assert_eq!(thousands(count), text);
        }
    }

    #[test]
    fn classic_milliseconds_are_rounded_as_iputils_rounds_them() {
        let check = |micros, text: &str| {
            assert_eq!(ms_classic(Duration::from_micros(micros)), text);
        };
        check(42, "0.042");
        check(999, "0.999");
        check(1_239, "1.24");
        check(12_449, "12.4");
        check(99_960, "100.0");
        check(182_100, "182");
    }

    #[test]
    fn per_cents_are_printed_as_c_prints_them() {
        let check = |number, text: &str| assert_eq!(g6(number), text);
        check(0.0, "0");
        check(15.0, "15");
        check(100.0, "100");
        check(100.0 / 3.0, "33.3333");
        check(0.123_456_7, "0.123457");
    }
}

//! Numbers as text.

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
    let micros = (duration.as_nanos() + 500) / 1_000;
    match micros {
        ..=9_999 => format!("{}.{:03}", micros / 1_000, micros % 1_000),
        10_000..=99_994 => {
            let hundredths = (micros + 5) / 10;
            format!("{}.{:02}", hundredths / 100, hundredths % 100)
        }
        99_995..=999_949 => {
            let tenths = (micros + 50) / 100;
            format!("{}.{:01}", tenths / 10, tenths % 10)
        }
        _ => format!("{:>5}", (micros + 500) / 1_000),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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

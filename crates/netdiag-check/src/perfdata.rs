//! Performance data as the guidelines for monitoring plugins have it:
//! `'label'=value[UOM];[warn];[crit];[min];[max]`, thresholds as ranges of what is well.

use crate::expr::Limit;
use netdiag_model::metrics::Unit;
use std::collections::BTreeMap;
use std::fmt;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Perf {
    /// What it is of.
    pub label: String,
    /// The figure; `None`: there is none, which is `U`, never 0.
    pub value: Option<f64>,
    /// What it is counted in.
    pub unit: Unit,
    /// Outside of this range it is worth a warning.
    pub warn: Option<Range>,
    /// Outside of this range it is critical.
    pub crit: Option<Range>,
}

/// A range in which a value is well, or outside of which.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Its start; `None`: there is none (`~`).
    pub start: Option<f64>,
    /// Its end; `None`: there is none.
    pub end: Option<f64>,
    /// What lies within is worth an alert, not what lies outside (`@`).
    pub inside: bool,
}

impl Range {
    /// Whether a value is worth an alert.
    #[must_use]
    pub fn alerts(&self, value: f64) -> bool {
        let is_above = self.start.is_none_or(|start| value >= start);
        let is_below = self.end.is_none_or(|end| value <= end);
        (is_above && is_below) == self.inside
    }

    /// Reads a range: `10`, `10:`, `~:10`, `10:20`, `@10:20`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (inside, text) = match text.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        let (start, end) = match text.split_once(':') {
            None => (Some(0.0), Some(number(text)?)),
            Some((start, end)) => {
                let start = match start {
                    "~" => None,
                    start => Some(number(start)?),
                };
                let end = if end.is_empty() { None } else { Some(number(end)?) };
                (start, end)
            }
        };
        let is_ordered = start.zip(end).is_none_or(|(start, end)| start <= end);
        is_ordered.then_some(Self { start, end, inside })
    }

    /// The range in which what is expected holds. A limit that is not to be reached is one that may
    /// be: ranges know no other.
    #[must_use]
    pub fn of(limit: &Limit) -> Option<Self> {
        let value = limit.value;
        let (start, end, inside) = match limit.operator {
            "<" | "<=" => (if value < 0.0 { None } else { Some(0.0) }, Some(value), false),
            ">" | ">=" => (Some(value), None, false),
            "=" => (Some(value), Some(value), false),
            "!=" => (Some(value), Some(value), true),
            _ => return None,
        };
        Some(Self { start, end, inside })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inside {
            f.write_str("@")?;
        }
        match self.start {
            None => f.write_str("~:")?,
            Some(start) if start != 0.0 || self.end.is_none() || self.inside => {
                write!(f, "{start}:")?;
            }
            Some(_) => {}
        }
        self.end.map_or(Ok(()), |end| write!(f, "{end}"))
    }
}

/// The unit as the guidelines know it.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "ms",
        Unit::Percent => "%",
        Unit::Bytes => "B",
        _ => "",
    }
}

impl Perf {
    /// The label as it is written: an equals sign, a quote or what no terminal shows has no place in
    /// one.
    #[must_use]
    pub fn shown_label(&self) -> String {
        let is_plain = |c: char| match c {
            '=' | '\'' | '|' | ';' => false,
            ' '..='~' => true,
            // What is printable stands for itself.
            other => other.escape_debug().eq([other]),
        };
        self.label.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
    }
}

/// Gives each figure a label that no other has: those that are written alike get numbers.
pub fn tell_apart(figures: &mut [Perf]) {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for figure in figures {
        let label = figure.shown_label();
        let mut name = label.clone();
        while let Some(count) = seen.get_mut(&name) {
            *count += 1;
            name = format!("{label} #{count}");
        }
        seen.insert(name.clone(), 1);
        figure.label = name;
    }
}

impl fmt::Display for Perf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.shown_label();
        match label.contains(' ') {
            true => write!(f, "'{label}'=")?,
            false => write!(f, "{label}=")?,
        }
        match self.value.filter(|value| value.is_finite()) {
            Some(value) => write!(f, "{}{}", rounded(value), unit(self.unit))?,
            None => f.write_str("U")?,
        }
        let shown = |range: Option<Range>| range.map(|range| range.to_string()).unwrap_or_default();
        let (warn, crit) = (shown(self.warn), shown(self.crit));
        let min = if self.unit == Unit::None { "" } else { "0" };
        let max = if self.unit == Unit::Percent { "100" } else { "" };
        let fields = format!(";{warn};{crit};{min};{max}");
        f.write_str(fields.trim_end_matches(';'))
    }
}

/// No more decimals than microseconds have.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the guidelines: a range, values that are well and values that alert.
    #[test]
    fn ranges_alert_as_the_guidelines_say() {
        let check = |text: &str, well: &[f64], alert: &[f64]| {
            let range = Range::parse(text).unwrap_or_else(|| panic!("{text} is a range"));
            assert_eq!(range.to_string(), text);
            assert!(well.iter().all(|value| !range.alerts(*value)), "{text}");
            assert!(alert.iter().all(|value| range.alerts(*value)), "{text}");
        };
        check("10", &[0.0, 5.0, 10.0], &[-1.0, 10.5]);
        check("10:", &[10.0, 1e9], &[9.9, -5.0]);
        check("~:10", &[-1e9, 10.0], &[10.1]);
        check("10:20", &[10.0, 20.0], &[9.0, 21.0]);
        check("@10:20", &[9.0, 21.0], &[10.0, 15.0, 20.0]);
        for wrong in ["", "x", "20:10", "@", "1:2:3", "nan", ":"] {
            assert_eq!(Range::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_figure_without_a_value_is_u() {
        let (unit, range) = (Unit::Percent, Range::parse("5"));
        let mut perf = Perf {
            label: "gateway loss".to_owned(),
            value: Some(0.0),
            unit,
            warn: None,
            crit: range,
        };
        assert_eq!(perf.to_string(), "'gateway loss'=0%;;5;0;100");
        perf.value = None;
        assert_eq!(perf.to_string(), "'gateway loss'=U;;5;0;100");
        perf.label = "a='b\u{1b}".to_owned();
        assert_eq!(perf.to_string(), "a__b_=U;;5;0;100");
        perf.label = "b\u{fc}ro\u{202e}".to_owned();
        assert_eq!(perf.shown_label(), "b\u{fc}ro_");
    }

    #[test]
    fn no_two_figures_have_one_label() {
        let perf = |label: &str| Perf {
            label: label.to_owned(),
            value: None,
            unit: Unit::None,
            warn: None,
            crit: None,
        };
        let mut all = ["a=b", "a_b", "a b", "a;b", "a_b #2"].map(perf);
        tell_apart(&mut all);
        let labels = all.map(|figure| figure.label);
        assert_eq!(labels, ["a_b", "a_b #2", "a b", "a_b #3", "a_b #2 #2"]);
    }
}

//! What is wrong with a sysctl: as it is now, and as files set it from the next boot on.

use super::files::Line;
use super::keys::{Key, believed, given_up, refused};
use netdiag_model::Untrusted;
use netdiag_model::finding::{Finding, Severity};

/// A sysctl, as it is and as the files set it.
pub(super) struct Setting<'a> {
    pub(super) key: &'static Key,
    /// With single blanks; `None`: this kernel does not have it.
    pub(super) value: Option<String>,
    /// The line that counts of those that set it.
    pub(super) line: Option<&'a Line>,
    /// `tcp_syn_linear_timeouts`, which the first timeouts of a connect are by (since Linux 6.5).
    pub(super) linear: u64,
}

/// The values of `tcp_syncookies`, which other settings act with.
#[derive(Clone, Copy)]
pub(super) struct Cookies {
    pub(super) now: u64,
    /// From the next boot on.
    pub(super) next: u64,
}

/// A finding to be: its code, and why.
type Wrong = (&'static str, &'static str);

impl Setting<'_> {
    /// The line, where it says something else than the kernel does.
    pub(super) fn differing(&self) -> Option<&Line> {
        self.line.filter(|line| self.value.as_ref().is_some_and(|value| !same(value, &line.value)))
    }

    /// What a value does.
    pub(super) fn effect(&self, value: &str) -> String {
        let effect = |number| match self.key.name {
            "net.ipv4.tcp_syn_retries" => given_up(number, self.linear),
            _ => (self.key.effect)(number, value),
        };
        number(value).map(effect).unwrap_or_default()
    }

    /// What is wrong with the value, and with that of the files where it is another.
    pub(super) fn findings(&self, cookies: Cookies) -> Vec<Finding> {
        let mut findings = Vec::new();
        let is_other = self.line.is_none() || self.differing().is_some();
        let is_new = |line: &&&Line| self.value.as_ref().is_none_or(|now| !same(now, &line.value));
        let next = self.line.as_ref().filter(is_new).copied();
        let next =
            next.and_then(|line| Some((line, self.judged(&line.value, Some(cookies.next))?)));
        if let Some(value) = self.value.as_deref() {
            // Nobody believes anything of what the kernel has set by itself.
            let is_set = !is_other || self.key.default.is_some_and(|default| default != value);
            if let Some(wrong) = self.judged(value, is_set.then_some(cookies.now)) {
                findings.push(self.now(value, wrong, next.is_some()));
            }
        }
        findings.extend(next.map(|(line, wrong)| self.next(line, wrong)));
        findings
    }

    /// What is wrong with a value, and what is believed of one that was set.
    fn judged(&self, value: &str, cookies: Option<u64>) -> Option<Wrong> {
        let number = number(value)?;
        if let Some(why) = (self.key.risk)(number) {
            let code = "sysctl-risky";
            return Some((code, why));
        }
        let code = "sysctl-myth";
        believed(self.key.name, number, cookies?).map(|why| (code, why))
    }

    /// Of the value as it is.
    fn now(&self, value: &str, (code, why): Wrong, is_next_wrong: bool) -> Finding {
        let Key { name, default, .. } = self.key;
        let usual = default.map(|default| format!("`sysctl -w {name}={default}`, the default"));
        let shown = Untrusted::from(value);
        let shown = shown.escaped();
        let (message, advice) = match (self.differing(), self.line) {
            (Some(line), _) => (
                format!("{name} is {shown}, though {} sets {}: {why}", line.place(), line.shown()),
                match is_next_wrong {
                    true => usual,
                    false => Some("`sysctl --system` sets what the files say".to_owned()),
                },
            ),
            (None, Some(line)) => (
                format!("{name} is {shown}, as {} sets it: {why}", line.place()),
                Some(match usual {
                    Some(usual) => format!("{usual}, and {}", line.removal()),
                    None => line.removal(),
                }),
            ),
            (None, None) => (format!("{name} is {shown}: {why}"), usual),
        };
        let finding = self.finding(code, value, message);
        match advice {
            Some(advice) => finding.advise(advice),
            None => finding,
        }
    }

    /// Of the value that is in a file and not in the kernel.
    fn next(&self, line: &Line, (code, why): Wrong) -> Finding {
        let (place, name, shown) = (line.place(), self.key.name, line.shown());
        let message = match &self.value {
            Some(value) => {
                let value = Untrusted::from(value.as_str());
                let value = value.escaped();
                format!(
                    "{place} sets {name} to {shown} from the next boot on, now it is {value}: {why}"
                )
            }
            None => format!("{place} sets {name} to {shown}: {why}"),
        };
        self.finding(code, &line.value, message).advise(line.removal())
    }

    fn finding(&self, code: &'static str, value: &str, message: String) -> Finding {
        let Key { name, default, .. } = self.key;
        let finding = Finding::new(None, code, Severity::Warning, (*name).to_owned(), message)
            .with("key", *name)
            .with("value", number(value))
            .with("default", *default)
            .with("effect", self.effect(value))
            .with("value_now", self.value.clone());
        match self.line {
            Some(line) => finding
                .at("file", line.file.clone())
                .with("line", line.number)
                .with("value_in_file", line.value.clone()),
            None => finding,
        }
    }
}

impl Line {
    /// `FILE:LINE`.
    pub(super) fn place(&self) -> String {
        let file = Untrusted::from(self.file.as_str());
        format!("{}:{}", file.escaped(), self.number)
    }

    fn shown(&self) -> String {
        Untrusted::from(self.value.as_str()).escaped().to_string()
    }

    /// What to do with a line that harms.
    pub(super) fn removal(&self) -> String {
        let file = Untrusted::from(self.file.as_str());
        format!("delete the line {} of {}", self.number, file.escaped())
    }
}

/// The first number of a value, as the kernel reads it (`proc_get_long` of kernel/sysctl.c): decimal,
/// hexadecimal behind `0x`, octal behind another `0`.
pub(super) fn number(value: &str) -> Option<u64> {
    read(value.split(' ').next()?)
}

/// What the kernel wants in place of a value that it does not take: a number first, of which it reads no
/// further than it needs, within what the key may be.
pub(super) fn wanted(key: &str, value: &str) -> Option<&'static str> {
    let first = value.split(' ').next().unwrap_or_default();
    match read(first.strip_prefix('-').unwrap_or(first)) {
        None => Some("a number, hexadecimal behind 0x, octal behind another 0"),
        Some(_) => refused(key, value),
    }
}

fn read(word: &str) -> Option<u64> {
    let hexadecimal = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let (digits, base) = match (hexadecimal, word.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (word, 10),
    };
    // The library takes a sign, the kernel none but a minus.
    let is_digits = digits.starts_with(|first: char| first.is_ascii_hexdigit());
    u64::from_str_radix(digits, base).ok().filter(|_| is_digits)
}

/// Whether a line sets what the kernel has: what the line does not say stays, and what it says beyond is
/// not read.
fn same(now: &str, line: &str) -> bool {
    let mut words = now.split(' ').zip(line.split(' '));
    let is_same = |(now, line): (&str, &str)| match (read(now), read(line)) {
        (Some(now), Some(line)) => now == line,
        _ => now == line,
    };
    words.all(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Linux 6.18 takes what is written to tcp_retries2 and to ip_local_port_range.
    #[test]
    fn values_are_read_as_the_kernel_reads_them() {
        for (value, expected) in [
            ("15", Some(15)),
            ("0xf", Some(15)),
            ("0XF", Some(15)),
            ("017", Some(15)),
            ("0", Some(0)),
            ("15 # seconds", Some(15)),
            ("09", None),
            ("0x", None),
            ("0x1g", None),
            ("+2", None),
            ("0x+2", None),
            ("2#c", None),
            ("", None),
        ] {
            assert_eq!(number(value), expected, "{value}");
            assert_eq!(
                wanted("net.core.somaxconn", value).is_none(),
                expected.is_some(),
                "{value}"
            );
        }
        assert!(number("-1").is_none() && wanted("net.core.somaxconn", "-1").is_none());
        for (key, value, is_taken) in [
            ("net.ipv4.tcp_synack_retries", "255", true),
            ("net.ipv4.tcp_synack_retries", "300", false),
            ("net.ipv4.tcp_syn_retries", "0", false),
            ("net.ipv4.tcp_syn_retries", "0x7f", true),
            ("net.ipv4.tcp_retries2", "-1", false),
            ("net.ipv4.ip_local_port_range", "65000 1024", false),
            ("net.ipv4.ip_local_port_range", "1024", true),
        ] {
            assert_eq!(wanted(key, value).is_none(), is_taken, "{key} {value}");
        }
        for (now, line, expected) in [
            ("15", "0xf", true),
            ("15", "0xe", false),
            ("1024 65535", "0x400 0xffff", true),
            ("1024 65535", "1024", true),
            ("1024 65535", "1024 65000", false),
            ("15", "15 # seconds", true),
            ("cubic", "reno", false),
            ("cubic", "cubic", true),
        ] {
            assert_eq!(same(now, line), expected, "{now} {line}");
        }
    }
}

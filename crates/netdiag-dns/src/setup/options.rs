//! The options of resolv.conf(5).

use crate::resolv::ResolvConf;

/// Those that decide how long programs wait, and what they ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolverOptions {
    /// A name with fewer dots is tried with the search list first.
    pub ndots: u64,
    /// How long a server is waited for, in seconds.
    pub timeout_s: u64,
    /// How often all servers are asked.
    pub attempts: u64,
    /// A and AAAA are asked for one after the other.
    pub single_request: bool,
}

/// What the C library makes of larger values (resolv.conf(5)).
const MOST: [(&str, u64); 3] = [("ndots", 15), ("timeout", 30), ("attempts", 5)];
/// The other options that it knows.
const PLAIN: [&str; 15] = [
    "debug",
    "rotate",
    "no-aaaa",
    "no-check-names",
    "inet6",
    "ip6-bytestring",
    "ip6-dotint",
    "no-ip6-dotint",
    "edns0",
    "single-request",
    "single-request-reopen",
    "no-tld-query",
    "use-vc",
    "no-reload",
    "trust-ad",
];

impl Default for ResolverOptions {
    fn default() -> Self {
        Self { ndots: 1, timeout_s: 5, attempts: 2, single_request: false }
    }
}

impl ResolverOptions {
    /// What a resolv.conf says, as the C library understands it.
    #[must_use]
    pub fn of(conf: &ResolvConf) -> Self {
        let mut all = Self::default();
        for option in &conf.options {
            let text = option.text.as_raw();
            all.single_request |= text == "single-request";
            for (name, most) in MOST {
                let Some(value) = value(text, name) else { continue };
                let value = value.min(most);
                match name {
                    "ndots" => all.ndots = value,
                    "timeout" => all.timeout_s = value.max(1),
                    _ => all.attempts = value.max(1),
                }
            }
        }
        all
    }

    /// What programs wait for a server that says nothing before the next is asked, in milliseconds.
    #[must_use]
    pub const fn cost_ms(self) -> u64 {
        let once = self.timeout_s.saturating_mul(1_000);
        if self.single_request { once.saturating_mul(2) } else { once }
    }
}

/// Why an option does not do what it says; `None` where it does.
pub(super) fn fault(text: &str) -> Option<String> {
    if PLAIN.contains(&text) {
        return None;
    }
    for (name, most) in MOST {
        let Some(rest) = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')) else {
            continue;
        };
        return match rest.parse::<u64>() {
            Ok(number) if number > most => Some(format!("counts as {name}:{most}")),
            Ok(_) => None,
            Err(_) => Some("has no number".to_owned()),
        };
    }
    Some("is no option that the C library knows".to_owned())
}

fn value(text: &str, name: &str) -> Option<u64> {
    text.strip_prefix(name)?.strip_prefix(':')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_what_the_c_library_makes_of_them() {
        let of = |text: &str| ResolverOptions::of(&ResolvConf::parse(text));
        assert_eq!(of(""), ResolverOptions::default());
        let all = of("options ndots:20 timeout:60\noptions attempts:0 single-request\n");
        assert_eq!((all.ndots, all.timeout_s, all.attempts), (15, 30, 1));
        assert_eq!(all.cost_ms(), 60_000);
        for (text, is_fault) in [
            ("edns0", false),
            ("ndots:15", false),
            ("ndots:16", true),
            ("ndots:x", true),
            ("ndots", true),
            ("time-out:1", true),
        ] {
            assert_eq!(fault(text).is_some(), is_fault, "{text}");
        }
    }
}

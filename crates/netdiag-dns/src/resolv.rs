//! resolv.conf(5), line by line, so that what is odd in it can be named.

use netdiag_model::Untrusted;

/// What a resolv.conf says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// The servers in their order, as they are written.
    pub servers: Vec<Line>,
    /// The domains that are tried behind a name.
    pub search: Vec<Line>,
    /// The options.
    pub options: Vec<Line>,
    /// Lines that mean nothing. One that begins with a blank is one of them: the C library looks for
    /// the keyword at the first byte.
    pub unknown: Vec<Line>,
    /// Lines of `search` or `domain` that a later one takes the place of.
    pub replaced: Vec<Line>,
}

/// A word, and the number of its line from 1 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number of the line.
    pub number: usize,
    /// The word.
    pub text: Untrusted,
}

impl ResolvConf {
    /// Reads a file. The last line of `search` or `domain` counts, as the manual has it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut all = Self::default();
        let mut searched = None;
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with([';', '#']) {
                continue;
            }
            let mut words = line.split_whitespace();
            let Some(keyword) = words.next() else { continue };
            let whole = Line { number, text: Untrusted::from(line) };
            if line.starts_with([' ', '\t']) {
                all.unknown.push(whole);
                continue;
            }
            if matches!(keyword, "search" | "domain") {
                all.replaced.extend(searched.replace(whole.clone()));
            }
            let mut words = words.peekable();
            if keyword == "nameserver" && words.peek().is_none() {
                all.unknown.push(whole);
                continue;
            }
            let rest = words.map(|word| Line { number, text: Untrusted::from(word) });
            match keyword {
                "nameserver" => all.servers.extend(rest.take(1)),
                "search" => all.search = rest.collect(),
                "domain" => all.search = rest.take(1).collect(),
                "options" => all.options.extend(rest),
                "sortlist" => {}
                _ => all.unknown.push(whole),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says() {
        let text = "# a comment\n; another\nnameserver 192.0.2.53\nnameserver fe80::1%eth0 # x\n\
                    domain a.example\nsearch b.example c.example\noptions ndots:2 edns0\n\
                    nonsense here\n nameserver ::1\nnameserver\n";
        let conf = ResolvConf::parse(text);
        let words = |lines: &[Line]| {
            lines.iter().map(|it| (it.number, it.text.as_raw().to_owned())).collect::<Vec<_>>()
        };
        let named = |number, text: &str| (number, text.to_owned());
        assert_eq!(words(&conf.servers), [named(3, "192.0.2.53"), named(4, "fe80::1%eth0")]);
        assert_eq!(words(&conf.search), [named(6, "b.example"), named(6, "c.example")]);
        assert_eq!(words(&conf.options), [named(7, "ndots:2"), named(7, "edns0")]);
        let unknown = [(8, "nonsense here"), (9, " nameserver ::1"), (10, "nameserver")];
        assert_eq!(words(&conf.unknown), unknown.map(|(number, text)| named(number, text)));
        assert_eq!(words(&conf.replaced), [named(5, "domain a.example")]);
    }
}

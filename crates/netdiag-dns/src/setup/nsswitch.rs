//! The line `hosts:` of nsswitch.conf(5).

use netdiag_model::Untrusted;

/// Which modules programs look up names by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nsswitch {
    /// The number of the line, from 1 on.
    pub line: usize,
    /// The line behind `hosts:`, its blanks made single.
    pub text: Untrusted,
    /// The modules, in their order.
    pub services: Vec<Service>,
}

/// A module, and when nobody is asked behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, such as `files` or `dns`.
    pub name: Untrusted,
    /// The states behind which `return` stands, in capitals, with `!` where it is all others.
    pub returns: Vec<String>,
}

impl Service {
    fn named(name: &str) -> Self {
        Self { name: Untrusted::from(name), returns: Vec::new() }
    }

    /// Whether it is the module of this name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.as_raw() == name
    }

    /// Whether a name that it says does not exist is looked up no further: `NOTFOUND=return`, or
    /// anything but `UNAVAIL`.
    #[must_use]
    pub fn ends_search(&self) -> bool {
        self.returns.iter().any(|state| matches!(state.as_str(), "NOTFOUND" | "!UNAVAIL"))
    }
}

/// What the C library does without such a line: files, then dns.
pub(super) fn default() -> Vec<Service> {
    ["files", "dns"].map(Service::named).to_vec()
}

impl Nsswitch {
    /// Reads a file; `None` where it has no line `hosts:`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = (1..).zip(text.lines());
        let (line, rest) = lines.find_map(|(number, line)| {
            let line = line.split('#').next().unwrap_or_default().trim();
            Some((number, line.strip_prefix("hosts:")?.to_owned()))
        })?;
        let mut services: Vec<Service> = Vec::new();
        let spaced = rest.replace('[', " [ ").replace(']', " ] ");
        let mut is_action = false;
        for word in spaced.split_whitespace() {
            match word {
                "[" => is_action = true,
                "]" => is_action = false,
                action if is_action => {
                    let upper = action.to_ascii_uppercase();
                    let state = upper.strip_suffix("=RETURN").map(ToOwned::to_owned);
                    if let Some(service) = services.last_mut() {
                        service.returns.extend(state);
                    }
                }
                name => services.push(Service::named(name)),
            }
        }
        let words: Vec<&str> = rest.split_whitespace().collect();
        Some(Self { line, text: Untrusted::from(words.join(" ")), services })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_and_where_they_end() {
        let text = "passwd: files\nhosts:  files mdns4_minimal [NOTFOUND=return] \
                    resolve[!UNAVAIL=return] dns # x\n";
        let found = Nsswitch::parse(text).expect("a line");
        let names: Vec<&str> = found.services.iter().map(|it| it.name.as_raw()).collect();
        assert_eq!((found.line, names), (2, vec!["files", "mdns4_minimal", "resolve", "dns"]));
        let ends: Vec<bool> = found.services.iter().map(Service::ends_search).collect();
        assert_eq!(ends, [false, true, true, false]);
        assert_eq!(Nsswitch::parse("passwd: files\n"), None);
    }
}

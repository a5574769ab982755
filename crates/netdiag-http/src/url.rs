//! `http://` and `https://` (RFC 9110 section 4.2), and where a redirect leads to (RFC 3986 section 5).

use std::fmt;

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// `https`, not `http`.
    pub is_tls: bool,
    /// The host, an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query, beginning with a slash; printable ASCII without spaces.
    pub path: String,
}

impl Url {
    /// Reads one; a fragment is left out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) =
            text.split_once("://").ok_or("a URL begins with http:// or https://")?;
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err("only http:// and https:// can be had"),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err("a user or a password cannot be sent");
        }
        let (host, port) = split(authority).ok_or("a URL has a host, and perhaps a port")?;
        let port = match port {
            "" if is_tls => 443,
            "" => 80,
            port => port.parse().ok().filter(|port| *port != 0).ok_or("a port is 1 to 65535")?,
        };
        let path = match path {
            "" => "/".to_owned(),
            query if query.starts_with('?') => format!("/{query}"),
            path => path.to_owned(),
        };
        // Of a zone the percent sign is escaped (RFC 6874 section 2); it is taken as it is, too.
        let host =
            if authority.starts_with('[') { host.replacen("%25", "%", 1) } else { host.to_owned() };
        let url = Self { is_tls, host, port, path };
        match url.path.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(url),
            false => Err("in a path stands printable ASCII without spaces: %20"),
        }
    }

    /// Where a reference from here leads to; `None` where that cannot be had.
    #[must_use]
    pub fn join(&self, reference: &str) -> Option<Self> {
        let reference = reference.trim();
        let scheme = if self.is_tls { "https" } else { "http" };
        if reference.contains("://") && !reference.starts_with(['/', '?', '.']) {
            return Self::parse(reference).ok();
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{scheme}:{reference}")).ok();
        }
        let own = self.path.split('?').next().unwrap_or("/");
        let path = match reference.as_bytes() {
            [] => self.path.clone(),
            [b'/', ..] => reference.to_owned(),
            [b'?', ..] => format!("{own}{reference}"),
            _ => {
                let folder = own.rfind('/').map_or("/", |at| own.get(..=at).unwrap_or("/"));
                format!("{folder}{reference}")
            }
        };
        Self::parse(&format!("{scheme}://{}{path}", self.place())).ok()
    }

    /// Host and port, the port where it is not the usual one: what the field Host says.
    #[must_use]
    pub fn authority(&self) -> String {
        // A zone means nothing to anybody else (RFC 6874 section 4).
        self.with_port(self.host.split('%').next().unwrap_or_default())
    }

    /// The same with the zone of an address, as a URL has it.
    fn place(&self) -> String {
        self.with_port(&self.host.replacen('%', "%25", 1))
    }

    fn with_port(&self, host: &str) -> String {
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.to_owned(),
        };
        match (self.is_tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Whether both are had from the same host, port and scheme.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.is_tls == other.is_tls
            && self.port == other.port
            && self.host.eq_ignore_ascii_case(&other.host)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.place(), self.path)
    }
}

/// Host and port of an authority, the port perhaps empty.
fn split(authority: &str) -> Option<(&str, &str)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, if rest.is_empty() { rest } else { rest.strip_prefix(':')? })
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    let is_host = |c: char| !c.is_control() && !c.is_whitespace() && c != '\\';
    (!host.is_empty() && host.chars().all(is_host)).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_written() {
        let check = |text: &str, shown: &str| {
            assert_eq!(Url::parse(text).map(|url| url.to_string()), Ok(shown.to_owned()), "{text}");
        };
        check("http://a.example", "http://a.example/");
        check("HTTPS://a.example:443/x?y#z", "https://a.example/x?y");
        check("http://[2001:db8::1]:8080?q", "http://[2001:db8::1]:8080/?q");
        check("https://a.example:80/", "https://a.example:80/");
        for zoned in ["http://[fe80::1%25veth0]:7000/x", "http://[fe80::1%veth0]:7000/x"] {
            check(zoned, "http://[fe80::1%25veth0]:7000/x");
            let url = Url::parse(zoned).expect("a URL");
            assert_eq!(url.host, "fe80::1%veth0");
            assert_eq!(url.authority(), "[fe80::1]:7000", "the zone is nobody else's");
            assert!(url.join("/y").is_some_and(|to| to.is_same_place(&url)));
        }
        for wrong in [
            "a.example",
            "ftp://a.example/",
            "http://",
            "http://user@a.example/",
            "http://a.example:0/",
            "http://a.example:65536/",
            "http://a.example/a b",
            "http://a.example/\u{1b}",
            "http://[::1/",
            "http://a\r\nb/",
        ] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_redirect_leads_from_where_it_is() {
        let from = Url::parse("https://a.example:8443/one/two?three").expect("a URL");
        let check = |reference: &str, to: &str| {
            assert_eq!(from.join(reference).map(|url| url.to_string()).as_deref(), Some(to));
        };
        check("/x", "https://a.example:8443/x");
        check("x", "https://a.example:8443/one/x");
        check("?x", "https://a.example:8443/one/two?x");
        check("//b.example/x", "https://b.example/x");
        check("http://b.example", "http://b.example/");
        assert_eq!(from.join("gopher://b.example/"), None);
        assert_eq!(from.join("/a\r\nb"), None);
    }
}

//! Proxies: programs that are asked to open a connection further on, and pass on what is said over it.

mod http;
mod socks;
mod tunnel;

use netdiag_model::{Untrusted, parse_address};
use std::fmt;
use std::net::IpAddr;

pub use tunnel::Refusal;
pub(super) use tunnel::{Next, Tunnel};

/// The longest that a name, a user or a password may be: SOCKS5 has a byte for its length (RFC 1928
/// section 5, RFC 1929 section 2).
const LONGEST: usize = 255;

/// A proxy, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The way it is asked.
    pub protocol: Protocol,
    /// Its name or address, an IPv6 address without brackets.
    pub host: String,
    /// Its port, not 0.
    pub port: u16,
    login: Option<Login>,
}

/// The way a proxy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// SOCKS5 (RFC 1928), by address: the name of the target is looked up here.
    Socks5,
    /// SOCKS5 by name, which the proxy looks up.
    Socks5Names,
    /// CONNECT of HTTP (RFC 9110 section 9.3.6), by name.
    Http,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
struct Login {
    user: Vec<u8>,
    password: Vec<u8>,
}

/// What a proxy is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Goal {
    /// A name, or an address without brackets and zone.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Proxy {
    /// Reads `socks5://[user:password@]host:port`, `socks5h://...` or `http://...`. Of user and password
    /// bytes may stand as `%HH`.
    ///
    /// # Errors
    /// What is wrong with it, without any of its text: there may be a password in it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const SCHEMES: &str =
            "expected socks5://HOST:PORT, socks5h://HOST:PORT or http://HOST:PORT";
        let (scheme, rest) = text.split_once("://").ok_or(SCHEMES)?;
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "socks5" => Protocol::Socks5,
            "socks5h" => Protocol::Socks5Names,
            "http" => Protocol::Http,
            "https" => return Err("a proxy is not spoken to by TLS: http:// or socks5://"),
            _ => return Err(SCHEMES),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(Login::parse(login)?), place),
            None => (None, rest),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => rest.split_once("]:"),
            None => place.rsplit_once(':').filter(|(host, _)| !host.contains(':')),
        }
        .ok_or("behind the proxy's host stands its port: HOST:PORT, [IPv6]:PORT")?;
        let port = port.parse().ok().filter(|port| *port != 0);
        let is_host = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '\\' | '?' | '#');
        match port.filter(|_| !host.is_empty() && host.chars().all(is_host)) {
            Some(port) => Ok(Self { protocol, host: host.to_owned(), port, login }),
            None => Err("a proxy has a host and a port from 1 to 65535"),
        }
    }

    /// The same with who asks, as `user:password`.
    ///
    /// # Errors
    /// When it is none, without any of its text.
    pub fn with_login(mut self, text: &str) -> Result<Self, &'static str> {
        let (user, password) = text.split_once(':').ok_or("a line `user:password` is expected")?;
        self.login = Some(Login::new(user.into(), password.into())?);
        Ok(self)
    }

    /// Whether it is told who asks.
    #[must_use]
    pub const fn has_login(&self) -> bool {
        self.login.is_some()
    }

    /// Whether it is it that looks up names of targets.
    #[must_use]
    pub const fn takes_names(&self) -> bool {
        !matches!(self.protocol, Protocol::Socks5)
    }

    /// Whether it can be asked for a host.
    ///
    /// # Errors
    /// Why not, in a line.
    pub fn check(&self, host: &str) -> Result<(), &'static str> {
        match parse_address(host.split('%').next().unwrap_or_default()) {
            Some(_) if host.contains('%') => Err("the zone of an address means nothing to a proxy"),
            None if self.takes_names() => {
                let is_name = host.len() <= LONGEST && host.bytes().all(|it| it.is_ascii_graphic());
                is_name.then_some(()).ok_or("a name for a proxy has at most 255 printable letters")
            }
            _ => Ok(()),
        }
    }
}

impl Protocol {
    /// The word before `://`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socks5 => "socks5",
            Self::Socks5Names => "socks5h",
            Self::Http => "http",
        }
    }
}

impl Login {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        Self::new(decoded(user)?, decoded(password)?)
    }

    fn new(user: Vec<u8>, password: Vec<u8>) -> Result<Self, &'static str> {
        match user.is_empty() || user.len() > LONGEST || password.len() > LONGEST {
            true => Err("a user has 1 to 255 bytes, a password at most 255"),
            false => Ok(Self { user, password }),
        }
    }
}

impl Goal {
    /// What stands in the text of a host.
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port }
    }

    /// As one word, safe to print.
    pub(super) fn escaped(&self) -> String {
        Untrusted::from(self.to_string()).escaped().to_string()
    }

    /// Where it is an address.
    fn address(&self) -> Option<IpAddr> {
        parse_address(&self.host)
    }
}

/// Host and port as one word, as it is: not yet safe to print.
impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Where it is, safe to print: without who asks.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = Untrusted::from(Goal::new(&self.host, self.port).to_string());
        write!(f, "{}://{}", self.protocol.name(), place.escaped())
    }
}

/// It is never shown.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// The bytes of a part of a URL (RFC 3986 section 2.1).
fn decoded(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(match byte {
            b'%' => {
                let value = digit().zip(digit()).and_then(|(a, b)| u8::try_from(a * 16 + b).ok());
                value.ok_or("of a user or a password two hexadecimal digits stand behind `%`")?
            }
            byte => byte,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_and_shown_without_its_password() {
        let check = |text: &str, shown: &str, login: Option<(&[u8], &[u8])>| {
            let proxy = Proxy::parse(text).expect(text);
            assert_eq!(proxy.to_string(), shown);
            let own =
                proxy.login.as_ref().map(|own| (own.user.as_slice(), own.password.as_slice()));
            assert_eq!(own, login, "{text}");
            assert!(!format!("{proxy:?}").contains("secret"));
        };
        check("socks5://192.0.2.1:1080", "socks5://192.0.2.1:1080", None);
        check("SOCKS5H://p.example:1/", "socks5h://p.example:1", None);
        let login: (&[u8], &[u8]) = (b"u", b"secret:@/");
        check(
            "http://u:secret%3A@%2f@[2001:db8::1]:3128",
            "http://[2001:db8::1]:3128",
            Some(login),
        );
        check("socks5://u@a:1", "socks5://a:1", Some((b"u", b"")));
        for wrong in [
            "p.example:1080",
            "https://a:1",
            "socks4://a:1",
            "socks5://a",
            "socks5://a:0",
            "socks5://:1",
            "socks5://2001:db8::1:1",
            "socks5://[::1]",
            "http://a b:1",
            "http://a/x:1",
            "socks5://:secret@a:1",
            "socks5://u:%zz@a:1",
        ] {
            let error = Proxy::parse(wrong).expect_err(wrong);
            assert!(!error.contains("secret"), "{error}");
        }
        let long = format!("socks5://{}@a:1", "u".repeat(256));
        assert!(Proxy::parse(&long).is_err());
    }

    #[test]
    fn who_asks_may_stand_in_a_file() {
        let proxy = Proxy::parse("socks5://a:1").expect("a proxy");
        let login = proxy.clone().with_login("u:se:cret%41").expect("a login").login;
        let login = login.map(|login| login.password);
        assert_eq!(login.as_deref(), Some(b"se:cret%41".as_slice()), "as it stands there");
        assert!(proxy.clone().with_login("u").is_err() && proxy.with_login(":p").is_err());
    }

    #[test]
    fn not_every_host_can_be_asked_for() {
        let proxy = |text| Proxy::parse(text).expect("a proxy");
        assert!(proxy("http://a:1").check("fe80::1%eth0").is_err());
        assert!(proxy("http://a:1").check(&"a".repeat(256)).is_err());
        assert!(proxy("socks5h://a:1").check("a\r\nb").is_err());
        assert_eq!(proxy("socks5://a:1").check("2001:db8::1"), Ok(()));
    }
}

//! What is waited for, as it was written, and the check that it is.

use crate::args::WaitForArguments;
use crate::commands::checks;
use crate::commands::lanes::{Asked, KEPT_BACK_AFTER};
use netdiag_model::{Family, Untrusted};

/// What is waited for.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// As it was written.
    pub(super) text: String,
    pub(super) kind: &'static str,
    pub(super) asked: Asked,
}

/// How long each attempt waits.
const ATTEMPT: &str = "--timeout=1s";

impl Spec {
    /// What a text means.
    ///
    /// # Errors
    /// Why it means nothing, in a line.
    pub(super) fn parse(text: &str, arguments: &WaitForArguments) -> Result<Self, String> {
        let shown = Untrusted::from(text);
        let wrong = |message: String| format!("SPEC `{}`: {message}", shown.escaped());
        let mut options = Vec::new();
        let (kind, targets) = if let Some(name) = text.strip_prefix("dns:") {
            options.push("--retries=0".to_owned());
            ("dns", name.split_whitespace().map(str::to_owned).collect())
        } else if let Some(host) = text.strip_prefix("icmp:") {
            options.push("--count=1".to_owned());
            ("ping", vec![host.to_owned()])
        } else if text.starts_with("https://") {
            return Err(wrong(
                "https cannot be waited for yet; HOST:443 waits for the port".to_owned(),
            ));
        } else if let Some(rest) = text.strip_prefix("http://") {
            let page = Page::parse(rest).map_err(wrong)?;
            options.extend(page.options());
            ("tcp", vec![page.target])
        } else {
            let host = checks::split_port(text).map_err(wrong)?;
            if host.1.is_none() {
                let known = "host:port, http://host/path, dns:NAME or icmp:HOST";
                return Err(wrong(format!("expected {known}")));
            }
            ("tcp", vec![text.to_owned()])
        };
        let family = match (arguments.ipv4, arguments.ipv6) {
            (true, _) => Some(Family::Ipv4),
            (_, true) => Some(Family::Ipv6),
            _ => None,
        };
        options.extend(family.map(|family| format!("--{}", family.name())));
        options.push(match kind {
            // Until it can be known whether this machine keeps it back.
            "tcp" => format!("--timeout={}ms", KEPT_BACK_AFTER.as_millis()),
            _ => ATTEMPT.to_owned(),
        });
        let asked = Asked::new(kind, &options, &targets).map_err(wrong)?;
        Ok(Self { text: text.to_owned(), kind, asked })
    }
}

/// A page that is asked for over HTTP.
struct Page {
    target: String,
    host: String,
    path: String,
}

impl Page {
    /// What stands behind `http://`.
    fn parse(rest: &str) -> Result<Self, String> {
        let place = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(place);
        if host.is_empty() || host.contains('@') {
            return Err("expected http://HOST[:PORT]/PATH".to_owned());
        }
        // Neither may end the line that it stands in.
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a URL is printable ASCII without spaces".to_owned());
        }
        let target = match checks::split_port(host)?.1 {
            Some(_) => host.to_owned(),
            None => format!("{host}:80"),
        };
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { target, host: host.to_owned(), path })
    }

    /// A request, and the status line that says that it is served (RFC 9112 section 4): any below 400.
    fn options(&self) -> [String; 2] {
        let Self { host, path, .. } = self;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: netdiag/{}\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        );
        // The option takes backslashes for escapes.
        let request = request.replace('\\', "\\\\").replace('\r', "\\r").replace('\n', "\\n");
        [format!("--send={request}"), "--expect-banner=^HTTP/1\\.[01] [23][0-9][0-9]".to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn a_page_is_a_host_a_port_and_a_request() {
        let check = |text: &str, target: &str, line: &str| {
            let page = Page::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(page.target, target, "{text}");
            let [send, _] = page.options();
            assert!(send.starts_with(&format!("--send={line} HTTP/1.1\\r\\n")), "{send}");
        };
        check("a.example", "a.example:80", "GET /");
        check("a.example:8080/x?y=1#z", "a.example:8080", "GET /x?y=1");
        check("[::1]:8080", "[::1]:8080", "GET /");
        check("a.example?q", "a.example:80", "GET /?q");
        for wrong in ["", "/x", "u@a.example/", "a.example/a b", "a.example/\r\nX: y"] {
            assert!(Page::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! Requests, and the heads of answers.

use crate::Url;
use netdiag_model::Untrusted;

/// Fields in their order: name and value.
pub type Fields = Vec<(Untrusted, Untrusted)>;

/// What is asked for, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// What.
    pub url: Url,
    /// Fields beside the host, the program and the length; names in lower case.
    pub fields: Vec<(&'static str, String)>,
    /// What is sent with it.
    pub body: Vec<u8>,
}

/// What is to be done (RFC 9110 section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// To give it.
    Get,
    /// To give all but the body.
    Head,
    /// To take what comes with the request.
    Post,
}

/// The version that an answer was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0 (RFC 1945).
    Http10,
    /// HTTP/1.1 (RFC 9112).
    Http11,
    /// HTTP/2 (RFC 9113).
    Http2,
    /// HTTP/3 (RFC 9114).
    Http3,
}

/// What stands before the body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The version.
    pub version: Version,
    /// The status code (RFC 9110 section 15), 100 to 999.
    pub status: u16,
    /// The fields.
    pub fields: Fields,
}

impl Request {
    /// One for what is there, in whatever form.
    #[must_use]
    pub fn get(url: &Url) -> Self {
        let fields = vec![("accept", "*/*".to_owned())];
        Self { method: Method::Get, url: url.clone(), fields, body: Vec::new() }
    }

    /// The fields that every request has, and its own; a host as names are looked up (RFC 5891).
    pub(crate) fn all_fields(&self) -> Vec<(&'static str, String)> {
        let program = concat!("netdiag/", env!("CARGO_PKG_VERSION"));
        let mut fields = vec![("user-agent", program.to_owned())];
        fields.extend(self.fields.iter().cloned());
        if self.method == Method::Post {
            fields.push(("content-length", self.body.len().to_string()));
        }
        fields
    }

    /// Host and port as the field Host, or `:authority`, has them.
    pub(crate) fn authority(&self) -> String {
        Untrusted::from(self.url.authority()).host().as_raw().to_owned()
    }
}

impl Method {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

impl Version {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Http3 => "HTTP/3",
        }
    }
}

impl Head {
    /// A field by its name, in whatever case; the first of several.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Untrusted> {
        field(&self.fields, name)
    }

    /// Whether the connection stays open for another request (RFC 9112 section 9.3; of HTTP/2 and HTTP/3 it does).
    #[must_use]
    pub fn keeps_alive(&self) -> bool {
        let says = |word: &str| {
            let value = self.field("connection").map(|value| value.as_raw().to_ascii_lowercase());
            value.is_some_and(|value| value.split(',').any(|one| one.trim() == word))
        };
        match self.version {
            Version::Http10 => says("keep-alive"),
            Version::Http11 => !says("close"),
            Version::Http2 | Version::Http3 => true,
        }
    }
}

/// A field by its name.
pub(crate) fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a Untrusted> {
    let mut fields = fields.iter();
    fields.find(|(known, _)| known.as_raw().eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Text from outside, whatever bytes it has.
pub(crate) fn text(bytes: &[u8]) -> Untrusted {
    Untrusted::from(String::from_utf8_lossy(bytes).into_owned())
}

//! The head of an answer: status and header fields.

use super::Response;
use netdiag_model::Untrusted;

/// The largest head that is read, in bytes.
pub(super) const LARGEST_HEAD: usize = 65_536;
/// How many header fields one may have.
const FIELDS: usize = 128;

/// What the first bytes of an answer are.
#[derive(Debug)]
pub(super) enum Head {
    /// Not whole yet.
    Partial,
    /// An answer, and how long its head is.
    Whole(Response, usize),
    /// No HTTP.
    Broken(String),
}

/// Reads a head.
pub(super) fn read(bytes: &[u8]) -> Head {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let len = match response.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if bytes.len() < LARGEST_HEAD => return Head::Partial,
        Ok(httparse::Status::Partial) => return Head::Broken("a head without an end".to_owned()),
        Err(error) => return Head::Broken(error.to_string()),
    };
    let text = |bytes: &[u8]| Untrusted::from(String::from_utf8_lossy(bytes).into_owned());
    let headers = response.headers.iter();
    let headers = headers.map(|field| (Untrusted::from(field.name), text(field.value)));
    let version = if response.version == Some(0) { "HTTP/1.0" } else { "HTTP/1.1" };
    let response = Response {
        version,
        status: response.code.unwrap_or_default(),
        headers: headers.collect(),
        body: Vec::new(),
        body_bytes: 0,
        is_whole: false,
    };
    Head::Whole(response, len)
}

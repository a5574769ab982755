//! The head of an answer by HTTP/1.1: status and fields (RFC 9112 sections 4 and 5).

use crate::message::{Head, Version, text};
use crate::{LARGEST_HEAD, MOST_FIELDS};
use netdiag_model::Untrusted;

/// What the first bytes of an answer are.
#[derive(Debug)]
pub(super) enum Read {
    /// Not whole yet.
    Partial,
    /// An answer, and how long its head is.
    Whole(Head, usize),
    /// No HTTP.
    Broken(String),
}

/// Reads a head.
pub(super) fn read(bytes: &[u8]) -> Read {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let len = match response.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if bytes.len() < LARGEST_HEAD => return Read::Partial,
        Ok(httparse::Status::Partial) => return Read::Broken("a head without an end".to_owned()),
        Err(error) => return Read::Broken(error.to_string()),
    };
    let fields = response.headers.iter();
    let fields = fields.map(|field| (Untrusted::from(field.name), text(field.value)));
    let version = if response.version == Some(0) { Version::Http10 } else { Version::Http11 };
    let status = response.code.unwrap_or_default();
    Read::Whole(Head { version, status, fields: fields.collect() }, len)
}

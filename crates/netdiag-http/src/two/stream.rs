//! One request, and what came of it.

use crate::client::Event;
use crate::fault::{Fault, Reason};
use crate::message::{Fields, Head, Method, Request, Version, text};
use bytes::Bytes;
use h2::RecvStream;
use h2::client::{ResponseFuture, SendRequest};
use http::HeaderMap;
use netdiag_model::Untrusted;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// How many answers may come on the way to the one that counts.
const MOST_INTERIM: u32 = 32;

/// How far it has come.
pub(super) enum Stream {
    /// It could not be made.
    Impossible(Fault),
    /// Its answer is waited for; so many came on the way.
    Asked(ResponseFuture, u32),
    /// Its body comes, and the fields behind that.
    Body(RecvStream),
}

impl Stream {
    /// Makes a request.
    pub(super) fn begin(sender: &mut SendRequest<Bytes>, request: Request) -> Self {
        let body = request.body.clone();
        let Some(request) = made(&request) else {
            let message = "HTTP/2 cannot carry the URL: it is no URI of RFC 3986";
            return Self::Impossible(Fault::new(Reason::Impossible, message));
        };
        match sender.send_request(request, body.is_empty()) {
            Ok((response, mut stream)) => {
                let sent = match body.is_empty() {
                    true => Ok(()),
                    false => stream.send_data(Bytes::from(body), true),
                };
                match sent {
                    Ok(()) => Self::Asked(response, 0),
                    Err(error) => Self::Impossible(fault(&error)),
                }
            }
            Err(error) => Self::Impossible(fault(&error)),
        }
    }

    /// Tells what came of it; whether more may come.
    pub(super) fn poll(&mut self, number: u64, events: &mut Vec<Event>) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            let step = match self {
                Self::Impossible(fault) => Err(fault.clone()),
                Self::Asked(response, interim) => {
                    while let Poll::Ready(Some(Ok(one))) = response.poll_informational(&mut cx) {
                        *interim += 1;
                        events.push(Event::Interim(number, one.status().as_u16()));
                    }
                    match Pin::new(response).poll(&mut cx) {
                        _ if *interim > MOST_INTERIM => Err(Fault::malformed("no end of 1xx", &[])),
                        Poll::Pending => Ok(None),
                        Poll::Ready(Ok(answer)) => {
                            let (parts, body) = answer.into_parts();
                            let (version, status) = (Version::Http2, parts.status.as_u16());
                            let fields = fields(&parts.headers);
                            events.push(Event::Head(number, Head { version, status, fields }));
                            Ok(Some(Self::Body(body)))
                        }
                        Poll::Ready(Err(error)) => Err(fault(&error)),
                    }
                }
                Self::Body(body) => match body.poll_data(&mut cx) {
                    Poll::Pending => Ok(None),
                    Poll::Ready(Some(Ok(bytes))) => {
                        // It was taken in: so much more may come (RFC 9113 section 5.2).
                        let _ = body.flow_control().release_capacity(bytes.len());
                        if !bytes.is_empty() {
                            events.push(Event::Body(number, bytes.to_vec()));
                        }
                        continue;
                    }
                    Poll::Ready(Some(Err(error))) => Err(fault(&error)),
                    Poll::Ready(None) => return finish(body, number, events),
                },
            };
            match step {
                Ok(None) => return true,
                Ok(Some(next)) => *self = next,
                Err(fault) => {
                    events.push(Event::Failed(number, fault));
                    return false;
                }
            }
        }
    }
}

/// The body is whole: what stands behind it. Whether that may still come.
fn finish(body: &mut RecvStream, number: u64, events: &mut Vec<Event>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    events.push(match body.poll_trailers(&mut cx) {
        Poll::Pending => return true,
        Poll::Ready(Ok(trailers)) => {
            Event::End(number, trailers.as_ref().map(fields).unwrap_or_default())
        }
        Poll::Ready(Err(error)) => Event::Failed(number, fault(&error)),
    });
    false
}

/// A request as h2 takes it; `None`: it takes no such URL.
fn made(request: &Request) -> Option<http::Request<()>> {
    let scheme = if request.url.is_tls { "https" } else { "http" };
    let uri = http::Uri::builder()
        .scheme(scheme)
        .authority(request.authority())
        .path_and_query(request.url.path.as_str())
        .build()
        .ok()?;
    let method = match request.method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
    };
    let mut builder = http::Request::builder().method(method).uri(uri);
    for (name, value) in request.all_fields() {
        builder = builder.header(name, value);
    }
    builder.body(()).ok()
}

fn fields(map: &HeaderMap) -> Fields {
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (Untrusted::from(name.as_str()), text(value.as_bytes()))
    };
    map.iter().map(pair).collect()
}

/// What an error of h2 means.
pub(super) fn fault(error: &h2::Error) -> Fault {
    let code = error.reason().map(|reason| format!("{reason:?}")).unwrap_or_default();
    let is_refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
    if error.is_remote() && error.is_reset() {
        let message = format!("the server took the request back (RST_STREAM, {code})");
        return Fault { is_untouched: is_refused, ..Fault::new(Reason::Reset, message) };
    }
    if error.is_remote() {
        let message =
            format!("the server takes no more requests over this connection (GOAWAY, {code})");
        return Fault { is_untouched: true, ..Fault::new(Reason::GoAway, message) };
    }
    if error.is_io() {
        return Fault::closed("the answer was whole");
    }
    let message = match code.as_str() {
        "" => error.to_string(),
        code => format!("the server broke the rules of HTTP/2 ({code})"),
    };
    Fault::new(Reason::Protocol, message)
}

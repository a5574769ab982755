//! What requests came to, as the contract has it.

use super::{Header, Http, KeepAlive, Redirect};
use crate::connect::http::exchange::Exchange;
use crate::connect::http::{Response, Step, Url};
use netdiag_model::{Untrusted, milliseconds};

/// What was asked over the last connection.
pub(in crate::connect) fn http(exchange: &Exchange) -> Option<Http> {
    let (last, before) = exchange.steps.split_last()?;
    let response = last.response.as_ref();
    let headers = response.map(|response| response.head.fields.as_slice()).unwrap_or_default();
    let trailers = response.map(|response| response.trailers.as_slice()).unwrap_or_default();
    Some(Http {
        version: response.map(|response| response.head.version.name().to_owned()),
        status: response.map(|response| response.head.status),
        url: text(&last.url),
        redirects: before.iter().map(redirect).collect(),
        address: last.place.map(|place| place.address),
        resolve_ms: last.place.and_then(|place| place.resolved).map(milliseconds),
        connect_ms: last.opened.map(|(took, _)| milliseconds(took)),
        tls_ms: last.opened.and_then(|(_, tls)| tls).map(milliseconds),
        total_ms: last.total().map(milliseconds),
        leads_to: last.redirect().as_ref().map(text),
        keep_alive: response.and_then(keep_alive),
        idle_close_ms: exchange.idle_close.map(milliseconds),
        reused: last.is_reused,
        reuse: None,
        interim: last.interim.clone(),
        headers: headers.iter().map(header).collect(),
        trailers: trailers.iter().map(header).collect(),
        body_bytes: response.map_or(0, |response| response.body_bytes),
        whole: response.is_some_and(|response| response.is_whole),
        body: response
            .map(|response| String::from_utf8_lossy(&response.body).into_owned())
            .unwrap_or_default(),
    })
}

fn header((name, value): &(Untrusted, Untrusted)) -> Header {
    Header { name: name.clone(), value: value.clone() }
}

fn text(url: &Url) -> Untrusted {
    Untrusted::from(url.to_string())
}

fn redirect(step: &Step) -> Redirect {
    Redirect {
        url: text(&step.url),
        version: step.response.as_ref().map(|one| one.head.version.name().to_owned()),
        status: step.response.as_ref().map(|response| response.head.status),
        address: step.place.map(|place| place.address),
        resolve_ms: step.place.and_then(|place| place.resolved).map(milliseconds),
        connect_ms: step.opened.map(|(took, _)| milliseconds(took)),
        tls_ms: step.opened.and_then(|(_, tls)| tls).map(milliseconds),
        request_ms: step.sending().map(milliseconds),
        total_ms: step.total().map(milliseconds),
        first_byte_ms: step.first_byte().map(milliseconds),
        body_ms: step.transfer().map(milliseconds),
    }
}

/// `Keep-Alive: timeout=5, max=100`.
fn keep_alive(response: &Response) -> Option<KeepAlive> {
    let said = response.header("keep-alive").filter(|_| response.head.keeps_alive())?;
    let mut keep_alive = KeepAlive::default();
    for (name, value) in said.as_raw().split(',').filter_map(|one| one.split_once('=')) {
        let value = value.trim().parse().ok();
        match name.trim().to_ascii_lowercase().as_str() {
            "timeout" => keep_alive.timeout_s = value,
            "max" => keep_alive.max = value,
            _ => {}
        }
    }
    Some(keep_alive)
}

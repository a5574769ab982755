//! What requests came to, as the contract has it.

use super::{Header, Http, KeepAlive, Redirect};
use crate::connect::http::exchange::Exchange;
use crate::connect::http::{Response, Step, Url};
use netdiag_model::{Untrusted, milliseconds};

/// What was asked over the last connection.
pub(super) fn http(exchange: &Exchange) -> Option<Http> {
    let (last, before) = exchange.steps.split_last()?;
    let response = last.response.as_ref();
    let headers = response.map(|response| response.headers.as_slice()).unwrap_or_default();
    let header = |(name, value): &(Untrusted, Untrusted)| Header {
        name: name.clone(),
        value: value.clone(),
    };
    Some(Http {
        version: response.map(|response| response.version.to_owned()),
        status: response.map(|response| response.status),
        url: text(&last.url),
        redirects: before.iter().map(redirect).collect(),
        leads_to: last.redirect().as_ref().map(text),
        keep_alive: response.and_then(keep_alive),
        idle_close_ms: exchange.idle_close.map(milliseconds),
        reused: last.is_reused,
        headers: headers.iter().map(header).collect(),
        body_bytes: response.map_or(0, |response| response.body_bytes),
        whole: response.is_some_and(|response| response.is_whole),
        body: response
            .map(|response| String::from_utf8_lossy(&response.body).into_owned())
            .unwrap_or_default(),
    })
}

fn text(url: &Url) -> Untrusted {
    Untrusted::from(url.to_string())
}

fn redirect(step: &Step) -> Redirect {
    Redirect {
        url: text(&step.url),
        status: step.response.as_ref().map(|response| response.status),
        connect_ms: step.opened.map(|(took, _)| milliseconds(took)),
        tls_ms: step.opened.and_then(|(_, tls)| tls).map(milliseconds),
        first_byte_ms: step.first_byte().map(milliseconds),
        body_ms: step.transfer().map(milliseconds),
    }
}

/// `Keep-Alive: timeout=5, max=100`.
fn keep_alive(response: &Response) -> Option<KeepAlive> {
    let said = response.header("keep-alive").filter(|_| response.keeps_alive())?;
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

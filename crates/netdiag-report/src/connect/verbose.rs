//! What `--verbose` shows of an attempt, in lines below its row.

use crate::number::ms3;
use netdiag_engine::port::TcpState;
use netdiag_model::way::hops_back;
use netdiag_model::{ClockAnchor, rfc3339_seconds};
use netdiag_tcp::connect::Attempt;
use netdiag_tcp::connect::dialogue::Proxied;
use netdiag_tcp::connect::tls::Talked;

/// When it began and between which ends, what the kernel knows of it, and the certificates.
pub(super) fn lines(attempt: &Attempt, anchor: &ClockAnchor, sees_ttls: bool) -> Vec<String> {
    let to = std::net::SocketAddr::new(attempt.destination.address(), attempt.port);
    let from = attempt.local.map(|local| format!("from {local} ")).unwrap_or_default();
    let began = anchor.rfc3339(attempt.started_at);
    let mut lines = vec![format!("began   {began} {from}to {to}, {} ms", ms3(attempt.took))];
    let ttls = [("SYN-ACK", attempt.reply_ttl), ("reset", attempt.reset_ttl)];
    for (what, ttl) in ttls.into_iter().filter_map(|(what, ttl)| Some((what, ttl?))) {
        lines.push(format!(
            "ttl     {ttl} of the {what}, {} back as a guess",
            match hops_back(ttl) {
                1 => "1 router".to_owned(),
                routers => format!("{routers} routers"),
            }
        ));
    }
    if !sees_ttls && attempt.class().is_answer() {
        lines.push("ttl     not seen: it needs CAP_NET_RAW".to_owned());
    }
    lines.extend(attempt.state.as_deref().map(kernel));
    lines.extend(attempt.talk.as_ref().and_then(|talk| talk.proxy.as_deref()).map(through));
    if let Some(tls) = attempt.talk.as_ref().and_then(|talk| talk.tls.as_deref()) {
        lines.extend(handshake(tls));
        lines.extend(certificates(tls));
        lines.extend(staple(tls));
    }
    lines.into_iter().map(|line| format!("    {line}")).collect()
}

/// What a proxy was asked for, and what it said.
fn through(proxy: &Proxied) -> String {
    let said = match (proxy.took, &proxy.refusal) {
        (Some(took), _) => format!("connected after {} ms", ms3(took)),
        (None, Some(refusal)) => refusal.reason.to_owned(),
        (None, None) => "no answer".to_owned(),
    };
    format!("proxy   asked for {}, {said}", proxy.asked)
}

/// What the kernel knows of a connection that opened.
fn kernel(state: &TcpState) -> String {
    let mut line = format!(
        "kernel  rtt {} ms +- {}, rto {} ms, mss {} sent {} received {} offered, path mtu {}",
        ms3(state.rtt),
        ms3(state.rtt_variance),
        ms3(state.retransmission_timeout),
        state.send_mss,
        state.receive_mss,
        state.advertised_mss,
        state.path_mtu,
    );
    if let Some((sent, received)) = state.window_scale {
        line.push_str(&format!(", window scale {sent} sent {received} received"));
    }
    let options = [(state.sack, "sack"), (state.timestamps, "time stamps"), (state.ecn, "ecn")];
    for (_, name) in options.iter().filter(|(is_on, _)| *is_on) {
        line.push_str(&format!(", {name}"));
    }
    let again = state.total_retransmits;
    line.push_str(&format!(", window {} segments, {again} sent again", state.congestion_window));
    line
}

fn handshake(tls: &Talked) -> Option<String> {
    let shown = &tls.shown;
    let version = shown.version?;
    let parts = [shown.cipher.as_deref(), shown.group.as_deref()];
    let parts: String = parts.into_iter().flatten().map(|part| format!(", {part}")).collect();
    Some(format!("tls     {version}{parts}"))
}

/// A line for each certificate as it was sent.
fn certificates(tls: &Talked) -> Vec<String> {
    const NAMES: usize = 10;
    let all = tls.shown.chain.iter().enumerate();
    all.map(|(place, one)| {
        let names = one.names.iter().take(NAMES).map(|name| name.escaped().to_string());
        let names: Vec<String> = names.collect();
        let more = one.names.len().saturating_sub(NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = match names.is_empty() {
            true => String::new(),
            false => format!(", for {}{more}", names.join(" ")),
        };
        let (from, to) = (rfc3339_seconds(one.not_before), rfc3339_seconds(one.not_after));
        let (subject, issuer) = (one.subject.escaped(), one.issuer.escaped());
        format!("cert {place}  {subject}, by {issuer}, {from} to {to}{names}")
    })
    .collect()
}

/// What came with the certificate on whether it is revoked.
fn staple(tls: &Talked) -> Option<String> {
    let staple = tls.shown.staple.as_ref()?;
    let date = |what: &str, time: Option<i64>| {
        time.map(|time| format!(", {what} {}", rfc3339_seconds(time))).unwrap_or_default()
    };
    let reason = staple.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    Some(format!(
        "ocsp    {}{reason}{}{}{}{}; its signature is not checked",
        staple.status.name(),
        date("revoked", staple.revoked_at),
        date("produced", staple.produced_at),
        date("right from", staple.this_update),
        date("to", staple.next_update),
    ))
}

//! ESTABLISHED connections that are none any more, or would not notice.

use super::{Judge, many};
use crate::audit::given_up_s;
use crate::counters::number;
use crate::{Socket, TcpInfo};
use netdiag_model::finding::{Finding, Severity};

/// How many dead peers are told of one by one.
const EACH: usize = 10;

impl Judge<'_> {
    pub(super) fn open(&mut self) -> Vec<Finding> {
        let mut all = self.dead();
        all.extend(self.idle());
        all
    }

    /// The peer acknowledges nothing.
    fn dead(&mut self) -> Vec<Finding> {
        let seen = self.seen;
        let (retransmits, age) =
            (self.threshold("established-dead-peer"), self.threshold("dead-peer-age"));
        let mut dead: Vec<(Socket, TcpInfo)> = self.old(&seen.tally.unacknowledged, age);
        dead.retain(|(socket, info)| {
            f64::from(socket.retransmits()) >= retransmits
                && f64::from(info.last_ack_received_ms) > 8.0 * info.base_rto_ms()
        });
        dead.sort_by_key(|(_, info)| std::cmp::Reverse(info.last_ack_received_ms));
        let retries = number(self.kernel, "net/ipv4/tcp_retries2").unwrap_or(15);
        let of = dead.len();
        let mut found = Vec::new();
        for (socket, info) in dead.into_iter().take(EACH) {
            let owner = self.owner(&socket);
            let (bytes, since) = (socket.send_queue, info.last_ack_received_ms / 1000);
            let gives_up = given_up_s(retries);
            let message = format!(
                "{} is dead: {bytes} bytes of {owner} unacknowledged, {} retransmits, last ACK {since} s ago",
                socket.remote,
                socket.retransmits()
            );
            let subject = socket.remote.to_string();
            let finding = self.found("established-dead-peer", Severity::Critical, subject, message);
            let finding = finding
                .at("socket", format!("{} {}", socket.local, socket.remote))
                .with("bytes", bytes)
                .with("retransmits", socket.retransmits())
                .with("last_ack_s", since)
                .with("gives_up_s", gives_up)
                .with("tcp_retries2", retries)
                .with("threshold_age_s", age)
                .with("dead", of)
                .with("owner", owner.clone())
                .advise(format!(
                    "the kernel gives up after about {gives_up} s (tcp_retries2 {retries}); \
                     TCP_USER_TIMEOUT in {owner} shortens that"
                ));
            found.push(finding);
        }
        found
    }

    /// Nothing either way for long, and nobody would ask.
    fn idle(&mut self) -> Option<Finding> {
        // A sample of a large table is not worth the time that it takes when nobody asked for more.
        let quiet = &self.seen.tally.quiet;
        if !self.plan.summary && !self.plan.info && quiet.count > quiet.first.len() as u64 {
            return None;
        }
        let seen = self.seen;
        let least = self.threshold("idle-age");
        let mut idle = Vec::new();
        for suspect in &seen.tally.quiet.first {
            let info = self.info(suspect);
            let is_idle = |info: &TcpInfo| f64::from(info.idle_ms()) / 1e3 >= least;
            idle.extend(info.filter(is_idle).map(|info| (suspect.0, info.idle_ms() / 1000)));
        }
        let n = idle.len() as u64;
        let (oldest, longest) = idle.iter().max_by_key(|(_, seconds)| *seconds)?;
        let is_many = n as f64 >= self.threshold("established-no-keepalive");
        let severity = if is_many { Severity::Warning } else { Severity::Info };
        let message = format!(
            "{} without data for {least} s or more and without keepalive, {} of {} for {longest} s: a \
             peer that is gone would not be noticed",
            many(n, "connection", "connections"),
            oldest.remote,
            self.owner(oldest)
        );
        let finding = self.found(
            "established-no-keepalive",
            severity,
            "idle connections".to_owned(),
            message,
        );
        Some(
            finding
                .with("count", n)
                .with("looked_at", seen.tally.quiet.first.len())
                .with("idle_s", *longest)
                .with("threshold_idle_s", least)
                .with("client", oldest.remote.to_string())
                .advise(
                    "SO_KEEPALIVE with TCP_KEEPIDLE 60, TCP_KEEPINTVL 20 and TCP_KEEPCNT 3 notices in \
                     120 s; or a heartbeat of the application",
                ),
        )
    }
}

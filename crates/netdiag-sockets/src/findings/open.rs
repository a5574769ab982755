//! ESTABLISHED connections that are none any more, or would not notice.

use super::closing::HERE;
use super::group::Group;
use super::order::{Age, Order};
use super::{Judge, counts, many};
use crate::audit::given_up_s;
use crate::counters::number;
use crate::{Socket, TcpInfo};
use netdiag_model::finding::{Finding, Severity};

/// How many dead peers, and clients, are told of one by one.
const EACH: usize = 10;

impl Judge<'_> {
    pub(super) fn open(&mut self) -> Vec<Finding> {
        let mut all = self.dead();
        let ages = self.quiet();
        all.extend(self.left_behind(&ages));
        all.extend(self.idle(&ages));
        all
    }

    /// The peer acknowledges nothing.
    fn dead(&mut self) -> Vec<Finding> {
        let seen = self.seen;
        let (retransmits, age) =
            (self.threshold("established-dead-peer"), self.threshold("dead-peer-age"));
        let mut dead: Vec<(Socket, TcpInfo)> = self.old(&seen.tally.unacknowledged, age);
        dead.retain(|(socket, info)| {
            f64::from(socket.unanswered()) >= retransmits
                && f64::from(info.unacknowledged_ms()) > 8.0 * info.base_rto_ms()
        });
        dead.sort_by_key(|(_, info)| std::cmp::Reverse(info.unacknowledged_ms()));
        let retries = number(self.kernel, "net/ipv4/tcp_retries2").unwrap_or(15);
        let of = dead.len();
        let to = counts(dead.iter().map(|(socket, _)| socket.remote));
        let mut found = Vec::new();
        for (socket, info) in dead {
            let owner = self.owner(&socket);
            let program = match self.group(&socket) {
                Group::Process(name) => name,
                _ => "its program".to_owned(),
            };
            // Connections to one server differ by this end only.
            let is_only = to.iter().any(|(remote, n)| *remote == socket.remote && *n == 1);
            let which = match is_only {
                true => socket.remote.to_string(),
                false => format!("{} from {}", socket.remote, socket.local),
            };
            let (bytes, since) = (socket.send_queue, info.unacknowledged_ms() / 1000);
            let gives_up = given_up_s(retries);
            let (retransmits, again) = (socket.retransmits(), socket.unanswered());
            let is_kept = retransmits == 0 && info.has_window(bytes);
            let what = match retransmits {
                0 if is_kept => format!(
                    "is not reached: {bytes} bytes of {owner} do not leave, though its window is open, \
                     {again} probes without an answer"
                ),
                0 => format!(
                    "is dead: {bytes} bytes of {owner} wait for its window, {again} window probes without \
                     an answer"
                ),
                _ => {
                    format!("is dead: {bytes} bytes of {owner} unacknowledged, {again} retransmits")
                }
            };
            let message = format!("{which} {what}, last ACK {since} s ago");
            let finding = self.found("established-dead-peer", Severity::Critical, which, message);
            let finding = finding
                .at("socket", format!("{} {}", socket.local, socket.remote))
                .with("bytes", bytes)
                .with("retransmits", retransmits)
                .with("window_probes", again - retransmits)
                .with("window_open", is_kept)
                .with("last_ack_s", since)
                .with("gives_up_s", gives_up)
                .with("tcp_retries2", retries)
                .with("threshold_age_s", age)
                .with("dead", of)
                .with("owner", owner.clone())
                .advise(match is_kept {
                    true => HERE.to_owned(),
                    false => format!(
                        "the kernel gives up after about {gives_up} s (tcp_retries2 {retries}); \
                         TCP_USER_TIMEOUT in {program} shortens that"
                    ),
                });
            found.push((finding, self.lists([&socket])));
        }
        self.told(found, EACH, ("connection", "connections"))
    }

    /// How long connections without a timer have been idle, in seconds: of all, or as many as a look is
    /// worth.
    fn quiet(&mut self) -> Vec<(Socket, u32)> {
        let quiet = &self.seen.tally.quiet;
        // A sample of a large table is not worth the time that it takes when nobody asked for more.
        let sample = match self.plan.summary || self.plan.info {
            true => &quiet.first[..],
            false => quiet.whole().unwrap_or_default(),
        };
        let mut ages = Vec::new();
        for suspect in sample {
            let info = self.info(suspect);
            ages.extend(info.map(|info| (suspect.0, info.idle_ms() / 1000)));
        }
        ages
    }

    /// Nothing either way for long, and nobody would ask.
    fn idle(&mut self, ages: &[(Socket, u32)]) -> Option<Finding> {
        let least = self.threshold("idle-age");
        let idle: Vec<&(Socket, u32)> =
            ages.iter().filter(|(_, seconds)| f64::from(*seconds) >= least).collect();
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
        let subject = "idle connections".to_owned();
        let finding = self.found("established-no-keepalive", severity, subject, message);
        let finding = finding
            .with("count", n)
            .with("looked_at", ages.len())
            .with("idle_s", *longest)
            .with("threshold_idle_s", least)
            .with("client", oldest.remote.to_string())
            .advise(NOTICES);
        let is_listed = self.lists(idle.iter().map(|(socket, _)| socket));
        self.about(finding, is_listed)
    }

    /// Clients that have opened another connection and use that, as after a crash or a change of their
    /// network: those from before stay.
    fn left_behind(&mut self, ages: &[(Socket, u32)]) -> Vec<Finding> {
        let (least, many) =
            (self.threshold("idle-client-age"), self.threshold("established-no-keepalive"));
        let tally = &self.seen.tally;
        let at_listeners: Vec<&(Socket, u32)> =
            ages.iter().filter(|(socket, _)| tally.listens(socket.local.port)).collect();
        let client = |entry: &&(Socket, u32)| (entry.0.remote.canonical(), entry.0.local.port);
        let is_idle = |entry: &&(Socket, u32)| f64::from(entry.1) >= least;
        let idle: Vec<&(Socket, u32)> = at_listeners.iter().copied().filter(is_idle).collect();
        let mut found = Vec::new();
        let clients = counts(idle.iter().map(client)).into_iter();
        let mut order = None;
        for ((from, port), count) in clients.filter(|(_, count)| *count as f64 >= many) {
            let its = |entry: &&&(Socket, u32)| client(entry) == (from, port);
            let used = at_listeners.iter().filter(its).filter(|entry| !is_idle(entry));
            let mut used: Vec<u32> = used.map(|(socket, _)| socket.inode).collect();
            used.extend(tally.active.get(&(from, port)).into_iter().flatten());
            if used.is_empty() {
                continue;
            }
            let order = *order.get_or_insert_with(|| Order::of(self.kernel));
            let left: Vec<u32> = idle.iter().filter(its).map(|(socket, _)| socket.inode).collect();
            let ages: Vec<Age> = used.iter().map(|inode| order.age(*inode, &left)).collect();
            let Some(age) = ages.iter().copied().max().filter(|age| *age != Age::Older) else {
                // What it uses is from before: a pool of which one is enough.
                continue;
            };
            let active = ages.iter().filter(|of| **of != Age::Older).count();
            let longest = idle.iter().filter(its).map(|(_, seconds)| *seconds).max().unwrap_or(0);
            let other = match age {
                Age::Newer => "a later one of it is in use: it may have left them behind",
                _ => {
                    "another of it is in use: if that is a later one, which cannot be told, it may have \
                     left them behind"
                }
            };
            let message = format!(
                "{count} connections of {from} at port {port} without data for {least} s or more, up to {longest} s, and \
                 without keepalive, while {other}"
            );
            let finding = self.found(
                "established-no-keepalive",
                Severity::Warning,
                from.to_string(),
                message,
            );
            let finding = finding
                .with("count", count)
                .with("active", active)
                .with("active_is_newer", (age == Age::Newer).then_some(true))
                .with("idle_s", longest)
                .with("threshold_idle_s", least)
                .with("client", from.to_string())
                .with("port", port)
                .advise(format!("many clients behind one address look alike; {NOTICES}"));
            let is_listed = self.lists(idle.iter().filter(its).map(|(socket, _)| socket));
            found.push((finding, is_listed));
        }
        self.told(found, EACH, ("client", "clients"))
    }
}

/// What would find out.
const NOTICES: &str = "SO_KEEPALIVE with TCP_KEEPIDLE 60, TCP_KEEPINTVL 20 and TCP_KEEPCNT 3 notices in \
                       120 s; or a heartbeat of the application";

//! Limits that are near: ports, memory, descriptors.

use super::Judge;
use crate::State;
use crate::counters::{number as setting, numbers};
use crate::destinations::Destination;
use crate::port::Kernel;
use crate::verdict::thousands;
use netdiag_model::finding::{Finding, Severity};

/// How long the kernel keeps a port in TIME-WAIT, in seconds (TCP_TIMEWAIT_LEN of net/tcp.h).
const TIME_WAIT_S: u64 = 60;

/// An interface of /proc/net/dev: each way its packets and drops.
fn interface(line: &str) -> Option<[(&str, &'static str, u64, u64); 2]> {
    let (name, counts) = line.split_once(':')?;
    let counts: Vec<u64> =
        counts.split_ascii_whitespace().map_while(|count| count.parse().ok()).collect();
    let [_, received, _, received_drops, _, _, _, _, _, sent, _, sent_drops, ..] =
        *counts.as_slice()
    else {
        return None;
    };
    let name = name.trim();
    Some([(name, "received", received, received_drops), (name, "sent", sent, sent_drops)])
}

/// How many connections a second can be opened for good with so many ports: a whole number from ten on.
pub(crate) fn a_second(ports: u64) -> f64 {
    let exact = ports as f64 / TIME_WAIT_S as f64;
    if exact < 10.0 { (exact * 10.0).floor() / 10.0 } else { exact.floor() }
}

/// A rate: without decimals from ten on.
pub(crate) fn shown(rate: f64) -> String {
    if rate < 9.95 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

/// The same as evidence.
pub(super) fn number(rate: f64) -> serde_json::Value {
    if rate < 10.0 { rate.into() } else { (rate as u64).into() }
}

/// Where connections may take a port again that has been in TIME-WAIT for a second (`tcp_twsk_unique` of
/// the kernel): `net.ipv4.tcp_tw_reuse`, which asks for time stamps.
struct Reuse {
    value: Option<u64>,
    has_timestamps: bool,
}

impl Reuse {
    fn read(kernel: &mut dyn Kernel) -> Self {
        let value = setting(kernel, "net/ipv4/tcp_tw_reuse");
        Self { value, has_timestamps: setting(kernel, "net/ipv4/tcp_timestamps") != Some(0) }
    }

    fn is_of(&self, to: &Destination) -> bool {
        let is_inside =
            [to.local, to.remote].iter().any(|address| address.to_canonical().is_loopback());
        self.has_timestamps && (self.value == Some(1) || (self.value == Some(2) && is_inside))
    }
}

/// Destinations that are told of one by one.
const EACH: usize = 3;

impl Judge<'_> {
    pub(super) fn limits(&mut self) -> Vec<Finding> {
        let mut all = self.ports();
        all.extend(self.resources());
        all.extend(self.descriptors());
        all.extend(self.drops());
        all.extend(self.retransmits());
        all
    }

    /// The ports that the kernel can pick for one destination.
    pub(super) fn available(&self) -> u64 {
        self.seen.tally.ports.available().max(1)
    }

    /// Ephemeral ports to one destination.
    fn ports(&mut self) -> Vec<Finding> {
        let available = self.available();
        let least = self.threshold("ephemeral-ports-low");
        let tally = &self.seen.tally;
        if !self.seen.has_ports() {
            return Vec::new();
        }
        let reuse = Reuse::read(self.kernel);
        let mut found = Vec::new();
        for (to, ports) in tally.destinations.busiest(usize::MAX) {
            let taken = u64::from(ports.used);
            if (taken as f64) < available as f64 / 100.0 * least {
                break;
            }
            let again = if reuse.is_of(&to) { u64::from(ports.reusable) } else { 0 };
            let used = taken - again.min(taken);
            let share = used as f64 / available as f64 * 100.0;
            if share < least {
                continue;
            }
            let severity = if share >= 90.0 { Severity::Critical } else { Severity::Warning };
            let remote = std::net::SocketAddr::new(to.remote, to.port);
            // A port is there again after a second then, not after a minute.
            let ceiling = if reuse.is_of(&to) { available as f64 } else { a_second(available) };
            let rate = match ports.fresh {
                0 => format!("{} new a second possible", shown(ceiling)),
                _ => {
                    let rate = shown(ports.new_per_second());
                    format!("{rate} new a second, {} possible", shown(ceiling))
                }
            };
            let left = match reuse.is_of(&to) {
                true => None,
                false => ports.exhausted_in_s(available, TIME_WAIT_S),
            };
            let forecast = match left {
                _ if used >= available => "; there is none left (EADDRNOTAVAIL, 99)".to_owned(),
                Some(0) => {
                    "; at this rate none is left within a second (EADDRNOTAVAIL, 99)".to_owned()
                }
                Some(left) => {
                    format!("; at this rate none is left in {left} s (EADDRNOTAVAIL, 99)")
                }
                None => String::new(),
            };
            let beside = match again {
                0 => String::new(),
                again => {
                    format!(", beside {} in TIME-WAIT that are used again", thousands(again))
                }
            };
            let message = format!(
                "ports to {remote}: {} of {} used ({share:.0} %){beside}, {rate}{forecast}",
                thousands(used),
                thousands(available)
            );
            let code = "ephemeral-ports-low";
            let finding = self.found(code, severity, remote.to_string(), message);
            let finding = finding
                .at("socket", remote.to_string())
                .with("local", to.local.to_string())
                .with("used", used)
                .with("used_again", again)
                .with("tcp_tw_reuse", reuse.value)
                .with("count_may_be_low_by", tally.destinations.error())
                .with("available", available)
                .with("new_per_second", (ports.fresh > 0).then(|| ports.new_per_second()))
                .with("none_left_in_s", left)
                .with("time_wait", tally.all_of(State::TimeWait))
                .with("ceiling_per_second", number(ceiling));
            let finding = finding.advise(match reuse.is_of(&to) {
                true => {
                    "use a connection pool, or more source addresses; ports in TIME-WAIT are used again \
                     already (tcp_tw_reuse)"
                }
                false => {
                    "use a connection pool; or net.ipv4.tcp_tw_reuse=1, or more source addresses; \
                     tcp_fin_timeout does not help"
                }
            });
            found.push((finding, ports.listed > 0));
        }
        self.told(found, EACH, ("destination", "destinations"))
    }

    fn resources(&mut self) -> Vec<Finding> {
        let Some(memory) = self.memory else { return Vec::new() };
        let mut limits = vec![
            ("tcp memory (net.ipv4.tcp_mem)", memory.tcp_pages, memory.limit_pages, "pages"),
            ("orphans (net.ipv4.tcp_max_orphans)", memory.orphans, memory.orphans_limit, "sockets"),
        ];
        let files = numbers(self.kernel, "fs/file-nr");
        let conntrack = ["count", "max"].map(|what| {
            numbers(self.kernel, &format!("net/netfilter/nf_conntrack_{what}")).first().copied()
        });
        limits.push((
            "open files (fs.file-max)",
            files.first().copied(),
            files.get(2).copied(),
            "files",
        ));
        limits.push((
            "tracked connections (net.netfilter.nf_conntrack_max)",
            conntrack[0],
            conntrack[1],
            "entries",
        ));
        let least = self.threshold("resource-near-limit");
        let near = limits.into_iter().filter_map(|(what, used, limit, unit)| {
            let (used, limit) = (used?, limit.filter(|limit| *limit > 0)?);
            let share = used as f64 / limit as f64 * 100.0;
            let severity = if share >= 95.0 { Severity::Critical } else { Severity::Warning };
            let (taken, most) = (thousands(used), thousands(limit));
            let message = format!("{what}: {taken} of {most} {unit} in use ({share:.0} %)");
            (share >= least).then(|| {
                let code = "resource-near-limit";
                let finding = self.found(code, severity, what.to_owned(), message);
                finding.with("used", used).with("limit", limit).advise(
                    "raise that limit, or find out what uses it up: `netdiag sockets --summary`",
                )
            })
        });
        near.collect()
    }

    /// Processes that have nearly as many descriptors open as they may.
    fn descriptors(&mut self) -> Vec<Finding> {
        /// Those with fewer are not looked at, and of the others so many.
        const FEW: u32 = 64;
        const LOOKED_AT: usize = 64;
        let Some(owners) = self.owners.filter(|_| self.memory.is_some()) else { return Vec::new() };
        let mut most: Vec<&crate::owners::Process> =
            owners.processes().iter().filter(|process| process.open >= FEW).collect();
        most.sort_by_key(|process| (std::cmp::Reverse(process.open), process.pid));
        let least = self.threshold("resource-near-limit");
        let mut found = Vec::new();
        for process in most.into_iter().take(LOOKED_AT) {
            let Some(limit) = self.descriptor_limit(process.pid).filter(|limit| *limit > 0) else {
                continue;
            };
            let share = f64::from(process.open) / limit as f64 * 100.0;
            if share < least {
                continue;
            }
            let severity = if share >= 95.0 { Severity::Critical } else { Severity::Warning };
            let who = format!("{} ({})", process.name.escaped(), process.pid);
            let message = format!(
                "{who} has {} of {} descriptors open ({share:.0} %): then no accept(), open() or \
                 socket() succeeds (EMFILE, 24)",
                thousands(process.open.into()),
                thousands(limit)
            );
            let finding = self.found("resource-near-limit", severity, who.clone(), message);
            let finding = finding.at("process", who).with("pid", process.pid);
            found.push(finding.with("used", process.open).with("limit", limit).advise(
                "what is open: `ls -l /proc/PID/fd`; raise RLIMIT_NOFILE (LimitNOFILE= of its service) \
                 if it is meant to have so many",
            ));
        }
        found
    }

    /// Interfaces that drop what they receive or are to send.
    fn drops(&mut self) -> Vec<Finding> {
        /// Packets that a share means something of.
        const PACKETS: u64 = 10_000;
        if self.memory.is_none() {
            return Vec::new();
        }
        let text = self.kernel.file("/proc/net/dev").unwrap_or_default();
        let least = self.threshold("interface-drops");
        let mut found = Vec::new();
        for (name, way, packets, dropped) in text.lines().filter_map(interface).flatten() {
            let share = dropped as f64 / (packets + dropped).max(1) as f64 * 100.0;
            if packets < PACKETS || share <= least {
                continue;
            }
            let name = netdiag_model::Untrusted::from(name);
            let name = name.escaped().to_string();
            let message = format!(
                "{name} dropped {} of {} {way} packets ({share:.2} %) since it came up",
                thousands(dropped),
                thousands(packets + dropped)
            );
            let code = "resource-near-limit";
            let finding = self.found(code, Severity::Warning, name.clone(), message);
            let finding = finding.at("interface", name).with("direction", way);
            let finding = finding.with("packets", packets).with("dropped", dropped);
            found.push(finding.with("threshold", least).advise(
                "whether it goes on: `netdiag sockets --summary` again; then the rings (`ethtool -g`), \
                 net.core.netdev_max_backlog, or txqueuelen",
            ));
        }
        found
    }

    fn retransmits(&self) -> Option<Finding> {
        let counted = self.counted?;
        /// Segments that a share means something of.
        const SEGMENTS: u64 = 10_000;
        let (share, sent) = (counted.retransmitted_percent()?, counted.segments()?);
        if sent < SEGMENTS || share <= self.threshold("retransmits-high") {
            return None;
        }
        let message = format!(
            "{share:.2} % of {} segments were sent again since this network namespace began",
            thousands(sent)
        );
        let finding = self.found("retransmits-high", Severity::Warning, "TCP".to_owned(), message);
        let again = counted.segments_retransmitted;
        Some(finding.with("segments", sent).with("retransmitted", again).with("percent", share).advise(
            "which peers: `netdiag sockets --verbose state established` shows total_retrans of each",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_interfaces_have_packets_and_drops_both_ways() {
        let line = "  eth0: 100 20000 0 30 0 0 0 0 200 400 0 5 0 0 0 0";
        let found = interface(line).expect("an interface");
        assert_eq!(found, [("eth0", "received", 20_000, 30), ("eth0", "sent", 400, 5)]);
        for line in ["", " face |bytes    packets errs", "eth0: 1 2 3"] {
            assert_eq!(interface(line), None, "{line}");
        }
    }
}

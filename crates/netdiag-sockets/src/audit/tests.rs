//! An audit of files and values that are given.

use super::*;
use crate::port::{Fault, Question, Reading};
use crate::{Owners, Socket};
use netdiag_model::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

struct Files(BTreeMap<&'static str, &'static str>);

impl Kernel for Files {
    fn now(&mut self) -> Instant {
        Instant::from_nanos(0)
    }

    fn dump(&mut self, _: Question, _: &mut dyn FnMut(&[u8]) -> bool) -> Result<Reading, Fault> {
        Err(Fault { call: "dump", errno: 38 })
    }

    fn look(&mut self, _: &Socket) -> Option<Vec<u8>> {
        None
    }

    fn owners(&mut self) -> Owners {
        Owners::default()
    }

    fn file(&mut self, path: &str) -> Option<String> {
        self.0.get(path).map(|text| (*text).to_owned())
    }

    fn folder(&mut self, path: &str) -> Vec<String> {
        let names = self.0.keys().filter_map(|known| known.strip_prefix(path)?.strip_prefix('/'));
        names.map(str::to_owned).collect()
    }

    fn watch(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn pause(&mut self, _: Duration) -> Option<crate::port::Stop> {
        None
    }
}

/// J10: the advice of old articles.
#[test]
fn old_advice_is_four_warnings_and_the_time_to_notice_a_dead_peer() {
    let mut files = Files(BTreeMap::from([
        ("/proc/sys/net/ipv4/tcp_syncookies", "2\n"),
        ("/proc/sys/net/ipv4/tcp_tw_reuse", "1\n"),
        ("/proc/sys/net/ipv4/tcp_timestamps", "0\n"),
        ("/proc/sys/net/ipv4/tcp_fin_timeout", "30\n"),
        ("/proc/sys/net/ipv4/tcp_keepalive_time", "7200\n"),
        ("/proc/sys/net/ipv4/tcp_keepalive_intvl", "75\n"),
        ("/proc/sys/net/ipv4/tcp_keepalive_probes", "9\n"),
        ("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
        ("/etc/sysctl.d/10.conf", "net.ipv4.tcp_tw_reuse=1\nnet.ipv4.tcp_timestamps=0\n"),
        ("/usr/lib/sysctl.d/10.conf", "net.ipv4.tcp_tw_recycle=1\n"),
        ("/etc/sysctl.conf", "# old\nnet.ipv4.tcp_syncookies = 2\nnet.ipv4.tcp_tw_recycle = 1\n"),
    ]));
    let (rows, findings) = audit(&mut files);
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    let risky = "sysctl-risky";
    assert_eq!(codes, [risky, risky, risky, "sysctl-obsolete", "keepalive-slow"]);
    let gone = &findings[3];
    assert!(gone.message.contains("/etc/sysctl.conf:3 sets net.ipv4.tcp_tw_recycle"), "{gone:?}");
    assert_eq!(findings[4].evidence["seconds"], 7875);
    let row = |key: &str| rows.iter().find(|row| row.key == key).expect("a row");
    let reuse = row("net.ipv4.tcp_tw_reuse");
    let file = reuse.file.as_ref().map(Untrusted::as_raw);
    assert_eq!((file, reuse.line), (Some("/etc/sysctl.d/10.conf"), Some(1)));
    let range = row("net.ipv4.ip_local_port_range");
    assert!(range.effect.starts_with("28232 ports to each destination: 470 new"), "{range:?}");
    assert!(row("net.ipv4.tcp_fin_timeout").effect.contains("TIME-WAIT is 60 s"));
    assert_eq!(row("net.ipv4.tcp_retries2").value, None);
}

/// L1: what the defaults come to, and shorter times.
#[test]
fn the_time_to_notice_a_dead_peer_is_told_however_long_it_is() {
    let noticed = |time, interval, probes| {
        let mut files = Files(BTreeMap::from([
            ("/proc/sys/net/ipv4/tcp_keepalive_time", time),
            ("/proc/sys/net/ipv4/tcp_keepalive_intvl", interval),
            ("/proc/sys/net/ipv4/tcp_keepalive_probes", probes),
        ]));
        let (rows, findings) = audit(&mut files);
        let row = rows.iter().find(|row| row.key == "net.ipv4.tcp_keepalive_probes");
        let effect = row.expect("a row").effect.clone();
        (effect, findings.iter().any(|finding| finding.code == "keepalive-slow"))
    };
    let (effect, is_slow) = noticed("7200\n", "75\n", "9\n");
    assert!(effect.ends_with("in all a dead peer is noticed after 7875 s") && is_slow, "{effect}");
    let (effect, is_slow) = noticed("60\n", "20\n", "3\n");
    assert!(effect.ends_with("in all a dead peer is noticed after 120 s") && !is_slow, "{effect}");
}

#[test]
fn the_times_are_those_of_the_manual() {
    assert_eq!((given_up_s(15), given_up_s(8)), (924, 102));
    let effect = |name: &str, value| {
        let key = KEYS.iter().find(|key| key.name == name).expect("known");
        (key.effect)(value, "")
    };
    assert!(effect("net.ipv4.tcp_syn_retries", 6).contains("127 s"));
    assert!(effect("net.ipv4.tcp_synack_retries", 5).contains("63 s"));
}

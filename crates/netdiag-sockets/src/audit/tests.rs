//! An audit of files and values that are given.

use super::*;
use crate::port::{Fault, Question, Reading};
use crate::{Owners, Socket};
use netdiag_model::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// Files by their paths; `-> PATH` is a link.
struct Files(BTreeMap<&'static str, &'static str>);

impl Files {
    /// The path that a link leads to.
    fn path<'a>(&'a self, path: &'a str) -> &'a str {
        self.0.get(path).and_then(|text| text.strip_prefix("-> ")).unwrap_or(path)
    }
}

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
        self.0.get(self.path(path)).map(|text| (*text).to_owned())
    }

    fn identity(&mut self, path: &str) -> Option<(u64, u64)> {
        let place = self.0.keys().position(|known| *known == self.path(path))?;
        Some((0, place as u64))
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
    let (risky, myth) = ("sysctl-risky", "sysctl-myth");
    assert_eq!(codes, [risky, myth, risky, risky, "sysctl-obsolete", "keepalive-slow"]);
    let gone = &findings[4];
    assert!(gone.message.contains("/etc/sysctl.conf:3 sets net.ipv4.tcp_tw_recycle"), "{gone:?}");
    assert_eq!(findings[5].evidence["seconds"], 7875);
    let row = |key: &str| rows.iter().find(|row| row.key == key).expect("a row");
    let reuse = row("net.ipv4.tcp_tw_reuse");
    let file = reuse.file.as_ref().map(Untrusted::as_raw);
    assert_eq!((file, reuse.line), (Some("/etc/sysctl.d/10.conf"), Some(1)));
    let range = row("net.ipv4.ip_local_port_range");
    assert!(range.effect.starts_with("28,232 ports to each destination: 470 new"), "{range:?}");
    assert!(row("net.ipv4.tcp_fin_timeout").effect.contains("TIME-WAIT is 60 s"));
    assert_eq!(row("net.ipv4.tcp_retries2").value, None);
}

/// J10: what is in files comes with the next boot, whatever the kernel has now.
#[test]
fn the_advice_of_old_articles_is_four_warnings_in_a_file_that_is_not_loaded() {
    let advice = "net.ipv4.tcp_syncookies = 1\nnet.ipv4.tcp_tw_reuse = 1\n\
                  net.ipv4.tcp_tw_recycle = 1\nnet.ipv4.tcp_fin_timeout = 30\n\
                  net.ipv4.tcp_max_syn_backlog = 8192\nnet.ipv4.tcp_max_orphans = 9\n";
    let mut files = Files(BTreeMap::from([
        ("/proc/sys/net/ipv4/tcp_syncookies", "1\n"),
        ("/proc/sys/net/ipv4/tcp_tw_reuse", "2\n"),
        ("/proc/sys/net/ipv4/tcp_fin_timeout", "60\n"),
        ("/proc/sys/net/ipv4/tcp_max_syn_backlog", "512\n"),
        ("/etc/sysctl.conf", advice),
        // As Debian has it: no second row, no second finding.
        ("/etc/sysctl.d/99-sysctl.conf", "-> /etc/sysctl.conf"),
    ]));
    let (rows, findings) = audit(&mut files);
    let told: Vec<(&str, &str)> = findings
        .iter()
        .map(|finding| (finding.code.as_str(), finding.message.split(':').nth(1).unwrap_or("")))
        .collect();
    assert_eq!(
        told,
        [
            (
                "sysctl-myth",
                "5 sets net.ipv4.tcp_max_syn_backlog to 8192 from the next boot on, now it is 512"
            ),
            (
                "sysctl-myth",
                "4 sets net.ipv4.tcp_fin_timeout to 30 from the next boot on, now it is 60"
            ),
            (
                "sysctl-risky",
                "2 sets net.ipv4.tcp_tw_reuse to 1 from the next boot on, now it is 2"
            ),
            ("sysctl-obsolete", "3 sets net.ipv4.tcp_tw_recycle, which does nothing"),
        ]
    );
    assert!(findings.iter().all(|finding| finding.severity == Severity::Warning));
    let row = |key: &str| {
        let mut of = rows.iter().filter(|row| row.key == key);
        (of.next().expect("a row"), of.count())
    };
    let (recycle, more) = row("net.ipv4.tcp_tw_recycle");
    assert_eq!((recycle.obsolete, recycle.default.as_deref(), more), (true, None, 0));
    let (reuse, _) = row("net.ipv4.tcp_tw_reuse");
    let text = |text: &Option<Untrusted>| text.as_ref().map(|text| text.as_raw().to_owned());
    assert_eq!(
        (text(&reuse.value), text(&reuse.value_in_file)),
        (Some("2".into()), Some("1".into()))
    );
    assert!(reuse.effect_of_file.as_ref().is_some_and(|effect| effect.contains("after a second")));
    let (cookies, _) = row("net.ipv4.tcp_syncookies");
    assert_eq!((text(&cookies.value_in_file), &cookies.effect_of_file), (Some("1".into()), &None));
}

/// Where /etc/sysctl.conf is read by a link, what comes behind that link counts.
#[test]
fn a_linked_file_counts_where_its_link_stands() {
    let of = |link| {
        let mut files = Files(BTreeMap::from([
            ("/proc/sys/net/ipv4/tcp_tw_reuse", "2\n"),
            ("/etc/sysctl.conf", "net.ipv4.tcp_tw_reuse=1\n"),
            ("/etc/sysctl.d/99-sysctl.conf", link),
            ("/etc/sysctl.d/99-zz.conf", "net.ipv4.tcp_tw_reuse=0\n"),
        ]));
        let (rows, _) = audit(&mut files);
        let row = rows.into_iter().find(|row| row.key == "net.ipv4.tcp_tw_reuse").expect("a row");
        row.file.map(|file| file.as_raw().to_owned())
    };
    assert_eq!(of("-> /etc/sysctl.conf").as_deref(), Some("/etc/sysctl.d/99-zz.conf"));
    assert_eq!(of("").as_deref(), Some("/etc/sysctl.conf"));
}

/// J10: the kernel reads numbers in three bases, and what it refuses changes nothing.
#[test]
fn a_value_is_judged_as_the_kernel_would_read_it() {
    let of = |line| {
        let mut files = Files(BTreeMap::from([
            ("/proc/sys/net/ipv4/tcp_retries2", "15\n"),
            ("/etc/sysctl.conf", line),
        ]));
        let (rows, findings) = audit(&mut files);
        let row = rows.into_iter().find(|row| row.key == "net.ipv4.tcp_retries2").expect("a row");
        let next = row.value_in_file.map(|value| value.as_raw().to_owned());
        let codes =
            findings.into_iter().map(|finding| (finding.code, finding.evidence["value"].clone()));
        (next, row.effect_of_file.is_some(), codes.collect::<Vec<_>>())
    };
    let value = |text: &str| Some(text.to_owned());
    assert_eq!(of("net.ipv4.tcp_retries2 = 0xf"), (value("0xf"), false, vec![]));
    assert_eq!(of("net.ipv4.tcp_retries2 = 017"), (value("017"), false, vec![]));
    let risky = |number: u64| vec![("sysctl-risky".to_owned(), number.into())];
    assert_eq!(of("net.ipv4.tcp_retries2 = 0x5"), (value("0x5"), true, risky(5)));
    assert_eq!(of("net.ipv4.tcp_retries2 = 5 # short"), (value("5 # short"), true, risky(5)));
    // The line before counts then.
    let lines = "net.ipv4.tcp_retries2=5\nnet.ipv4.tcp_retries2=0x1g\n";
    let vain = [risky(5), vec![("sysctl-obsolete".to_owned(), "0x1g".into())]].concat();
    assert_eq!(of(lines), (value("5"), true, vain));
}

/// A key without effect that was set by hand is no line of a file.
#[test]
fn what_is_set_in_vain_is_told_without_a_file_too() {
    let of = |value, line| {
        let mut files = Files(BTreeMap::from([
            ("/proc/sys/net/ipv4/tcp_fack", value),
            ("/etc/sysctl.conf", line),
        ]));
        let (rows, findings) = audit(&mut files);
        let rows = rows.into_iter().filter(|row| row.obsolete).count();
        (rows, findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>().join("; "))
    };
    let why = "without effect since Linux 4.14";
    let set = format!("net.ipv4.tcp_fack is 1, which helps nothing: {why}");
    assert_eq!(of("1\n", ""), (1, set));
    let line = format!("/etc/sysctl.conf:1 sets net.ipv4.tcp_fack, which does nothing: {why}");
    assert_eq!(of("1\n", "net.ipv4.tcp_fack=1"), (1, line));
    assert_eq!(of("0\n", ""), (0, String::new()));
}

/// A value that was set by hand is told as it is, and the file that it differs from is not blamed.
#[test]
fn a_value_that_no_file_sets_is_judged_for_itself() {
    let of = |value, line| {
        let mut files = Files(BTreeMap::from([
            ("/proc/sys/net/ipv4/tcp_syncookies", value),
            ("/etc/sysctl.conf", line),
        ]));
        let (_, findings) = audit(&mut files);
        let told = findings.iter().map(|finding| {
            let value = finding.evidence["value"].as_u64();
            (value, finding.advice.clone().unwrap_or_default())
        });
        told.collect::<Vec<_>>()
    };
    let key = "net.ipv4.tcp_syncookies";
    let usual = format!("`sysctl -w {key}=1`, the default");
    let delete = "delete the line 1 of /etc/sysctl.conf";
    let line = |value: u8| -> &'static str {
        ["net.ipv4.tcp_syncookies=0", "net.ipv4.tcp_syncookies=1"][usize::from(value)]
    };
    assert_eq!(of("0\n", ""), [(Some(0), usual.clone())]);
    assert_eq!(of("0\n", line(0)), [(Some(0), format!("{usual}, and {delete}"))]);
    assert_eq!(
        of("0\n", line(1)),
        [(Some(0), "`sysctl --system` sets what the files say".to_owned())]
    );
    assert_eq!(of("1\n", line(0)), [(Some(0), delete.to_owned())]);
    assert_eq!(of("2\n", line(0)), [(Some(2), usual), (Some(0), delete.to_owned())]);
    assert_eq!(of("1\n", line(1)), []);
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
    // With four timeouts of a second before the others, as Linux 6.5 has them, and without.
    let of = |retries| [4, 0].map(|linear| keys::doubled(retries, linear));
    assert_eq!((of(6), of(10), of(5)), ([131, 127], [611, 607], [67, 63]));
    assert_eq!(keys::doubled(255, 0), 127 + 249 * 120);
    let effect = |name: &str, value| {
        let key = KEYS.iter().find(|key| key.name == name).expect("known");
        (key.effect)(value, "")
    };
    assert!(effect("net.ipv4.tcp_syn_retries", 6).contains("127 s"));
    assert!(effect("net.ipv4.tcp_synack_retries", 5).contains("63 s"));
}

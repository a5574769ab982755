//! The audit of what is in the kernel, and of what is in files and comes with the next boot (J10).

use super::fixture::sockets;
use super::verdicts::the_finding;
use crate::support::process::Namespace;
use crate::support::schema;
use serde_json::Value;

/// Files of sysctl.d(5) in a mount of their own: what old articles advise, and a link to it, as
/// 99-sysctl.conf is one to /etc/sysctl.conf.
const ADVICE: &str = "
mount -t tmpfs none /run; mkdir /run/sysctl.d
printf '%s\\n' 'net.ipv4.tcp_syncookies = 1' 'net.ipv4.tcp_tw_reuse = 1' \\
    'net.ipv4.tcp_tw_recycle = 1' 'net.ipv4.tcp_fin_timeout = 30' \\
    'net.ipv4.tcp_max_syn_backlog = 8192' > /run/sysctl.d/98-netdiag-advice.conf
ln -s 98-netdiag-advice.conf /run/sysctl.d/98-netdiag-link.conf
# What has no end is no file of settings.
mkfifo /run/sysctl.d/97-netdiag-pipe.conf; ln -s /dev/zero /run/sysctl.d/97-netdiag-zero.conf
";

/// What is found in these files, by code and line.
fn in_files(document: &Value) -> Vec<(String, u64)> {
    let all = document["findings"].as_array().expect("findings").iter();
    let ours = all.filter(|finding| {
        let file = finding["locus"]["file"].as_str().unwrap_or_default();
        file.starts_with("/run/sysctl.d/98-netdiag")
    });
    let mut found: Vec<(String, u64)> = ours
        .map(|finding| {
            assert_eq!(finding["severity"], "warning", "{finding:#}");
            let code = finding["code"].as_str().expect("a code").to_owned();
            (code, finding["evidence"]["line"].as_u64().expect("a line"))
        })
        .collect();
    found.sort_by_key(|(_, line)| *line);
    found
}

#[test]
fn j10_the_advice_of_old_articles_is_four_warnings_before_it_is_loaded_and_after() {
    let Some(namespace) = Namespace::new(ADVICE) else { return };
    let audit = || sockets(&namespace, &["--audit", "--json"]).json();
    let expected =
        [("sysctl-risky", 2), ("sysctl-obsolete", 3), ("sysctl-myth", 4), ("sysctl-myth", 5)]
            .map(|(code, line)| (code.to_owned(), line));
    let before = audit();
    schema::check("sockets", &before);
    assert_eq!(in_files(&before), expected);
    let row = |document: &Value, key: &str| {
        let rows = document["audit"].as_array().expect("rows").clone();
        let mut of = rows.into_iter().filter(|row| row["key"] == key);
        let row = of.next().expect("a row");
        assert_eq!(of.next(), None, "one row");
        row
    };
    let recycle = row(&before, "net.ipv4.tcp_tw_recycle");
    assert_eq!((&recycle["obsolete"], &recycle["default"]), (&true.into(), &Value::Null));
    let reuse = row(&before, "net.ipv4.tcp_tw_reuse");
    assert_eq!((&reuse["value"], &reuse["value_in_file"]), (&"2".into(), &"1".into()));
    let text = sockets(&namespace, &["--audit"]).out;
    let line =
        text.lines().find(|line| line.starts_with("net.ipv4.tcp_tw_recycle")).expect("a row");
    assert_eq!(line.split_whitespace().skip(1).take(2).collect::<Vec<_>>(), ["-", "-"], "{text}");
    assert!(
        text.contains("; from the next boot on 1, by /run/sysctl.d/98-netdiag-link.conf:2"),
        "{text}"
    );
    namespace.run(
        "cd /proc/sys/net/ipv4; echo 1 > tcp_syncookies; echo 1 > tcp_tw_reuse
         echo 30 > tcp_fin_timeout; echo 8192 > tcp_max_syn_backlog",
    );
    let after = audit();
    assert_eq!(in_files(&after), expected);
    assert_eq!(row(&after, "net.ipv4.tcp_tw_reuse")["effect_of_file"], Value::Null);
}

/// A value that was set by hand is not blamed on the file that says otherwise, and the other way round.
#[test]
fn j10_where_file_and_kernel_disagree_both_are_told() {
    let script = format!("{ADVICE}echo 0 > /proc/sys/net/ipv4/tcp_syncookies");
    let Some(namespace) = Namespace::new(&script) else { return };
    let document = sockets(&namespace, &["--audit", "--json"]).json();
    let cookies = the_finding(&document, "sysctl-risky");
    let evidence = &cookies["evidence"];
    assert_eq!(
        (&evidence["value"], &evidence["value_in_file"], &cookies["subject"]),
        (&0.into(), &"1".into(), &"net.ipv4.tcp_syncookies".into())
    );
    let said = cookies["message"].as_str().expect("text");
    assert!(said.contains(" is 0, though /run/sysctl.d/98-netdiag-link.conf:1 sets 1: "), "{said}");
}

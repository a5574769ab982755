//! What is seen of connections beside what the kernel says of them: from how far they are answered (G7),
//! what `--verbose` shows, and marks, which decide about their way (G6).

use super::events;
use super::network::Lab;
use super::tcps::codes;
use crate::support::process::{Ended, Namespace, run};
use crate::support::schema;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;

/// The lab with a service at ports 22 and 80, whose segments begin with a TTL of 62, so that they come
/// from two routers farther than those that the router makes in its name.
fn lab(rule: &str) -> Option<(Lab, TcpListener)> {
    let lab = Lab::new()?;
    lab.far.run(
        "echo 62 > /proc/sys/net/ipv4/ip_default_ttl
         echo 62 > /proc/sys/net/ipv6/conf/lab0/hop_limit",
    );
    lab.router.run(&format!(
        "nft -f - <<'END'
table inet t {{ chain f {{ type filter hook forward priority 0; {rule}; }}; }}
END"
    ));
    let open = lab.far.inside(|| TcpListener::bind("[::]:22").expect("nobody else is here"));
    let service = lab.far.inside(|| TcpListener::bind("[::]:80").expect("nobody else is here"));
    std::thread::spawn(move || {
        for mut connection in service.incoming().flatten() {
            let _ = connection.read(&mut [0; 4_096]);
            let _ = connection.write_all(b"HTTP/1.1 204 No\r\n\r\n");
        }
    });
    Some((lab, open))
}

fn json(namespace: &Namespace, arguments: &[&str]) -> Value {
    let ended = run(namespace.netdiag(&["tcp-connect", "--json"]).args(arguments));
    let document = ended.json();
    schema::check("tcp-connect", &document);
    document
}

fn finding<'a>(document: &'a Value, code: &str) -> Option<&'a Value> {
    let all = document["findings"].as_array().expect("findings");
    all.iter().find(|finding| finding["code"] == code)
}

#[test]
fn g7_a_reset_in_the_name_of_the_host_is_told_by_its_distance() {
    let Some((lab, _open)) = lab("tcp dport 443 reject with tcp reset") else { return };
    for to in ["10.9.2.2", "[fd09:2::2]"] {
        let target = format!("{to}:22,81,443");
        let document = json(&lab.here, &["-c", "2", "-i", "0.05", &target]);
        let told =
            finding(&document, "middlebox-answers").unwrap_or_else(|| panic!("{document:#}"));
        let evidence = &told["evidence"];
        assert_eq!(
            (&told["severity"], &evidence["ports"]),
            (&"info".into(), &serde_json::json!([443]))
        );
        assert_eq!((&evidence["resets"], &evidence["syn_acks"]), (&2.into(), &0.into()), "{told}");
        assert_eq!((&evidence["ttls"][0], &evidence["ttl_of_others"]), (&64.into(), &61.into()));
        for (place, reply, reset) in [(0, Some(61), None), (1, None, Some(61)), (2, None, Some(64))]
        {
            let attempt = &document["targets"][place]["results"][0];
            let seen = (attempt["reply_ttl"].as_u64(), attempt["reset_ttl"].as_u64());
            assert_eq!(seen, (reply, reset), "{attempt}");
        }
        // Those of the host itself are nothing to tell.
        let document = json(&lab.here, &["-c", "2", "-i", "0.05", &format!("{to}:22,81")]);
        assert_eq!(codes(&document), ["connection-refused"], "{document:#}");
        assert!(!document["method"]["lost"].to_string().contains("TTL"), "{document:#}");
    }
}

/// Whoever looks into what is said resets it then.
#[test]
fn g7_a_reset_of_an_open_connection_is_told_by_its_distance() {
    let rule = "tcp dport 80 tcp flags & psh == psh reject with tcp reset";
    let Some((lab, _open)) = lab(rule) else { return };
    let document = json(&lab.here, &["-c", "2", "-i", "0.05", "http://10.9.2.2/"]);
    let told = finding(&document, "middlebox-answers").unwrap_or_else(|| panic!("{document:#}"));
    assert_eq!(
        (&told["evidence"]["resets"], &told["evidence"]["ttls"][0]),
        (&2.into(), &64.into())
    );
    let attempt = &document["targets"][0]["results"][0];
    assert_eq!(
        (&attempt["reply_ttl"], &attempt["reset_ttl"]),
        (&61.into(), &64.into()),
        "{attempt}"
    );
    assert_eq!(attempt["outcome"], "connected", "{attempt}");
}

#[test]
fn g7_without_rights_it_is_said_that_distances_are_not_seen() {
    let Some((lab, _open)) = lab("tcp dport 443 reject with tcp reset") else { return };
    lab.here.let_nobody_in();
    let arguments = ["tcp-connect", "--json", "-c", "2", "-i", "0.05", "10.9.2.2:22,443"];
    let document = run(&mut lab.here.nobody(&arguments)).json();
    assert_eq!(codes(&document), ["connection-refused"], "{document:#}");
    assert!(document["method"]["lost"].to_string().contains("the TTL of replies"), "{document:#}");
    assert_eq!(document["targets"][0]["results"][0]["reply_ttl"], Value::Null, "{document:#}");
    let text = run(&mut lab.here.nobody(&["tcp-connect", "-v", "10.9.2.2:22"]));
    assert!(text.out.contains("    ttl     not seen: it needs CAP_NET_RAW"), "{text:?}");
}

#[test]
fn g6_connections_have_the_mark_that_was_asked_for() {
    let Some((lab, _open)) = lab("") else { return };
    lab.here.let_nobody_in();
    lab.here.run(
        "nft add table inet m; nft 'add chain inet m o { type filter hook output priority 0; }'
        nft add rule inet m o tcp dport 22 meta mark != 42 drop
        nft add rule inet m o tcp dport 80 meta mark != 42 drop",
    );
    for to in ["10.9.2.2", "[fd09:2::2]"] {
        let ended = run(&mut lab.here.netdiag(&[
            "tcp-connect",
            "-c",
            "3",
            "-i",
            "0.05",
            "--mark",
            "42",
            &format!("{to}:22"),
        ]));
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        // What is said over them, too.
        let ended = run(&mut lab.here.netdiag(&["tcp-connect", "-m42", &format!("http://{to}/")]));
        assert_eq!(ended.code(), Some(0), "{ended:?}");
    }
    let ended =
        run(&mut lab.here.netdiag(&["tcp-connect", "-W", "1.3", "--mark", "7", "10.9.2.2:22"]));
    assert_ne!(ended.code(), Some(0), "another mark: {ended:?}");
    let refused = run(&mut lab.here.nobody(&["tcp-connect", "--mark", "42", "10.9.2.2:22"]));
    assert_eq!(refused.code(), Some(3), "{refused:?}");
    assert!(
        refused.err.contains("--mark needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17"),
        "{refused:?}"
    );
    let many =
        run(&mut lab.here.netdiag(&["tcp-connect", "-c", "5000", "--mark", "42", "10.9.2.2:22"]));
    assert_eq!(many.code(), Some(2), "{many:?}");
    assert!(
        many.err.contains("--mark: at most ") && many.err.contains(" attempts in all"),
        "{many:?}"
    );
}

fn verbose(namespace: &Namespace, arguments: &[&str]) -> Ended {
    let ended = run(&mut namespace.netdiag(arguments));
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    ended
}

#[test]
fn g1_verbose_tells_each_attempt_with_its_ends_and_what_the_kernel_knows() {
    let Some((lab, _open)) = lab("") else { return };
    let arguments = ["tcp-connect", "-v", "10.9.2.2:22,81"];
    let text = verbose(&lab.here, &arguments).out;
    let began = text.lines().filter(|line| line.starts_with("    began   20")).count();
    assert_eq!(began, 2, "{text}");
    let kernel = text.lines().find(|line| line.starts_with("    kernel  rtt "));
    let kernel = kernel.unwrap_or_else(|| panic!("{text}"));
    for part in [" mss ", ", path mtu 1500", ", window scale ", ", sack", ", time stamps"] {
        assert!(kernel.contains(part), "{part}: {kernel}");
    }
    assert!(text.contains("    ttl     61 of the SYN-ACK, 3 routers back as a guess"), "{text}");
    let told = events(&verbose(&lab.here, &[&arguments[..], &["-o", "jsonl"]].concat()).out);
    let attempts: Vec<&Value> = told.iter().filter(|event| event["type"] == "attempt").collect();
    // Whichever ended first.
    let open = attempts.iter().find(|attempt| attempt["port"] == 22).expect("it was told");
    assert_eq!(open["tcp_info"]["path_mtu"], 1_500, "{attempts:?}");
    let plain = verbose(&lab.here, &["tcp-connect", "10.9.2.2:22,81"]).out;
    assert!(!plain.contains("began"), "{plain}");
    for useless in [&["-v", "-q"][..], &["-v", "--json"]] {
        let ended = run(lab.here.netdiag(&["tcp-connect", "10.9.2.2:22"]).args(useless));
        assert_eq!(ended.code(), Some(2), "{ended:?}");
    }
}

#[test]
fn h_syn_verbose_tells_each_syn() {
    let Some((lab, _open)) = lab("tcp dport 443 drop") else { return };
    let arguments = ["syn", "-v", "-W", "0.1", "-r", "1", "10.9.2.2:22,443"];
    let text = run(&mut lab.here.netdiag(&arguments)).out;
    let of = |port: &str| {
        text.lines().filter(|line| line.contains(&format!("port {port} at 20"))).count()
    };
    assert_eq!((of("22"), of("443")), (1, 2), "{text}");
    assert!(text.contains(": syn-ack, window "), "{text}");
    assert!(text.contains(" ttl 61 after "), "{text}");
    assert!(text.contains(": no answer after "), "{text}");
    let told = events(&run(lab.here.netdiag(&arguments).args(["-o", "jsonl"])).out);
    let tries: Vec<&Value> = told.iter().filter(|event| event["type"] == "reply").collect();
    assert_eq!(tries.len(), 3, "{tries:?}");
    let open = tries.iter().find(|one| one["outcome"] == "syn-ack").expect("one is open");
    assert_eq!((&open["port"], &open["reply_ttl"]), (&22.into(), &61.into()), "{open}");
    assert!(open["options"]["mss"].is_number() && open["window"].is_number(), "{open}");
    let plain = run(&mut lab.here.netdiag(&["syn", "-W", "0.1", "-r", "1", "10.9.2.2:22"])).out;
    assert!(!plain.contains(" at 20"), "{plain}");
}

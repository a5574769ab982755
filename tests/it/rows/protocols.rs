//! Other probes than echo requests: what stands in for ICMP where that is refused, and several
//! protocols on one timeline.

use super::network::Lab;
use crate::support::process::{Ended, NETDIAG, Namespace, bound, run};
use crate::support::{quic, schema, tls};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};

const FAMILIES: [(&str, &str); 2] = [("127.0.0.1", "IPv4"), ("::1", "IPv6")];

/// A namespace in which nobody may use ICMP, with a service on port 80 of both families.
fn closed() -> Option<(Namespace, TcpListener)> {
    let namespace = Namespace::open_to_nobody()?;
    namespace.run("echo '1 0' > /proc/sys/net/ipv4/ping_group_range");
    let service = namespace.inside(|| TcpListener::bind("[::]:80").expect("nobody else is here"));
    Some((namespace, service))
}

fn found<'a>(document: &'a Value, code: &str) -> Option<&'a Value> {
    let findings = document["findings"].as_array().expect("findings");
    findings.iter().find(|finding| finding["code"] == code)
}

fn targets(ended: &Ended) -> Vec<Value> {
    ended.json()["targets"].as_array().expect("targets").clone()
}

#[test]
fn a1_udp_stands_in_where_icmp_is_refused_and_says_so() {
    let Some((namespace, _service)) = closed() else { return };
    for (address, family) in FAMILIES {
        let arguments = ["ping", "-c", "3", "-i", "0.1", address];
        let text = run(&mut namespace.nobody(&arguments));
        assert_eq!(text.code(), Some(0), "{text:?}");
        let note = format!("netdiag ping: no ICMP over {family} (no CAP_NET_RAW; ");
        assert!(text.err.starts_with(&note), "{text:?}");
        assert_eq!(text.err.lines().count(), 1, "{text:?}");
        for part in ["ping_group_range", "UDP to port 33434 instead", "count as lost", "sysctl -w"]
        {
            assert!(text.err.contains(part), "{part}: {text:?}");
        }
        assert!(text.out.contains("udp_seq=3 ttl=64 time="), "{text:?}");
        let json = run(namespace.nobody(&arguments).arg("--json"));
        let target = json.target();
        assert_eq!((&target["protocol"], &target["port"]), (&"udp".into(), &33_434.into()));
        assert_eq!((&target["received"], &target["lost"]), (&3.into(), &0.into()), "{json:?}");
        for method in [&target["method"], &json.json()["method"]] {
            assert_eq!(method["socket"], "udp-error-queue", "{json:?}");
            assert_eq!(method["timestamps"], "kernel", "{json:?}");
            assert!(method["lost"].as_array().is_some_and(|lost| !lost.is_empty()), "{json:?}");
        }
    }
}

/// As the classic tool, which has nothing that stands in.
#[test]
fn nothing_stands_in_for_icmp_in_classic_output() {
    let Some((namespace, _service)) = closed() else { return };
    let ended = run(&mut namespace.nobody(&["ping", "--classic", "-c", "1", "127.0.0.1"]));
    assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
}

#[test]
fn a13_several_protocols_run_on_one_timeline_each_a_target() {
    let Some((namespace, _service)) = closed() else { return };
    for (address, _) in FAMILIES {
        let arguments = ["ping", "--json", "-c", "4", "-i", "0.1", "--proto"];
        let mut command = namespace.netdiag(&arguments);
        let ended = run(command.args(["icmp,udp,tcp:80", address]));
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let targets = targets(&ended);
        let kinds: Vec<_> =
            targets.iter().map(|t| (t["protocol"].clone(), t["port"].clone())).collect();
        let expected = [("icmp", Value::Null), ("udp", 33_434.into()), ("tcp", 80.into())];
        assert_eq!(kinds, expected.map(|(name, port)| (Value::from(name), port)));
        for target in &targets {
            assert_eq!((&target["received"], &target["lost"]), (&4.into(), &0.into()), "{target}");
            for (index, probe) in target["probes"].as_array().expect("probes").iter().enumerate() {
                // The same grid for all: never before its time.
                let sent = probe["sent_offset_ms"].as_f64().expect("a number");
                assert!(sent >= 100.0 * index as f64, "{probe}");
            }
        }
        assert_eq!(ended.json()["findings"], serde_json::json!([]), "{ended:?}");
    }
}

#[test]
fn a13_a_service_behind_filtered_icmp_is_told() {
    let Some((namespace, _service)) = closed() else { return };
    namespace.run(
        "nft -f - <<'END'
table inet t { chain c { type filter hook input priority 0
    icmp type echo-request drop; icmpv6 type echo-request drop; }; }
END",
    );
    for (address, _) in FAMILIES {
        let arguments =
            ["ping", "--json", "-c", "3", "-i", "0.1", "-W", "0.3", "--proto", "icmp,tcp:80"];
        let ended = run(namespace.netdiag(&arguments).arg(address));
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        let document = ended.json();
        let losses: Vec<_> = targets(&ended).iter().map(|t| t["loss_percent"].clone()).collect();
        assert_eq!(losses, [100.0, 0.0]);
        let finding = found(&document, "icmp-filtered-service-up").expect("the finding");
        assert_eq!(finding["severity"], "info");
        assert_eq!(
            (&finding["evidence"]["icmp_n"], &finding["evidence"]["tcp_received"]),
            (&3.into(), &3.into())
        );
        assert_eq!(found(&document, "no-reply"), None, "it is explained: {document}");
    }
}

/// Services in a namespace: TLS at 443, HTTP at 80, DNS at 53, and at 444 who takes connections and says
/// nothing.
fn services(namespace: &Namespace) -> TcpListener {
    let [https, http, mute] = namespace.inside(|| {
        [443, 80, 444].map(|port| TcpListener::bind(("::", port)).expect("nobody else is here"))
    });
    tls::serve_at(https, tls::self_signed(&["elsewhere.example"]));
    std::thread::spawn(move || {
        for mut connection in http.incoming().flatten() {
            let _ = connection.read(&mut [0; 4_096]);
            let _ = connection.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let dns = namespace.inside(|| UdpSocket::bind("[::]:53").expect("nobody else is here"));
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = dns.recv_from(&mut query) {
            // Refused: a server is alive that says so.
            let mut answer = query[..17.min(length)].to_vec();
            (answer[2], answer[3]) = (0x81, 0x85);
            answer[6..12].fill(0);
            let _ = dns.send_to(&answer, from);
        }
    });
    mute
}

#[test]
fn a13_services_are_lanes_of_the_same_timeline() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _mute = services(&namespace);
    for (address, _) in FAMILIES {
        let arguments = ["ping", "--json", "-c", "4", "-i", "0.1", "--proto"];
        let mut command = namespace.netdiag(&arguments);
        let ended = run(command.args(["icmp,tcp:80,tls:443,http,dns", address]));
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        schema::check("ping", &ended.json());
        let answers = [None, None, Some("TLS 1.3"), Some("HTTP/1.1 503"), Some("REFUSED")];
        let targets = targets(&ended);
        assert_eq!(targets.len(), answers.len());
        for (target, answer) in targets.iter().zip(answers) {
            assert_eq!((&target["received"], &target["lost"]), (&4.into(), &0.into()), "{target}");
            assert_eq!(target["sent"], 4, "{target}");
            for (index, probe) in target["probes"].as_array().expect("probes").iter().enumerate() {
                assert_eq!(probe["answer"].as_str(), answer, "{probe}");
                // The same grid for all: never before its time, and each counts from its own.
                let sent = probe["sent_offset_ms"].as_f64().expect("a number");
                assert!(sent >= 100.0 * index as f64, "{probe}");
                assert!(probe["rtt_ms"].as_f64().is_some_and(|rtt| rtt > 0.0), "{probe}");
            }
        }
        assert_eq!(ended.json()["findings"], serde_json::json!([]), "{ended:?}");
        let arguments = ["ping", "-c", "1", "--proto", "tls,https:443,dns:53", address];
        let text = run(&mut namespace.netdiag(&arguments)).out;
        let said = format!("TLS 1.3 from {address} port 443: tls_seq=1 time=");
        for line in [&said, &format!("REFUSED from {address} port 53: dns_seq=1 time=")] {
            assert!(text.contains(line.as_str()), "{text}");
        }
        assert!(text.contains(&format!("PING {address} ({address}) tls port 443\n")), "{text}");
    }
}

/// Of the same timeline: SYNs of our own, for which nobody accepts anything, and handshakes of QUIC.
#[test]
fn a13_syns_of_our_own_and_quic_are_probes_of_a_series() {
    let Some(namespace) = Namespace::loopback() else { return };
    let service = namespace.inside(|| TcpListener::bind("[::]:80").expect("nobody else is here"));
    service.set_nonblocking(true).expect("a socket");
    for (address, _) in FAMILIES {
        let arguments = ["ping", "--json", "-c", "3", "-i", "0.05", "--proto"];
        let mut command = namespace.netdiag(&arguments);
        let ended = run(command.args(["icmp,tcp-syn:80,syn:9", address]));
        schema::check("ping", &ended.json());
        let targets = targets(&ended);
        let kinds: Vec<_> = targets.iter().map(|t| (&t["protocol"], &t["received"])).collect();
        let wanted = [("icmp", 3), ("syn", 3), ("syn", 0)].map(|(a, b)| (a.into(), b.into()));
        assert_eq!(kinds, wanted.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>(), "{ended:?}");
        assert_eq!(targets[2]["probes"][0]["failure"]["reason"], "refused", "{targets:?}");
        assert!(targets[1]["probes"][0]["ttl"].is_number(), "{targets:?}");
    }
    assert!(service.accept().is_err(), "nothing was completed");
    let server = tls::config(tls::self_signed(&["elsewhere.example"]), &["h3"]);
    let port = quic::serve(server, quic::Manner::default(), 0, |_| quic::Does::Nothing);
    let kind = format!("quic:{port}");
    let arguments = ["ping", "--json", "-c", "2", "-i", "0.05", "--proto", &kind, "127.0.0.1"];
    let ended = run(bound(NETDIAG).args(arguments));
    let target = ended.target();
    assert_eq!((ended.code(), &target["received"]), (Some(0), &2.into()), "{ended:?}");
    assert_eq!(target["probes"][0]["answer"], "QUIC h3", "{target:#}");
}

#[test]
fn a13_a_host_that_is_up_while_its_tls_is_not_is_told() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _mute = services(&namespace);
    // One takes connections and says nothing, one speaks another protocol, at one nobody listens.
    for (port, outcome, reason) in [
        (444, "timeout", "timeout"),
        (80, "net-error", "protocol-error"),
        (9, "net-error", "refused"),
    ] {
        let kinds = format!("icmp,tls:{port}");
        let arguments = ["ping", "--json", "-c", "3", "-i", "0.1", "-W", "0.3", "--proto", &kinds];
        let ended = run(namespace.netdiag(&arguments).arg("127.0.0.1"));
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        let (document, targets) = (ended.json(), targets(&ended));
        let losses: Vec<_> = targets.iter().map(|t| t["loss_percent"].clone()).collect();
        assert_eq!(losses, [0.0, 100.0], "{document:#}");
        let probe = &targets[1]["probes"][0];
        assert_eq!(
            (&probe["outcome"], &probe["failure"]["reason"]),
            (&outcome.into(), &reason.into())
        );
        if reason == "refused" {
            assert!(found(&document, "connection-refused").is_some(), "{document:#}");
            assert_eq!(found(&document, "service-down-host-up"), None, "it is explained");
            continue;
        }
        let finding = found(&document, "service-down-host-up").expect("the finding");
        assert_eq!(
            (&finding["severity"], &finding["target_index"]),
            (&"critical".into(), &1.into())
        );
        let evidence = &finding["evidence"];
        let figures = ["n", "received", "other_n", "other_received"].map(|key| &evidence[key]);
        assert_eq!(figures, [&3.into(), &0.into(), &3.into(), &Value::from(3)]);
        assert_eq!(found(&document, "no-reply"), None, "it is explained: {document}");
    }
}

/// A user's rate holds for connections of all kinds, and what a connection cannot do is refused.
#[test]
fn a13_what_services_have_no_use_for_is_refused() {
    let Some(namespace) = Namespace::loopback() else { return };
    for words in [
        &["--proto", "tls:0"][..],
        &["--proto", "http:x"],
        &["--proto", "icmp,tls", "--df", "do"],
        &["--proto", "https", "--size", "100"],
        &["--proto", "http", "-U"],
        &["--proto", "tls", "--mark", "1"],
        &["--proto", "dns", "--classic"],
    ] {
        let ended = run(
            &mut namespace.netdiag(&[&["ping", "-c", "1"][..], words, &["127.0.0.1"]].concat())
        );
        assert_eq!(ended.code(), Some(2), "{words:?}: {ended:?}");
    }
}

/// Whoever filters may also say so.
#[test]
fn a13_a_service_behind_icmp_that_a_router_rejects_is_told() {
    let Some(lab) = Lab::new() else { return };
    let _service = lab.far.inside(|| TcpListener::bind("[::]:80").expect("nobody else is here"));
    lab.router.run(
        "nft -f - <<'END'
table inet t { chain f { type filter hook forward priority 0
    icmp type echo-request reject with icmp type admin-prohibited
    icmpv6 type echo-request reject with icmpv6 type admin-prohibited; }; }
END",
    );
    for address in ["10.9.2.2", "fd09:2::2"] {
        let arguments = ["ping", "--json", "-c", "3", "-i", "0.1", "--proto", "icmp,tcp:80"];
        let ended = run(lab.here.netdiag(&arguments).arg(address));
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        let (document, targets) = (ended.json(), targets(&ended));
        assert_eq!((&targets[0]["net_errors"], &targets[1]["received"]), (&3.into(), &3.into()));
        let finding = found(&document, "icmp-filtered-service-up").expect("the finding");
        assert_eq!(finding["target_index"], 0, "{finding}");
        assert_eq!(found(&document, "unreachable"), None, "it is explained: {document}");
    }
}

/// UDP as asked for, and as what stands in for ICMP: where it is dropped and the service answers, it
/// is a filter that is told, no dead host.
#[test]
fn a13_a_service_behind_filtered_udp_is_told() {
    let Some((namespace, _service)) = closed() else { return };
    namespace.run(
        "nft -f - <<'END'
table inet t { chain c { type filter hook input priority 0
    udp dport 33434 drop; }; }
END",
    );
    namespace.let_nobody_in();
    namespace.run("echo '1 0' > /proc/sys/net/ipv4/ping_group_range");
    for (address, _) in FAMILIES {
        for (right, proto, losses) in [
            (true, "icmp,udp,tcp:80", &[0.0, 100.0, 0.0][..]),
            (false, "icmp,tcp:80", &[100.0, 0.0]),
        ] {
            let arguments =
                ["ping", "--json", "-c", "3", "-i", "0.1", "-W", "0.3", "--proto", proto, address];
            let ended = run(&mut match right {
                true => namespace.netdiag(&arguments),
                false => namespace.nobody(&arguments),
            });
            assert_eq!(ended.code(), Some(1), "{ended:?}");
            let found_losses: Vec<_> =
                targets(&ended).iter().map(|t| t["loss_percent"].clone()).collect();
            assert_eq!(found_losses, losses, "{ended:?}");
            let document = ended.json();
            let codes: Vec<_> = document["findings"].as_array().expect("findings").iter().collect();
            assert_eq!(codes.len(), 1, "{document}");
            let finding = codes[0];
            assert_eq!(
                (&finding["code"], &finding["severity"]),
                (&"udp-filtered-service-up".into(), &"info".into())
            );
            let evidence = &finding["evidence"];
            let figures =
                ["udp_n", "udp_received", "tcp_port", "tcp_received"].map(|key| &evidence[key]);
            assert_eq!(figures, [&3.into(), &0.into(), &80.into(), &Value::from(3)]);
            let message = finding["message"].as_str().expect("text");
            let said = format!(
                "UDP to {address} port 33434, or the \"port unreachable\" that answers it, is \
                 probably filtered, its service is up: 0 of 3 datagrams were answered, 3 \
                 connections to port 80 opened"
            );
            assert_eq!(message, said);
        }
    }
}

#[test]
fn a_connection_that_does_not_open_says_who_refused_it() {
    let Some((namespace, _service)) = closed() else { return };
    namespace.run(
        "nft -f - <<'END'
table inet t { chain c { type filter hook input priority 0
    tcp dport 82 drop
    meta nfproto ipv4 tcp dport 83 reject with icmp type admin-prohibited
    meta nfproto ipv6 tcp dport 83 reject with icmpv6 type admin-prohibited; }; }
END",
    );
    for (address, _) in FAMILIES {
        for (port, code, reason, counter) in [
            (81, "connection-refused", "refused", "net_errors"),
            (82, "connection-filtered", "timeout", "lost"),
            (83, "connection-prohibited", "prohibited", "net_errors"),
        ] {
            let proto = format!("tcp:{port}");
            let arguments =
                ["ping", "--json", "-c", "3", "-i", "0.1", "-W", "0.3", "--proto", &proto];
            let ended = run(namespace.netdiag(&arguments).arg(address));
            assert_eq!(ended.code(), Some(1), "{ended:?}");
            let (document, target) = (ended.json(), ended.target());
            assert!(found(&document, code).is_some(), "{code}: {document}");
            assert_eq!(target["failure"]["reason"], reason, "{target}");
            assert_eq!(target[counter], 3, "{target}");
            assert_eq!(target["received"], 0, "{target}");
        }
    }
}

/// One "port unreachable" a second is what Linux gives by default.
#[test]
fn what_a_target_holds_back_is_not_called_loss() {
    let Some(lab) = Lab::new() else { return };
    lab.far.run("echo 1000 > /proc/sys/net/ipv4/icmp_ratelimit");
    let arguments =
        ["ping", "--json", "--proto", "udp", "-i", "0.05", "-W", "0.2", "-c", "40", "10.9.2.2"];
    let ended = run(&mut lab.here.netdiag(&arguments));
    let document = ended.json();
    let finding = found(&document, "icmp-rate-limit").unwrap_or_else(|| panic!("{document}"));
    assert_eq!(finding["evidence"]["answers"], ended.target()["received"], "{document}");
    for silenced in ["packet-loss", "outage"] {
        assert_eq!(found(&document, silenced), None, "{document}");
    }
}

/// A mark may choose the way, so nothing without one stands in for it.
#[test]
fn what_only_an_icmp_socket_can_do_is_not_dropped() {
    let Some((namespace, _service)) = closed() else { return };
    for option in [["-m", "3"], ["-e", "77"]] {
        let mut command = namespace.nobody(&["ping", "-c", "1"]);
        let ended = run(command.args(option).arg("127.0.0.1"));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(3), ""), "{ended:?}");
        assert!(!ended.err.contains("instead"), "{ended:?}");
    }
}

#[test]
fn a_neighbour_that_is_not_there_is_told_by_this_machine_itself() {
    let Some(lab) = Lab::new() else { return };
    for address in ["10.9.1.77", "fd09:1::77"] {
        let arguments = ["ping", "--json", "-i", "0.1", "-c", "4", "-W", "5", address];
        let ended = run(&mut lab.here.netdiag(&arguments));
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        let document = ended.json();
        let finding = found(&document, "unreachable").unwrap_or_else(|| panic!("{document}"));
        let said = finding["message"].as_str().expect("text");
        assert!(said.starts_with("this machine ("), "{said}");
        let advice = finding["advice"].as_str().expect("text");
        assert!(advice.starts_with("this machine found no neighbour"), "{advice}");
    }
}

//! Links, addresses and routes of this machine that come and go during a run: told once, never loss,
//! and measured on within an interval of their return.

use super::network::Lab;
use crate::support::process::{Ended, Process};
use serde_json::Value;

const V4: &str = "10.9.2.2";
const V6: &str = "fd09:2::2";
/// What brings the interface back with its addresses and routes.
const UP: &str = "ip link set lab0 up
    ip addr replace 10.9.1.2/24 dev lab0; ip addr replace fd09:1::2/64 dev lab0 nodad
    ip route replace default via 10.9.1.1; ip route replace default via fd09:1::1";

/// A run over both families: a script takes something away after the fifth reply, and another brings
/// it back after the fifteenth probe.
fn run(lab: &Lab, more: &[&str], down: &str, up: &str) -> (Ended, Ended) {
    let options = ["-i", "0.1", "-c", "30", "-W", "0.5"];
    let mut json = lab.here.netdiag(&["ping", "--json"]);
    let json = Process::start(json.args(options).args(more));
    let mut text = lab.here.netdiag(&["ping"]);
    let text = Process::start(text.args(options).args(more));
    text.until_out(|out| out.contains("icmp_seq=5 "));
    lab.here.run(down);
    text.until_out(|out| out.contains("icmp_seq=15"));
    lab.here.run(up);
    (json.wait(), text.wait())
}

fn first(json: &Ended) -> Value {
    json.json()["targets"][0].clone()
}

fn number(target: &Value, key: &str) -> u64 {
    target[key].as_u64().unwrap_or_else(|| panic!("{key} of {target}"))
}

/// Nothing was lost, the run went on after, and the finding tells what happened.
fn check(json: &Ended, text: &Ended, told: &[&str]) {
    let document = json.json();
    for target in document["targets"].as_array().expect("targets") {
        assert_eq!(number(target, "lost") + number(target, "net_errors"), 0, "{target}");
        assert_eq!(target["loss_percent"], 0.0, "{target}");
        let last = target["probes"].as_array().and_then(|probes| probes.last()).expect("probes");
        assert_eq!(last["outcome"], "reply", "it goes on when all is back: {target}");
    }
    let findings = document["findings"].as_array().expect("findings");
    let finding = findings.iter().find(|finding| finding["code"] == "local-link-changed");
    let finding = finding.unwrap_or_else(|| panic!("no finding: {document}"));
    assert_eq!(finding["locus"]["interface"], finding["evidence"]["interface"]);
    let what = finding["evidence"]["what"].to_string();
    for told in told {
        assert!(what.contains(told), "{told}: {what}");
        assert!(text.err.contains(&format!("-- lab0 {told} --")), "{told}: {text:?}");
    }
    // Whoever measures two targets is told once of each change.
    let lines: Vec<&str> = text.err.lines().filter(|line| line.starts_with("-- ")).collect();
    for pair in lines.windows(2) {
        assert_ne!(pair[0], pair[1], "{text:?}");
    }
}

#[test]
fn b8_an_own_link_down_and_up_is_told_and_not_loss() {
    let Some(lab) = Lab::new() else { return };
    let (json, text) = run(&lab, &[V4, V6], "ip link set lab0 down", UP);
    check(&json, &text, &["down", "up"]);
    assert_eq!(json.code(), Some(0), "{json:?}");
    for target in json.json()["targets"].as_array().expect("targets") {
        assert!(number(target, "local_errors") >= 8, "{target}");
    }
}

#[test]
fn b8_a_cable_that_is_out_makes_samples_unknown() {
    let Some(lab) = Lab::new() else { return };
    // The other end of the pair goes down: no carrier here, and no send fails.
    let router = lab.router.pid();
    let near = format!("nsenter --target {router} --net ip link set near");
    let up = format!(
        "{near} up; nsenter --target {router} --net ip addr replace fd09:1::1/64 dev near nodad"
    );
    let (json, text) = run(&lab, &[V4, V6], &format!("{near} down"), &up);
    check(&json, &text, &["no carrier", "up"]);
    let target = first(&json);
    assert!(number(&target, "unknown") >= 8, "{target}");
    let unknown = |probe: &&Value| probe["outcome"] == "unknown";
    let probes = target["probes"].as_array().expect("probes");
    for probe in probes.iter().filter(unknown) {
        assert_eq!(probe["failure"]["reason"], "interface-changed", "{probe}");
    }
}

#[test]
fn b8_an_address_that_goes_and_comes_back_is_followed() {
    let Some(lab) = Lab::new() else { return };
    let source = ["--source", "10.9.1.2", V4];
    let (json, text) = run(&lab, &source, "ip addr del 10.9.1.2/24 dev lab0", UP);
    check(&json, &text, &["address 10.9.1.2 removed", "address 10.9.1.2 added"]);
    assert!(number(&first(&json), "local_errors") >= 8, "{json:?}");
    assert!(text.out.contains("not sent"), "{text:?}");
}

#[test]
fn b8_an_interface_that_is_made_again_is_found_again() {
    let Some(lab) = Lab::new() else { return };
    let router = lab.router.pid();
    let down = "ip link del lab0";
    let up = format!(
        "ip link add lab0 type veth peer name near netns {router}
         nsenter --target {router} --net sh -e -c 'ip link set near up
             ip addr add 10.9.1.1/24 dev near; ip addr add fd09:1::1/64 dev near nodad'
         {UP}"
    );
    for more in [&["-I", "lab0", V4, V6][..], &["-I", "lab0", "fd09:1::1"]] {
        let (json, text) = run(&lab, more, down, &up);
        check(&json, &text, &["gone", "up"]);
        let target = first(&json);
        assert!(number(&target, "local_errors") >= 8, "{target}");
    }
}

#[test]
fn an_address_that_is_renewed_is_no_change() {
    let Some(lab) = Lab::new() else { return };
    // As after each router advertisement and each renewal by DHCP.
    let renew = "ip addr change 10.9.1.2/24 dev lab0 valid_lft 900 preferred_lft 800
        ip addr change fd09:1::2/64 dev lab0 valid_lft 900 preferred_lft 800";
    let (json, text) = run(&lab, &[V4, V6], "true", renew);
    let document = json.json();
    assert_eq!(document["findings"], serde_json::json!([]), "{document}");
    assert!(!text.err.contains("-- lab0"), "{text:?}");
}

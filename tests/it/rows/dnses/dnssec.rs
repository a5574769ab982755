//! `dns --dnssec`: zones that BIND signs, and what is wrong with those that are broken (I6).

use crate::support::process::{Ended, Namespace, Process, has};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is signed: a zone above, and those below it, each broken in a way of its own.
const BELOW: [&str; 8] =
    ["good", "expired", "future", "digest", "unsigned", "nods", "nosig", "gap"];

struct Signed {
    namespace: Namespace,
    folder: PathBuf,
    _server: Process,
}

fn tool(folder: &Path, program: &str, words: &[&str]) -> String {
    let output = Command::new(program).current_dir(folder).args(words).output().expect("it runs");
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Makes a key and signs a zone, with NSEC or NSEC3; its DS records.
fn sign(folder: &Path, zone: &str, text: &str, more: &[&str]) -> String {
    let key = tool(folder, "dnssec-keygen", &["-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone]);
    let public = fs::read_to_string(folder.join(format!("{key}.key"))).expect("a key");
    fs::write(folder.join(zone), format!("{text}{public}")).expect("written");
    let words = [&["-q", "-S", "-z", "-P", "-o", zone][..], more, &[zone]].concat();
    tool(folder, "dnssec-signzone", &words);
    tool(folder, "dnssec-dsfromkey", &["-2", &format!("{key}.key")])
}

fn zone(name: &str) -> String {
    format!(
        "$TTL 300\n$ORIGIN {name}.\n@ SOA ns h 1 1 1 1 60\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.1\n\
         a.inner A 192.0.2.2\n*.wild TXT \"w\"\nalias CNAME www.good.lab.\n"
    )
}

impl Signed {
    fn new(name: &str) -> Option<Self> {
        let is_there = ["named", "dnssec-signzone"].iter().all(|it| {
            // They say their version by an option of one dash.
            Command::new(it).arg("-V").output().is_ok() || has(it)
        });
        if !is_there {
            return None;
        }
        let namespace = Namespace::new("ip addr add 127.0.0.2/32 dev lo")?;
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("signed-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let mut above = zone("lab");
        let mut files = vec![("lab".to_owned(), "lab.signed".to_owned())];
        for label in BELOW {
            let own = format!("{label}.lab");
            above.push_str(&format!("{label} NS ns.{own}.\nns.{own}. A 127.0.0.1\n"));
            let more: &[&str] = match label {
                "expired" => &["-s", "20200101000000", "-e", "20200201000000"],
                "future" => &["-s", "20900101000000", "-e", "20900201000000"],
                "good" => &["-3", "abcd"],
                _ => &[],
            };
            if label == "unsigned" {
                fs::write(folder.join(&own), zone(&own)).expect("written");
                files.push((own.clone(), own));
                continue;
            }
            let ds = sign(&folder, &own, &zone(&own), more);
            match label {
                "nods" => {}
                "digest" => {
                    let (start, digest) = ds.rsplit_once(' ').expect("a digest");
                    let other: String =
                        digest.chars().map(|it| if it == 'A' { 'B' } else { 'A' }).collect();
                    above.push_str(&format!("{start} {other}\n"));
                }
                _ => above.push_str(&format!("{ds}\n")),
            }
            let signed = format!("{own}.signed");
            if label == "nosig" || label == "gap" {
                // Without its signature over one set, or without one NSEC.
                let text = fs::read_to_string(folder.join(&signed)).expect("signed");
                fs::write(folder.join(&signed), without(&text, label == "gap")).expect("written");
            }
            files.push((own, signed));
        }
        let ds = sign(&folder, "lab", &above, &[]);
        fs::write(folder.join("anchor"), format!("; of the test\n{ds}\n")).expect("written");
        let zones: String = files
            .iter()
            .map(|(zone, file)| format!("zone \"{zone}\" {{ type primary; file \"{file}\"; }};\n"))
            .collect();
        let conf = format!(
            "options {{ directory \"{}\"; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; \
             recursion no; pid-file none; dnssec-validation no; notify no; }};\ncontrols {{ }};\n{zones}",
            folder.display()
        );
        fs::write(folder.join("named.conf"), conf).expect("written");
        let mut command = namespace.command("named");
        let server = Process::start(command.args(["-g", "-c"]).arg(folder.join("named.conf")));
        server.until_err(|text| text.contains("running\n"));
        Some(Self { namespace, folder, _server: server })
    }

    fn ask(&self, words: &[&str]) -> Ended {
        let anchor = self.folder.join("anchor");
        let anchor = anchor.to_str().expect("UTF-8");
        let words = [&["dns", "--dnssec", "--anchor", anchor, "@127.0.0.1"][..], words].concat();
        Process::start(&mut self.namespace.netdiag(&words)).wait()
    }
}

impl Drop for Signed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A zone file as dnssec-signzone writes it, but for the RRSIG of `www A`, or for the NSEC of that name with its
/// own.
fn without(text: &str, nsec: bool) -> String {
    let covered = if nsec { "RRSIG\tNSEC " } else { "RRSIG\tA " };
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    let mut is_www = false;
    while let Some(line) = lines.next() {
        let is_owner = !line.starts_with([' ', '\t', ';']);
        if is_owner {
            is_www = line.starts_with("www.");
        }
        if is_www && nsec && line.contains("\tNSEC\t") {
            continue;
        }
        if is_www && line.contains(covered) {
            // Up to the closing bracket.
            let mut last = line;
            while !last.contains(')') {
                last = lines.next().expect("it is closed");
            }
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[test]
fn i6_zones_that_are_broken_have_reasons_and_good_ones_are_secure() {
    let Some(signed) = Signed::new("all") else { return };
    for (words, status, code, exit) in [
        (&["www.lab", "A"][..], "secure", None, 0),
        (&["www.good.lab", "A"], "secure", None, 0),
        (&["good.lab", "DNSKEY"], "secure", None, 0),
        (&["good.lab", "DS"], "secure", None, 0),
        (&["alias.good.lab", "A"], "secure", None, 0),
        (&["alias.lab", "A"], "indeterminate", Some("not-told"), 1),
        (&["x.wild.lab", "TXT"], "secure", None, 0),
        (&["x.wild.good.lab", "TXT"], "secure", None, 0),
        (&["www.lab", "MX"], "secure", None, 1),
        (&["www.good.lab", "MX"], "secure", None, 1),
        (&["inner.lab", "A"], "secure", None, 1),
        (&["inner.good.lab", "A"], "secure", None, 1),
        (&["nothere.lab", "A"], "secure", None, 1),
        (&["nothere.good.lab", "A"], "secure", None, 1),
        (&["www.unsigned.lab", "A"], "insecure", Some("unsigned"), 0),
        (&["www.nods.lab", "A"], "insecure", Some("missing-ds"), 0),
        (&["www.expired.lab", "A"], "bogus", Some("expired"), 1),
        (&["www.future.lab", "A"], "bogus", Some("not-yet-valid"), 1),
        (&["www.digest.lab", "A"], "bogus", Some("bad-digest"), 1),
        (&["www.nosig.lab", "A"], "bogus", Some("no-signature"), 1),
        (&["zzz.gap.lab", "A"], "bogus", Some("nsec-gap"), 1),
    ] {
        let ended = signed.ask(&[&["--json"][..], words].concat());
        let target = ended.target();
        let dnssec = &target["results"][0]["dnssec"];
        assert_eq!(
            (&dnssec["status"], &dnssec["code"]),
            (&status.into(), &code.into()),
            "{words:?}: {dnssec} {ended:?}"
        );
        assert_eq!(ended.code(), Some(exit), "{words:?}");
        let is_told = super::findings(&ended).contains(&"dnssec-bogus".to_owned());
        assert_eq!(is_told, status == "bogus", "{words:?}");
        assert_eq!(dnssec["reason"].is_null(), status == "secure");
    }
    let text = signed.ask(&["www.good.lab", "A"]);
    assert!(text.out.contains("; DNSSEC, validated here: secure, by lab. > good.lab."), "{text:?}");
    let text = signed.ask(&["www.expired.lab", "A"]);
    assert!(text.out.contains("expired.lab. DNSKEY by key"), "{text:?}");
    assert!(text.out.contains(" days ago (dnssec-bogus)"), "{text:?}");
}

#[test]
fn i6_an_answer_that_was_changed_on_the_way_is_bogus() {
    let Some(signed) = Signed::new("changed") else { return };
    // The same zone with another address and the old signatures.
    let file = signed.folder.join("good.lab.signed");
    let text = fs::read_to_string(&file).expect("signed").replace("192.0.2.1", "192.0.2.66");
    fs::write(&file, text).expect("written");
    let mut command = signed.namespace.command("named");
    let conf = fs::read_to_string(signed.folder.join("named.conf")).expect("there");
    let conf = conf.replace("listen-on { 127.0.0.1; }", "listen-on { 127.0.0.2; }");
    let path = signed.folder.join("changed.conf");
    fs::write(&path, conf).expect("written");
    let server = Process::start(command.args(["-g", "-c"]).arg(path));
    server.until_err(|text| text.contains("running\n"));
    let ended = signed.ask(&["--json", "@127.0.0.2", "www.good.lab", "A"]);
    let results = ended.target()["results"].clone();
    let words: Vec<&str> = [0, 1]
        .iter()
        .map(|it| results[*it]["dnssec"]["status"].as_str().expect("a word"))
        .collect();
    assert_eq!(words, ["secure", "bogus"], "{results}");
    assert_eq!(results[1]["dnssec"]["code"], "bad-signature");
    let text = signed.ask(&["@127.0.0.2", "--fail-if", "dnssec!=secure", "www.good.lab", "A"]);
    assert!(text.out.contains("; DNSSEC 127.0.0.1:53: secure\n"), "{text:?}");
    assert!(text.out.contains("; DNSSEC 127.0.0.2:53: bogus, the signature of "), "{text:?}");
    assert_eq!(text.code(), Some(1));
    // Nothing is believed without an anchor.
    let root = Process::start(&mut signed.namespace.netdiag(&[
        "dns",
        "--dnssec",
        "--json",
        "@127.0.0.1",
        "www.lab",
        "A",
    ]))
    .wait();
    assert_eq!(root.target()["results"][0]["dnssec"]["status"], "indeterminate", "{root:?}");
    assert_eq!(
        (root.code(), super::findings(&root)),
        (Some(1), vec!["dnssec-unvalidated".to_owned()])
    );
}

#[test]
fn an_anchor_that_is_none_is_refused() {
    for anchor in ["/dev/null", "/nonexistent", "/etc/hostname"] {
        let ended = super::dns(&["--dnssec", "--anchor", anchor, "@127.0.0.1", "a.example"]);
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert!(ended.err.contains("--anchor"), "{ended:?}");
    }
}

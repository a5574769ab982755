//! `dns --trace`: an internet of names of the test's own, from its root down (I5).

use crate::support::process::{Ended, Namespace, Process, has};
use std::fs;
use std::path::PathBuf;

/// Addresses, and what the server there has: zones and their files. One BIND is all of them.
const SERVERS: &[(&str, &[(&str, &str)])] = &[
    ("127.0.1.1", &[(".", "root")]),
    ("127.0.1.2", &[("example", "tld")]),
    ("127.0.1.3", &[("lab.example", "lab")]),
    ("127.0.1.4", &[("lab.example", "old")]),
    ("127.0.1.5", &[("elsewhere", "other")]),
    ("127.0.1.6", &[("other", "other")]),
    ("127.0.1.7", &[("lab.example", "lab")]),
];

const ROOT: &str = "$TTL 300
@ SOA a.root. h. 7 1 1 1 60
@ NS a.root.
a.root. A 127.0.1.1
example. NS ns.example.
ns.example. A 127.0.1.2
other. NS ns.other.
ns.other. A 127.0.1.6
broken. NS ns.broken.
elsewhere. NS ns.elsewhere.
ns.elsewhere. A 127.0.1.5
";
const TLD: &str = "$TTL 300
@ SOA ns h. 20 1 1 1 60
@ NS ns
ns A 127.0.1.2
lab NS ns1.lab
lab NS ns2.lab
lab NS ns3.lab
lab NS far.other.
ns1.lab A 127.0.1.3
ns2.lab A 127.0.1.4
ns3.lab A 127.0.1.5
";
const LAB: &str = "$TTL 300
@ SOA ns1 h. SERIAL 1 1 1 60
@ NS ns1
@ NS ns2
@ NS far.other.
ns1 A 127.0.1.3
ns2 A 127.0.1.4
www A 192.0.2.10
out CNAME www.elsewhere.
round CNAME round.elsewhere.
here CNAME www
loop1 CNAME loop2
loop2 CNAME loop1
";
const OTHER: &str = "$TTL 300
@ SOA ns h. 4 1 1 1 60
@ NS ns
ns A 127.0.1.6
far A 127.0.1.7
www A 192.0.2.77
round CNAME round.lab.example.
";
const HINTS: &str = ". 3600000 NS a.root.\na.root. 3600000 A 127.0.1.1\n";

struct Internet {
    namespace: Namespace,
    folder: PathBuf,
    _server: Process,
}

impl Internet {
    fn new(name: &str) -> Option<Self> {
        if !has("named") {
            return None;
        }
        let own: String = SERVERS
            .iter()
            .map(|(address, _)| format!("ip addr add {address}/32 dev lo\n"))
            .collect();
        let namespace = Namespace::new(&own)?;
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("internet-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let files = [
            ("root", ROOT.to_owned()),
            ("tld", TLD.to_owned()),
            ("lab", LAB.replace("SERIAL", "2")),
            ("old", LAB.replace("SERIAL", "1")),
            ("other", OTHER.to_owned()),
            ("hints", HINTS.to_owned()),
        ];
        for (file, text) in files {
            fs::write(folder.join(file), text).expect("written");
        }
        let addresses: String = SERVERS.iter().map(|(address, _)| format!("{address}; ")).collect();
        let views: String = SERVERS
            .iter()
            .map(|(address, zones)| {
                let zones: String = zones
                    .iter()
                    .map(|(zone, file)| {
                        format!("zone \"{zone}\" {{ type primary; file \"{file}\"; }};\n")
                    })
                    .collect();
                format!("view \"{address}\" {{ match-destinations {{ {address}; }};\n{zones} }};\n")
            })
            .collect();
        let conf = format!(
            "options {{ directory \"{}\"; listen-on {{ {addresses} }}; listen-on-v6 {{ none; }}; \
             recursion no; pid-file none; dnssec-validation no; notify no; }};\n\
             controls {{ }};\n{views}",
            folder.display()
        );
        fs::write(folder.join("named.conf"), conf).expect("written");
        let mut command = namespace.command("named");
        let server = Process::start(command.args(["-g", "-c"]).arg(folder.join("named.conf")));
        server.until_err(|text| text.contains("running\n"));
        Some(Self { namespace, folder, _server: server })
    }

    fn trace(&self, words: &[&str]) -> Ended {
        let hints = self.folder.join("hints");
        let hints = hints.to_str().expect("UTF-8");
        let words = [&["dns", "--trace", "--hints", hints, "-W", "500ms"][..], words].concat();
        Process::start(&mut self.namespace.netdiag(&words)).wait()
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn i5_the_way_from_the_root_with_lame_servers_serials_and_names_without_glue() {
    let Some(internet) = Internet::new("way") else { return };
    let ended = internet.trace(&["--json", "www.lab.example"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let document = ended.json();
    let target = &document["targets"][0];
    let steps = target["steps"].as_array().expect("steps");
    let told: Vec<String> = steps
        .iter()
        .map(|it| {
            let text = |key: &str| it[key].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", text("zone"), text("server"), text("outcome"), it["serial"])
        })
        .collect();
    assert_eq!(told[..2], [". 127.0.1.1:53 referral 7", "example. 127.0.1.2:53 referral 20"]);
    let mut last = told[2..].to_vec();
    last.sort();
    assert_eq!(
        last,
        [
            "lab.example. 127.0.1.3:53 answer 2",
            "lab.example. 127.0.1.4:53 answer 1",
            "lab.example. 127.0.1.5:53 refused null",
            "lab.example. 127.0.1.7:53 answer 2",
        ],
        "{told:?}"
    );
    let mut found: Vec<(String, String)> = document["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| [&it["code"], &it["message"]].map(|it| it.as_str().expect("text").to_owned()))
        .map(|[code, message]| (code, message))
        .collect();
    found.sort();
    let codes: Vec<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(
        codes,
        ["dns-lame-delegation", "dns-servers-disagree", "dns-servers-disagree"],
        "{found:?}"
    );
    assert!(
        found[0].1.contains("ns3.lab.example. (127.0.1.5) is named for lab.example."),
        "{found:?}"
    );
    assert!(found[1].1.contains("1 (ns2.lab.example.), 2 ("), "{found:?}");
    assert!(
        found[2].1.contains("only above ns3.lab.example.") && !found[2].1.contains("none"),
        "{found:?}"
    );
    let results = target["results"].as_array().expect("results");
    assert_eq!(results.len(), 4, "what the last servers said, whole");

    let text = internet.trace(&["www.lab.example"]);
    assert!(text.out.starts_with("zone "), "{text:?}");
    assert!(text.out.contains("to ns.example."), "{text:?}");
    let lines = internet.trace(&["--output", "jsonl", "www.lab.example"]);
    let zones: Vec<String> = lines
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter(|line| line["type"] == "answer" && line["step"] == "delegation")
        .map(|line| line["zone"].as_str().expect("a zone").to_owned())
        .collect();
    for (zone, count) in [(".", 1), ("example.", 1), ("lab.example.", 4)] {
        assert!(zones.iter().filter(|it| *it == zone).count() >= count, "{lines:?}");
    }
    let short = internet.trace(&["--short", "www.lab.example"]);
    assert_eq!((short.code(), short.out.as_str()), (Some(0), "192.0.2.10\n"), "{short:?}");
    let verdict = text.out.lines().last().expect("a line");
    assert!(verdict.starts_with("= www.lab.example. A is answered by "), "{verdict}");
    assert!(verdict.ends_with("; one of 6 servers does not serve its zone"), "{verdict}");
}

#[test]
fn i5_a_way_that_ends_says_where() {
    let Some(internet) = Internet::new("end") else { return };
    for (words, code, end) in [
        (&["nothere.lab.example", "A"][..], 1, "does not exist, says"),
        (&["www.lab.example", "MX"], 1, "has no such data, says"),
        (&["nothere.", "A"], 1, "does not exist, says a.root. (127.0.1.1), 1 zone down"),
        (&["www.broken", "A"], 1, "no server of broken. says anything of it, 2 zones down"),
        (&["-x", "192.0.2.1"], 1, "does not exist, says a.root."),
    ] {
        let ended = internet.trace(words);
        assert_eq!(ended.code(), Some(code), "{ended:?}");
        let verdict = ended.out.lines().last().expect("a line");
        assert!(verdict.contains(end), "{ended:?}");
    }
    // Servers that are not there.
    let hints = internet.folder.join("hints");
    fs::write(&hints, ". NS a.root.\na.root. A 127.0.1.9\n").expect("written");
    let ended = internet.trace(&["--retries", "0", "www.lab.example"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.out.contains("no server of . says anything of it"), "{ended:?}");
    // One to which there is no way.
    fs::write(&hints, ". NS a.root.\na.root. A 203.0.113.5\n").expect("written");
    let ended = internet.trace(&["www.lab.example"]);
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(ended.out.contains("no server of . could be asked"), "{ended:?}");
    for nobody in ["nothing\n", "@ NS www\nwww A 127.0.1.1\n"] {
        fs::write(&hints, nobody).expect("written");
        let ended = internet.trace(&["www.lab.example"]);
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert!(ended.err.contains("no server in an NS record of `.`"), "{ended:?}");
    }
}

#[test]
fn i5_a_cname_into_another_zone_is_followed_from_the_root_again() {
    let Some(internet) = Internet::new("cname") else { return };
    let ended = internet.trace(&["--json", "out.lab.example"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let target = ended.target();
    let steps = target["steps"].as_array().expect("steps");
    let way: Vec<String> = steps
        .iter()
        .filter(|step| step["server"] != "127.0.1.5:53" || step["outcome"] == "answer")
        .map(|step| format!("{} {}", step["asked"].as_str().unwrap_or("-"), step["zone"]))
        .collect();
    let mut way: Vec<&str> = way.iter().map(String::as_str).collect();
    way.dedup();
    assert_eq!(
        way,
        [
            "- \".\"",
            "- \"example.\"",
            "- \"lab.example.\"",
            "www.elsewhere. \".\"",
            "www.elsewhere. \"elsewhere.\""
        ],
        "{ended:?}"
    );
    assert_eq!(target["name"], "out.lab.example.");
    assert_eq!(target["results"][0]["answers"][0]["data"], "192.0.2.77");
    // What is wrong with a zone that is passed twice is told once.
    let document = ended.json();
    let told = document["findings"].as_array().expect("a list").iter();
    let mut told: Vec<String> = told.map(|it| it["message"].to_string()).collect();
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count, "{told:?}");

    let text = internet.trace(&["out.lab.example"]);
    assert!(text.out.contains("\nCNAME to www.elsewhere.: from the root again\n"), "{text:?}");
    let verdict = text.out.lines().last().expect("a line");
    let wanted = "= out.lab.example. A is a CNAME of www.elsewhere., which is answered by ns.elsewhere. \
                  (127.0.1.5), 5 zones down from the root";
    assert!(verdict.starts_with(wanted), "{verdict}");

    // One within the zone is the server's own affair.
    let text = internet.trace(&["here.lab.example"]);
    assert!(!text.out.contains("CNAME to"), "{text:?}");
    assert_eq!(text.code(), Some(0), "{text:?}");
    // Who asks for the CNAME has it.
    let text = internet.trace(&["out.lab.example", "CNAME"]);
    assert!(!text.out.contains("CNAME to") && text.code() == Some(0), "{text:?}");
}

#[test]
fn i5_cnames_that_lead_in_a_circle_end() {
    let Some(internet) = Internet::new("circle") else { return };
    let ended = internet.trace(&["round.lab.example"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let verdict = ended.out.lines().last().expect("a line");
    assert_eq!(
        verdict,
        "= round.lab.example. A: a CNAME loop, round.lab.example. -> round.elsewhere. -> \
         round.lab.example."
    );
    let ended = internet.trace(&["loop1.lab.example"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let verdict = ended.out.lines().last().expect("a line");
    let told =
        "a CNAME loop, loop1.lab.example. -> loop2.lab.example. -> loop1.lab.example., says ";
    assert!(verdict.contains(told), "{verdict}");
}

#[test]
fn what_trace_has_no_use_for_is_refused() {
    for words in [
        &["a.example", "@127.0.0.1"][..],
        &["a.example", "b.example"],
        &["a.example", "A", "MX"],
        &["-c", "2", "a.example"],
        &["--check", "a.example"],
    ] {
        let ended = super::dns(&[&["--trace"][..], words].concat());
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
    }
}

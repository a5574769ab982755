//! BIND as the server, dig and nslookup as the oracles, in a namespace, where this machine has them
//! (I1).

use crate::support::process::{Ended, NETDIAG, Namespace, Process, has, run};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

const ZONE: &str = include_str!("lab.zone");

/// A secret that the server has.
pub(super) const KEY: &str =
    "key \"xfr.key\" { algorithm hmac-sha256; secret \"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\"; };\n";

/// A folder for the server, which goes with the test.
pub(super) struct Folder(pub(super) PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// BIND on 127.0.0.1 with the zone.
pub(super) struct Lab {
    namespace: Namespace,
    pub(super) folder: Folder,
    pub(super) server: Process,
}

impl Lab {
    pub(super) fn new(name: &str, oracle: &str) -> Option<Self> {
        if !has_oracle(oracle) || !has("named") {
            return None;
        }
        let namespace = Namespace::loopback()?;
        let named = format!("named-{name}-{}", std::process::id());
        let folder = Folder(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(named));
        fs::create_dir_all(&folder.0).expect("a folder");
        let path = folder.0.display();
        fs::write(folder.0.join("lab.zone"), ZONE).expect("written");
        let keyed = ZONE.replace("lab.example", "keyed.example");
        fs::write(folder.0.join("keyed.zone"), keyed).expect("written");
        fs::write(folder.0.join("xfr.key"), KEY).expect("written");
        let conf = format!(
            "{KEY}options {{ directory \"{path}\"; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; \
             recursion no; pid-file none; dnssec-validation no; notify no; server-id \"lab-1\"; \
             max-ixfr-ratio unlimited; }};\n\
             controls {{ }};\nzone \"lab.example\" {{ type primary; file \"lab.zone\"; }};\n\
             zone \"keyed.example\" {{ type primary; file \"keyed.zone\"; ixfr-from-differences yes; \
             allow-transfer {{ key \"xfr.key\"; }}; }};\n"
        );
        let file = folder.0.join("named.conf");
        fs::write(&file, conf).expect("written");
        let server = Process::start(namespace.command("named").args(["-g", "-c"]).arg(&file));
        server.until_err(|text| text.contains("running\n"));
        Some(Self { namespace, folder, server })
    }

    pub(super) fn ask(&self, program: &str, words: &[&str]) -> Ended {
        run(self.namespace.command(program).args(words))
    }
}

/// dig has a version; nslookup tells its own by an option of one dash.
fn has_oracle(program: &str) -> bool {
    match program {
        "nslookup" => std::process::Command::new(program).arg("-version").output().is_ok(),
        program => has(program),
    }
}

/// Names and types of the zone, each once.
fn questions() -> BTreeSet<(String, String)> {
    let lines = ZONE.lines().filter(|line| !line.starts_with(['$', '@', ';']));
    let words = lines.map(|line| line.split_whitespace().take(2).collect::<Vec<_>>());
    words.map(|words| (words[0].to_owned(), words[1].to_owned())).collect()
}

/// Without the spaces with which dig breaks long digits, and in one order: servers rotate theirs.
fn sorted(out: &str) -> Vec<String> {
    let mut lines: Vec<String> = out.lines().map(|line| line.replace(' ', "")).collect();
    lines.sort();
    lines
}

/// The same without what differs from one run to the next.
pub(super) fn steady(out: &str) -> Vec<String> {
    let fleeting = ["; <<>>", "; COOKIE:", ";; Query time:", ";; WHEN:"];
    let kept = out.lines().filter(|line| !fleeting.iter().any(|start| line.starts_with(start)));
    let kept: Vec<String> = kept
        .map(|line| match line.split_once("id: ") {
            Some((before, _)) => before.to_owned(),
            None => line.to_owned(),
        })
        .collect();
    sorted(&kept.join("\n"))
}

#[test]
fn i1_records_of_sixty_types_are_what_dig_prints() {
    let Some(lab) = Lab::new("types", "dig") else { return };
    let questions = questions();
    assert!(questions.len() >= 55, "{}", questions.len());
    for (name, kind) in &questions {
        let name = format!("{name}.lab.example");
        let dig = lab.ask("dig", &["@127.0.0.1", &name, kind, "+short"]);
        let own = lab.ask(NETDIAG, &["dns", "--short", "@127.0.0.1", &name, "-t", kind]);
        assert_eq!(own.code(), Some(0), "{name} {kind}: {own:?}");
        assert_eq!(sorted(&own.out), sorted(&dig.out), "{name} {kind}");
    }
}

#[test]
fn the_classic_layout_is_dig_s() {
    let Some(lab) = Lab::new("classic", "dig") else { return };
    for (words, same, own) in [
        (&["a.lab.example", "A"][..], &[][..], &[][..]),
        (&["nothere.lab.example", "A"], &[], &[]),
        (&["mx.lab.example", "MX"], &[], &[]),
        (&["txt.lab.example", "TXT"], &["+tcp"], &["--tcp"]),
        (&["lab.example", "SOA"], &["+norec"], &["--no-recursion"]),
        (&["other.example"], &["+nsid"], &["--nsid"]),
        (&["ns1.lab.example", "AAAA"], &["+noedns", "+noad"], &["--no-edns"]),
        (&["lab.example", "TXT"], &["+dnssec"], &["--do"]),
        (&["lab.example", "ANY"], &[], &[]),
        (&["cname.lab.example"], &["+subnet=192.0.2.0/24"], &["--subnet", "192.0.2.0/24"]),
        (&["-x", "192.0.2.1"], &[], &[]),
    ] {
        let dig = lab.ask("dig", &[&["@127.0.0.1"][..], words, same].concat());
        let ours =
            lab.ask(NETDIAG, &[&["dns", "--classic", "@127.0.0.1"][..], words, own].concat());
        assert_eq!(ours.code(), dig.code(), "{words:?}: {ours:?}");
        let flags = |out: &str| out.replace(" ad;", ";").replace(" ad ", " ");
        assert_eq!(steady(&flags(&ours.out)), steady(&flags(&dig.out)), "{words:?}");
    }
    let dig = lab.ask("dig", &["@127.0.0.2", "a.lab.example", "+tries=1"]);
    let ours =
        lab.ask(NETDIAG, &["dns", "--classic", "--retries", "0", "@127.0.0.2", "a.lab.example"]);
    assert_eq!((ours.code(), steady(&ours.out)), (dig.code(), steady(&dig.out)));
    assert_eq!(ours.code(), Some(9));
}

#[test]
fn under_the_name_of_nslookup_it_prints_and_ends_as_nslookup() {
    let Some(lab) = Lab::new("nslookup", "nslookup") else { return };
    let link = lab.folder.0.join("nslookup");
    std::os::unix::fs::symlink(NETDIAG, &link).expect("a link");
    let link = link.to_str().expect("UTF-8");
    for words in [
        &["a.lab.example"][..],
        &["nothere.lab.example"],
        &["aaaa.lab.example"],
        &["cname.lab.example"],
        &["mx.lab.example"],
        &["ns1.lab.example"],
        &["other.example"],
        &["192.0.2.1"],
        &["-type=mx", "mx.lab.example"],
        &["-type=mx", "a.lab.example"],
        &["-type=mx", "other.example"],
        &["-type=soa", "lab.example"],
        &["-type=ns", "lab.example"],
        &["-q=any", "lab.example"],
        &["-type=txt", "txt.lab.example"],
        &["-type=srv", "srv.lab.example"],
        &["-type=naptr", "naptr.lab.example"],
        &["-type=caa", "caa.lab.example"],
        &["-type=hinfo", "hinfo.lab.example"],
        &["-type=ptr", "ptr.lab.example"],
        &["-type=dname", "dname.lab.example"],
        &["-type=loc", "loc.lab.example"],
        &["-type=a", "lab.example."],
        &["-ty=aaaa", "aaaa.lab.example"],
        &["-type=bogus", "a.lab.example"],
        &["-norecurse", "-vc", "a.lab.example"],
        &["-bogus", "a.lab.example"],
        &["-class=ch", "-type=txt", "version.bind"],
        &["-retry=1", "-port=99", "a.lab.example"],
        &["-all", "a.lab.example"],
        &["-port=53", "-nosearch", "-all", "-type=mx", "mx.lab.example"],
    ] {
        let words = [words, &["127.0.0.1"]].concat();
        let (real, own) = (lab.ask("nslookup", &words), lab.ask(link, &words));
        assert_eq!(sorted(&own.out), sorted(&real.out), "{words:?}");
        assert_eq!(own.code(), real.code(), "{words:?}");
    }
    let (real, own) = (lab.ask("nslookup", &["a", "b", "c"]), lab.ask(link, &["a", "b", "c"]));
    assert_eq!((own.code(), &own.err, &own.out), (real.code(), &real.err, &real.out));
}

//! Under the name of nslookup, line by line beside it, in a namespace with BIND and a resolv.conf.

use crate::support::process::{Ended, NETDIAG, Namespace, Process, has};
use nix::sys::signal::Signal;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

const ZONE: &str = "$TTL 300
@ SOA ns h 1 3600 900 86400 300
@ NS ns
@ MX 10 mail
ns A 127.0.0.1
mail A 192.0.2.25
www CNAME host
host A 192.0.2.10
host AAAA 2001:db8::10
four A 192.0.2.4
txt TXT \"hello world\" \"b\"
sub NS ns.sub
ns.sub A 127.0.0.9
";
const REVERSE: &str = "$TTL 300
@ SOA ns.lab.example. h 1 3600 900 86400 300
@ NS ns.lab.example.
10 PTR host.lab.example.
";

/// BIND on two addresses, and a resolv.conf that names it.
struct Lab {
    namespace: Namespace,
    folder: PathBuf,
    _server: Process,
}

impl Lab {
    /// `conf`: the lines of resolv.conf.
    fn new(name: &str, conf: &str) -> Option<Self> {
        let knows = std::process::Command::new("nslookup").arg("-version").output().is_ok();
        if !knows || !has("named") {
            return None;
        }
        let conf = conf.replace('\n', "\\n");
        let namespace = Namespace::new(&format!(
            "ip addr add 127.0.0.2/32 dev lo
             mount -t tmpfs none /mnt
             printf '{conf}\\n' > /mnt/resolv.conf
             mount --bind /mnt/resolv.conf /etc/resolv.conf"
        ))?;
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("nslookup-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let conf = format!(
            "options {{ directory \"{}\"; listen-on {{ 127.0.0.1; 127.0.0.2; }}; \
             listen-on port 5353 {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; \
             pid-file none; dnssec-validation no; notify no; }};\ncontrols {{ }};\n\
             zone \"lab.example\" {{ type primary; file \"zone\"; }};\n\
             zone \"bad.example\" {{ type primary; file \"missing\"; }};\n\
             zone \"2.0.192.in-addr.arpa\" {{ type primary; file \"reverse\"; }};\n",
            folder.display()
        );
        for (file, text) in [("zone", ZONE), ("reverse", REVERSE), ("named.conf", &conf)] {
            fs::write(folder.join(file), text).expect("written");
        }
        std::os::unix::fs::symlink(NETDIAG, folder.join("nslookup")).expect("a link");
        let mut command = namespace.command("named");
        let server = Process::start(command.args(["-g", "-c"]).arg(folder.join("named.conf")));
        server.until_err(|text| text.contains("running\n"));
        Some(Self { namespace, folder, _server: server })
    }

    fn talk(&self, program: &str, words: &[&str], said: &str) -> Ended {
        let mut command = self.namespace.command(program);
        let file = self.folder.join("said");
        fs::File::create(&file).and_then(|mut it| it.write_all(said.as_bytes())).expect("written");
        let input = fs::File::open(&file).expect("there");
        Process::start_reading(command.args(words), Stdio::from(input)).wait()
    }

    /// Both say the same, end the same.
    fn same(&self, words: &[&str], said: &str) {
        let real = self.talk("nslookup", words, said);
        let is_heard = said.trim().is_empty() || said == "exit\n" || real.out.len() > 1;
        assert!(is_heard, "{words:?} {said:?}: {real:?}");
        let link = self.folder.join("nslookup");
        let own = self.talk(link.to_str().expect("UTF-8"), words, said);
        // Servers rotate what they have.
        let told = |ended: &Ended| {
            let mut lines: Vec<String> = ended.out.lines().map(ToOwned::to_owned).collect();
            lines.sort();
            (ended.out.len(), lines, ended.code())
        };
        assert_eq!(told(&own), told(&real), "{words:?} {said:?}: {own:?}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn the_dialogue_is_that_of_nslookup() {
    let conf = "nameserver 127.0.0.1\nsearch lab.example other.example";
    let Some(lab) = Lab::new("dialogue", conf) else { return };
    for said in [
        "",
        "exit\n",
        "\n \n\t\n",
        "www\nhost.lab.example\nhost.lab.example.\nhost\n",
        "set type=mx\nlab.example\nset all\nserver 127.0.0.2\nwww 127.0.0.1\nset q=a\nhost\n",
        "192.0.2.10\n192.0.2.99\nset type=mx\n192.0.2.10\n",
        "nothere\nnothere.lab.example\nnothere.lab.example.\n",
        "set class=ch\nset type=txt\nversion.bind.\nset class=xx\nset all\n",
        "set foo\nset\nset foo=bar\nls x\nroot\nview\nfinger\nhelp\n?\n",
        "set debug\nhost.lab.example\nset nodebug\nfour\n",
        "set deb\nset type=soa\nlab.example\nset type=ns\nlab.example\nset type=any\ntxt\n",
        "server\nserver 127.0.0.2\nserver\nlserver 127.0.0.1\nfour\nexit\nhost\n",
        "set port=5353\nserver 127.0.0.1\nhost\nset po=99999\nset port=x\nset all\n",
        "set retry=1\nset timeout=1\nset t=2\nset ret=x\nset timeout=-1\nset all\n",
        "set ndots=2\nhost.lab\nset domain=lab.example\nhost\nset nosearch\nhost\nset all\n",
        "set norec\nhost\nset vc\nhost\nset all\nset novc\nset recurse\nset nod2\nset all\n",
        "set type=soa\nsub.lab.example\nx.sub.lab.example\nset type=txt\ntxt\nhost\n",
        "x.bad.example\nset fail\nx.bad.example\nset nofail\nx.bad.example\nset type=foo\n",
        "set retry=2\nserver 127.0.0.9\nfour\nset retry=1\nserver 127.0.0.1\nfour\n",
        "server 127.0.0.1\nSET TYPE=MX\nLAB.example\nExit\n",
    ] {
        lab.same(&[], said);
    }
    lab.same(&["-type=mx", "-debug"], "lab.example\nset all\n");
    lab.same(&["-", "127.0.0.2"], "four\nserver\n");
    lab.same(&["-norec", "-"], "four\n");
    lab.same(&["-bogus", "-ty=foo", "-port=x"], "");
}

#[test]
fn names_are_searched_and_servers_asked_in_turn_as_nslookup_does() {
    let conf =
        "nameserver 127.0.0.9\nnameserver 127.0.0.1\nnameserver 127.0.0.2\nsearch lab.example";
    let Some(lab) = Lab::new("turn", conf) else { return };
    for words in [
        &["four"][..],
        &["x.bad.example"],
        &["-norec", "four"],
        &["nothere"],
        &["-retry=1", "-type=mx", "lab.example"],
        &["-debug", "-type=mx", "lab.example", "127.0.0.1"],
        &["four", "127.0.0.1"],
        &["nothere", "127.0.0.1"],
        &["-nosearch", "four", "127.0.0.1"],
        &["-domain=lab.example", "four", "127.0.0.2"],
        &["-retry=1", "four", "127.0.0.9"],
    ] {
        lab.same(words, "");
    }
    lab.same(&[], "four\nset all\n");
}

#[test]
fn what_is_wrong_ends_it_as_nslookup_ends() {
    let Some(lab) = Lab::new("wrong", "nameserver 127.0.0.1") else { return };
    let link = lab.folder.join("nslookup");
    let link = link.to_str().expect("UTF-8");
    for (words, said) in [
        (&["four", "nosuch.invalid"][..], ""),
        (&["-", "nosuch.invalid"], ""),
        (&[], "server nosuch.invalid\nfour\n"),
        (&["a", "b", "c"], ""),
        (&["a..b"], ""),
        (&[&"a".repeat(64)], ""),
    ] {
        let (real, own) = (lab.talk("nslookup", words, said), lab.talk(link, words, said));
        assert_eq!((own.code(), &own.out), (real.code(), &real.out), "{words:?}: {own:?} {real:?}");
        assert_eq!(own.err.is_empty(), real.err.is_empty(), "{words:?}: {own:?} {real:?}");
    }
    let version = lab.talk(link, &["-version"], "");
    assert_eq!((version.code(), version.out.as_str()), (Some(0), ""));
    assert!(version.err.contains("netdiag"), "{version:?}");
}

/// A dialogue that a signal ends has ended badly, as BIND's does.
#[test]
fn a_dialogue_ends_by_a_signal_with_code_1() {
    let Some(lab) = Lab::new("signals", "nameserver 127.0.0.1") else { return };
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let program = lab.folder.join("nslookup");
        let mut command = lab.namespace.command(program.to_str().expect("a name"));
        let process = Process::start_reading(&mut command, Stdio::piped());
        process.until_caught(signal);
        process.signal(signal);
        let ended = process.wait();
        assert_eq!((ended.code(), ended.out.as_str()), (Some(1), ""), "{ended:?}");
    }
}

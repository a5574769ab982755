//! No line is wider than the terminal, and no address is cut.

use super::fixture::{listener, pair};
use crate::support::process::Namespace;
use crate::support::pty::Pty;

/// What a terminal of this width shows, to the end that it has.
fn shown(namespace: &Namespace, columns: u16, words: &[&str], end: &str) -> String {
    let pty = Pty::new(columns, 50);
    let process = pty.start(namespace, words);
    let text = pty.until(|text| text.rfind(end).is_some_and(|at| text[at..].contains('\n')));
    drop(process);
    text.replace('\r', "")
}

/// Lines that are wider, but for what is to be copied, which stays whole.
fn wider(text: &str, columns: u16) -> Vec<&str> {
    let is_wider = |line: &&str| line.chars().count() > columns.into() && !line.contains('`');
    text.lines().filter(is_wider).collect()
}

#[test]
fn j1_columns_go_in_a_narrow_terminal() {
    let script = "ip addr add 2001:db8:1111:2222:3333:4444:5555:6666/128 dev lo nodad";
    let Some(namespace) = Namespace::new(script) else { return };
    let address = "2001:db8:1111:2222:3333:4444:5555:6666";
    let _kept = namespace.inside(|| {
        let far = ("2001:db8:1111:2222:3333:4444:5555:6666", 9061);
        let long = std::net::TcpListener::bind(far).expect("its address");
        let client = std::net::TcpStream::connect(far).expect("it listens");
        (listener(9060, 4), pair(9062), long, client)
    });
    for (words, end) in [
        (&["sockets", "--processes"][..], "\n= "),
        (&["sockets", "--verbose"], "\n= "),
        (&["sockets", "--summary"], "\n= "),
        (&["sockets", "--audit"], "\n= "),
        (&["sockets", "--watch=0.05", "--summary", "--count=2"], "\n= "),
        (&["explain", "CLOSE-WAIT"], "it."),
    ] {
        let colourless: &[&str] = if words[0] == "explain" { &[] } else { &["--color=never"] };
        for columns in [60, 80] {
            let text = shown(&namespace, columns, &[words, colourless].concat(), end);
            assert_eq!(wider(&text, columns), [""; 0], "{words:?} {columns}: {text}");
        }
    }
    let text = shown(&namespace, 60, &["sockets", "--processes", "--color=never"], "\n= ");
    let addresses = text.matches(address).count();
    assert!(addresses >= 5, "{text}");
    let head = text.lines().find(|line| line.starts_with("proto")).expect("a head");
    assert!(head.ends_with("send-q"), "{head}");
    assert!(text.contains("owner "), "{text}");
}

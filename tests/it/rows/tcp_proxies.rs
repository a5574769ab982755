//! Connections through proxies (G6): whether it is the proxy that says no, or the target behind it.

use super::network::Lab;
use crate::support::process::{Ended, run};
use crate::support::schema;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A proxy at port 1080 of the far host that does this with each connection.
fn serve(lab: &Lab, with: fn(TcpStream)) {
    let listener = lab.far.inside(|| TcpListener::bind("[::]:1080").expect("nobody else is here"));
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || with(connection));
        }
    });
}

fn connect(lab: &Lab, arguments: &[&str]) -> Ended {
    let words = [&["tcp-connect", "--json"], arguments].concat();
    let ended = run(&mut lab.here.netdiag(&words));
    schema::check("tcp-connect", &ended.json());
    assert!(!ended.out.contains("secret") && !ended.err.contains("secret"), "{ended:?}");
    ended
}

fn hear<const N: usize>(mut connection: &TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    let _ = connection.read_exact(&mut bytes);
    bytes
}

fn say(mut connection: &TcpStream, bytes: &[u8]) {
    let _ = connection.write_all(bytes);
}

/// It knows `me` by `secret`, and the ports 25 of 198.51.100.1 and, by name, of mail.example. What it
/// says comes byte by byte, the service behind it speaks at once.
fn socks5(connection: TcpStream) {
    let _ = connection.set_nodelay(true);
    let slowly = |bytes: &[u8]| bytes.iter().for_each(|byte| say(&connection, &[*byte]));
    let [_, count] = hear(&connection);
    if count != 2 {
        hear::<1>(&connection);
        return slowly(&[5, 0xff]);
    }
    hear::<2>(&connection);
    slowly(&[5, 2]);
    let login: [u8; 11] = hear(&connection);
    let is_known = login == *b"\x01\x02me\x06secret";
    slowly(&[1, u8::from(!is_known)]);
    if !is_known {
        return;
    }
    let by_name = match hear(&connection) {
        [5, 1, 0, kind] => kind == 3,
        other => panic!("{other:?}"),
    };
    let port = match by_name {
        true => {
            assert_eq!(hear(&connection), *b"\x0cmail.example");
            hear::<2>(&connection)
        }
        false => {
            assert_eq!(hear(&connection), [198, 51, 100, 1]);
            hear::<2>(&connection)
        }
    };
    match port {
        [0, 25] => {
            slowly(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
            say(&connection, b"220 mail.example ready\r\n");
            hear::<1>(&connection);
        }
        _ => slowly(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]),
    }
}

#[test]
fn g6_a_socks_proxy_says_what_is_behind_it() {
    let Some(lab) = Lab::new() else { return };
    serve(&lab, socks5);
    for (proxy, target) in [
        ("socks5://me:secret@10.9.2.2:1080", "198.51.100.1:25"),
        ("socks5h://me:secret@10.9.2.2:1080", "mail.example:25"),
    ] {
        let ended = connect(&lab, &["--proxy", proxy, "--expect-banner", "^220 ", target]);
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let target = ended.target();
        assert!(
            target["phases_ms"]["proxy"].is_number() && target["failure"].is_null(),
            "{target}"
        );
        assert_eq!((&target["address"], &target["port"]), (&"10.9.2.2".into(), &25.into()));
        assert_eq!(target["results"][0]["banner"], "220 mail.example ready\r\n", "{target}");
    }
    let check = |arguments: &[&str], stage: &str, reason: &str| {
        let ended = connect(&lab, arguments);
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        let failure = &ended.target()["failure"];
        assert_eq!((&failure["stage"], &failure["reason"]), (&stage.into(), &reason.into()));
    };
    let known = "socks5://me:secret@10.9.2.2:1080";
    check(&["--proxy", known, "198.51.100.1:26"], "proxy", "target-refused");
    let nobody = "socks5://10.9.2.2:1080";
    check(&["--proxy", nobody, "198.51.100.1:25"], "proxy", "proxy-authentication");
    let wrong = "socks5://me:public@10.9.2.2:1080";
    check(&["--proxy", wrong, "198.51.100.1:25"], "proxy", "proxy-authentication");
    check(&["--proxy", "socks5://10.9.2.2:9", "198.51.100.1:25"], "connect", "refused");
    let words = ["tcp-connect", "--proxy", known, "198.51.100.1:26"];
    let text = run(&mut lab.here.netdiag(&words)).out;
    let verdict =
        "= not open: 198.51.100.1:26 through the proxy 10.9.2.2:1080: the proxy was refused";
    assert!(text.contains(verdict) && !text.contains("secret"), "{text}");
}

/// What stands behind `CONNECT` is asked for; a page of its own stands behind port 80.
fn http(connection: TcpStream) {
    let head = || {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match hear(&connection) {
                [0] => return String::new(),
                [byte] => head.push(byte),
            }
        }
        String::from_utf8_lossy(&head).into_owned()
    };
    let asked = head();
    let port = asked.strip_prefix("CONNECT [2001:db8::1]:").and_then(|rest| rest.split(' ').next());
    match port {
        Some("80") => {
            say(&connection, b"HTTP/1.1 200 Connection established\r\n\r\n");
            assert!(head().starts_with("GET / HTTP/1.1\r\n"));
            say(&connection, b"HTTP/1.1 204 No Content\r\n\r\n");
            hear::<1>(&connection);
        }
        Some("81") => say(&connection, b"HTTP/1.1 504 Gateway Timeout\r\n\r\n"),
        _ => say(&connection, b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n"),
    }
}

#[test]
fn g6_a_proxy_by_http_is_asked_to_connect() {
    let Some(lab) = Lab::new() else { return };
    serve(&lab, http);
    let proxy = "http://me:secret@10.9.2.2:1080";
    let ended = connect(&lab, &["--proxy", proxy, "http://[2001:db8::1]/"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ended.target()["http"]["status"], 204, "{ended:?}");
    for (port, reason, status) in [(81, "target-timeout", 504), (82, "proxy-authentication", 407)] {
        let ended = connect(&lab, &["--proxy", proxy, &format!("[2001:db8::1]:{port}")]);
        let target = ended.target();
        assert_eq!(target["failure"]["reason"], reason, "{target}");
        assert_eq!(target["proxy"]["status"], status, "{target}");
    }
    for wrong in ["htp://me:secret@10.9.2.2:1", "http://me:secret@10.9.2.2", "socks5://:secret@a:1"]
    {
        let ended = run(&mut lab.here.netdiag(&["tcp-connect", "--proxy", wrong, "10.9.2.2:80"]));
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert!(ended.err.contains("--proxy") && !ended.err.contains("secret"), "{ended:?}");
    }
}

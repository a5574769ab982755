//! CONNECT of HTTP/1.1 (RFC 9110 section 9.3.6).

use super::tunnel::shown;
use super::{Goal, Login, Next};

const HTTP: &[u8] = b"HTTP/1.";
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What is asked for.
pub(super) fn request(goal: &Goal, login: Option<&Login>) -> Vec<u8> {
    let mut text = format!("CONNECT {goal} HTTP/1.1\r\nHost: {goal}\r\n");
    if let Some(login) = login {
        // RFC 7617 section 2.
        let pair = [&login.user[..], b":", &login.password].concat();
        text.push_str(&format!("Proxy-Authorization: Basic {}\r\n", base64(&pair)));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// What is next after what came.
pub(super) fn answer(pending: &mut Vec<u8>, goal: &Goal, login: Option<&Login>) -> Next {
    loop {
        let begin = pending.get(..HTTP.len()).unwrap_or(pending.as_slice());
        if !HTTP.starts_with(begin) {
            return Next::malformed("HTTP", pending);
        }
        let Some(end) = head(pending) else { return Next::Wait };
        let rest = pending.split_off(end);
        let head = std::mem::replace(pending, rest);
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match status(line) {
            None => return Next::malformed("HTTP", &head),
            // What comes before the answer (RFC 9110 section 15.2).
            Some(100..=199) => {}
            // What a head says of a body is not meant (section 9.3.6).
            Some(200..=299) => return Next::Open(std::mem::take(pending)),
            Some(status) => {
                let wants = field(&head, b"proxy-authenticate");
                return refused(status, &shown(line), goal, (login.is_some(), wants));
            }
        }
    }
}

/// Where the head ends: behind its first empty line (RFC 9112 section 2.2: a line may end without CR).
fn head(bytes: &[u8]) -> Option<usize> {
    let mut begin = 0;
    loop {
        let rest = bytes.get(begin..)?;
        let len = rest.iter().position(|byte| *byte == b'\n')?;
        let is_empty = matches!(rest.get(..len), Some([] | [b'\r']));
        begin += len + 1;
        if is_empty {
            return Some(begin);
        }
    }
}

/// `HTTP/1.1 200 Connection established`.
fn status(line: &[u8]) -> Option<u16> {
    let mut words = line.get(HTTP.len()..)?.split(u8::is_ascii_whitespace);
    let number = words.nth(1).filter(|number| number.len() == 3)?;
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    (100..=599).contains(&number).then_some(number)
}

/// What a field of a head says, the first of that name, safe to print.
fn field(head: &[u8], name: &[u8]) -> Option<String> {
    let mut lines = head.split(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let (own, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":").filter(|_| own.eq_ignore_ascii_case(name))?;
        Some(shown(value.trim_ascii()))
    })
}

/// Why not; `wants`: whether it was told who asks, and how it wants to be told.
fn refused(status: u16, line: &str, goal: &Goal, wants: (bool, Option<String>)) -> Next {
    let to = goal.escaped();
    let (reason, message) = match (status, wants) {
        // Some say 401 where user and password are wrong.
        (401 | 407, (has_login, wants)) => {
            let what = match has_login {
                true => "the proxy does not accept this user and password",
                false => "the proxy wants to know who asks: none was named",
            };
            let by = wants.map(|wants| format!(", by `{wants}`")).unwrap_or_default();
            ("proxy-authentication", format!("{what}{by}"))
        }
        (403, _) => ("proxy-prohibited", format!("the proxy forbids connections to {to}")),
        (405 | 501, _) => ("proxy-unsupported", "the proxy does not open tunnels".to_owned()),
        (502, _) => ("target-failed", format!("the proxy got no connection to {to}")),
        (504, _) => ("target-timeout", format!("{to} did not answer the proxy in time")),
        _ => ("proxy-failed", format!("the proxy does not connect to {to}")),
    };
    Next::refused(reason, Some(status), format!("{message} (`{line}`)"))
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0_u32, |sum, place| {
            (sum << 8) | u32::from(three.get(place).copied().unwrap_or_default())
        });
        for place in 0..4_usize {
            let six = (number >> (18 - 6 * place)) & 63;
            let letter = usize::try_from(six).ok().and_then(|six| LETTERS.get(six));
            text.push(match letter.filter(|_| place <= three.len()) {
                Some(letter) => char::from(*letter),
                None => '=',
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tunnel::tests::{refusal, talk};
    use super::*;

    const PROXY: &str = "http://p:1";

    #[test]
    fn base64_is_that_of_the_rfc() {
        let all =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, coded) in all {
            assert_eq!(base64(text.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn a_tunnel_is_asked_for_and_opened() {
        let (sent, end) = talk(PROXY, "a.example", &[b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n220 x"]);
        assert_eq!(sent, [b"CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n".to_vec()]);
        assert_eq!(end, Next::Open(b"220 x".to_vec()));
        let (sent, end) = talk("http://me:secret@p:1", "2001:db8::7", &[b"HTTP/1.0 200\n\n\n"]);
        let said = String::from_utf8_lossy(&sent[0]).into_owned();
        assert!(said.starts_with("CONNECT [2001:db8::7]:80 HTTP/1.1\r\n"), "{said}");
        assert!(said.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"), "{said}");
        assert_eq!(end, Next::Open(b"\n".to_vec()));
    }

    /// No body follows, whatever the head says; what came before the answer is none.
    #[test]
    fn what_a_head_says_of_a_body_is_not_meant() {
        let answer =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n220 x";
        assert_eq!(talk(PROXY, "a.example", &[answer]).1, Next::Open(b"220 x".to_vec()));
    }

    #[test]
    fn each_refusal_has_its_word_and_its_sentence() {
        let check = |head: &str, word: &str, sentence: &str| {
            let answer = format!("HTTP/1.1 {head}\r\n\r\nbody");
            let (reason, status, said) = refusal(PROXY, &[answer.as_bytes()]);
            assert_eq!(reason, word, "{head}");
            assert_eq!(status.map(|status| status.to_string()).as_deref(), head.get(..3));
            assert!(said.contains(sentence) && said.contains(&head[..3]), "{said}");
        };
        check("403 Forbidden", "proxy-prohibited", "forbids connections to a.example:80");
        check("502 Bad Gateway", "target-failed", "no connection to a.example:80");
        check("504 Gateway Timeout", "target-timeout", "did not answer the proxy in time");
        check("503 x", "proxy-failed", "does not connect to a.example:80");
        check("500 x", "proxy-failed", "does not connect");
        check("302 Found", "proxy-failed", "302 Found");
        check("405 x", "proxy-unsupported", "does not open tunnels");
        check("407 x", "proxy-authentication", "none was named");
        check("401 x", "proxy-authentication", "none was named");
        check(
            "407 x\r\nProxy-Authenticate: Basic realm=\"\u{1b}[2J\"",
            "proxy-authentication",
            "by `Basic realm=\"\\u{1b}[2J\"`",
        );
        let (_, _, said) = refusal("http://me:secret@p:1", &[b"HTTP/1.1 407 No\r\n\r\n"]);
        assert!(said.contains("not accept this user") && !said.contains("secret"), "{said}");
    }

    #[test]
    fn what_is_no_http_says_so() {
        for answer in
            [&b"\x05\xff"[..], b"SSH-2.0-x\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 20\r\n\r\n"]
        {
            assert_eq!(refusal(PROXY, &[answer]).0, "proxy-malformed", "{answer:?}");
        }
    }
}

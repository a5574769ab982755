//! SOCKS5 (RFC 1928), and user and password for it (RFC 1929).

use super::{Goal, Login, Next};
use std::net::IpAddr;

const VERSION: u8 = 5;
/// Methods of section 3: none, user and password, and that none of those offered will do.
const NO_LOGIN: u8 = 0;
const BY_PASSWORD: u8 = 2;
const NONE_WILL_DO: u8 = 0xff;
/// The version of RFC 1929 section 2.
const LOGIN_VERSION: u8 = 1;
/// The command of section 4.
const CONNECT: u8 = 1;
/// Kinds of addresses (section 5).
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Which method it takes.
    Method,
    /// Whether user and password are right.
    Login,
    /// Whether it has connected.
    Reply,
}

/// Which methods there are to choose from.
pub(super) fn greeting(login: Option<&Login>) -> Vec<u8> {
    match login {
        Some(_) => vec![VERSION, 2, NO_LOGIN, BY_PASSWORD],
        None => vec![VERSION, 1, NO_LOGIN],
    }
}

/// What is next after what came.
pub(super) fn answer(
    pending: &mut Vec<u8>,
    step: &mut Step,
    goal: &Goal,
    login: Option<&Login>,
) -> Next {
    // Of a login the version is that of its own, and some proxies give the other one.
    let is_version = |byte: u8| byte == VERSION || (*step == Step::Login && byte == LOGIN_VERSION);
    let &[version, status, ..] = pending.as_slice() else {
        return match pending.first() {
            Some(version) if !is_version(*version) => Next::malformed("SOCKS5", pending),
            _ => Next::Wait,
        };
    };
    if !is_version(version) {
        return Next::malformed("SOCKS5", pending);
    }
    match step {
        Step::Method => {
            pending.drain(..2);
            match (status, login) {
                (NO_LOGIN, _) => {
                    *step = Step::Reply;
                    Next::Say(request(goal))
                }
                (BY_PASSWORD, Some(login)) => {
                    *step = Step::Login;
                    Next::Say(by_password(login))
                }
                (method, login) => no_method(method, login.is_some()),
            }
        }
        Step::Login => {
            pending.drain(..2);
            match status {
                0 => {
                    *step = Step::Reply;
                    Next::Say(request(goal))
                }
                status => Next::refused(
                    "proxy-authentication",
                    Some(status.into()),
                    format!(
                        "the proxy does not accept this user and password (RFC 1929 status {status})"
                    ),
                ),
            }
        }
        Step::Reply if status != 0 => refused(status, goal),
        Step::Reply => opened(pending),
    }
}

/// It has connected, once its answer is whole: the address that it connects from ends it (section 6).
fn opened(pending: &[u8]) -> Next {
    let address = match pending.get(3..) {
        None | Some([]) => return Next::Wait,
        Some([IPV4, ..]) => 4,
        Some([IPV6, ..]) => 16,
        Some([NAME, rest @ ..]) => match rest.first() {
            Some(len) => 1 + usize::from(*len),
            None => return Next::Wait,
        },
        Some([kind, ..]) => {
            let message = format!("the proxy's answer has an address of the unknown kind {kind}");
            return Next::refused("proxy-malformed", None, message);
        }
    };
    pending.get(4 + address + 2..).map_or(Next::Wait, |rest| Next::Open(rest.to_vec()))
}

fn by_password(login: &Login) -> Vec<u8> {
    let mut bytes = vec![LOGIN_VERSION];
    for part in [&login.user, &login.password] {
        bytes.push(length(part));
        bytes.extend_from_slice(part);
    }
    bytes
}

/// What is asked for (section 4).
fn request(goal: &Goal) -> Vec<u8> {
    let mut bytes = vec![VERSION, CONNECT, 0];
    match goal.address() {
        Some(IpAddr::V4(address)) => {
            bytes.push(IPV4);
            bytes.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            bytes.push(IPV6);
            bytes.extend_from_slice(&address.octets());
        }
        None => {
            bytes.extend_from_slice(&[NAME, length(goal.host.as_bytes())]);
            bytes.extend_from_slice(goal.host.as_bytes());
        }
    }
    bytes.extend_from_slice(&goal.port.to_be_bytes());
    bytes
}

/// In a byte; nothing longer is taken.
fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).unwrap_or(u8::MAX)
}

fn no_method(method: u8, has_login: bool) -> Next {
    let status = Some(method.into());
    match (method, has_login) {
        (NONE_WILL_DO, false) => Next::refused(
            "proxy-authentication",
            status,
            "the proxy wants to know who asks: none was named (SOCKS5 method 255)".to_owned(),
        ),
        (NONE_WILL_DO, true) => Next::refused(
            "proxy-authentication",
            status,
            "the proxy takes neither user and password nor nobody (SOCKS5 method 255)".to_owned(),
        ),
        (method, _) => Next::refused(
            "proxy-malformed",
            status,
            format!("the proxy chose method {method} of SOCKS5, which was not offered"),
        ),
    }
}

/// The answers of section 6.
fn refused(code: u8, goal: &Goal) -> Next {
    let to = goal.escaped();
    let kind = match goal.address() {
        Some(IpAddr::V4(_)) => "IPv4 addresses",
        Some(IpAddr::V6(_)) => "IPv6 addresses",
        None => "names",
    };
    let (reason, message, name) = match code {
        1 => ("proxy-failed", format!("the proxy does not connect to {to}"), "general failure"),
        2 => ("proxy-prohibited", format!("the proxy forbids connections to {to}"), "not allowed"),
        3 => (
            "target-network-unreachable",
            format!("from the proxy there is no way to the network of {to}"),
            "network unreachable",
        ),
        4 => (
            "target-host-unreachable",
            format!("{to} cannot be reached from the proxy"),
            "host unreachable",
        ),
        5 => (
            "target-refused",
            format!("the proxy was refused by {to}: nothing listens there"),
            "connection refused",
        ),
        6 => ("target-timeout", format!("{to} did not answer the proxy in time"), "TTL expired"),
        7 => (
            "proxy-unsupported",
            "the proxy does not open connections".to_owned(),
            "command not supported",
        ),
        8 => (
            "proxy-unsupported",
            format!("the proxy does not take {kind}, as of {to}"),
            "address type not supported",
        ),
        _ => ("proxy-failed", format!("the proxy does not connect to {to}"), "unassigned"),
    };
    Next::refused(reason, Some(code.into()), format!("{message} (SOCKS5 reply {code}, {name})"))
}

#[cfg(test)]
mod tests {
    use super::super::tunnel::tests::{refusal, talk};
    use super::*;

    const YES: &[u8] = &[5, 0, 0, 1, 192, 0, 2, 9, 0x1f, 0x90];
    const BY_NAME: &str = "socks5h://p:1";

    #[test]
    fn a_target_is_asked_for_by_its_kind() {
        let (sent, end) = talk(BY_NAME, "a.example", &[&[5, 0], YES]);
        assert_eq!(sent[0], [5, 1, 0]);
        assert_eq!(sent[1], b"\x05\x01\x00\x03\x09a.example\x00\x50");
        assert_eq!(end, Next::Open(Vec::new()));
        let (sent, _) = talk("socks5://p:1", "192.0.2.7", &[&[5, 0], YES]);
        assert_eq!(sent[1], [5, 1, 0, 1, 192, 0, 2, 7, 0, 80]);
        let (sent, _) = talk("socks5://p:1", "2001:db8::7", &[&[5, 0], YES]);
        assert_eq!(sent[1][..8], [5, 1, 0, 4, 0x20, 1, 0xd, 0xb8]);
        assert_eq!(sent[1].len(), 22);
    }

    /// Whatever address it connects from, what follows is the target's.
    #[test]
    fn the_answer_ends_with_its_address() {
        let of_6: &[u8] = &[&[5, 0, 0, 4][..], &[0; 18], b"220 x"].concat();
        let of_name: &[u8] = &[&[5, 0, 0, 3, 2][..], b"ab\0\x50", b"220 x"].concat();
        let of_4: &[u8] = &[YES, b"220 x"].concat();
        let of_nothing: &[u8] = &[&[5, 0, 0, 3, 0, 0, 0][..], b"220 x"].concat();
        for answer in [of_4, of_6, of_name, of_nothing] {
            let (_, end) = talk(BY_NAME, "a.example", &[&[5, 0], answer]);
            assert_eq!(end, Next::Open(b"220 x".to_vec()));
        }
        let (_, end) = talk(BY_NAME, "a.example", &[&[5, 0], &YES[..9]]);
        assert_eq!(end, Next::Wait);
    }

    #[test]
    fn user_and_password_are_told_where_they_are_wanted() {
        let proxy = "socks5h://me:secret@p:1";
        let (sent, end) = talk(proxy, "a.example", &[&[5, 2], &[1, 0], YES]);
        assert_eq!(sent[0], [5, 2, 0, 2]);
        assert_eq!(sent[1], b"\x01\x02me\x06secret");
        assert_eq!((sent[2][0], end), (5, Next::Open(Vec::new())));
        let (sent, _) = talk(proxy, "a.example", &[&[5, 0], YES]);
        assert_eq!((sent.len(), sent[1][0]), (2, 5), "it is not told where it is not asked for");
        // RFC 1929 has a version of its own; some give that of SOCKS.
        assert_eq!(talk(proxy, "a.example", &[&[5, 2], &[5, 0], YES]).1, Next::Open(Vec::new()));
        let (reason, status, said) = refusal(proxy, &[&[5, 2], &[1, 1]]);
        assert_eq!((reason, status), ("proxy-authentication", Some(1)));
        assert!(said.contains("not accept") && !said.contains("secret"), "{said}");
        assert_eq!(refusal(proxy, &[&[5, 0xff]]).0, "proxy-authentication");
        assert!(refusal(BY_NAME, &[&[5, 0xff]]).2.contains("wants to know who asks"));
        assert!(refusal(BY_NAME, &[&[5, 2]]).2.contains("not offered"));
    }

    #[test]
    fn each_refusal_has_its_word_and_its_sentence() {
        let reasons = [
            ("proxy-failed", "does not connect to a.example:80"),
            ("proxy-prohibited", "the proxy forbids"),
            ("target-network-unreachable", "no way to the network of a.example:80"),
            ("target-host-unreachable", "a.example:80 cannot be reached from the proxy"),
            ("target-refused", "refused by a.example:80"),
            ("target-timeout", "a.example:80 did not answer the proxy"),
            ("proxy-unsupported", "does not open connections"),
            ("proxy-unsupported", "does not take names"),
            ("proxy-failed", "unassigned"),
        ];
        for (code, (word, sentence)) in (1..).zip(reasons) {
            let reply = [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
            let (reason, status, said) = refusal(BY_NAME, &[&[5, 0], &reply]);
            assert_eq!((reason, status), (word, Some(code.into())));
            assert!(said.contains(sentence) && said.contains(&format!("reply {code}")), "{said}");
        }
    }

    #[test]
    fn what_is_no_socks_says_so() {
        let said = |answers| refusal(BY_NAME, answers);
        assert_eq!(said(&[b"HTTP/1.1 400 Bad Request\r\n"]).0, "proxy-malformed");
        assert_eq!(said(&[&[4, 0]]).0, "proxy-malformed");
        assert_eq!(said(&[&[5, 0], b"\x01\0"]).0, "proxy-malformed");
        assert_eq!(said(&[&[5, 0], &[5, 0, 0, 9, 0]]).0, "proxy-malformed");
    }
}

//! Error numbers of the operating system in words. Numbers are Linux's (asm-generic).

use serde::Serialize;

/// An errno with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Errno {
    /// The number, such as 111.
    pub number: i32,
    /// The name, such as `ECONNREFUSED`; `E<number>` for one that is not in the table.
    pub name: String,
}

impl Errno {
    /// The errno with this number.
    #[must_use]
    pub fn new(number: i32) -> Self {
        let name = row(number).map_or_else(|| format!("E{number}"), |row| row.1.to_owned());
        Self { number, name }
    }
}

/// The system's own words for an errno (strerror(3)).
#[must_use]
pub fn text(number: i32) -> String {
    let text = std::io::Error::from_raw_os_error(number).to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// What an errno of a send means here, in words; `None` for one that says nothing special.
#[must_use]
pub fn send_meaning(number: i32) -> Option<&'static str> {
    row(number).map(|row| row.3).filter(|text| !text.is_empty())
}

/// Whether an errno of a send says that there is no way to go, rather than that sending failed:
/// ENETUNREACH, EHOSTUNREACH, EINVAL of a blackhole route, ENODEV, ENETDOWN, EADDRNOTAVAIL.
#[must_use]
pub const fn is_route(number: i32) -> bool {
    matches!(number, 19 | 22 | 99 | 100 | 101 | 113)
}

/// The stable word for an errno of a send in [`crate::failure::Failure::reason`].
#[must_use]
pub fn reason(number: i32) -> String {
    match row(number).map(|row| row.2).filter(|word| !word.is_empty()) {
        Some(word) => word.to_owned(),
        None => Errno::new(number).name.to_lowercase(),
    }
}

fn row(number: i32) -> Option<&'static (i32, &'static str, &'static str, &'static str)> {
    TABLE.iter().find(|row| row.0 == number)
}

const TABLE: &[(i32, &str, &str, &str)] = &[
    (1, "EPERM", "local-firewall", "blocked by a local firewall rule"),
    (2, "ENOENT", "", ""),
    (3, "ESRCH", "", ""),
    (4, "EINTR", "interrupted", ""),
    (5, "EIO", "", ""),
    (9, "EBADF", "", ""),
    (11, "EAGAIN", "queue-full", "the send buffer is full"),
    (12, "ENOMEM", "out-of-memory", "this machine is out of memory"),
    (
        13,
        "EACCES",
        "local-policy",
        "refused by a local policy: a prohibit route, or a broadcast address without permission",
    ),
    (17, "EEXIST", "", ""),
    (19, "ENODEV", "no-interface", "the interface does not exist"),
    (20, "ENOTDIR", "", ""),
    (21, "EISDIR", "", ""),
    (
        22,
        "EINVAL",
        "invalid-address",
        "the address cannot be used: a blackhole route, or an invalid argument",
    ),
    (23, "ENFILE", "too-many-files", "this machine's limit of open files is reached"),
    (24, "EMFILE", "too-many-files", "the limit of open files is reached"),
    (28, "ENOSPC", "", ""),
    (30, "EROFS", "", ""),
    (32, "EPIPE", "", ""),
    (38, "ENOSYS", "no-such-call", "this kernel or a seccomp filter does not have the call"),
    (71, "EPROTO", "", ""),
    (88, "ENOTSOCK", "", ""),
    (90, "EMSGSIZE", "too-big", "larger than the interface or the known path MTU"),
    (92, "ENOPROTOOPT", "", ""),
    (93, "EPROTONOSUPPORT", "no-protocol", "this machine has no such protocol"),
    (94, "ESOCKTNOSUPPORT", "", ""),
    (95, "EOPNOTSUPP", "", ""),
    (97, "EAFNOSUPPORT", "no-address-family", "this machine has no such address family"),
    (98, "EADDRINUSE", "address-in-use", "the local port or identifier is taken"),
    (
        99,
        "EADDRNOTAVAIL",
        "no-source-address",
        "the source address is not of this machine, or this family is switched off",
    ),
    (100, "ENETDOWN", "interface-down", "the interface is down"),
    (101, "ENETUNREACH", "no-route", "no route from this machine"),
    (103, "ECONNABORTED", "aborted", "the socket was destroyed on this machine"),
    (104, "ECONNRESET", "reset", ""),
    (105, "ENOBUFS", "queue-full", "the queue of the interface is full"),
    (107, "ENOTCONN", "", ""),
    (110, "ETIMEDOUT", "timeout", ""),
    (111, "ECONNREFUSED", "refused", ""),
    (112, "EHOSTDOWN", "neighbour-silent", "the neighbour did not answer"),
    (
        113,
        "EHOSTUNREACH",
        "host-unreachable",
        "the neighbour did not answer, or a local route rejects",
    ),
    (114, "EALREADY", "", ""),
    (115, "EINPROGRESS", "", ""),
    (122, "EDQUOT", "rate-limited", "netdiag sends no faster for a user who is not root"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_errno_has_its_name_and_an_unknown_one_its_number() {
        assert_eq!(Errno::new(111).name, "ECONNREFUSED");
        assert_eq!(Errno::new(4_242).name, "E4242");
        assert_eq!(send_meaning(1), Some("blocked by a local firewall rule"));
        assert_eq!(send_meaning(4), None);
    }
}

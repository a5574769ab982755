//! Probes that never left this machine, and what kept them.

use super::Local;
use crate::port::{SendCause, SendError};
use netdiag_model::errno::{self, Errno};
use netdiag_model::finding::{Finding, Severity};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The error number of a send that a firewall refuses.
pub const EPERM: i32 = 1;
const ENOBUFS: i32 = 105;
/// What the kernel may not tell.
const CONCLUDED: [i32; 2] = [EPERM, ENOBUFS];
const EMSGSIZE: i32 = 90;
const ENETUNREACH: i32 = 101;
/// Somebody destroyed the socket.
const ECONNABORTED: i32 = 103;

/// What shows the rules of a firewall that may be meant.
pub const RULES: &str = "see the output rules: `nft list ruleset`";

/// Probes that never left, by error number, and what else is known of them.
#[derive(Clone, Debug, Default)]
pub struct Unsent {
    errors: BTreeMap<i32, u64>,
    /// The MTU in the way that was told last.
    mtu: Option<u32>,
    /// Whether those of ENETUNREACH come from going past every router.
    not_attached: bool,
    /// Whether those of [`CONCLUDED`] are concluded from stamps that did not come.
    unseen: [bool; 2],
    /// What was last known beyond an error number.
    causes: BTreeMap<i32, SendCause>,
}

impl Unsent {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            errors: BTreeMap::new(),
            mtu: None,
            not_attached: false,
            unseen: [false; 2],
            causes: BTreeMap::new(),
        }
    }

    /// Whether every probe left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// A probe never left.
    pub fn count(&mut self, error: &SendError) {
        *self.errors.entry(error.errno).or_default() += 1;
        self.mtu = error.mtu.or(self.mtu);
        self.not_attached |= error.direct;
        if error.cause != SendCause::Errno {
            self.causes.insert(error.errno, error.cause);
        }
        for (any, errno) in self.unseen.iter_mut().zip(CONCLUDED) {
            *any |= error.unseen && error.errno == errno;
        }
    }

    /// The cause of most of them, and of how many.
    #[must_use]
    pub fn most(&self) -> Option<(SendError, u64)> {
        let (errno, count) = self.errors.iter().max_by_key(|(_, count)| **count)?;
        Some((self.cause(*errno), *count))
    }

    /// Each cause, and how many probes it kept here.
    pub fn all(&self) -> impl Iterator<Item = (SendError, u64)> {
        self.errors.iter().map(|(errno, count)| (self.cause(*errno), *count))
    }

    /// What is known of those of this error number.
    fn cause(&self, errno: i32) -> SendError {
        SendError {
            errno,
            mtu: self.mtu.filter(|_| errno == EMSGSIZE),
            direct: self.not_attached && errno == ENETUNREACH,
            unseen: self.unseen.iter().zip(CONCLUDED).any(|(any, of)| *any && of == errno),
            cause: self.causes.get(&errno).copied().unwrap_or_default(),
        }
    }
}

impl Local<'_> {
    /// Probes that never left.
    #[must_use]
    pub fn unsent(&self) -> Option<Finding> {
        // What was tried where it is not counted, past the end of a path, is not told of.
        let refused = Some(self.attempted - self.sent).filter(|refused| *refused > 0)?;
        self.firewall(refused).or_else(|| self.send_blocked(refused))
    }

    /// Connections that this machine's own firewall kept from opening. The kernel gives no error for a
    /// SYN that it drops; what there is of evidence stands in `netdiag_sys`.
    fn firewall(&self, refused: u64) -> Option<Finding> {
        let (port, attempted) = (self.tcp_port?, self.attempted);
        if *self.unsent.errors.get(&EPERM)? < refused {
            return None;
        }
        let target = self.subject.clone();
        let place = match target.ends_with(&format!(":{port}")) {
            true => target.clone(),
            false => format!("{target} port {port}"),
        };
        let what = match attempted {
            1 => format!("the connection to {place} was"),
            _ => format!("{refused} of {attempted} connections to {place} were"),
        };
        let message = format!(
            "{what} kept from opening by this machine itself, probably by a rule of its firewall"
        );
        Some(
            self.finding("local-firewall", Severity::Critical, target, message)
                .with("errno", Errno::new(EPERM).name)
                .with("errno_number", EPERM)
                .with("count", refused)
                .with("local_errors", refused)
                .with("attempted", attempted)
                .with("port", port)
                .advise(format!("{RULES}, and those that redirect")),
        )
    }

    fn send_blocked(&self, refused: u64) -> Option<Finding> {
        let Unsent { errors, mtu, .. } = self.unsent;
        let (cause, count) = self.unsent.most()?;
        let number = cause.errno;
        let severity = if self.sent == 0 { Severity::Critical } else { Severity::Warning };
        let errno = Errno::new(number);
        let meaning = cause.meaning().unwrap_or("the kernel would not send it");
        let (subject, attempted) = (self.subject.clone(), self.attempted);
        let mut message = match number {
            // It had been sent, or opened.
            ECONNABORTED if attempted == 1 => {
                format!("the connection to {subject} ended here: ")
            }
            ECONNABORTED => {
                format!("{refused} of {attempted} connections to {subject} ended here: ")
            }
            _ if attempted == 1 => format!("the probe to {subject} was not sent: "),
            _ => format!("{refused} of {attempted} probes to {subject} were not sent: "),
        };
        if errors.len() == 1 {
            message.push_str(&format!("{meaning} ({} {number})", errno.name));
        } else {
            let causes = errors
                .iter()
                .map(|(number, count)| format!("{} {count}", Errno::new(*number).name));
            message.push_str(&causes.collect::<Vec<_>>().join(", "));
        }
        if let Some(source) = self.source.filter(|_| errno::is_route(number)) {
            message.push_str(&format!("; the source {source} was asked for"));
        }
        let finding = self.finding("local-send-blocked", severity, subject, message);
        let finding = finding
            .with("errno", errno.name)
            .with("errno_number", number)
            .with("count", count)
            .with("local_errors", refused)
            .with("attempted", attempted)
            .advise(sending_advice(&cause, self.destination.address(), self.source));
        Some(match mtu {
            Some(mtu) => finding.with("mtu", *mtu),
            None => finding,
        })
    }
}

/// What shows why probes to an address were not sent, from the source that was asked for.
#[must_use]
pub fn sending_advice(cause: &SendError, address: IpAddr, source: Option<IpAddr>) -> String {
    // As ip-route(8) takes it.
    let from = source.map(|source| format!(" from {source}")).unwrap_or_default();
    match cause.cause {
        SendCause::Errno => {}
        SendCause::SendBuffer => {
            return "a larger `--send-buffer`, smaller packets (`--size`), or a longer `--interval`"
                .to_owned();
        }
        SendCause::Ports => {
            return "see `sysctl net.ipv4.ip_local_port_range`; a longer `--interval`, or a shorter \
                    `--timeout`"
                .to_owned();
        }
        SendCause::Source => {
            return "see `ip address show`: one that is still tentative can be used in a moment"
                .to_owned();
        }
        SendCause::OwnPort => return "another `--source-port`, or none".to_owned(),
        SendCause::NoFamily(_) => {
            return "see `ip address show`, and whether a sysctl `disable_ipv6` is set".to_owned();
        }
    }
    match cause.errno {
        EPERM => RULES.to_owned(),
        EMSGSIZE => "smaller packets (`--size`), or `--df dont`".to_owned(),
        11 => "smaller bursts: a longer `--interval`, fewer targets at once".to_owned(),
        23 | 24 => "raise `ulimit -n`; or a longer `--interval`, a shorter `--timeout`".to_owned(),
        103 => {
            "see who closes sockets here: `ss -K`, a VPN, whoever sets up the network".to_owned()
        }
        122 => "a longer `--interval`, fewer targets at once, or root".to_owned(),
        ENOBUFS => {
            "the queue of the interface is full: `ip -s link`, or a longer `--interval`".to_owned()
        }
        _ if cause.direct => format!("leave out -r; by which router: `ip route get {address}`"),
        _ => format!("see the route: `ip route get {address}{from}`"),
    }
}

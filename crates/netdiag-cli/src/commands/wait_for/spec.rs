//! What is waited for, as it was written, and the check that it is.

use crate::args::WaitForArguments;
use crate::args::form::Output;
use crate::commands::checks;
use crate::commands::lanes::{Asked, KEPT_BACK_AFTER, choices};
use crate::commands::secret::without_secrets;
use netdiag_model::{Family, Untrusted};
use netdiag_tcp::connect::http::Url;
use std::time::Duration;

/// What is waited for.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// As it was written.
    pub(super) text: String,
    pub(super) kind: &'static str,
    pub(super) asked: Asked,
    /// It speaks TLS.
    is_tls: bool,
    /// How long an attempt may take.
    pub(super) patience: Duration,
}

/// How long each step of an attempt waits: a connection, TLS, an answer.
const ATTEMPT: &str = "--timeout=1s";
/// One step, and a little for what comes after.
const STEP: Duration = Duration::from_millis(1_400);
const AFTER: Duration = Duration::from_millis(400);
/// The steps of a page.
const PAGE: Duration = Duration::from_millis(3_800);

const NO_TLS: &str = "no SPEC is https:// or asks a name server over TLS";

/// What has no use without a page over TLS, or in the form of the output.
///
/// # Errors
/// What has none, in a line.
pub(super) fn check_options(arguments: &WaitForArguments, specs: &[Spec]) -> Result<(), String> {
    checks::form(arguments.form, false)?;
    let is_text = arguments.form.output() == Output::Text;
    let has_tls = specs.iter().any(|spec| spec.is_tls);
    let ca = arguments.ca.as_deref();
    match () {
        () if arguments.quiet && !is_text => Err("--quiet: only with --output text".to_owned()),
        () if ca.is_some() && !has_tls => Err(format!("--ca: {NO_TLS}")),
        () if arguments.insecure && !has_tls => Err(format!("--insecure: {NO_TLS}")),
        () if ca == Some("-") => {
            Err("--ca: a file that can be read again, not standard input".to_owned())
        }
        () => Ok(()),
    }
}

/// What is wrong with a word of `dns`: an option that it has not, or has no use for where it is waited
/// for, or a server that does not stand apart.
fn fault(word: &str) -> Option<&'static str> {
    let name = word.strip_prefix("--").and_then(|word| word.split('=').next());
    match name {
        Some(name) if choices("dns").iter().any(|choice| choice.name == name) => None,
        Some(_) => Some("no option of what is waited for"),
        None if word.starts_with('-') => Some("options are long ones here, such as --timeout=1"),
        None if word.find('@').is_some_and(|at| at > 0) => {
            Some("a server is a word of its own: `NAME @SERVER`")
        }
        None => None,
    }
}

impl Spec {
    /// What a text means.
    ///
    /// # Errors
    /// Why it means nothing, in a line.
    pub(super) fn parse(text: &str, arguments: &WaitForArguments) -> Result<Self, String> {
        let shown = Untrusted::from(without_secrets(text));
        let wrong = |message: String| format!("SPEC `{}`: {message}", shown.escaped());
        let mut options = Vec::new();
        let (mut is_page, mut is_tls, mut patience) = (false, false, STEP);
        let (kind, targets) = if let Some(words) = text.strip_prefix("dns:") {
            options.extend(["--retries=0", ATTEMPT].map(str::to_owned));
            // They are those of `dns`, options among them.
            let mut wrongs = words.split_whitespace().filter_map(|word| Some((word, fault(word)?)));
            if let Some((word, why)) = wrongs.next() {
                return Err(wrong(format!("`{}`: {why}", Untrusted::from(word).escaped())));
            }
            options.extend(words.split_whitespace().map(str::to_owned));
            ("dns", Vec::new())
        } else if let Some(host) = text.strip_prefix("icmp:") {
            options.push("--count=1".to_owned());
            ("ping", vec![host.to_owned()])
        } else if text.contains("://") {
            let url = Url::parse(text).map_err(|error| wrong(error.to_owned()))?;
            is_tls = url.is_tls;
            (is_page, patience) = (true, PAGE);
            if url.is_tls {
                options.extend(arguments.insecure.then(|| "--insecure".to_owned()));
                options.extend(arguments.ca.as_ref().map(|file| format!("--ca={file}")));
            }
            ("tcp", vec![text.to_owned()])
        } else {
            let host = checks::split_port(text).map_err(wrong)?;
            if host.1.is_none() {
                let known = "host:port, https://host/path, dns:NAME or icmp:HOST";
                return Err(wrong(format!("expected {known}")));
            }
            ("tcp", vec![text.to_owned()])
        };
        let family = match (arguments.ipv4, arguments.ipv6) {
            (true, _) => Some(Family::Ipv4),
            (_, true) => Some(Family::Ipv6),
            _ => None,
        };
        options.extend(family.map(|family| format!("--{}", family.name())));
        match kind {
            // Until it can be known whether this machine keeps it back.
            "tcp" => options.push(format!("--timeout={}ms", KEPT_BACK_AFTER.as_millis())),
            "ping" => options.push(ATTEMPT.to_owned()),
            _ => {}
        }
        let mut asked = Asked::new(kind, &options, &targets).map_err(wrong)?;
        match &mut asked {
            Asked::Tcp(connect) => connect.only_head = is_page,
            Asked::Dns(dns) => {
                patience = dns.timeout.duration.saturating_add(AFTER);
                is_tls = dns.transport().is_over_tls();
                if is_tls {
                    dns.tls.insecure |= arguments.insecure;
                    dns.tls.ca = dns.tls.ca.take().or_else(|| arguments.ca.clone());
                }
            }
            _ => {}
        }
        Ok(Self { text: text.to_owned(), kind, asked, is_tls, patience })
    }
}

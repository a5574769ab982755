//! Asking the servers of resolv.conf, each by a resolver of its own, so that the one that answered
//! or did not can be named.

use super::{Sources, no_address};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::system_conf::parse_resolv_conf;
use netdiag_model::failure::LookupError;
use netdiag_model::{Destination, Family};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A server that has said nothing for so long is not waited for alone.
const STAGGER: Duration = Duration::from_secs(1);

/// That nobody can be asked, and the way out.
const NO_SERVER: &str = "names no server: add a line such as `nameserver ADDRESS`, or give an address \
                         instead of the name";

/// Whether a line of resolv.conf(5) names a server by an address.
fn names_a_server(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    words.next() == Some("nameserver")
        && words.next().is_some_and(|word| {
            word.split('%').next().is_some_and(|address| address.parse::<IpAddr>().is_ok())
        })
}

/// What resolv.conf says.
struct Configuration {
    domain: Option<Name>,
    search: Vec<Name>,
    servers: Vec<NameServerConfig>,
    options: ResolverOpts,
}

/// What became of one server.
enum Verdict {
    Found(Vec<Destination>),
    NotFound(String),
    /// No answer, and why, as `timed out`.
    Silent(String),
}

/// Asks the servers.
pub(super) fn resolve(
    sources: Sources<'_>,
    name: Name,
    family: Option<Family>,
    total: Duration,
) -> Result<Vec<Destination>, LookupError> {
    let configuration = read(sources, family, total).map_err(|reason| LookupError::NoAnswer {
        tried: format!("{}: {reason}", sources.resolv_conf.display()),
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime =
        runtime.map_err(|error| LookupError::NoAnswer { tried: format!("no runtime: {error}") })?;
    let result = runtime.block_on(ask_all(configuration, name, family, total));
    runtime.shutdown_background();
    result
}

fn read(
    sources: Sources<'_>,
    family: Option<Family>,
    total: Duration,
) -> Result<Configuration, String> {
    let text = std::fs::read(sources.resolv_conf).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file, so no server to ask; an address needs none".to_owned()
        }
        _ => error.to_string(),
    })?;
    let names_one = text.split(|byte| *byte == b'\n').any(names_a_server);
    let (config, mut options) = parse_resolv_conf(text).map_err(|error| match names_one {
        true => format!("cannot be read ({error})"),
        false => NO_SERVER.to_owned(),
    })?;
    let (domain, search, mut servers) = config.into_parts();
    if servers.is_empty() {
        return Err(NO_SERVER.to_owned());
    }
    for connection in servers.iter_mut().flat_map(|server| &mut server.connections) {
        connection.port = sources.port;
    }
    let tries = options.attempts.clamp(1, 5);
    options.attempts = tries;
    options.timeout = options.timeout.min(total / tries as u32);
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = match family {
        Some(Family::Ipv4) => LookupIpStrategy::Ipv4Only,
        Some(Family::Ipv6) => LookupIpStrategy::Ipv6Only,
        None => LookupIpStrategy::Ipv4AndIpv6,
    };
    Ok(Configuration { domain, search, servers, options })
}

/// Asks one server after the other, without giving up those before; the first answer counts.
async fn ask_all(
    configuration: Configuration,
    name: Name,
    family: Option<Family>,
    total: Duration,
) -> Result<Vec<Destination>, LookupError> {
    let deadline = Instant::now() + total;
    let mut asked = JoinSet::new();
    let mut ledger = Ledger::default();
    let mut next = configuration.servers.iter();
    loop {
        let server = next.next();
        if let Some(server) = server {
            let tries = ledger.open(server.ip);
            asked.spawn(ask(&configuration, server.clone(), name.clone(), family, tries));
        }
        // The next server's turn comes after a while, or at once when one has failed.
        let turn = if next.len() > 0 { deadline.min(Instant::now() + STAGGER) } else { deadline };
        match tokio::time::timeout_at(turn, asked.join_next()).await {
            Ok(Some(Ok((_, Verdict::Found(found))))) => return Ok(found),
            Ok(Some(Ok((by, Verdict::NotFound(what))))) => {
                return Err(LookupError::NotFound { what, by: by.to_string() });
            }
            Ok(Some(Ok((by, Verdict::Silent(why))))) => ledger.close(by, &why),
            Ok(None) if next.len() == 0 => break,
            Ok(_) => {}
            Err(_) if Instant::now() >= deadline => break,
            Err(_) => {}
        }
    }
    Err(LookupError::NoAnswer { tried: ledger.account() })
}

/// Asks one server up to as many times as resolv.conf says.
fn ask(
    configuration: &Configuration,
    server: NameServerConfig,
    name: Name,
    family: Option<Family>,
    tries: Arc<AtomicUsize>,
) -> impl Future<Output = (IpAddr, Verdict)> + Send + 'static {
    let ip = server.ip;
    let most = configuration.options.attempts;
    let resolver = resolver(configuration, server);
    async move {
        let resolver = match resolver {
            Ok(resolver) => resolver,
            Err(error) => return (ip, Verdict::Silent(error.to_string())),
        };
        loop {
            let tried = tries.fetch_add(1, Ordering::Relaxed) + 1;
            let result = resolver.lookup_ip(name.clone()).await;
            let verdict = match result {
                Ok(found) => Verdict::Found(found.iter().map(Destination::new).collect()),
                Err(error) => failure(&error, family),
            };
            match verdict {
                Verdict::Silent(_) if tried < most => {}
                verdict => return (ip, verdict),
            }
        }
    }
}

/// A resolver that knows one server, and tries once.
fn resolver(
    configuration: &Configuration,
    server: NameServerConfig,
) -> Result<TokioResolver, NetError> {
    let domain = configuration.domain.clone();
    let config = ResolverConfig::from_parts(domain, configuration.search.clone(), vec![server]);
    let mut options = configuration.options.clone();
    options.attempts = 0;
    let provider = TokioRuntimeProvider::default();
    TokioResolver::builder_with_config(config, provider).with_options(options).build()
}

/// What an error of the resolver means.
fn failure(error: &NetError, family: Option<Family>) -> Verdict {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => Verdict::NotFound("NXDOMAIN".to_owned()),
            ResponseCode::NoError => Verdict::NotFound(no_address(family)),
            code => Verdict::Silent(answered(code)),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => Verdict::Silent(answered(*code)),
        NetError::Timeout => Verdict::Silent("timed out".to_owned()),
        NetError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            Verdict::Silent("timed out".to_owned())
        }
        NetError::Io(error) => Verdict::Silent(match error.raw_os_error() {
            Some(errno) => netdiag_model::errno::Errno::new(errno).name,
            None => error.to_string(),
        }),
        other => Verdict::Silent(other.to_string()),
    }
}

fn answered(code: ResponseCode) -> String {
    let name = match code {
        ResponseCode::ServFail => "SERVFAIL",
        ResponseCode::Refused => "REFUSED",
        ResponseCode::FormErr => "FORMERR",
        ResponseCode::NotImp => "NOTIMP",
        other => other.to_str(),
    };
    format!("answered {name}")
}

/// Who was asked, and what became of it.
#[derive(Default)]
struct Ledger(Vec<Entry>);

struct Entry {
    server: IpAddr,
    since: Option<Instant>,
    took: Duration,
    tries: Arc<AtomicUsize>,
    outcome: String,
}

impl Ledger {
    /// A server is asked; returns where its tries are counted.
    fn open(&mut self, server: IpAddr) -> Arc<AtomicUsize> {
        let tries = Arc::<AtomicUsize>::default();
        self.0.push(Entry {
            server,
            since: Some(Instant::now()),
            took: Duration::ZERO,
            tries: Arc::clone(&tries),
            outcome: "timed out".to_owned(),
        });
        tries
    }

    fn close(&mut self, server: IpAddr, outcome: &str) {
        let open = |entry: &&mut Entry| entry.server == server && entry.since.is_some();
        if let Some(entry) = self.0.iter_mut().find(open) {
            entry.took = entry.since.take().map_or(Duration::ZERO, |since| since.elapsed());
            entry.outcome = outcome.to_owned();
        }
    }

    /// `192.0.2.53 timed out (2 tries, 5.0 s), 192.0.2.54 answered SERVFAIL (1 try, 0.0 s)`.
    fn account(&self) -> String {
        let entries = self.0.iter().map(|entry| {
            let took = entry.since.map_or(entry.took, |since| since.elapsed());
            let tries = entry.tries.load(Ordering::Relaxed).max(1);
            let word = if tries == 1 { "try" } else { "tries" };
            let Entry { server, outcome, .. } = entry;
            format!("{server} {outcome} ({tries} {word}, {:.1} s)", took.as_secs_f64())
        });
        entries.collect::<Vec<_>>().join(", ")
    }
}

//! Asking the servers of resolv.conf, each by a resolver of its own, so that the one that answered
//! or did not can be named.

use super::connected::Connected;
use super::ledger::{Ledger, Silence};
use super::{Sources, TOTAL, no_address};
use hickory_resolver::Resolver;
use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup_ip::LookupIp;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::system_conf::parse_resolv_conf;
use netdiag_model::failure::LookupError;
use netdiag_model::{Destination, Family, Found, Untrusted};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A server that has said nothing for so long is not waited for alone.
const STAGGER: Duration = Duration::from_secs(1);

/// That there is no such name.
const NO_NAME: &str = "NXDOMAIN";

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
    Found(Found),
    NotFound(String),
    /// Nothing is known of the name, and why.
    Silent(Silence),
}

/// There was no time left to ask. That is no word on any server.
pub(super) fn not_asked() -> LookupError {
    let tried = format!("not asked: the {} s for all names were over", TOTAL.as_secs());
    LookupError::NoAnswer { tried, reason: "not-asked".to_owned(), errno: None }
}

/// Asks the servers.
pub(super) fn resolve(
    sources: Sources<'_>,
    name: Name,
    family: Option<Family>,
    total: Duration,
) -> Result<Found, LookupError> {
    let configuration = read(sources, family, total).map_err(|reason| {
        LookupError::no_resolver(format!("{}: {reason}", sources.resolv_conf.display()))
    })?;
    if total.is_zero() {
        return Err(not_asked());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime =
        runtime.map_err(|error| LookupError::no_resolver(format!("no runtime: {error}")))?;
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
) -> Result<Found, LookupError> {
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
            Ok(Some(Ok((by, Verdict::Silent(why))))) => ledger.close(by, why),
            Ok(None) if next.len() == 0 => break,
            Ok(_) => {}
            Err(_) if Instant::now() >= deadline => break,
            Err(_) => {}
        }
    }
    Err(ledger.account())
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
    let sockets = Connected::default();
    let resolver = resolver(configuration, server, sockets.clone());
    let searched = searched(configuration, &name);
    async move {
        let resolver = match resolver {
            Ok(resolver) => resolver,
            Err(error) => return (ip, Verdict::Silent(Silence::other(error.to_string()))),
        };
        loop {
            let tried = tries.fetch_add(1, Ordering::Relaxed) + 1;
            let result = resolver.lookup_ip(name.clone()).await;
            let verdict = match result {
                Ok(found) => Verdict::Found(answer(&found)),
                Err(error) => failure(&error, sockets.told(), family),
            };
            let verdict = match verdict {
                Verdict::NotFound(what) if what == NO_NAME => {
                    Verdict::NotFound(any_name(&resolver, &searched, family).await)
                }
                verdict => verdict,
            };
            match verdict {
                Verdict::Silent(_) if tried < most => {}
                verdict => return (ip, verdict),
            }
        }
    }
}

/// What a name is looked up as, unless it is complete: with each domain of resolv.conf behind it, and
/// alone.
fn searched(configuration: &Configuration, name: &Name) -> Vec<Name> {
    if name.is_fqdn() {
        return Vec::new();
    }
    let mut alone = name.clone();
    alone.set_fqdn(true);
    let domains = configuration.search.iter().chain(&configuration.domain);
    let longer = domains.filter_map(|domain| name.clone().append_domain(domain).ok());
    longer.chain([alone]).collect()
}

/// Why a search found nothing: any of the names may exist, whatever was said of the last one, as with
/// res_nsearch(3). What the resolver knows already is not asked again.
async fn any_name(
    resolver: &Resolver<Connected>,
    searched: &[Name],
    family: Option<Family>,
) -> String {
    for name in searched {
        if let Err(NetError::Dns(DnsError::NoRecordsFound(none))) =
            resolver.lookup_ip(name.clone()).await
            && none.response_code == ResponseCode::NoError
        {
            return no_address(family);
        }
    }
    NO_NAME.to_owned()
}

/// The addresses of an answer, and the name that they are of.
fn answer(found: &LookupIp) -> Found {
    let addresses: Vec<Destination> = found.iter().map(Destination::new).collect();
    let mut records = found.as_lookup().answers().iter();
    let owner = records.find(|record| record.data.ip_addr().is_some());
    let name = owner.map(|record| record.name.to_utf8());
    let canonical = name.map(|name| Untrusted::from(name.trim_end_matches('.')));
    Found::from(addresses).named(canonical)
}

/// A resolver that knows one server, and tries once.
fn resolver(
    configuration: &Configuration,
    server: NameServerConfig,
    sockets: Connected,
) -> Result<Resolver<Connected>, NetError> {
    let domain = configuration.domain.clone();
    let config = ResolverConfig::from_parts(domain, configuration.search.clone(), vec![server]);
    let mut options = configuration.options.clone();
    options.attempts = 0;
    Resolver::builder_with_config(config, sockets).with_options(options).build()
}

/// What an error of the resolver means; `told` is the error number behind it, where there is one, and
/// whether it came back from the network.
fn failure(error: &NetError, told: Option<(i32, bool)>, family: Option<Family>) -> Verdict {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => Verdict::NotFound(NO_NAME.to_owned()),
            ResponseCode::NoError => Verdict::NotFound(no_address(family)),
            code => Verdict::Silent(Silence::answered(code)),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => Verdict::Silent(Silence::answered(*code)),
        NetError::Timeout => Verdict::Silent(Silence::timed_out()),
        NetError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            Verdict::Silent(Silence::timed_out())
        }
        other => Verdict::Silent(match told {
            Some((errno, heard)) => Silence::failed(errno, heard),
            None => Silence::other(other.to_string()),
        }),
    }
}

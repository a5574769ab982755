//! Whether the arguments fit together.

use super::servers::{self, Asked};
use super::setup;
use super::words::{self, Words};
use crate::World;
use crate::args::DnsArguments;
use crate::args::form::Output;
use crate::commands::checks;
use crate::commands::resolve::literal;
use crate::commands::trust;
use netdiag_check::expr::Expr;
use netdiag_dns::config::Target;
use netdiag_dns::metrics::METRICS;
use netdiag_dns::transfer::TransferQuery;
use netdiag_dns::tsig::TsigKey;
use netdiag_dns::{EdnsQuery, QueryFlags, QueryOptions, Transport};
use netdiag_engine::port::Control;
use netdiag_model::{Destination, Untrusted, parse_address};

/// Queries over TLS are filled up to a multiple of so many bytes, so that their length tells little (RFC
/// 8467 section 4.1).
const PADDING: u16 = 128;

/// Arguments that fit together.
pub(crate) struct Checked {
    pub(super) fail_if: Option<Expr>,
    pub(super) targets: Vec<Target>,
    pub(super) servers: Vec<Asked>,
    pub(super) query: QueryOptions,
    /// By what queries are signed, where the command line has it.
    pub(super) key: Option<TsigKey>,
    /// What is wanted of a transfer of a zone.
    pub(super) transfer: Option<TransferQuery>,
    pub(super) warnings: Vec<String>,
    pub(super) is_trace: bool,
    /// What every packet carries.
    pub(super) control: Control,
    /// The name of the interface to send by.
    pub(super) interface: Option<Untrusted>,
}

/// Checks what can be checked without touching the network.
pub(super) fn check<W: World>(arguments: &DnsArguments, world: &mut W) -> Result<Checked, String> {
    let fail_if = checks::fail_if(arguments.fail_if.as_deref(), METRICS)?;
    let words = Words::sort(&arguments.words)?;
    let asks = !(words.has_no_name() && arguments.reverse.is_empty());
    if arguments.check {
        check_words(&words)?;
    } else if arguments.trace && !words.servers.is_empty() {
        return Err("--trace: without @SERVER, since the servers are found on the way".to_owned());
    } else if !asks && arguments.file.is_none() {
        return Err("no NAME to ask for; one that looks like a type is written with a dot: `ns.`"
            .to_owned());
    }
    let targets = match arguments.check && !asks {
        true => vec![words::root(arguments.class)],
        false => words::targets(arguments, &words)?,
    };
    if arguments.trace && targets.len() != 1 {
        return Err("--trace: one NAME, and one TYPE at most".to_owned());
    }
    checks::form(arguments.form, arguments.verbose)?;
    let output = arguments.form.output();
    if (arguments.short || arguments.classic) && output != Output::Text {
        let option = if arguments.short { "--short" } else { "--classic" };
        return Err(format!("{option}: only with --output text"));
    }
    if arguments.message.wire && !matches!(output, Output::Json | Output::Jsonl) {
        return Err("--wire: only with --output json or jsonl".to_owned());
    }
    for server in &words.servers {
        check_server(server, arguments)?;
    }
    if arguments.message.ignore_truncation && arguments.message.tcp {
        return Err("--ignore-truncation: not with --tcp".to_owned());
    }
    check_tls(arguments, &words)?;
    let transfer = transfer(arguments, &words, &targets, fail_if.as_ref())?;
    let key = arguments.signed.tsig.as_ref().map(|text| TsigKey::parse(&text.0));
    let key = key.transpose().map_err(|why| format!("--tsig: {why}"))?;
    one_input(arguments)?;
    let warnings = Vec::from_iter(checks::odd_timeout(arguments.timeout));
    let query = query(arguments);
    let is_trace = arguments.trace;
    let outgoing = &arguments.outgoing;
    if outgoing.mark.is_some() && arguments.transport().is_over_quic() {
        return Err(
            "--mark: not over QUIC, whose sockets are opened when the right is gone".to_owned()
        );
    }
    if let Some(source) = outgoing.source {
        checks::family(&source.to_string(), source, (arguments.ipv4, arguments.ipv6))?;
    }
    let interface = checks::interface(outgoing.interface.as_deref(), world)?;
    let control = Control {
        hop_limit: outgoing.ttl,
        traffic_class: outgoing.marking.traffic_class(),
        source: outgoing.source,
        interface: interface.as_ref().map(|(number, _)| *number),
        ..Control::default()
    };
    let (servers, interface) = (words.servers, interface.map(|(_, name)| name));
    Ok(Checked {
        fail_if,
        targets,
        servers,
        query,
        key,
        transfer,
        warnings,
        is_trace,
        control,
        interface,
    })
}

/// What is wanted of a transfer, where one is asked for.
fn transfer(
    arguments: &DnsArguments,
    words: &Words,
    targets: &[Target],
    fail_if: Option<&Expr>,
) -> Result<Option<TransferQuery>, String> {
    /// A zone of some million records.
    const MOST: u64 = 256 << 20;
    let limit = arguments.signed.transfer_limit;
    let Some(target) = targets.iter().find(|target| target.question.kind.is_transfer()) else {
        return match limit {
            Some(_) => Err("--transfer-limit: only with AXFR or IXFR=SERIAL".to_owned()),
            None => Ok(None),
        };
    };
    let kind = target.question.kind;
    let message = &arguments.message;
    let others = [
        ("--check", arguments.check),
        ("--trace", arguments.trace),
        ("--dnssec", arguments.dnssec),
        ("--file", arguments.file.is_some()),
        ("--count", arguments.count > 1),
        ("--ignore-truncation", message.ignore_truncation),
        ("--wire", message.wire),
    ];
    if let Some((option, _)) = others.iter().find(|(_, is_given)| *is_given) {
        return Err(format!("{option}: not with {kind}"));
    }
    if targets.len() > 1 || words.servers.len() > 1 {
        return Err(format!("{kind}: one NAME, no other TYPE, and one @SERVER at most"));
    }
    if !matches!(arguments.transport(), Transport::Tcp | Transport::Tls) {
        return Err(format!("{kind}: zones are transferred over TCP, or with --tls"));
    }
    let metrics = fail_if.map(Expr::metrics).unwrap_or_default();
    let is_of_records = metrics.iter().any(|metric| ["data", "ttl"].contains(metric));
    Ok(Some(TransferQuery {
        since: words.since,
        most_bytes: limit.unwrap_or(MOST),
        keeps: matches!(arguments.form.output(), Output::Json | Output::Csv) || is_of_records,
    }))
}

/// Standard input is read for one thing.
fn one_input(arguments: &DnsArguments) -> Result<(), String> {
    let files = [
        ("--file", arguments.file.as_deref()),
        ("--ca", arguments.tls.ca.as_deref()),
        ("--anchor", arguments.anchor.as_deref()),
        ("--tsig-file", arguments.signed.tsig_file.as_deref()),
    ];
    let mut read = files.iter().filter(|(_, path)| *path == Some("-")).map(|(option, _)| option);
    match (read.next(), read.next()) {
        (Some(one), Some(other)) => {
            Err(format!("{one} -, {other} -: standard input can be read once"))
        }
        _ => Ok(()),
    }
}

/// What is asked of TLS and HTTP.
fn check_tls(arguments: &DnsArguments, words: &Words) -> Result<(), String> {
    let (tls, transport) = (&arguments.tls, arguments.transport());
    let given = [
        ("--sni", tls.sni.is_some()),
        ("--ca", tls.ca.is_some()),
        ("--pin", !tls.pin.is_empty()),
        ("--insecure", tls.insecure),
    ];
    if let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given)
        && !transport.is_over_tls()
    {
        return Err(format!("{option}: only with --tls, --https, --http3 or --quic"));
    }
    if let Some(name) = &tls.sni {
        trust::check_name(name)?;
    }
    let by_http = tls.https.is_some() || tls.https_get;
    match words.servers.iter().find_map(Asked::transport) {
        Some(Transport::Quic) => {
            let other = if tls.http3 { ("--http3", true) } else { ("--https", by_http) };
            check_schemes(arguments, words, other, tls.quic)
        }
        Some(_) => check_schemes(arguments, words, ("--quic", tls.quic), by_http || tls.http3),
        None => Ok(()),
    }
}

/// What goes with servers whose names say what carries queries: all are asked so. Servers whose names do
/// not say so must be meant.
fn check_schemes(
    arguments: &DnsArguments,
    words: &Words,
    other: (&str, bool),
    is_meant: bool,
) -> Result<(), String> {
    let others = [
        other,
        ("--tls", arguments.tls.tls),
        ("--tcp", arguments.message.tcp),
        ("--check", arguments.check),
        ("--trace", arguments.trace),
        ("--classic", arguments.classic),
        ("--ignore-truncation", arguments.message.ignore_truncation),
    ];
    let transport = match words.servers.iter().find_map(Asked::transport) {
        Some(Transport::Https) | None if arguments.tls.http3 => Transport::Https3,
        transport => transport.unwrap_or(Transport::Https),
    };
    let (kind, option) = match transport {
        Transport::Quic => ("quic://", "--quic"),
        Transport::Https3 => ("h3://", "--http3"),
        _ => ("a URL", "--https"),
    };
    if let Some((option, _)) = others.iter().find(|(_, is_given)| *is_given) {
        return Err(format!("{option}: not with a server that is {kind}"));
    }
    let is_other = |server: &&Asked| match server.transport() {
        // That it is had by HTTP/3 is said by the option.
        Some(its) if arguments.tls.http3 => !its.is_over_http(),
        Some(its) => its != transport,
        None => !is_meant,
    };
    match words.servers.iter().find(is_other) {
        Some(other) => {
            let other = other.host().map_or("system", |(host, _)| host);
            let other = Untrusted::from(other);
            let why = format!("beside a server that is {kind}: all are asked over {transport}");
            Err(format!("`@{}`: {why}, with {option}", other.escaped()))
        }
        None => Ok(()),
    }
}

/// What --check has no use for.
fn check_words(words: &Words) -> Result<(), String> {
    let Words { names, types, servers, .. } = words;
    if let Some(address) = names.iter().find(|name| literal(name).is_some()) {
        return Err(format!("--check: `{address}` is an address, and a NAME is looked up"));
    }
    match (names.len(), types.is_empty(), servers.is_empty()) {
        (2.., ..) => Err("--check: one NAME at most".to_owned()),
        (_, false, _) => Err("--check: without TYPE, since programs look up addresses".to_owned()),
        (.., false) => {
            Err("--check: without @SERVER, since the machine's own are judged".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_server(server: &Asked, arguments: &DnsArguments) -> Result<(), String> {
    let Some((host, _)) = server.host() else { return Ok(()) };
    checks::no_network(host, "dns")?;
    let Some(address) = literal(host) else { return Ok(()) };
    checks::family(host, address, (arguments.ipv4, arguments.ipv6))?;
    checks::source(arguments.outgoing.source, Destination::new(address), "--source")?;
    let is_group = address.is_multicast() || parse_address("255.255.255.255") == Some(address);
    if is_group {
        return Err(format!("`@{address}`: a group is no server"));
    }
    if address.is_unspecified() {
        return Err(format!("`@{address}`: the unspecified address is no server"));
    }
    Ok(())
}

/// What queries are made of.
fn query(arguments: &DnsArguments) -> QueryOptions {
    let message = &arguments.message;
    // Recursion means nothing there (RFC 5936 section 2.1.1).
    let is_transfer = arguments.is_transfer();
    let raw = message.edns_option.iter().map(|option| (option.code, option.data.clone()));
    let edns = EdnsQuery {
        udp_size: message.udp_size,
        version: message.edns_version,
        dnssec: message.dnssec_ok || arguments.dnssec,
        nsid: message.nsid,
        subnet: message.subnet,
        cookie: message.cookie || arguments.classic,
        takes_any_cookie: arguments.classic,
        padding: match message.padding {
            0 if arguments.transport().is_over_tls() => PADDING,
            padding => padding,
        },
        raw: raw.collect(),
    };
    let flags = QueryFlags {
        recursion: !message.no_recursion && !is_transfer,
        checking_disabled: message.cd || arguments.dnssec,
        authentic_data: message.ad || arguments.classic,
    };
    QueryOptions { flags, edns: (!message.no_edns).then_some(edns) }
}

/// Whether resolv.conf must be read.
pub(super) fn needs_resolv_conf(checked: &Checked) -> bool {
    !checked.is_trace && (checked.servers.is_empty() || checked.servers.contains(&Asked::System))
}

/// The files that will be read.
pub(super) fn files(arguments: &DnsArguments, checked: &Checked) -> Vec<String> {
    let conf = needs_resolv_conf(checked).then(|| servers::resolv_conf(arguments));
    let machine = if arguments.check { setup::files(arguments) } else { Vec::new() };
    let named = arguments.file.clone().filter(|path| path != "-");
    let hints = arguments.trace.then(|| arguments.hints.clone());
    let trust = match arguments.transport().is_over_tls() {
        true => trust::files(arguments.tls.ca.as_deref()),
        false => Vec::new(),
    };
    conf.into_iter()
        .chain(machine)
        .chain(named)
        .chain(hints)
        .chain(arguments.anchor.clone())
        .chain(arguments.signed.tsig_file.clone())
        .chain(trust)
        .collect()
}

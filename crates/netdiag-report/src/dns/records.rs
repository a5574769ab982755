//! Records as lines.

use netdiag_dns::message::Record;
use netdiag_dns::result::{Malformed, ServerResult, Target};

/// Lines of records, their columns aligned over all of them.
fn lines<'a>(records: impl Iterator<Item = &'a Record> + Clone) -> Vec<String> {
    let mut columns = Columns::default();
    records.clone().for_each(|record| columns.widen(record));
    records.map(|record| columns.line(record)).collect()
}

/// How wide columns of records are.
#[derive(Default)]
pub(super) struct Columns {
    name: usize,
    ttl: usize,
    kind: usize,
}

impl Columns {
    /// Makes room for a record.
    pub(super) fn widen(&mut self, record: &Record) {
        /// A name that is longer does not move the others.
        const WIDEST: usize = 48;
        self.name = self.name.max(record.name.as_str().len().min(WIDEST));
        self.ttl = self.ttl.max(record.ttl.to_string().len()).max(5);
        self.kind = self.kind.max(record.kind.len());
    }

    /// The line of one.
    pub(super) fn line(&self, record: &Record) -> String {
        let Self { name, ttl, kind } = *self;
        let class =
            if record.class == "IN" { String::new() } else { format!("{}  ", record.class) };
        let Record { name: own, ttl: time, kind: mnemonic, data, .. } = record;
        format!("{own:<name$}  {time:>ttl$}  {class}{mnemonic:<kind$}  {data}")
            .trim_end()
            .to_owned()
    }
}

/// What a result has beside its answers, for whoever wants to see all of it.
pub(super) fn details(target: &Target, result: &ServerResult) -> Vec<String> {
    let mut all = Vec::new();
    let Some(rcode) = &result.rcode else { return all };
    all.push(format!(
        "; {} {} at {}: {rcode}, flags {}, {} bytes over {}",
        target.name,
        target.kind,
        result.server,
        result.flags.join(" "),
        result.size_bytes.unwrap_or_default(),
        result.transport,
    ));
    if let Some(edns) = &result.edns {
        let mut parts = vec![format!("; EDNS version {}, {} bytes", edns.version, edns.udp_size)];
        parts.extend(edns.dnssec.then(|| "do".to_owned()));
        parts.extend(edns.nsid.as_ref().map(|nsid| format!("nsid {}", nsid.escaped())));
        parts.extend(edns.ecs.as_ref().map(|subnet| format!("subnet {subnet}")));
        parts.extend(edns.cookie.as_ref().map(|cookie| format!("cookie {cookie}")));
        parts.extend(edns.padding.map(|bytes| format!("padding {bytes}")));
        parts.extend(edns.keepalive_ms.map(|ms| format!("keepalive {ms} ms")));
        parts.extend(edns.expire_s.map(|seconds| format!("expire {seconds} s")));
        let unknown = edns.options.iter();
        parts.extend(unknown.map(|option| format!("option {} {}", option.code, option.data)));
        all.push(parts.join(", "));
    }
    for (title, records) in
        [("authority", &result.authorities), ("additional", &result.additionals)]
    {
        if !records.is_empty() {
            all.push(format!("; {title}"));
            all.extend(lines(records.iter()));
        }
    }
    all
}

/// A message that cannot be read: where, and its bytes.
pub(super) fn broken(malformed: &Malformed) -> Vec<String> {
    const ROW: usize = 32;
    let mut all = Vec::new();
    if let Some(broken) = &malformed.broken {
        all.push(format!("; cannot be read from here on: {broken}"));
    }
    let digits = malformed.bytes.as_bytes().chunks(ROW).enumerate();
    all.extend(digits.map(|(row, digits)| {
        let pairs: Vec<&str> =
            digits.chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
        format!("; {:04x}  {}", row * ROW / 2, pairs.join(" "))
    }));
    all
}

/// What a message has that no message should have.
pub(super) fn odd(result: &ServerResult) -> Vec<String> {
    let ServerResult { server, trailing_bytes: bytes, further_opts: more, .. } = result;
    let told = [
        (
            *bytes,
            format!("; {server} sent {bytes} bytes behind the last record, which mean nothing"),
        ),
        (*more, format!("; {server} sent {} OPT records: the first counts (RFC 6891)", more + 1)),
    ];
    told.into_iter().filter(|(count, _)| *count > 0).map(|(_, line)| line).collect()
}

//! `--classic`: answers as BIND's dig lays them out.

use super::{Dns, Ended, Resolved};
use crate::report::{Report, Run};
use netdiag_dns::message::{Asked, Edns, Message, Record};
use netdiag_dns::transfer::{Part, Transferred};
use netdiag_dns::{Class, Config, Event, EventKind, Origin, Settled, Told};
use netdiag_model::contract::Document;
use netdiag_model::failure::Failure;
use netdiag_model::{ClockAnchor, Untrusted};
use std::io::{self, Write};
use std::sync::Arc;

/// The columns of dig: where TTL, class, type and data begin, and how wide a tab is.
const TTL: usize = 24;
const CLASS: usize = 32;
const TYPE: usize = 40;
const DATA: usize = 48;
const TAB: usize = 8;
/// The type of signatures of messages.
const TSIG: &str = "TSIG";

/// dig's layout on `out`.
pub struct ClassicReport<W> {
    out: W,
    config: Arc<Config>,
    /// What was typed, for the first line.
    words: String,
    anchor: Option<ClockAnchor>,
    has_begun: bool,
}

impl<W: Write> ClassicReport<W> {
    /// A report of what was asked for by these words.
    pub fn new(out: W, config: Arc<Config>, words: &[String]) -> Self {
        // What is plain stands as it was typed, backslashes too.
        let is_plain = |it: &String| it.bytes().all(|byte| byte.is_ascii_graphic());
        let words = words.iter().map(|it| match is_plain(it) {
            true => it.clone(),
            false => Untrusted::from(it.as_str()).escaped().to_string(),
        });
        let words = words.collect::<Vec<String>>().join(" ");
        Self { out, config, words, anchor: None, has_begun: false }
    }

    /// The lines that stand before the first answer.
    fn begin(&mut self) -> io::Result<()> {
        if self.has_begun {
            return Ok(());
        }
        self.has_begun = true;
        let words = &self.words;
        writeln!(self.out, "\n; <<>> netdiag {} <<>> {words}", env!("CARGO_PKG_VERSION"))?;
        // Of those that were named.
        let named = self.config.servers.iter().filter(|it| it.origin == Origin::CommandLine);
        match named.count() {
            0 => {}
            1 => writeln!(self.out, "; (1 server found)")?,
            count => writeln!(self.out, "; ({count} servers found)")?,
        }
        writeln!(self.out, ";; global options: +cmd")
    }

    fn message(&mut self, server: usize, settled: &Settled, message: &Message) -> io::Result<()> {
        if settled.retried_with_cookie {
            writeln!(self.out, ";; BADCOOKIE, retrying.")?;
        }
        if settled.retried_over_tcp {
            writeln!(self.out, ";; Truncated, retrying in TCP mode.")?;
        }
        self.unverified(settled)?;
        self.begin()?;
        let out = &mut self.out;
        let own = message.edns.as_ref().and_then(|it| self.config.is_own_cookie(server, it));
        let is_good = own != Some(false);
        if !is_good {
            writeln!(out, ";; Warning: Client COOKIE mismatch")?;
        }
        writeln!(out, ";; Got answer:")?;
        header(out, message)?;
        if let Some(edns) = &message.edns {
            pseudosection(out, edns, is_good)?;
        }
        if !message.questions.is_empty() {
            if message.edns.is_none() {
                writeln!(out)?;
            }
            writeln!(out, ";; QUESTION SECTION:")?;
            message.questions.iter().try_for_each(|asked| writeln!(out, "{}", question(asked)))?;
        }
        let is_signature = |it: &Record| it.kind == TSIG;
        let additionals = message.additionals.iter().filter(|it| !is_signature(it));
        let additionals: Vec<Record> = additionals.cloned().collect();
        let sections = [
            ("ANSWER", &message.answers),
            ("AUTHORITY", &message.authorities),
            ("ADDITIONAL", &additionals),
        ];
        for (title, records) in sections.iter().filter(|(_, records)| !records.is_empty()) {
            writeln!(out, "\n;; {title} SECTION:")?;
            records.iter().try_for_each(|record| writeln!(out, "{}", line(record)))?;
        }
        for record in message.additionals.iter().filter(|it| is_signature(it)) {
            writeln!(out, "\n;; TSIG PSEUDOSECTION:\n{}", line(record))?;
        }
        if message.trailing > 0 {
            writeln!(out, ";; WARNING: Message has {} extra bytes at end", message.trailing)?;
        }
        if let Some(broken) = &message.broken {
            writeln!(out, "\n;; WARNING: cannot be read from here on: {broken}")?;
        }
        writeln!(out)?;
        self.footer(server, settled)?;
        writeln!(self.out, ";; MSG SIZE  rcvd: {}", message.size)?;
        if settled.tsig.as_ref().is_some_and(|it| !it.verified) {
            writeln!(self.out, ";; WARNING -- Some TSIG could not be validated")?;
        }
        writeln!(self.out)
    }

    /// Who said it, when and how fast.
    fn footer(&mut self, server: usize, settled: &Settled) -> io::Result<()> {
        let out = &mut self.out;
        let Some(server) = self.config.servers.get(server) else { return Ok(()) };
        let time = settled.rtt.unwrap_or_default().as_millis();
        let endpoint = place(&server.endpoint());
        let given = server.given.escaped();
        writeln!(out, ";; Query time: {time} msec")?;
        writeln!(out, ";; SERVER: {endpoint}({given}) ({})", settled.transport)?;
        match self.anchor {
            Some(anchor) => writeln!(out, ";; WHEN: {}", anchor.calendar(settled.sent_at)),
            None => Ok(()),
        }
    }

    /// That a signature is not as it should be.
    fn unverified(&mut self, settled: &Settled) -> io::Result<()> {
        let why = match settled.tsig.as_ref().and_then(|it| it.error) {
            None => return Ok(()),
            Some("badkey" | "badsig" | "badtime") => "tsig indicates error",
            Some("unsigned") => "expected a TSIG or SIG(0)",
            Some(_) => "tsig verify failure",
        };
        writeln!(self.out, ";; Couldn't verify signature: {why}")
    }

    /// A message of a transfer.
    fn part(&mut self, part: &Part) -> io::Result<()> {
        self.begin()?;
        let mut records = part.records.iter().chain(&part.tsig);
        records.try_for_each(|record| writeln!(self.out, "{}", line(record)))
    }

    /// A transfer has ended.
    fn transferred(
        &mut self,
        server: usize,
        settled: &Settled,
        transfer: &Transferred,
    ) -> io::Result<()> {
        let Transferred { complete, records, messages, bytes, .. } = transfer;
        self.unverified(settled)?;
        let is_lost = is_lost(settled.failure.as_ref());
        if *messages == 0 || is_lost {
            return writeln!(self.out, "{}", silence(&self.config, server, settled));
        }
        self.begin()?;
        if !complete {
            let signature = settled.message.iter().flat_map(|message| &message.additionals);
            for record in signature.filter(|it| it.kind == TSIG && *records == 0) {
                writeln!(self.out, "{}", line(record))?;
            }
            return writeln!(self.out, "; Transfer failed.");
        }
        self.footer(server, settled)?;
        writeln!(self.out, ";; XFR size: {records} records (messages {messages}, bytes {bytes})\n")
    }
}

/// Address and port as BIND's programs write them.
pub(super) fn place(endpoint: &str) -> String {
    let (address, port) = endpoint.rsplit_once(':').unwrap_or((endpoint, "53"));
    format!("{}#{port}", address.trim_start_matches('[').trim_end_matches(']'))
}

/// What is said where nothing came.
pub(super) fn silence(config: &Config, server: usize, settled: &Settled) -> String {
    let endpoint = config.servers.get(server).map(|it| place(&it.endpoint())).unwrap_or_default();
    let reason = settled.failure.as_ref().map(|failure| failure.reason.as_str());
    let why = match (settled.class, reason) {
        (Class::Unreachable, Some("port-unreachable" | "refused")) => "connection refused",
        (Class::Unreachable, Some("host-unreachable")) => "host unreachable",
        (Class::Unreachable, Some("network-unreachable" | "no-route")) => "network unreachable",
        (Class::Closed, _) | (_, Some("broken-off")) => "end of file",
        (Class::Timeout, _) | (_, Some("timeout")) => "timed out",
        (_, Some(reason)) => reason,
        (class, None) => class.name(),
    };
    format!(";; communications error to {endpoint}: {why}")
}

/// Whether nothing more came of a transfer that had begun.
fn is_lost(failure: Option<&Failure>) -> bool {
    failure.is_some_and(|it| matches!(it.reason.as_str(), "broken-off" | "timeout" | "closed"))
}

fn header(out: &mut dyn Write, message: &Message) -> io::Result<()> {
    let (opcode, rcode) = (message.opcode_name(), message.rcode_name());
    writeln!(out, ";; ->>HEADER<<- opcode: {opcode}, status: {rcode}, id: {}", message.id)?;
    let flags: Vec<&str> = message.flags.names().filter(|name| *name != "z").collect();
    let additional = message.additionals.len() + usize::from(message.edns.is_some());
    writeln!(
        out,
        ";; flags: {}; QUERY: {}, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {additional}",
        flags.join(" "),
        message.questions.len(),
        message.answers.len(),
        message.authorities.len(),
    )?;
    if message.flags.has("rd") && !message.flags.has("ra") {
        writeln!(out, ";; WARNING: recursion requested but not available")?;
    }
    Ok(())
}

fn pseudosection(out: &mut dyn Write, edns: &Edns, is_good: bool) -> io::Result<()> {
    writeln!(out, "\n;; OPT PSEUDOSECTION:")?;
    let flags = if edns.dnssec { " do" } else { "" };
    writeln!(out, "; EDNS: version: {}, flags:{flags}; udp: {}", edns.version, edns.udp_size)?;
    if let Some(nsid) = &edns.nsid {
        let bytes: Vec<String> = nsid.as_raw().bytes().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "; NSID: {} (\"{}\")", bytes.join(" "), nsid.escaped())?;
    }
    if let Some(subnet) = &edns.ecs {
        writeln!(out, "; CLIENT-SUBNET: {subnet}")?;
    }
    if let Some(cookie) = &edns.cookie {
        writeln!(out, "; COOKIE: {cookie} ({})", if is_good { "good" } else { "bad" })?;
    }
    if let Some(bytes) = edns.padding {
        writeln!(out, "; PAD: ({bytes} bytes)")?;
    }
    if let Some(ms) = edns.keepalive_ms {
        writeln!(out, "; TCP-KEEPALIVE: {}.{} secs", ms / 1_000, ms % 1_000 / 100)?;
    }
    if let Some(seconds) = edns.expire_s {
        writeln!(out, "; EXPIRE: {seconds}")?;
    }
    for error in &edns.ede {
        let name = error.name.iter().map(|name| format!(" ({name})"));
        let text = error.text.iter().map(|text| format!(": ({})", text.escaped()));
        let more: String = name.chain(text).collect();
        writeln!(out, "; EDE: {}{more}", error.code)?;
    }
    for option in &edns.options {
        writeln!(out, "; OPT={}: {}", option.code, option.data)?;
    }
    Ok(())
}

fn question(asked: &Asked) -> String {
    let mut line = Columns::new(asked.name.as_str());
    line.add(CLASS, &asked.class.to_string());
    line.add(TYPE, &asked.kind.to_string());
    format!(";{}", line.text)
}

/// A record as dig writes it.
fn line(record: &Record) -> String {
    let mut line = Columns::new(record.name.as_str());
    line.add(TTL, &record.ttl.to_string());
    line.add(CLASS, &record.class);
    line.add(TYPE, &record.kind);
    line.add(DATA, &coded(&record.kind, record.data.as_str()));
    if record.kind == TSIG && line.text.ends_with(" 0") {
        // Behind no other data dig has a blank.
        line.text.push(' ');
    }
    line.text
}

/// The data of a record; what of it stands in base64 or hexadecimal in words of 56 letters, as BIND's
/// programs have it.
pub(super) fn coded(kind: &str, text: &str) -> String {
    const WORD: usize = 56;
    if kind == TSIG {
        let words = text.split(' ').map(|word| match word.split_at_checked(WORD) {
            Some((first, rest)) if !rest.is_empty() => format!("{first} {rest}"),
            _ => word.to_owned(),
        });
        return words.collect::<Vec<String>>().join(" ");
    }
    const CODED: &str = "CDNSKEY CDS CERT DHCID DLV DNSKEY DS IPSECKEY KEY OPENPGPKEY RRSIG SIG SMIMEA \
                         SSHFP TLSA ZONEMD";
    let is_coded = CODED.split(' ').any(|it| it == kind) || kind.starts_with("TYPE");
    let from = text.rfind(' ').map_or(0, |blank| blank + 1);
    let mut left = WORD;
    let mut words = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        if is_coded && at >= from {
            if left == 0 {
                words.push(' ');
                left = WORD;
            }
            left -= 1;
        }
        words.push(letter);
    }
    words
}

/// Words at columns, by tabs as far as they lead.
struct Columns {
    text: String,
    at: usize,
}

impl Columns {
    fn new(first: &str) -> Self {
        Self { text: first.to_owned(), at: first.len() }
    }

    /// A word at this column, at least one blank behind what there is.
    fn add(&mut self, column: usize, word: &str) {
        let to = column.max(self.at + 1);
        let tabs = (to / TAB).saturating_sub(self.at / TAB);
        if tabs > 0 {
            self.at = to / TAB * TAB;
        }
        let blanks = to - self.at;
        self.text.extend(std::iter::repeat_n('\t', tabs));
        self.text.extend(std::iter::repeat_n(' ', blanks));
        self.text.push_str(word);
        self.at = to + word.len();
    }
}

impl<W: Write> Report<Dns> for ClassicReport<W> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.anchor = Some(run.anchor);
        Ok(())
    }

    fn resolved(&mut self, _: &Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let (server, settled) = match &event.kind {
            EventKind::Part(_, part) => return self.part(part),
            EventKind::Settled(_, server, settled) => (server, settled),
            _ => return Ok(()),
        };
        if let Some(transfer) = &settled.transfer {
            return self.transferred(*server, settled, transfer);
        }
        match &settled.message {
            Some(message) => self.message(*server, settled, message),
            None => writeln!(self.out, "{}", silence(&self.config, *server, settled)),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], _: &Document<Told>) -> io::Result<()> {
        for ended in targets {
            let is_said = |result: &netdiag_dns::result::ServerResult| {
                let came = result.size_bytes.is_some() && !is_lost(result.failure.as_ref());
                result.outcome.is_said() || came
            };
            if !ended.target.target().results.iter().any(is_said) {
                self.begin()?;
                writeln!(self.out, ";; no servers could be reached")?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_coded_stands_in_words_of_56_letters() {
        let long = "0123456789ABCDEF".repeat(4);
        let (first, rest) = long.split_at(56);
        assert_eq!(coded("DS", &format!("1 13 2 {long}")), format!("1 13 2 {first} {rest}"));
        assert_eq!(coded("DHCID", &long), format!("{first} {rest}"));
        assert_eq!(coded("TYPE731", &format!("\\# 28 {first}")), format!("\\# 28 {first}"));
        assert_eq!(coded("TXT", &long), long);
    }

    #[test]
    fn columns_are_dig_s() {
        let line = |name: &str| {
            let mut line = Columns::new(name);
            for (column, word) in [(TTL, "300"), (CLASS, "IN"), (TYPE, "A"), (DATA, "192.0.2.1")] {
                line.add(column, word);
            }
            line.text
        };
        assert_eq!(line("a.lab.example."), "a.lab.example.\t\t300\tIN\tA\t192.0.2.1");
        assert_eq!(
            line("1.2.0.192.in-addr.arpa."),
            "1.2.0.192.in-addr.arpa.\t300\tIN\tA\t192.0.2.1"
        );
        let long = line("a-name-of-just-34-letters.example.");
        assert_eq!(long, "a-name-of-just-34-letters.example. 300 IN A\t192.0.2.1");
    }
}

//! What is generated from the definitions: manual pages and schemas, committed under `man/` and
//! kept fresh by a test.

mod checks;
mod local;

use crate::args::Arguments;
use clap::CommandFactory;
use netdiag_model::contract::Document;
use netdiag_ping::result::Target;
use netdiag_ping::sweep;
use std::io::Write;

/// The manual pages: file name and roff text.
///
/// # Panics
/// Never: writing to a vector does not fail.
#[must_use]
pub fn man_pages() -> Vec<(String, String)> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let commands: Vec<String> =
        command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let also = |own: &str| {
        let others = commands.iter().map(|name| format!("netdiag-{name}"));
        let pages = std::iter::once("netdiag".to_owned()).chain(others);
        pages
            .filter(|page| page != own)
            .map(|page| format!("\\fB{page}\\fR(1)"))
            .collect::<Vec<_>>()
    };
    let options = crate::classic::FPING_USAGE.replace('-', "\\-");
    let fping = format!(".SH \"OPTIONS OF FPING\"\n.nf\n{options}.fi\n{FPING_SECTIONS}");
    let mut pages = vec![page(&command, "netdiag", "netdiag COMMAND ...", &also("netdiag"), "")];
    for sub in command.get_subcommands() {
        let name = format!("netdiag-{}", sub.get_name());
        let (synopsis, more) = match sub.get_name() {
            "ping" => ("netdiag ping [OPTIONS] HOST...", ping_sections()),
            "fping" => ("netdiag fping [OPTIONS] [TARGET...]", fping.clone()),
            "trace" => ("netdiag trace [OPTIONS] HOST...", trace_sections()),
            "mtr" => ("netdiag mtr [OPTIONS] HOST...", trace_sections()),
            "explain" => ("netdiag explain [--json] [TERM...]", local::EXPLAIN_SECTIONS.to_owned()),
            "mtu" => ("netdiag mtu [OPTIONS] HOST...", mtu_sections()),
            "sockets" => ("netdiag sockets [OPTIONS] [FILTER...]", local::sockets_sections()),
            "dns" => ("netdiag dns [OPTIONS] NAME... [TYPE...] [@SERVER...]", dns_sections()),
            "sweep" => ("netdiag sweep [OPTIONS] TARGET...", sweep_sections()),
            "check" => ("netdiag check [OPTIONS] FILE|CHECK...", checks::check_sections()),
            "wait-for" => ("netdiag wait-for [OPTIONS] SPEC...", checks::wait_for_sections()),
            "completions" => ("netdiag completions SHELL", String::new()),
            "install-links" => {
                ("netdiag install-links [--names LIST] DIR", LINKS_SECTIONS.to_owned())
            }
            "tcp-connect" => ("netdiag tcp-connect [OPTIONS] HOST:PORT...", connect_sections()),
            "syn" => ("netdiag syn [OPTIONS] TARGET:PORTS...", syn_sections()),
            _ => ("netdiag schema [--metrics] COMMAND", SCHEMA_SECTIONS.to_owned()),
        };
        let named = sub.clone().name(name.clone()).after_long_help("");
        pages.push(page(&named, &name, synopsis, &also(&name), &more));
    }
    let exit_codes = EXIT_CODES.replace("PAGES", &also("").join(", "));
    pages.push(("netdiag-exit-codes.7".to_owned(), exit_codes));
    pages
}

fn page(
    command: &clap::Command,
    name: &str,
    synopsis: &str,
    also: &[String],
    more: &str,
) -> (String, String) {
    let man = clap_mangen::Man::new(command.clone().display_name(name))
        .title(name.to_uppercase())
        .section("1")
        .source(concat!("netdiag ", env!("CARGO_PKG_VERSION")));
    let mut roff = Vec::new();
    let rendered = man
        .render_title(&mut roff)
        .and_then(|()| man.render_name_section(&mut roff))
        .and_then(|()| writeln!(roff, ".SH SYNOPSIS\n\\fB{}\\fR", synopsis.replace('-', "\\-")))
        .and_then(|()| man.render_description_section(&mut roff))
        .and_then(|()| man.render_options_section(&mut roff))
        .and_then(|()| match command.has_subcommands() {
            true => man.render_subcommands_section(&mut roff),
            false => Ok(()),
        })
        .and_then(|()| roff.write_all(more.as_bytes()))
        .and_then(|()| writeln!(roff, ".SH \"SEE ALSO\"\n{}", also.join(", ")));
    rendered.expect("a vector takes everything");
    (format!("{name}.1"), String::from_utf8_lossy(&roff).into_owned())
}

fn ping_sections() -> String {
    let exit = exit_status(
        r"A reply came from every host, and no \-\-fail\-if holds.",
        "Measured, and it does not hold for at least one host.",
    );
    let named = "; under the name ping they end it at once, without a summary";
    let signals = signals("the summary", named, FIGURES);
    exit + PING_SECTIONS + &signals + ENVIRONMENT
}

fn sweep_sections() -> String {
    let exit = exit_status(
        r"Every target answered, and no \-\-fail\-if holds; with \-\-min\-alive, enough did.",
        "Measured, and it does not hold; or a line of the file is no target.",
    );
    exit + SWEEP_SECTIONS + &signals("what is known", "", FIGURES)
}

fn trace_sections() -> String {
    let exit = exit_status(
        r"Every target was reached, and no \-\-fail\-if holds.",
        "Measured, and it does not hold for at least one target.",
    );
    let progress = "prints on standard error how far it has come";
    exit + TRACE_SECTIONS + &signals("what is known", "", progress)
}

fn mtu_sections() -> String {
    let exit = exit_status(
        r"The path MTU of every target is known, no black hole was found, and no \-\-fail\-if holds.",
        "Measured, and it does not hold for at least one target.",
    );
    let progress = "prints on standard error how far it has come";
    exit + MTU_SECTIONS + &signals("what is known", "", progress)
}

fn dns_sections() -> String {
    let exit = exit_status(
        r"Every question has an answer from every server that counts, and no \-\-fail\-if holds.",
        "Measured, and it does not hold: no such name, no such data, a failure, silence.",
    );
    exit + DNS_SECTIONS + &signals("what is known", "", FIGURES)
}

fn connect_sections() -> String {
    let exit = exit_status(
        r"A connection to every target opened, and no \-\-fail\-if holds.",
        "Measured, and it does not hold for at least one target.",
    );
    let progress = "prints on standard error how far it has come";
    exit + CONNECT_SECTIONS + &signals("what is known", "", progress)
}

fn syn_sections() -> String {
    let exit = exit_status(
        r"Every address has an open port among those asked, and no \-\-fail\-if holds.",
        "Measured, and it does not hold for at least one address.",
    );
    let progress = "prints on standard error how far it has come";
    exit + SYN_SECTIONS + &signals("what is known", "", progress)
}

/// What SIGQUIT does where there are figures.
const FIGURES: &str = "prints the figures so far on standard error";

/// The codes of a command that measures; what 0 and 1 mean is its own.
fn exit_status(holds: &str, fails: &str) -> String {
    let codes = [
        holds,
        fails,
        "A usage error.",
        "Nothing could be measured, or the result could not be written.",
    ];
    let codes = codes.iter().enumerate();
    let entries = codes.map(|(code, means)| format!(".TP\n\\fB{code}\\fR\n{means}\n"));
    format!(".SH \"EXIT STATUS\"\n{}", entries.collect::<String>())
}

/// What signals do to a run: what they print at its end, what else is to be said of those that end
/// the process, and what SIGQUIT does.
fn signals(printed: &str, more: &str, quit: &str) -> String {
    format!(
        ".SH SIGNALS\n\
         SIGINT ends the run with {printed}; a second one within a second ends it at once (130).\n\
         SIGTERM and SIGHUP print {printed} and then end the process by that signal{more}.\n\
         SIGQUIT {quit}.\n"
    )
}

const FPING_SECTIONS: &str = r#".SH "EXIT STATUS"
.TP
\fB0\fR
Every target answered; with \-x and \-X, enough did.
.TP
\fB1\fR
Some did not, or the line was not understood, as fping has it.
.TP
\fB2\fR
Some names have no address.
.TP
\fB3\fR
Something that fping does and netdiag does not.
.TP
\fB4\fR
The system refused something.
.SH NOTES
The text is that of fping 5.1; \-X and \-k are those of 5.2. An answer counts only where source,
identifier, sequence number and tag fit: one from another address than the target's is passed over,
and multicast groups and unspecified addresses are refused. The times of \-Q and SIGQUIT are UTC.
"#;

const PING_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag ping \-c 5 example.net
netdiag ping \-i 0.2 \-c 100 \-\-fail\-if 'loss>1% or p95>50ms' 192.0.2.1
netdiag ping \-\-json \-c 10 192.0.2.1 2001:db8::1
.fi
.SH PRIVILEGES
ICMP over raw sockets needs CAP_NET_RAW: as root, or after
.B setcap cap_net_raw+p netdiag\fR.
Without it an ICMP datagram socket is used where net.ipv4.ping_group_range allows it, for IPv6 too;
else UDP stands in, which hears "port unreachable" from the target and needs no right, or TCP.
Every capability is given up before the first byte from outside is read, and the process confined by
seccomp(2) and landlock(7) where they can be had:
.B netdiag \-\-version \-\-verbose
says so.
"#;

const ENVIRONMENT: &str = r#".SH ENVIRONMENT
.TP
\fBNO_COLOR\fR
Set and not empty: no colours, unless \-\-color says otherwise.
.TP
\fBTERM\fR
\fBdumb\fR: the same.
"#;

const SWEEP_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag sweep 192.0.2.0/24
netdiag sweep \-\-alive \-\-rate 5000 192.0.2.0/24 \-\-exclude 192.0.2.1\-9
netdiag sweep \-\-file hosts.txt \-\-min\-alive 3 \-\-json
.fi
"#;

const TRACE_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag trace example.net
netdiag trace db.example.net:5432
netdiag trace \-\-udp \-\-json 192.0.2.1
.fi
.SH PRIVILEGES
Raw ICMP needs CAP_NET_RAW; without it an ICMP datagram socket is used where
net.ipv4.ping_group_range allows it, else UDP. UDP and TCP need no right: routers are heard of over
the error queue of the socket (IP_RECVERR in ip(7)). What a router quotes of our packet, so its TTL
there and what was changed on the way, only raw sockets see.
"#;

const MTU_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag mtu example.net
netdiag mtu example.net:443
netdiag mtu \-\-udp \-\-fail\-if 'path_mtu<1500' 192.0.2.1
.fi
.SH PRIVILEGES
Raw ICMP needs CAP_NET_RAW; without it an ICMP datagram socket is used where
net.ipv4.ping_group_range allows it, else UDP, which needs no right. Hosts answer UDP sparingly, so
that a search for a size nobody tells takes longer by it.
.SH NOTES
Sizes are those of whole packets, with the IP header. The MTU that the kernel remembers of a path
(IP_PMTUDISC_PROBE in ip(7)) is not asked. A message that a packet is too big counts when it quotes
what was sent, its MTU lies below that and is no smaller than any link may have (68 bytes of IPv4,
1280 of IPv6), and a packet of that size was answered. An echo reply is as large as the request, and
may be fragmented on its way back.
"#;

const DNS_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag dns example.net
netdiag dns example.net MX TXT @192.0.2.53
netdiag dns \-x 192.0.2.1
netdiag dns \-\-check www.example.net
netdiag dns \-\-trace www.example.net AAAA
netdiag dns \-\-dnssec www.example.net
netdiag dns example.net @192.0.2.53 @198.51.100.53
netdiag dns \-c 20 \-i 0.2 \-\-fail\-if 'loss>0 or p95>50ms' example.net A @192.0.2.53
.fi
.SH NOTES
Names are taken from the root on; the search list of resolv.conf(5) is not applied. Each query has a
number of its own that is hard to guess, and leaves over UDP from a port of its own; of many at once up to
32 leave from one. A datagram counts as its answer only when it comes from the
address and port that were asked to the port that it left from, with that number and the same question.
Others are ignored and counted.
.PP
With \-\-mark as many as 32 connections can be had to servers of a family: the right to a mark is given up
before anything is read.
.PP
\-\-check reads resolv.conf(5), hosts(5) and nsswitch.conf(5) under \-\-etc, asks each server that they name,
and runs getent(1) to know what programs are told; of a copy of the files it is not run. It exits with 1 when
a finding is critical.
.PP
\-\-trace takes the servers of the root from \-\-hints, asks all servers of each zone, twice where one fails, and
believes addresses of servers only from the zones above them. A CNAME out of a zone, or to what its servers
do not know, is followed from the root again, up to eleven times. \-\-dnssec asks for the keys of all zones above
an answer, sets CD, and validates from \-\-anchor or the keys of the root. Its reasons are expired,
not\-yet\-valid, no\-signature, bad\-signature, no\-key, no\-keys, bad\-digest, missing\-ds and nsec\-gap of what is
bogus; unsigned, missing\-ds and unsupported of what is insecure.
.PP
A transfer ends well only with the SOA record that it began with; else it is transfer\-failed, with a reason:
broken\-off, timeout, ended, the rcode of a later message, wrong\-id, wrong\-question, no\-answer, malformed, no\-soa,
soa\-differs, out\-of\-sync, records\-behind\-the\-end, no\-records or limit. The time of \-\-timeout begins anew only with a
message that has records and the first byte behind it; 100 messages in a row without one end it. Text and JSON
Lines keep nothing of a zone, JSON and CSV the bytes of its messages until the end; \-\-transfer\-limit is 268435456
bytes where it is not given. Each
message of a signed transfer is checked before its records are told, but for those without a signature that
others may stand between: only the end tells that these are the server's. \-\-tsig takes what \-y of dig(1) takes, but
hmac\-md5 and hmac\-sha224; its errors never show the secret.
.PP
Under the name nslookup it has nslookup's options and dialogue, and the search list of resolv.conf(5), but no
zone transfers; what d2 adds there is not shown.
"#;

const LINKS_SECTIONS: &str = r#".SH "EXIT STATUS"
.TP
\fB0\fR
All links were made.
.TP
\fB1\fR
Something was there already under at least one of the names.
.TP
\fB3\fR
A link could not be made.
"#;

const EXIT_CODES: &str = r#".ie \n(.g .ds Aq \(aq
.el .ds Aq '
.TH NETDIAG-EXIT-CODES 7
.SH NAME
netdiag\-exit\-codes \- what the exit codes of netdiag mean
.SH DESCRIPTION
Every command of netdiag that measures ends with one of four codes:
.TP
\fB0\fR
Measured, and what was asked for holds, for every target: a reply came, the target was reached, every
\-\-fail\-if is false.
.TP
\fB1\fR
Measured, and it does not hold for at least one target: no reply, not reached, refused, no such name, a
condition of \-\-fail\-if is true.
.TP
\fB2\fR
A usage error: the option is named, and nothing was sent.
.TP
\fB3\fR
Nothing could be measured (no permission, no usable interface, no resolver answers, every send failed on
this machine), or the result could not be written. What would help is said.
.PP
With \-\-json the codes 0, 1 and 3 always print a document, which has the code as \fBexit_code\fR, and as
\fBstatus\fR what it comes to; 2 prints none.
.PP
netdiag\-check(1) ends with 3 also where some checks were measured, none of them fails, and at least one
could not be; with \-\-output nagios it has the codes of a monitoring plugin: 0 ok, 1 warning, 2 critical,
3 unknown, also for a usage error.
.SH SIGNALS
SIGINT ends a run as if its count had been reached; a second one within a second ends it at once, with
130. SIGTERM and SIGHUP print what is known and then end the process by that signal, which a shell
shows as 143 and 129. A closed pipe ends it quietly, as SIGPIPE would: 141.
.SH "CLASSIC TOOLS"
With \-\-classic, and under the name of a classic tool, the codes are that tool\*(Aqs; \-\-classic\-exit
has its codes without its output.
.TS
l l.
ping	0 a reply came; 1 none did, or fewer than \-c within \-w; 2 anything else
fping	0 all answered; 1 some did not; 2 a name has no address; 3 bad arguments; 4 the system refused
traceroute	0 also where the target was not reached; 1 and 2 when it could not begin
mtr	0 also where the target was not reached; 1 when it could not begin
dig	0 whatever a server said; 9 none answered
nslookup	0 an answer, also one without a record; 1 anything else
.TE
.SH "SEE ALSO"
PAGES
"#;

const CONNECT_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag tcp\-connect example.net:443
netdiag tcp\-connect example.net 22,80,8000\-8010
netdiag tcp\-connect \-c 20 \-i 0.2 \-\-fail\-if 'p95>50ms' [2001:db8::1]:5432
.fi
.SH PRIVILEGES
None: connections are opened as by any program. Who sent an ICMP error is heard of over the error
queue of the socket (IP_RECVERR in ip(7)). Users who are not root connect to an address every 20 ms.
.SH NOTES
The time to connect is from the call to its completion, by the clock of this process: a SYN that was
lost shows as a second. The handshake is from the SYN to the SYN\-ACK, by the kernel (TCP_INFO in
tcp(7)). A connection that opens does not prove that the program behind it is alive: the kernel
completes it before the program calls accept(2).
"#;

const SYN_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag syn 192.0.2.20:22,80,443
netdiag syn example.net 1\-1024 \-\-open
netdiag syn \-\-rate 5000 192.0.2.0/24:22 [2001:db8::1]:22
netdiag syn \-\-fail\-if 'closed>0 or filtered>0' 192.0.2.20:22,443
.fi
.SH STATES
open: a SYN\-ACK came. closed: a reset came, so the host is up and nobody listens. filtered: no answer to
any SYN, or "port unreachable", which for TCP only a filter says. prohibited: an ICMP error that says so
(3/9, 3/10, 3/13; of IPv6 1/1, 1/5, 1/6). unreachable: another ICMP error. not\-sent: no SYN left this
machine, which says nothing of the target. unknown: this machine made every sample meaningless.
.SH PRIVILEGES
A raw socket: CAP_NET_RAW. Without it nothing is measured, and netdiag\-tcp\-connect(1) asks the same by
connections. Users who are not root send to an address every 20 ms, and 2,500 SYNs a second in all.
.SH NOTES
Only a segment that acknowledges exactly the number of our SYN plus one, from the address and port that
were asked to the port that it left from, is an answer; what else claims to be one is counted as
rejected. What answers is reset by the kernel of this machine, so that nothing stays half open. Answers
of one address that come from distances which differ by two routers or more are asked for once more:
what stands before the host and answers in its name is told (middlebox\-answers). A reset that a firewall
of this machine makes itself (REJECT with tcp\-reset) looks like one of the target.
"#;

const SCHEMA_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag schema ping
netdiag schema \-\-metrics ping
.fi
"#;

/// The words that `netdiag explain` knows: kind and names of each.
#[must_use]
pub fn explained() -> Vec<(&'static str, Vec<&'static str>)> {
    crate::explain::entries().into_iter().map(|entry| (entry.kind, entry.names)).collect()
}

/// The completions of a shell.
///
/// # Panics
/// Never: what is generated is UTF-8.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "netdiag", &mut script);
    String::from_utf8(script).expect("a script is text")
}

/// The files of completions that packages install, by their names under `man/completions`.
#[must_use]
pub fn completion_files() -> [(&'static str, String); 3] {
    use clap_complete::Shell::{Bash, Fish, Zsh};
    [("netdiag.bash", Bash), ("_netdiag", Zsh), ("netdiag.fish", Fish)]
        .map(|(name, shell)| (name, completions(shell)))
}

/// The JSON Schema of each command's document, by the command's name.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn schemas() -> [(&'static str, String); 12] {
    [
        ("ping", schema_of::<Document<Target>>()),
        ("sweep", schema_of::<Document<sweep::result::Target>>()),
        ("trace", schema_of::<Document<netdiag_trace::result::Target>>()),
        ("mtu", schema_of::<Document<netdiag_trace::mtu::result::Target>>()),
        ("sockets", schema_of::<netdiag_sockets::result::SocketsDocument>()),
        ("dns", schema_of::<Document<netdiag_dns::result::Target>>()),
        ("tcp-connect", schema_of::<Document<netdiag_tcp::connect::result::Target>>()),
        ("syn", schema_of::<Document<netdiag_tcp::syn::result::Target>>()),
        ("check", schema_of::<netdiag_check::result::ChecksDocument>()),
        ("wait-for", schema_of::<netdiag_check::result::ChecksDocument>()),
        ("explain", schema_of::<netdiag_model::explain::ExplainDocument>()),
        ("check-file", crate::commands::check::schema::of_files()),
    ]
}

fn schema_of<T: schemars::JsonSchema>() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<T>();
    serde_json::to_string_pretty(&schema).expect("a schema is JSON")
}

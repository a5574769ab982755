//! What is generated from the definitions: manual pages and schemas, committed under `man/` and
//! kept fresh by a test.

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
            "mtu" => ("netdiag mtu [OPTIONS] HOST...", mtu_sections()),
            "dns" => ("netdiag dns [OPTIONS] NAME... [TYPE...] [@SERVER...]", dns_sections()),
            "sweep" => ("netdiag sweep [OPTIONS] TARGET...", sweep_sections()),
            _ => ("netdiag schema [--metrics] COMMAND", SCHEMA_SECTIONS.to_owned()),
        };
        let named = sub.clone().name(name.clone()).after_long_help("");
        pages.push(page(&named, &name, synopsis, &also(&name), &more));
    }
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
netdiag dns example.net @192.0.2.53 @198.51.100.53
netdiag dns \-c 20 \-i 0.2 \-\-fail\-if 'loss>0 or p95>50ms' example.net A @192.0.2.53
.fi
.SH NOTES
Names are taken from the root on; the search list of resolv.conf(5) is not applied. Each query has a
number of its own that is hard to guess; a datagram counts as its answer only when it comes from the
address and port that were asked, with that number and the same question. Others are ignored and counted.
"#;

const SCHEMA_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag schema ping
netdiag schema \-\-metrics ping
.fi
"#;

/// The JSON Schema of each command's document, by the command's name.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn schemas() -> [(&'static str, String); 5] {
    [
        ("ping", schema_of::<Document<Target>>()),
        ("sweep", schema_of::<Document<sweep::result::Target>>()),
        ("trace", schema_of::<Document<netdiag_trace::result::Target>>()),
        ("mtu", schema_of::<Document<netdiag_trace::mtu::result::Target>>()),
        ("dns", schema_of::<Document<netdiag_dns::result::Target>>()),
    ]
}

/// The JSON Schema of one command's document; `None` of a command without one.
#[must_use]
pub fn schema(command: &str) -> Option<String> {
    schemas().into_iter().find(|(name, _)| *name == command).map(|(_, schema)| schema)
}

fn schema_of<T: schemars::JsonSchema>() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<T>();
    serde_json::to_string_pretty(&schema).expect("a schema is JSON")
}

//! The table: a row for each port, as it settles.

use crate::number::{ms5, zoned};
use crate::port::label;
use netdiag_model::contract::Options;
use netdiag_model::errno::Errno;
use netdiag_model::target::Target;
use netdiag_tcp::syn::result;
use netdiag_tcp::syn::{Config, Ending, Port, State};
use std::time::Duration;

/// The columns between state and why.
const COLUMNS: usize = 6;

/// How wide the columns are; known before the first row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    /// The addresses, where there are several.
    address: Option<usize>,
    port: usize,
    /// How many of the columns before the last there is room for.
    columns: usize,
}

impl Layout {
    pub(super) fn of(config: &Config) -> Self {
        let ports = config.groups.iter().flat_map(|group| &group.ports);
        let port = ports.map(|port| label(*port).len()).max().unwrap_or(0).max("port".len());
        let corners = || config.groups.iter().flat_map(|group| group.targets.corners());
        let widest = corners().map(|target| named(&target).len()).max();
        let widest = widest.unwrap_or(0).max("address".len());
        let count: u32 = config.groups.iter().map(|group| group.targets.len()).sum();
        Self { address: (count > 1).then_some(widest), port, columns: COLUMNS }
    }

    /// The same for a terminal that wide: the columns at the end go first, what says why moves below.
    pub(super) fn fitting(mut self, width: Option<usize>) -> Self {
        while self.columns > 1 && width.is_some_and(|width| self.header().0.len() > width) {
            self.columns -= 1;
        }
        self
    }

    /// The line above the rows, and what stands above why.
    pub(super) fn header(self) -> (String, String) {
        let cells = ["rtt ms", "sent", "ttl", "back", "window", "options", "why"];
        self.line("address", "port", "state", cells)
    }

    /// The row of a port, and why.
    pub(super) fn row(self, target: &Target<'_>, number: u16, port: &Port) -> (String, String) {
        let none = || "-".to_owned();
        let told = result::Port::new(number, port);
        let rtt = told.rtt_ms.map(|rtt| Duration::from_secs_f64(rtt.mean / 1e3));
        let rtt = rtt.map_or_else(none, ms5);
        let number_of = |value: Option<u8>| value.map_or_else(none, |value| value.to_string());
        let window = told.window.map_or_else(none, |window| window.to_string());
        let options = told.options.map(options);
        let options = options.filter(|options| !options.is_empty()).unwrap_or_else(none);
        let (sent, ttl, back) =
            (port.sent.to_string(), number_of(told.reply_ttl), number_of(told.hops_back));
        let why = why(port);
        let cells = [&rtt, &sent, &ttl, &back, &window, &options, &why].map(String::as_str);
        self.line(&named(target), &label(number), words(port.state()), cells)
    }

    /// The row of a target that has no address, and why.
    pub(super) fn nowhere(self, target: &Target<'_>) -> (String, String) {
        let name = target.to_string();
        let why = target.failure().map(|failure| failure.message.as_str()).unwrap_or_default();
        // The name stands in the row already.
        let own = why.strip_prefix("cannot resolve ").and_then(|rest| rest.strip_prefix(&name));
        let own = own.and_then(|rest| rest.strip_prefix(": "));
        let cells = ["-", "0", "-", "-", "-", "-", own.unwrap_or(why)];
        self.line(&name, "-", "no address", cells)
    }

    fn line(self, address: &str, port: &str, state: &str, cells: [&str; 7]) -> (String, String) {
        let [rtt, sent, ttl, back, window, options, why] = cells;
        let address = match self.address {
            Some(width) => format!("{address:<width$}  "),
            None => String::new(),
        };
        let mut line = format!("{address}{port:<width$}  {state:<11}", width = self.port);
        let cells = [
            format!("  {rtt:>6}"),
            format!("  {sent:>4}"),
            format!("  {ttl:>3}"),
            format!("  {back:>4}"),
            format!("  {window:>6}"),
            format!("  {options:<26}"),
        ];
        line.extend(cells.into_iter().take(self.columns));
        (line, why.to_owned())
    }
}

/// Where a target is, with its name where it has one.
pub(super) fn named(target: &Target<'_>) -> String {
    let given = target.to_string();
    match target.destination().map(|to| zoned(to, &given)) {
        Some(address) if address != given => format!("{given} ({address})"),
        _ => given,
    }
}

/// The options of a SYN-ACK.
pub(super) fn options(options: Options) -> String {
    let mut all = Vec::from_iter(options.mss.map(|mss| format!("mss {mss}")));
    all.extend(options.wscale.map(|shift| format!("ws {shift}")));
    all.extend(options.sack.then(|| "sack".to_owned()));
    all.extend(options.timestamps.then(|| "ts".to_owned()));
    all.extend((options.ecn == Some(true)).then(|| "ecn".to_owned()));
    all.join(" ")
}

const fn words(state: State) -> &'static str {
    match state {
        State::NotSent => "not sent",
        other => other.name(),
    }
}

/// What says so.
fn why(port: &Port) -> String {
    match &port.ending {
        Some(Ending::Silent) => match port.sent {
            1 => "no answer to 1 SYN".to_owned(),
            sent => format!("no answer to {sent} SYNs"),
        },
        Some(ending) => cause(ending),
        None => "not measured to the end".to_owned(),
    }
}

/// What a SYN ended by.
pub(super) fn cause(ending: &Ending) -> String {
    match ending {
        Ending::Answered(answer) if answer.segment.is_open() => "syn-ack".to_owned(),
        Ending::Answered(_) => "rst".to_owned(),
        Ending::Silent => "no answer".to_owned(),
        Ending::Icmp(said) => {
            let protocol = if said.from.is_ipv4() { "ICMP" } else { "ICMPv6" };
            let name = said.kind.name().replace('-', " ");
            let whose = match (said.is_own, said.kind.reason() == "host-unreachable") {
                (false, _) => "",
                (true, true) => ", this machine, whose neighbour did not answer",
                (true, false) => ", this machine",
            };
            let (kind, code) = (said.kind.kind, said.kind.code);
            format!("{name}, {protocol} {kind}/{code} from {}{whose}", said.from)
        }
        Ending::Local(error) => {
            let errno = Errno::new(error.errno);
            let meaning = error.meaning().unwrap_or("this machine could not send");
            format!("{meaning} ({} {})", errno.name, errno.number)
        }
        Ending::Unknown(why) => why.meaning().to_owned(),
    }
}

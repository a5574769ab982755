//! mtr's own report, as version 0.95 prints it: `report_close` of ui/report.c; and its JSON.

use super::{Column, Order};
use crate::number::significant;
use crate::report::{Report, Run};
use crate::trace::{Ended, Resolved, Trace, row};
use netdiag_model::contract::Document;
use netdiag_trace::Event;
use netdiag_trace::result::{Hop, Responder, Target};
use std::io::{self, Write};

/// What a host is padded to, and cut off at.
const HOST: usize = 33;
/// The digits of a number in its JSON.
const DIGITS: usize = 5;

/// How mtr's report is written.
#[derive(Clone, Debug)]
pub struct ClassicOptions {
    /// `-o`.
    pub order: Order,
    /// `-w`: hosts are not cut off.
    pub wide: bool,
    /// `-n`: addresses only.
    pub numeric: bool,
    /// `-b`: names and addresses.
    pub show_ips: bool,
    /// The name of this machine.
    pub host: String,
    /// The traffic class of what is sent.
    pub traffic_class: u8,
    /// The bytes of what is sent, as told in JSON.
    pub packet_size: u16,
}

/// mtr's report on `out`, what is no result on `err`.
pub struct ClassicReport<W, E> {
    out: W,
    err: E,
    options: ClassicOptions,
    start: String,
}

/// mtr's JSON: a document for each target.
pub struct ClassicJsonReport<W, E> {
    out: W,
    err: E,
    options: ClassicOptions,
}

/// Title, width and figure of mtr's columns.
impl Column {
    const fn classic_title(self) -> (&'static str, usize) {
        match self {
            Self::Loss => ("Loss%", 6),
            Self::Lost => ("Drop", 5),
            Self::Received => ("Rcv", 6),
            Self::Sent => ("Snt", 6),
            Self::Last => ("Last", 6),
            Self::Best => ("Best", 6),
            Self::Mean => ("Avg", 6),
            Self::Worst => ("Wrst", 6),
            Self::Deviation => ("StDev", 6),
            Self::GeometricMean => ("Gmean", 6),
            Self::Jitter => ("Jttr", 5),
            Self::JitterMean => ("Javg", 5),
            Self::JitterMax => ("Jmax", 5),
            Self::Interarrival => ("Jint", 5),
            Self::Space | Self::Link | Self::Node => (" ", 1),
        }
    }

    /// Its figure by mtr's formulas; 0 where there is none.
    fn classic_value(self, hop: &Hop) -> f64 {
        let mtr = hop.mtr_ms.as_ref();
        let value = match self {
            Self::Mean => mtr.map(|mtr| mtr.mean),
            Self::Deviation => mtr.map(|mtr| mtr.stddev),
            Self::GeometricMean => mtr.map(|mtr| mtr.gmean),
            Self::Jitter => mtr.map(|mtr| mtr.jitter),
            Self::JitterMean => mtr.map(|mtr| mtr.jitter_mean),
            Self::JitterMax => mtr.map(|mtr| mtr.jitter_max),
            Self::Interarrival => mtr.map(|mtr| mtr.jitter_interarrival),
            Self::Lost => Some((hop.sent - hop.in_flight - hop.received) as f64),
            // Whole microseconds, as mtr has them.
            Self::Last | Self::Best | Self::Worst => {
                self.value(hop).map(|ms| (ms * 1e3).floor() / 1e3)
            }
            other => other.value(hop),
        };
        value.unwrap_or(0.0)
    }

    fn classic_cell(self, hop: &Hop) -> String {
        let value = self.classic_value(hop);
        match self {
            Self::Space | Self::Link | Self::Node => " ".to_owned(),
            Self::Loss => format!(" {value:4.1}%"),
            Self::Lost => format!(" {value:4.0}"),
            Self::Received | Self::Sent => format!(" {value:5.0}"),
            Self::Jitter | Self::JitterMean | Self::JitterMax | Self::Interarrival => {
                format!(" {value:4.1}")
            }
            _ => format!(" {value:5.1}"),
        }
    }
}

impl ClassicOptions {
    fn name(&self, who: &Responder) -> String {
        let address = who.address.to_string();
        match who.hostname.as_ref().filter(|_| !self.numeric) {
            None => address,
            Some(name) if self.show_ips => format!("{} ({address})", name.escaped()),
            Some(name) => name.escaped().to_string(),
        }
    }

    fn host(&self, hop: &Hop) -> String {
        row::by_answers(hop).first().map_or_else(|| "???".to_owned(), |who| self.name(who))
    }

    /// The text before the columns, which in a narrow report are written over what is too long.
    fn lead(&self, text: &str, width: usize) -> String {
        match self.wide {
            true => text.to_owned(),
            false => format!("{text:<width$}").chars().take(width).collect(),
        }
    }
}

/// The hops that mtr would show: up to the target, or to one more than the last that answered.
fn shown(target: &Target) -> impl Iterator<Item = &Hop> {
    let farthest = target.hops.iter().rev().find(|hop| hop.received > 0);
    let refused = farthest.is_some_and(|hop| hop.responders.iter().any(|who| who.mark.is_some()));
    let more = u8::from(!target.reached && !refused && farthest.is_some());
    let last = farthest.map_or(0, |hop| hop.ttl + more);
    target.hops.iter().take_while(move |hop| hop.ttl <= last)
}

impl<W: Write, E: Write> ClassicReport<W, E> {
    /// A report with these options.
    pub fn new(out: W, err: E, options: ClassicOptions) -> Self {
        Self { out, err, options, start: String::new() }
    }

    fn begin(&mut self, run: &Run) {
        // 2026-11-21T14:23:24+0000
        let date = run.anchor.rfc3339(run.started_at);
        let seconds = date.split(['.', 'Z']).next().unwrap_or_default();
        self.start = format!("{seconds}+0000");
    }

    fn target(&mut self, target: &Target) -> io::Result<()> {
        let options = &self.options;
        writeln!(self.out, "Start: {}", self.start)?;
        let hosts = shown(target).map(|hop| options.host(hop).chars().count());
        let width = match options.wide {
            true => hosts.fold(options.host.chars().count(), usize::max),
            false => HOST,
        };
        let mut line = options.lead(&format!("HOST: {:<width$}", options.host), width);
        for column in options.order.iter() {
            let (title, width) = column.classic_title();
            line.push_str(&format!("{title:>width$}"));
        }
        writeln!(self.out, "{line}")?;
        for hop in shown(target) {
            let text = format!(" {:>2}.|-- {:<width$}", hop.ttl, options.host(hop));
            let mut line = options.lead(&text, width);
            for column in options.order.iter() {
                line.push_str(&column.classic_cell(hop));
            }
            writeln!(self.out, "{line}")?;
            for (place, who) in row::by_answers(hop).iter().skip(1).enumerate() {
                let mark = if place == 0 { "`|--" } else { " |--" };
                writeln!(self.out, "    |  {mark} {}", options.name(who))?;
            }
        }
        Ok(())
    }
}

impl<W: Write, E: Write> ClassicJsonReport<W, E> {
    /// A report with these options.
    pub const fn new(out: W, err: E, options: ClassicOptions) -> Self {
        Self { out, err, options }
    }

    /// There is no date in it.
    const fn begin(&self, _: &Run) {}

    fn target(&mut self, target: &Target) -> io::Result<()> {
        let options = &self.options;
        let text = |text: &str| crate::json::to_string(&text);
        let mut out = format!(
            "{{\n    \"report\": {{\n        \"mtr\": {{\n            \"src\": {},\n            \
             \"dst\": {},\n            \"tos\": {},\n            \"tests\": {},\n            \
             \"psize\": \"{}\",\n            \"bitpattern\": \"0x00\"\n        }},\n        \
             \"hubs\": [",
            text(&options.host),
            crate::json::to_string(&target.target),
            options.traffic_class,
            target.cycles,
            options.packet_size
        );
        let hubs: Vec<String> = shown(target)
            .map(|hop| {
                let host = text(&options.host(hop));
                let mut fields =
                    vec![format!("\"count\": {}", hop.ttl), format!("\"host\": {host}")];
                for column in options.order.iter().filter(|column| *column != Column::Space) {
                    let value = column.classic_value(hop);
                    let number = match column {
                        Column::Lost | Column::Received | Column::Sent => format!("{value:.0}"),
                        _ => match significant(value, DIGITS) {
                            whole if whole.contains(['.', 'e']) => whole,
                            whole => format!("{whole}.0"),
                        },
                    };
                    fields.push(format!("\"{}\": {number}", column.classic_title().0));
                }
                let fields = fields.join(",\n                ");
                format!("\n            {{\n                {fields}\n            }}")
            })
            .collect();
        out.push_str(&hubs.join(","));
        out.push_str(if hubs.is_empty() { "]" } else { "\n        ]" });
        out.push_str("\n    }\n}");
        writeln!(self.out, "{out}")
    }
}

/// What both have in common: nothing is told before the end.
macro_rules! at_the_end {
    ($report:ident) => {
        impl<W: Write, E: Write> Report<Trace> for $report<W, E> {
            fn start(&mut self, run: &Run) -> io::Result<()> {
                self.begin(run);
                Ok(())
            }

            fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
                match &resolved.failure {
                    Some(failure) => writeln!(self.err, "netdiag mtr: {}", failure.message),
                    None => Ok(()),
                }
            }

            fn event(&mut self, _: &Event) -> io::Result<()> {
                Ok(())
            }

            fn finish(&mut self, targets: &[Ended<'_>], _: &Document<Target>) -> io::Result<()> {
                let measured = targets.iter().filter(|ended| ended.verdict.is_some());
                measured.map(|ended| ended.target).try_for_each(|target| self.target(target))
            }

            fn flush(&mut self) -> io::Result<()> {
                self.out.flush()?;
                self.err.flush()
            }
        }
    };
}

at_the_end!(ClassicReport);
at_the_end!(ClassicJsonReport);

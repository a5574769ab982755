//! `--classic`: what mtr prints, as version 0.95 does.

mod column;
mod forms;
mod screen;

use super::Order;
use netdiag_model::Untrusted;
use netdiag_trace::mtr::{Answered, Row};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::IpAddr;

pub use screen::ClassicScreen;

/// What a host is padded to, and cut off at.
const HOST: usize = 33;
/// Names are cut off behind so many characters.
const LONGEST_NAME: usize = 80;

/// What it prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassicForm {
    /// A table at the end.
    Report,
    /// JSON at the end.
    Json,
    /// XML at the end.
    Xml,
    /// Lines of values at the end.
    Csv,
    /// A line for each probe and each answer, as they come.
    Raw,
}

/// How it is written, by mtr's options.
#[derive(Clone, Debug)]
pub struct ClassicOptions {
    /// Which form.
    pub form: ClassicForm,
    /// The columns.
    pub order: Order,
    /// Hosts are not cut off.
    pub wide: bool,
    /// Addresses only.
    pub numeric: bool,
    /// Names and addresses.
    pub show_ips: bool,
    /// MPLS labels too.
    pub labels: bool,
    /// The name of this machine.
    pub host: String,
    /// The traffic class of what is sent.
    pub traffic_class: u8,
    /// The bytes of a packet, as they were asked for.
    pub packet_size: u32,
    /// What fills it; `None`: anything.
    pub pattern: Option<u8>,
    /// How many rounds.
    pub rounds: u64,
}

/// One target, and when it was measured.
#[derive(Clone, Debug)]
pub struct ClassicTarget {
    /// As it was given.
    pub name: Untrusted,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// When it ended, in seconds since 1970.
    pub ended_at: i128,
}

/// What mtr prints of one target.
pub struct ClassicReport<W> {
    out: W,
    options: ClassicOptions,
    /// The hops whose name was told.
    named: BTreeSet<usize>,
}

impl ClassicOptions {
    fn name(&self, (address, name): &(IpAddr, Option<Untrusted>)) -> String {
        let shown = match name.as_ref().filter(|_| !self.numeric) {
            None => address.to_string(),
            Some(name) if self.show_ips => format!("{} ({address})", name.escaped()),
            Some(name) => name.escaped().to_string(),
        };
        shown.chars().take(LONGEST_NAME).collect()
    }

    fn host(&self, row: &Row) -> String {
        row.who.as_ref().map_or_else(|| "???".to_owned(), |who| self.name(who))
    }
}

/// A date as mtr writes it, of one as RFC 3339 has it.
fn date(rfc3339: &str) -> String {
    let seconds = rfc3339.split(['.', 'Z']).next().unwrap_or_default();
    format!("{seconds}+0000")
}

impl<W: Write> ClassicReport<W> {
    /// A report with these options.
    pub const fn new(out: W, options: ClassicOptions) -> Self {
        Self { out, options, named: BTreeSet::new() }
    }

    /// A probe was sent.
    ///
    /// # Errors
    /// When the writer fails, as everywhere here.
    pub fn sent(&mut self, place: usize, number: u64) -> io::Result<()> {
        match self.options.form {
            ClassicForm::Raw => writeln!(self.out, "x {place} {number}"),
            _ => Ok(()),
        }
    }

    /// It was answered.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn answered(&mut self, answered: &Answered) -> io::Result<()> {
        let Answered { place, from, number, .. } = answered;
        if self.options.form != ClassicForm::Raw {
            return Ok(());
        }
        // Who never answered there is told twice, as there.
        let times = usize::from(answered.is_new) + usize::from(answered.is_other);
        for _ in 0..times {
            writeln!(self.out, "h {place} {from}")?;
            for label in answered.labels.iter().filter(|_| self.options.labels) {
                let (value, bottom) = (label.label, u8::from(label.bottom));
                writeln!(self.out, "m {place} {value} {} {bottom} {}", label.class, label.ttl)?;
            }
        }
        if let Some(name) = answered.name.as_ref().filter(|_| !self.options.numeric)
            && self.named.insert(*place)
        {
            writeln!(self.out, "d {place} {}", name.escaped())?;
        }
        writeln!(self.out, "p {place} {} {number}", answered.rtt.as_micros())
    }

    /// The end of a target.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(&mut self, target: &ClassicTarget, rows: &[Row]) -> io::Result<()> {
        match self.options.form {
            ClassicForm::Report => self.table(target, rows)?,
            ClassicForm::Json => self.json(target, rows)?,
            ClassicForm::Xml => self.xml(target, rows)?,
            ClassicForm::Csv => self.csv(target, rows)?,
            ClassicForm::Raw => self.named.clear(),
        }
        self.flush()
    }

    /// Shows what was written.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The text before the columns, which in a narrow report are written over what is too long.
    fn lead(&self, text: &str, width: usize) -> String {
        match self.options.wide {
            true => text.to_owned(),
            false => format!("{text:<width$}").chars().take(width).collect(),
        }
    }

    fn table(&mut self, target: &ClassicTarget, rows: &[Row]) -> io::Result<()> {
        writeln!(self.out, "Start: {}", date(&target.started_at))?;
        let options = &self.options;
        let hosts = rows.iter().map(|row| options.host(row).chars().count());
        let width = match options.wide {
            true => hosts.fold(options.host.chars().count(), usize::max),
            false => HOST,
        };
        let head = self.lead(&format!("HOST: {:<width$}", options.host), width);
        writeln!(self.out, "{head}{}", options.order.classic_titles())?;
        for row in rows {
            let options = &self.options;
            let text = format!(" {:>2}.|-- {:<width$}", row.ttl, options.host(row));
            let head = self.lead(&text, width);
            writeln!(self.out, "{head}{}", options.order.classic_line(row))?;
            for other in &row.others {
                writeln!(self.out, "        {:<width$}", self.options.name(other))?;
            }
        }
        Ok(())
    }
}

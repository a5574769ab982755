//! mtr's screen.

use super::{ClassicOptions, date};
use crate::trace::mtr::Order;
use crate::trace::mtr::live::ansi;
use netdiag_engine::port::{Console, Key, Size};
use netdiag_trace::mtr::{Label, Row};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::io::{self, Write};

const TITLE: &str = "My traceroute  [v0.95]";
const KEYS: &str = "Keys:  Help   Pause   Restart statistics   Numeric   Jitter   quit";
const HELP: [&str; 9] = [
    "Command:",
    "  ?|h     help",
    "  p       pause (SPACE to resume)",
    "  e       toggle MPLS information on/off",
    "  n       toggle DNS on/off",
    "  r       reset all counters",
    "  j       toggle latency(LS NABWV)/jitter(DR AGJMXI) stats",
    "  + -     scroll",
    "  q       exit",
];
/// How far the keys for it scroll.
const STEP: usize = 5;
/// The lines above the hops.
const ABOVE: u16 = 5;

/// The hops of a path while they are asked.
pub struct ClassicScreen<W> {
    out: W,
    options: ClassicOptions,
    /// This machine and the target with their addresses.
    title: String,
    size: Size,
    shown: Buffer,
    rows: Vec<Row>,
    jitter: bool,
    is_help: bool,
    skipped: usize,
    is_on: bool,
    is_stale: bool,
    backlog: Box<dyn Fn() -> bool>,
}

impl<W: Write> ClassicScreen<W> {
    /// A screen of this size. `backlog` says whether the terminal has not yet taken what was written.
    pub fn new(
        out: W,
        options: ClassicOptions,
        title: String,
        size: Size,
        backlog: Box<dyn Fn() -> bool>,
    ) -> Self {
        let shown = Buffer::empty(Rect::new(0, 0, size.columns, size.rows));
        Self {
            out,
            options,
            title,
            size,
            shown,
            rows: Vec::new(),
            jitter: false,
            is_help: false,
            skipped: 0,
            is_on: false,
            is_stale: true,
            backlog,
        }
    }

    /// The hops as they stand.
    pub fn rows(&mut self, rows: &[Row]) {
        self.rows = rows.to_vec();
        self.is_stale = true;
    }

    /// Somebody did something at the terminal. What it means for the rounds was done.
    pub fn console(&mut self, console: Console) {
        self.is_stale = true;
        match console {
            Console::Key(key) => self.key(key),
            Console::Resized(size) => {
                self.size = size;
                self.is_on = false;
            }
            Console::Redraw => self.is_on = false,
        }
    }

    fn key(&mut self, key: Key) {
        match key {
            Key::Char('h' | '?') => self.is_help = !self.is_help,
            _ if self.is_help => self.is_help = false,
            Key::Char('n') => self.options.numeric = !self.options.numeric,
            Key::Char('e') => self.options.labels = !self.options.labels,
            Key::Char('j') => self.jitter = !self.jitter,
            Key::Char('+') => self.skipped += STEP,
            Key::Char('-') => self.skipped = self.skipped.saturating_sub(STEP),
            _ => {}
        }
    }

    /// Draws what is new, at this time (RFC 3339 in UTC).
    ///
    /// # Errors
    /// When the writer fails.
    pub fn flush(&mut self, now: &str) -> io::Result<()> {
        if !self.is_stale || (self.backlog)() {
            return self.out.flush();
        }
        if !self.is_on {
            self.out.write_all(ansi::ENTER)?;
            self.shown = Buffer::empty(Rect::new(0, 0, self.size.columns, self.size.rows));
        }
        (self.is_on, self.is_stale) = (true, false);
        let mut next = Buffer::empty(self.shown.area);
        self.draw(&mut next, &date(now));
        ansi::write(&mut self.out, &self.shown, &next)?;
        self.shown = next;
        self.out.flush()
    }

    /// Leaves the screen.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_on) {
            self.out.write_all(ansi::LEAVE)?;
        }
        self.out.flush()
    }

    fn order(&self) -> Order {
        if self.jitter { Order::classic_jitter() } else { self.options.order.clone() }
    }

    fn draw(&self, screen: &mut Buffer, now: &str) {
        let width = usize::from(self.size.columns);
        let (plain, bold) = (Style::new(), Style::new().add_modifier(Modifier::BOLD));
        let mut put =
            |x: usize, y: u16, text: &str, style: Style| ansi::put(screen, x, y, text, style);
        put(width.saturating_sub(TITLE.len()) / 2, 0, TITLE, bold);
        put(0, 1, &self.title, plain);
        put(width.saturating_sub(now.len() + 1), 1, now, plain);
        if self.is_help {
            return (2..).zip(HELP).for_each(|(y, line)| put(0, y, line, plain));
        }
        put(0, 2, KEYS, plain);
        let order = self.order();
        let figures: usize = order.iter().map(|column| column.classic_title().1).sum();
        let at = width.saturating_sub(figures + 1);
        put(at + 3, 3, "Packets               Pings", bold);
        put(0, 4, " Host", bold);
        put(at, 4, &order.classic_titles(), bold);
        let mut y = ABOVE;
        for row in self.rows.iter().skip(self.skipped) {
            let host = row.who.as_ref().map(|who| self.options.name(who));
            let host = host.unwrap_or_else(|| "(waiting for reply)".to_owned());
            let host = format!("{:>2}. {host}", row.ttl);
            put(0, y, &host.chars().take(at).collect::<String>(), plain);
            if row.sent > 0 {
                put(at, y, &order.classic_line(row), plain);
            }
            let labels = row.labels.iter().filter(|_| self.options.labels).map(label);
            let others = row.others.iter().map(|other| self.options.name(other));
            for more in labels.chain(others) {
                y = y.saturating_add(1);
                put(4, y, &more, plain);
            }
            y = y.saturating_add(1);
        }
    }
}

fn label(label: &Label) -> String {
    let Label { label, class, bottom, ttl } = label;
    format!("[MPLS: Lbl {label} TC {class} S {} TTL {ttl}]", u8::from(*bottom))
}

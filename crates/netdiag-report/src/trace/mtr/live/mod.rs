//! The live screen: the hops of a path while they are asked, and keys.
//!
//! Nothing here waits, and nothing is drawn but before a wait, when the measurement has told new
//! figures: it does so where the next probe leaves time for it. Only what has changed is written, and
//! nothing while the terminal has not taken what was written before.

pub(super) mod ansi;
mod detail;
mod draw;
mod frame;
mod view;

use super::super::{Ended, Resolved, TextReport, Trace};
use crate::report::{Report, Run};
use netdiag_engine::port::{Console, Size};
use netdiag_model::contract::Document;
use netdiag_trace::Event;
use netdiag_trace::event::EventKind;
use netdiag_trace::result::Target;
use ratatui::buffer::Buffer;
use std::io::{self, Write};
use view::View;

/// A screen on the terminal that `text` writes to; what the text has at the end comes after it.
pub struct LiveReport<W, E> {
    text: TextReport<W, E>,
    view: View,
    shown: Buffer,
    is_on: bool,
    is_stale: bool,
    backlog: Box<dyn Fn() -> bool>,
    /// The only target whose keys count: each tells of every key.
    keyed: Option<usize>,
}

impl<W: Write, E: Write> LiveReport<W, E> {
    /// A screen of this size. `backlog` says whether the terminal has not yet taken what was written.
    pub fn new(
        text: TextReport<W, E>,
        size: Size,
        color: bool,
        backlog: Box<dyn Fn() -> bool>,
    ) -> Self {
        let view = View::new(size, color);
        let shown = Buffer::empty(view.area());
        Self { text, view, shown, is_on: false, is_stale: false, backlog, keyed: None }
    }

    fn console(&mut self, target: usize, console: Console) {
        if *self.keyed.get_or_insert(target) != target {
            return;
        }
        match console {
            Console::Key(key) => self.view.key(key),
            Console::Resized(size) => {
                self.view.resize(size);
                self.text.resize(size.columns);
                self.redraw();
            }
            Console::Redraw => self.redraw(),
        }
    }

    /// Nothing is known of what the terminal shows.
    fn redraw(&mut self) {
        self.is_on = false;
    }

    fn draw(&mut self) -> io::Result<()> {
        let out = self.text.out();
        if !self.is_on {
            out.write_all(ansi::ENTER)?;
            self.shown = Buffer::empty(self.view.area());
            self.is_on = true;
        }
        let mut next = Buffer::empty(self.view.area());
        draw::draw(&mut self.view, &mut next);
        ansi::write(out, &self.shown, &next)?;
        self.shown = next;
        self.is_stale = false;
        Ok(())
    }
}

impl<W: Write, E: Write> Report<Trace> for LiveReport<W, E> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.text.start(run)
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        self.view.add(resolved);
        self.text.resolved(resolved)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::Reply(settled) => self.view.sample(event.target_index, settled),
            EventKind::Figures(figures) => {
                self.view.figures(event.target_index, figures);
                self.is_stale = true;
            }
            EventKind::Console(console) => {
                self.console(event.target_index, *console);
                self.is_stale = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        if std::mem::take(&mut self.is_on) {
            self.text.out().write_all(ansi::LEAVE)?;
        }
        self.is_stale = false;
        self.text.finish(targets, document)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_stale && !(self.backlog)() {
            self.draw()?;
        }
        self.text.flush()
    }
}

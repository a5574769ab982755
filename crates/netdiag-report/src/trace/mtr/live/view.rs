//! What the screen shows, and what keys make of it.

use crate::trace::Resolved;
use crate::trace::mtr::Column;
use crate::trace::text::subject;
use netdiag_engine::port::{Key, Size};
use netdiag_model::milliseconds;
use netdiag_trace::event::{Figures, Settled};
use netdiag_trace::keys;
use netdiag_trace::result::{Hop, OutcomeName};
use ratatui::layout::Rect;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// So many samples of a hop are kept for its strip.
const SAMPLES: usize = 512;

/// So many hops further.
const PAGE: isize = 10;

/// All that is shown.
pub(super) struct View {
    size: Size,
    pub(super) color: bool,
    pub(super) targets: Vec<Watched>,
    /// The target that is shown.
    pub(super) target: usize,
    /// The hop that keys are about, by its TTL.
    pub(super) cursor: Option<u8>,
    /// The hops of which all is told.
    pub(super) is_expanded: bool,
    pub(super) sort: Option<(Column, bool)>,
    pub(super) is_numeric: bool,
    pub(super) is_help: bool,
}

/// One target.
pub(super) struct Watched {
    index: usize,
    pub(super) title: String,
    pub(super) sent: String,
    pub(super) interval: Duration,
    /// As large probes are sent as pass.
    pub(super) finds_mtu: bool,
    pub(super) figures: Option<Figures>,
    strips: BTreeMap<u8, VecDeque<Sample>>,
}

/// A probe of a hop: its round trip in milliseconds, or `None` where it was lost.
pub(super) type Sample = Option<f64>;

/// The columns that can be sorted by, by mtr's letters.
const LETTERS: &[(char, Column)] = &[
    ('L', Column::Loss),
    ('D', Column::Lost),
    ('R', Column::Received),
    ('S', Column::Sent),
    ('N', Column::Last),
    ('B', Column::Best),
    ('A', Column::Mean),
    ('W', Column::Worst),
    ('V', Column::Deviation),
    ('G', Column::GeometricMean),
    ('J', Column::Jitter),
    ('M', Column::JitterMean),
    ('X', Column::JitterMax),
    ('I', Column::Interarrival),
];

impl View {
    pub(super) const fn new(size: Size, color: bool) -> Self {
        Self {
            size,
            color,
            targets: Vec::new(),
            target: 0,
            cursor: None,
            is_expanded: false,
            sort: None,
            is_numeric: false,
            is_help: false,
        }
    }

    pub(super) const fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.columns, self.size.rows)
    }

    pub(super) const fn resize(&mut self, size: Size) {
        self.size = size;
    }

    pub(super) fn add(&mut self, resolved: &Resolved) {
        let Some(config) = &resolved.config else { return };
        let (title, sent) = subject(resolved);
        let rounds = config.rounds.as_ref();
        self.targets.push(Watched {
            index: resolved.target_index,
            title,
            sent,
            interval: rounds.map_or(Duration::ZERO, |rounds| rounds.interval),
            finds_mtu: config.finds_mtu,
            figures: None,
            strips: BTreeMap::new(),
        });
    }

    fn watched(&mut self, index: usize) -> Option<&mut Watched> {
        self.targets.iter_mut().find(|watched| watched.index == index)
    }

    pub(super) fn sample(&mut self, index: usize, settled: &Settled) {
        let sample = match settled.outcome {
            OutcomeName::Reply => settled.answer.as_ref().map(|answer| milliseconds(answer.rtt)),
            OutcomeName::Timeout => None,
            _ => return,
        };
        if let Some(watched) = self.watched(index) {
            let strip = watched.strips.entry(settled.ttl).or_default();
            if strip.len() == SAMPLES {
                strip.pop_front();
            }
            strip.push_back(sample);
        }
    }

    pub(super) fn figures(&mut self, index: usize, figures: &Figures) {
        if let Some(watched) = self.watched(index) {
            watched.figures = Some(figures.clone());
        }
    }

    /// The target that is shown.
    pub(super) fn shown(&self) -> Option<&Watched> {
        self.targets.get(self.target)
    }

    /// The hops of it in the order in which they are shown.
    pub(super) fn hops(&self) -> Vec<&Hop> {
        let figures = self.shown().and_then(|watched| watched.figures.as_ref());
        let mut hops: Vec<&Hop> = figures.iter().flat_map(|figures| &figures.hops).collect();
        if let Some((column, is_rising)) = self.sort {
            // What has no figure comes last.
            hops.sort_by(|one, other| {
                let (one, other) = (column.value(one), column.value(other));
                match (one, other) {
                    (Some(one), Some(other)) if is_rising => one.total_cmp(&other),
                    (Some(one), Some(other)) => other.total_cmp(&one),
                    (one, other) => other.is_some().cmp(&one.is_some()),
                }
            });
        }
        hops
    }

    /// What a key means here. Those of the measurement did their work already.
    pub(super) fn key(&mut self, key: Key) {
        match key {
            Key::Char('h' | '?') => self.is_help = !self.is_help,
            _ if self.is_help => self.is_help = false,
            Key::Char('n') => self.is_numeric = !self.is_numeric,
            Key::Char('e') | Key::Enter => self.expand(),
            Key::Char('o') => self.sort = None,
            Key::Char('s') => self.sort_by_next(),
            Key::Char('\t') => {
                self.target = (self.target + 1) % self.targets.len().max(1);
                self.cursor = None;
            }
            Key::Char(keys::RESET) => {
                self.targets.iter_mut().for_each(|watched| watched.strips.clear());
            }
            Key::Char(letter) => {
                let column = LETTERS.iter().find(|(known, _)| *known == letter);
                if let Some((_, column)) = column {
                    self.sort_by(*column);
                }
            }
            Key::Up => self.walk(-1),
            Key::Down => self.walk(1),
            Key::PageUp => self.walk(-PAGE),
            Key::PageDown => self.walk(PAGE),
            Key::Escape => (self.cursor, self.is_expanded) = (None, false),
            _ => {}
        }
    }

    fn expand(&mut self) {
        if self.cursor.is_none() {
            self.walk(1);
        }
        self.is_expanded = !self.is_expanded;
    }

    /// The largest first; once more, the smallest.
    fn sort_by(&mut self, column: Column) {
        let is_rising = self.sort == Some((column, false));
        self.sort = Some((column, is_rising));
    }

    fn sort_by_next(&mut self) {
        let place = self.sort.and_then(|(column, _)| LETTERS.iter().position(|it| it.1 == column));
        let next = LETTERS.get(place.map_or(0, |place| place + 1));
        self.sort = next.map(|(_, column)| (*column, false));
    }

    fn walk(&mut self, by: isize) {
        let ttls: Vec<u8> = self.hops().iter().map(|hop| hop.ttl).collect();
        let place = self.cursor.and_then(|cursor| ttls.iter().position(|ttl| *ttl == cursor));
        let last = ttls.len().saturating_sub(1);
        let next = match place {
            None if by < 0 => last,
            None => 0,
            Some(place) => place.saturating_add_signed(by).min(last),
        };
        self.cursor = ttls.get(next).copied();
    }
}

impl Watched {
    /// The newest samples of a hop, at most so many, oldest first.
    pub(super) fn strip(&self, ttl: u8, most: usize) -> impl Iterator<Item = Sample> {
        let strip = self.strips.get(&ttl);
        let skipped = strip.map_or(0, |strip| strip.len().saturating_sub(most));
        strip.into_iter().flatten().skip(skipped).copied()
    }
}

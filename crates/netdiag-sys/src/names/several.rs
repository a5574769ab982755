//! Several names at once, so that slow servers cost the time of one; a signal ends the wait.

use super::{TOTAL, literal, resolve, servers};
use crate::raw::{self, PollFd};
use crate::{clock, signals};
use netdiag_model::failure::LookupError;
use netdiag_model::{Family, Found, Instant};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How many are looked up at the same time.
const AT_ONCE: usize = 128;
/// How many descriptors one look-up may need: a runtime's, and two sockets for each of three servers.
const DESCRIPTORS: usize = 8;
/// So much longer than they may take look-ups are waited for.
const GRACE: Duration = Duration::from_secs(1);

/// What became of one name, and how long that took.
pub type LookedUp = (Result<Found, LookupError>, Duration);

/// Looks up the addresses of several targets, each as [`resolve`] does, those that are no addresses
/// at the same time, as far as there are descriptors for it, and all of them within [`TOTAL`] and
/// `patience`. The results have the order of the names.
///
/// It blocks this thread. SIGINT, SIGTERM and SIGHUP end the wait: what is not known then is
/// [`LookupError::Interrupted`], and the signal stays pending, blocked in this thread, for whoever
/// watches signals next. Otherwise every thread that it started has ended
/// when it returns.
#[must_use]
pub fn resolve_all(names: &[String], family: Option<Family>, patience: Duration) -> Vec<LookedUp> {
    let end = clock::now() + TOTAL.min(patience);
    let mut found: Vec<Option<LookedUp>> = names
        .iter()
        .map(|name| match literal(name) {
            Ok(None) => None,
            _ => Some(look_up(name, family, end)),
        })
        .collect();
    let waiting = (0..names.len()).filter(|place| found[*place].is_none());
    let waiting: Vec<(usize, String)> =
        waiting.map(|place| (place, names[place].clone())).collect();
    if patience.is_zero() {
        // What needs no server takes no time, and for the others there is none.
        for (place, name) in waiting {
            found[place] = Some(look_up(&name, family, end));
        }
    } else if !waiting.is_empty() {
        let mask = signals::hold();
        if !at_once(waiting, family, end, &mut found) {
            signals::release(&mask);
        }
    }
    let unknown = || (Err(LookupError::Interrupted), Duration::ZERO);
    found.into_iter().map(|found| found.unwrap_or_else(unknown)).collect()
}

/// What the threads that look names up have in common.
pub(super) struct Desk {
    names: Vec<(usize, String)>,
    family: Option<Family>,
    /// When the time is over that they may take together.
    end: Instant,
    /// How many threads look names up.
    workers: usize,
    /// The place of the next name in the list.
    next: AtomicUsize,
    /// How many threads are still at it.
    active: AtomicUsize,
    /// Nobody waits any more.
    over: AtomicBool,
    /// Whom it wakes that something is told; `None`: who looks by itself.
    bell: Option<File>,
}

/// Looks these names up; returns whether a signal came first.
fn at_once(
    names: Vec<(usize, String)>,
    family: Option<Family>,
    end: Instant,
    found: &mut [Option<LookedUp>],
) -> bool {
    let (results, told) = channel();
    // Without descriptors for the wait there is no wait: one after the other then.
    let (Ok(bell), Ok(watched)) = (raw::event_counter(), signals::pending()) else {
        for (place, name) in names {
            found[place] = Some(look_up(&name, family, end));
        }
        return false;
    };
    let desk = Desk::new(names, family, end, Some(bell));
    if desk.start(&results) == 0 {
        // As many threads as there may be: then by this one.
        desk.active.fetch_add(1, Ordering::Relaxed);
        desk.work(&results);
    }
    let interrupted = gather(&told, &desk, &watched, found);
    desk.close();
    interrupted
}

impl Desk {
    /// With these names, which nobody looks up yet.
    pub(super) fn new(
        names: Vec<(usize, String)>,
        family: Option<Family>,
        end: Instant,
        bell: Option<File>,
    ) -> Arc<Self> {
        let room = raw::descriptor_limit() / DESCRIPTORS;
        let workers = names.len().min(AT_ONCE).min(room.max(1));
        let [next, active] = [0; 2].map(AtomicUsize::new);
        let over = AtomicBool::new(false);
        Arc::new(Self { names, family, end, workers, next, active, over, bell })
    }

    /// Starts threads that look them up; returns how many could be.
    pub(super) fn start(self: &Arc<Self>, results: &Sender<(usize, LookedUp)>) -> usize {
        let started = (0..self.workers).filter(|_| {
            let (mine, results) = (Arc::clone(self), results.clone());
            self.active.fetch_add(1, Ordering::Relaxed);
            let started = signals::spawn("names", move || mine.work(&results));
            if started.is_err() {
                self.active.fetch_sub(1, Ordering::Relaxed);
            }
            started.is_ok()
        });
        started.count()
    }

    /// Nobody wants to know any more: no further name is begun.
    pub(super) fn close(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether nobody is at it any more. What was told was told before.
    pub(super) fn is_done(&self) -> bool {
        self.active.load(Ordering::Acquire) == 0
    }

    /// Whether the time is over, and a little more for those that end by themselves then.
    pub(super) fn is_late(&self) -> bool {
        clock::now() >= self.end + GRACE
    }

    /// What is said of a name that nothing was told of: a thread that broke down tells nothing; what
    /// had no turn was not asked.
    pub(super) fn untold(&self) -> LookedUp {
        match clock::now() >= self.end {
            true => (Err(servers::not_asked()), Duration::ZERO),
            false => (Err(LookupError::no_resolver("the look-up broke down".to_owned())), TOTAL),
        }
    }

    /// Looks up one name after the other, until none or no time is left.
    fn work(&self, results: &Sender<(usize, LookedUp)>) {
        let _leaves = Leaves(self);
        while let Some((place, name)) = self.turn() {
            // Whoever waited may have been interrupted, and then nobody wants to know.
            let _ = results.send((*place, look_up(name, self.family, self.end)));
            self.ring();
        }
    }

    /// The next name; `None` when there is none, or no time for one.
    fn turn(&self) -> Option<&(usize, String)> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        // The first ones are always begun: they may need no server, and so no time.
        let is_begun = turn < self.workers || clock::now() < self.end;
        self.names.get(turn).filter(|_| is_begun && !self.over.load(Ordering::Relaxed))
    }

    fn ring(&self) {
        let _ = self.bell.as_ref().map(|mut bell| bell.write(&1_u64.to_ne_bytes()));
    }
}

/// A thread that is at it, until it ends: also by breaking down, where there is no descriptor left for
/// random numbers, say.
struct Leaves<'d>(&'d Desk);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Release);
        self.0.ring();
    }
}

/// Waits for the results, as long as there may be more; returns whether a signal came first.
fn gather(
    told: &Receiver<(usize, LookedUp)>,
    desk: &Desk,
    watched: &File,
    found: &mut [Option<LookedUp>],
) -> bool {
    let Some(bell) = &desk.bell else { return false };
    let end = desk.end + GRACE;
    let mut out = desk.names.len();
    while out > 0 {
        let mut set = [PollFd::new(bell.as_fd(), false), PollFd::new(watched.as_fd(), false)];
        let left = end.since(clock::now());
        let polled = raw::poll(&mut set, left);
        let [_, signalled] = set;
        if signalled.is_ready() {
            return true;
        }
        if polled == Ok(0) || left.is_zero() {
            break;
        }
        let _ = (&*bell).read(&mut [0; 8]);
        // What they tell was told before they ended.
        let is_all = desk.is_done();
        while let Ok((place, result)) = told.try_recv() {
            out -= 1;
            found[place] = Some(result);
        }
        if is_all {
            break;
        }
    }
    for (place, _) in &desk.names {
        found[*place].get_or_insert_with(|| desk.untold());
    }
    false
}

fn look_up(name: &str, family: Option<Family>, end: Instant) -> LookedUp {
    let since = clock::now();
    // What needs no server takes no time.
    let found = resolve(name, family, end.since(since));
    (found, clock::now().since(since))
}

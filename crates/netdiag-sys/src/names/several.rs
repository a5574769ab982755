//! Several names at once, so that slow servers cost the time of one; a signal ends the wait.

use super::{TOTAL, literal, resolve};
use crate::raw::{self, PollFd};
use crate::{clock, signals};
use netdiag_model::failure::LookupError;
use netdiag_model::{Destination, Family};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How many are looked up at the same time.
const AT_ONCE: usize = 32;
/// So much longer than it may take a look-up is waited for.
const GRACE: Duration = Duration::from_secs(1);

/// What became of one name, and how long that took.
pub type LookedUp = (Result<Vec<Destination>, LookupError>, Duration);

/// Looks up the addresses of several targets, each as [`resolve`] does within [`TOTAL`], those that
/// are no addresses at the same time. The results have the order of the names.
///
/// It blocks this thread. SIGINT, SIGTERM and SIGHUP end the wait: what is not known then is
/// [`LookupError::Interrupted`], and the signal stays pending, blocked in this thread, for whoever
/// watches signals next. Otherwise every thread that it started has ended
/// when it returns.
#[must_use]
pub fn resolve_all(names: &[String], family: Option<Family>) -> Vec<LookedUp> {
    let mut found: Vec<Option<LookedUp>> = names
        .iter()
        .map(|name| match literal(name) {
            Ok(None) => None,
            _ => Some(look_up(name, family)),
        })
        .collect();
    let waiting: Vec<usize> = (0..names.len()).filter(|place| found[*place].is_none()).collect();
    if !waiting.is_empty() {
        let mask = signals::hold();
        let mut interrupted = false;
        for some in waiting.chunks(AT_ONCE) {
            interrupted = interrupted || at_once(some, names, family, &mut found);
        }
        if !interrupted {
            raw::restore_signals(&mask);
        }
    }
    let unknown = || (Err(LookupError::Interrupted), Duration::ZERO);
    found.into_iter().map(|found| found.unwrap_or_else(unknown)).collect()
}

/// What the threads that look names up have in common with the one that waits.
struct Desk {
    results: Sender<(usize, LookedUp)>,
    bell: Arc<File>,
}

/// Looks up the names of these places; returns whether a signal came first.
fn at_once(
    places: &[usize],
    names: &[String],
    family: Option<Family>,
    found: &mut [Option<LookedUp>],
) -> bool {
    let (results, told) = channel();
    // Without descriptors for the wait there is no wait: one after the other then.
    let (Ok(bell), Ok(watched)) = (raw::event_counter(), signals::pending()) else {
        for place in places {
            found[*place] = Some(look_up(&names[*place], family));
        }
        return false;
    };
    let bell = Arc::new(bell);
    let mut out = 0;
    for place in places {
        let (name, place) = (names[*place].clone(), *place);
        let desk = Desk { results: results.clone(), bell: Arc::clone(&bell) };
        let body = move || desk.look_up(place, &name, family);
        match std::thread::Builder::new().name("names".to_owned()).spawn(body) {
            Ok(_) => out += 1,
            // As many threads as there may be: then by this one.
            Err(_) => found[place] = Some(look_up(&names[place], family)),
        }
    }
    gather(out, &told, &bell, &watched, found)
}

impl Desk {
    fn look_up(self, place: usize, name: &str, family: Option<Family>) {
        // Whoever waited may have been interrupted, and then nobody wants to know.
        let _ = self.results.send((place, look_up(name, family)));
        let _ = (&*self.bell).write(&1_u64.to_ne_bytes());
    }
}

/// Waits for so many results; returns whether a signal came first.
fn gather(
    mut out: usize,
    told: &Receiver<(usize, LookedUp)>,
    bell: &File,
    watched: &File,
    found: &mut [Option<LookedUp>],
) -> bool {
    let end = clock::now() + TOTAL + GRACE;
    while out > 0 {
        let mut set = [PollFd::new(bell.as_fd(), false), PollFd::new(watched.as_fd(), false)];
        let left = end.since(clock::now());
        let polled = raw::poll(&mut set, left);
        let [_, signalled] = set;
        if signalled.is_ready() {
            return true;
        }
        if polled == Ok(0) {
            break;
        }
        let _ = (&mut &*bell).read(&mut [0; 8]);
        while let Ok((place, result)) = told.try_recv() {
            out -= 1;
            found[place] = Some(result);
        }
    }
    // A thread that broke down tells nothing.
    for lost in found.iter_mut().filter(|found| found.is_none()).take(out) {
        let tried = "the look-up broke down".to_owned();
        *lost = Some((Err(LookupError::no_resolver(tried)), Duration::ZERO));
    }
    false
}

fn look_up(name: &str, family: Option<Family>) -> LookedUp {
    let since = clock::now();
    let found = resolve(name, family, TOTAL);
    (found, clock::now().since(since))
}

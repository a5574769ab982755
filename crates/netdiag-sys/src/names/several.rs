//! Several names at once, so that slow servers cost the time of one.

use super::{TOTAL, literal, resolve};
use crate::clock;
use netdiag_model::failure::LookupError;
use netdiag_model::{Destination, Family};
use std::thread::{Builder, ScopedJoinHandle};
use std::time::Duration;

/// How many are looked up at the same time.
const AT_ONCE: usize = 32;

/// What became of one name, and how long that took.
pub type LookedUp = (Result<Vec<Destination>, LookupError>, Duration);

/// Looks up the addresses of several targets, each as [`resolve`] does within [`TOTAL`], those that
/// are no addresses at the same time. The results have the order of the names.
///
/// It blocks this thread, and has ended every thread that it started when it returns.
#[must_use]
pub fn resolve_all(names: &[String], family: Option<Family>) -> Vec<LookedUp> {
    let waits = names.iter().filter(|name| !matches!(literal(name), Ok(Some(_)))).count();
    if waits < 2 {
        return names.iter().map(|name| look_up(name, family)).collect();
    }
    names.chunks(AT_ONCE).flat_map(|some| at_once(some, family)).collect()
}

fn at_once(names: &[String], family: Option<Family>) -> Vec<LookedUp> {
    std::thread::scope(|scope| {
        let started: Vec<_> = names
            .iter()
            .map(|name| {
                let builder = Builder::new().name("names".to_owned());
                (name, builder.spawn_scoped(scope, || look_up(name, family)))
            })
            .collect();
        let ended = started.into_iter().map(|(name, thread)| match thread {
            Ok(thread) => join(thread),
            // As many threads as there may be: then by this one.
            Err(_) => look_up(name, family),
        });
        ended.collect()
    })
}

fn join(thread: ScopedJoinHandle<'_, LookedUp>) -> LookedUp {
    let broken = || Err(LookupError::NoAnswer { tried: "the look-up broke down".to_owned() });
    thread.join().unwrap_or_else(|_| (broken(), Duration::ZERO))
}

fn look_up(name: &str, family: Option<Family>) -> LookedUp {
    let since = clock::now();
    let found = resolve(name, family, TOTAL);
    (found, clock::now().since(since))
}

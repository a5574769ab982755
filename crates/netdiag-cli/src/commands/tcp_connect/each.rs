//! What is expected of every attempt, not only of the last: each is judged as it ends.

use netdiag_check::expr::{Evidence, Expr, Verdict};
use netdiag_tcp::connect::metrics::{AttemptMetrics, is_of_attempt};
use netdiag_tcp::connect::{Attempt, Class, Jury};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

/// What is asked of attempts, and how they did.
#[derive(Clone, Default)]
pub(crate) struct Each(Rc<Bench>);

#[derive(Default)]
struct Bench {
    expect: Vec<Expr>,
    fail_if: Option<Expr>,
    /// How long the look-up of each target took, by its place in the run.
    resolved: Vec<Option<Duration>>,
    /// By target and address.
    seen: RefCell<BTreeMap<(usize, IpAddr), Seen>>,
}

/// Attempts to an address.
#[derive(Default)]
struct Seen {
    has_opened: bool,
    /// Of each expectation, and last of the fail condition.
    tallies: Vec<Tally>,
}

/// How attempts did.
#[derive(Clone, Default)]
pub(super) struct Tally {
    /// How many were judged.
    pub(super) n: u64,
    /// How many did not do.
    pub(super) failed: u64,
    /// By what the first of these did not.
    pub(super) first: Option<String>,
}

impl Each {
    pub(super) fn new(
        expect: Vec<Expr>,
        fail_if: Option<Expr>,
        resolved: Vec<Option<Duration>>,
    ) -> Self {
        Self(Rc::new(Bench { expect, fail_if, resolved, ..Bench::default() }))
    }

    /// Who looks at the attempts; `None` where nothing is asked of them.
    pub(super) fn jury(&self) -> Option<Jury> {
        let asks = self.0.expect.iter().chain(&self.0.fail_if).any(|one| !is_of_many(one));
        let bench = Rc::clone(&self.0);
        asks.then(|| Jury::new(Rc::new(move |target, attempt| bench.see(target, attempt))))
    }

    /// How the attempts to a target did by an expectation, by its place, or by the fail condition that
    /// follows all of them. Where no connection opens to one of its addresses, that says nothing of what
    /// is had by the others.
    pub(super) fn tally(&self, target: usize, place: usize) -> Tally {
        let seen = self.0.seen.borrow();
        let all = seen.iter().filter(|((of, _), seen)| *of == target && seen.has_opened);
        let mut sum = Tally::default();
        for tally in all.filter_map(|(_, seen)| seen.tallies.get(place)) {
            sum.n += tally.n;
            sum.failed += tally.failed;
            sum.first = sum.first.or_else(|| tally.first.clone());
        }
        sum
    }
}

impl Bench {
    fn see(&self, target: usize, attempt: &Attempt) {
        // What went wrong here says nothing of the target.
        if matches!(attempt.class(), Class::Local | Class::Unknown) {
            return;
        }
        let resolve = self.resolved.get(target).copied().flatten();
        let metrics = AttemptMetrics::of(attempt, resolve);
        let mut seen = self.seen.borrow_mut();
        let seen = seen.entry((target, attempt.destination.address())).or_default();
        seen.has_opened |= attempt.connect().is_some();
        seen.tallies.resize(self.expect.len() + 1, Tally::default());
        let unmet = self.expect.iter().map(|one| unmet(one, &metrics));
        let failed = std::iter::once(self.fail_if.as_ref().and_then(|one| failed(one, &metrics)));
        for (tally, why) in seen.tallies.iter_mut().zip(unmet.chain(failed)) {
            tally.n += 1;
            tally.failed += u64::from(why.is_some());
            tally.first = tally.first.take().or(why);
        }
    }
}

impl Tally {
    /// What was measured, with how many attempts it is of where there are several.
    pub(super) fn said(&self, last: Option<Evidence>) -> Option<String> {
        let said = last.map(|evidence| evidence.to_string()).or_else(|| self.first.clone());
        match (self.failed, self.n) {
            (0, _) | (_, ..=1) => said,
            (failed, n) => said.map(|said| format!("{said} (in {failed} of {n} attempts)")),
        }
    }
}

/// Whether an expression is only about what many attempts together have.
fn is_of_many(expression: &Expr) -> bool {
    !expression.metrics().iter().any(|name| is_of_attempt(name))
}

/// Whether it is only about what each attempt has.
fn is_of_each(expression: &Expr) -> bool {
    expression.metrics().iter().all(|name| is_of_attempt(name))
}

/// Why an attempt is not as expected, whatever many together come to.
fn unmet(expression: &Expr, metrics: &AttemptMetrics) -> Option<String> {
    if is_of_each(expression) {
        return expression.holds(metrics).err().map(|evidence| evidence.to_string());
    }
    let is_false = expression.evaluate(metrics) == Verdict::False;
    is_false.then(|| format!("{expression} does not hold"))
}

/// Why an attempt meets the fail condition, whatever many together come to.
fn failed(expression: &Expr, metrics: &AttemptMetrics) -> Option<String> {
    let is_certain = is_of_each(expression) || expression.evaluate(metrics) == Verdict::True;
    let evidence = expression.fails(metrics).filter(|_| is_certain);
    evidence.map(|evidence| evidence.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_model::{Destination, Instant};
    use netdiag_tcp::connect::Ending;
    use netdiag_tcp::connect::metrics::METRICS;

    /// One that took so long to open; `None`: nothing answered.
    fn attempt(address: &str, took: Option<u64>) -> Attempt {
        Attempt {
            number: 1,
            destination: Destination::new(address.parse().expect("an address")),
            port: 80,
            started_at: Instant::ZERO,
            took: Duration::from_millis(took.unwrap_or(100)),
            local: None,
            retransmits: None,
            ending: match took {
                Some(_) => Ending::Connected { handshake: None },
                None => Ending::TimedOut,
            },
            talk: None,
            is_proxied: false,
            reply_ttl: None,
            reset_ttl: None,
            state: None,
        }
    }

    #[test]
    fn each_attempt_is_judged_and_an_address_by_which_nothing_opens_is_not() {
        let parse = |text: &str| Expr::parse(text, METRICS).expect("an expression");
        let expect = vec![parse("total<10ms"), parse("loss<50%")];
        let each = Each::new(expect, Some(parse("total>40ms or loss>5%")), vec![None]);
        let bench = &each.0;
        for took in [Some(5), Some(50), None, Some(5)] {
            bench.see(0, &attempt("192.0.2.1", took));
        }
        bench.see(0, &attempt("2001:db8::1", None));
        let tally = each.tally(0, 0);
        assert_eq!((tally.failed, tally.n), (2, 4), "one was slow, one never opened");
        let said = tally.said(None).expect("it does not hold");
        assert!(said.ends_with("(in 2 of 4 attempts)") && said.contains("total = 50"), "{said}");
        assert_eq!(each.tally(0, 1).failed, 0, "many have that together");
        assert_eq!(each.tally(0, 2).failed, 1, "what is certain whatever the loss is");
        assert_eq!(each.tally(1, 0).n, 0);
        let of_many = Each::new(vec![parse("loss<50%")], None, Vec::new());
        assert!(of_many.jury().is_none() && each.jury().is_some());
    }
}

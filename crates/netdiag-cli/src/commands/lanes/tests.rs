//! What a lane hears while nothing of it is under way.

use super::attempt::{Attempt, Prepared};
use super::expected::Expected;
use super::kind::{Conclusion, Snapshot};
use super::kinds::Known;
use super::{Ended, Lane, Planner, Supervisor, Turn};
use crate::commands::ending::End;
use netdiag_check::expr::Expr;
use netdiag_check::result::CheckStatus;
use netdiag_engine::outcome::{Outcome, Stray};
use netdiag_engine::port::{Change, Control, InterfaceChange, InterfaceEvent};
use netdiag_engine::{ConnectSpec, Events, Measurement, Next, Probe, ProbeKind, ProbeSpec, WayOut};
use netdiag_model::contract::Judgement;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::metrics::{MetricValue, Metrics};
use netdiag_model::{Destination, Instant};
use std::cell::RefCell;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// An attempt that ends at once, and whose way out every change takes away.
struct Short;

impl Measurement for Short {
    type Event = Infallible;

    fn next(&mut self, _: Instant, _: &mut Events<Infallible>) -> Next {
        Next::Done
    }

    fn settle(&mut self, _: &Probe, _: &Outcome, _: &mut Events<Infallible>) {}

    fn stray(&mut self, _: &Probe, _: &Stray, _: &mut Events<Infallible>) {}

    fn changed(&mut self, _: Instant, _: &Change, _: &mut Events<Infallible>) -> WayOut {
        WayOut::Lost
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Infallible>) {}

    fn finish(&mut self, _: Instant, _: &mut Events<Infallible>) {}
}

impl Attempt for Short {
    fn conclude(self: Box<Self>, _: End) -> Conclusion {
        Conclusion::unplanned(String::new())
    }
}

impl Prepared for Short {
    fn begin(&self) -> Option<Box<dyn Attempt>> {
        Some(Box::new(Self))
    }

    fn unsent(&self, _: End) -> Conclusion {
        Conclusion::unplanned(String::new())
    }
}

/// One attempt, and then a pause.
struct Pausing {
    /// When the attempt is ended.
    until: Instant,
    ended: u32,
    /// How long it had been waited for by then.
    cut: Option<Duration>,
}

impl Default for Pausing {
    fn default() -> Self {
        Self { until: Instant::FAR, ended: 0, cut: None }
    }
}

impl Supervisor for Pausing {
    const ADDRESSES_LAST: Duration = Duration::ZERO;

    fn turn(&mut self, _: usize, _: Instant, _: usize, is_planned: bool) -> Turn {
        match is_planned && self.ended == 0 {
            true => Turn::Begin(self.until),
            false => Turn::Wait(Instant::FAR),
        }
    }

    fn is_settled(&self, _: usize, _: Instant) -> bool {
        false
    }

    fn concluded(&mut self, _: usize, _: Conclusion, how: Ended) {
        self.ended += 1;
        self.cut = how.cut;
    }

    fn stop(&mut self, _: Instant) {}
}

#[test]
fn what_changes_between_two_attempts_is_heard() {
    let planner = Rc::new(RefCell::new(Planner::new(Vec::new())));
    let supervisor = Rc::new(RefCell::new(Pausing::default()));
    let plan: Option<Rc<dyn Prepared>> = Some(Rc::new(Short));
    let mut lane = Lane::new(0, plan, &planner, &supervisor, Instant::ZERO);
    let mut events = Events::new();
    assert_eq!(lane.next(Instant::ZERO, &mut events), Next::AfterAnother(Instant::FAR));
    assert_eq!(supervisor.borrow().ended, 1, "it is between two attempts");
    let change = Change::Interface(InterfaceChange {
        index: 1,
        name: None,
        what: InterfaceEvent::NoCarrier,
    });
    assert_eq!(lane.changed(Instant::ZERO, &change, &mut events), WayOut::Lost);
}

/// An attempt whose one connection is never begun, for want of a descriptor.
#[derive(Default)]
struct Opening {
    is_asked: bool,
    is_stopped: bool,
}

impl Measurement for Opening {
    type Event = Infallible;

    fn next(&mut self, _: Instant, _: &mut Events<Infallible>) -> Next {
        if self.is_stopped {
            return Next::Quit;
        }
        if std::mem::replace(&mut self.is_asked, true) {
            return Next::WhenSettled;
        }
        Next::Probe(ProbeSpec {
            target: 0,
            seq: 1,
            destination: Destination::new(Ipv4Addr::LOCALHOST.into()),
            timeout: Duration::from_secs(5),
            patience: Duration::from_secs(60),
            control: Control::default(),
            kind: ProbeKind::Connect(ConnectSpec::to(80)),
        })
    }

    fn settle(&mut self, _: &Probe, _: &Outcome, _: &mut Events<Infallible>) {}

    fn stray(&mut self, _: &Probe, _: &Stray, _: &mut Events<Infallible>) {}

    fn stop(&mut self, _: Instant, _: &mut Events<Infallible>) {
        self.is_stopped = true;
    }

    fn finish(&mut self, _: Instant, _: &mut Events<Infallible>) {}
}

impl Attempt for Opening {
    fn conclude(self: Box<Self>, _: End) -> Conclusion {
        Conclusion::unplanned(String::new())
    }
}

impl Prepared for Opening {
    fn begin(&self) -> Option<Box<dyn Attempt>> {
        Some(Box::<Self>::default())
    }

    fn unsent(&self, _: End) -> Conclusion {
        Conclusion::unplanned(String::new())
    }
}

/// Silence to what never left says nothing of who would have been asked.
#[test]
fn what_has_not_begun_is_not_waited_for() {
    const SECOND: Duration = Duration::from_secs(1);
    let probe = |at| Probe {
        target: 0,
        seq: 1,
        destination: Destination::new(Ipv4Addr::LOCALHOST.into()),
        sent_at: at,
    };
    let local = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 40_000);
    for (begun_at, waited) in [(None, Duration::ZERO), (Some(SECOND * 7), SECOND * 3)] {
        let planner = Rc::new(RefCell::new(Planner::new(Vec::new())));
        let until = Instant::ZERO + SECOND * 10;
        let supervisor = Rc::new(RefCell::new(Pausing { until, ..Pausing::default() }));
        let plan: Option<Rc<dyn Prepared>> = Some(Rc::new(Opening::default()));
        let mut lane = Lane::new(0, plan, &planner, &supervisor, Instant::ZERO);
        let mut events = Events::new();
        assert!(matches!(lane.next(Instant::ZERO, &mut events), Next::Probe(_)));
        assert_eq!(lane.next(Instant::ZERO, &mut events), Next::AfterAnother(until));
        if let Some(at) = begun_at {
            lane.begun(&probe(Instant::ZERO + at), local);
        }
        lane.next(until, &mut events);
        assert_eq!(supervisor.borrow().cut, Some(waited), "{begun_at:?}");
    }
}

/// An answer by HTTP with this status.
struct Answered(f64);

impl Metrics for Answered {
    fn metric(&self, _: &str) -> Option<MetricValue> {
        Some(MetricValue::Number(self.0))
    }
}

/// A server that answers with an error is no page that works, and no false green.
#[test]
fn a_page_of_an_error_fails_unless_its_status_is_expected() {
    let metrics = netdiag_tcp::connect::metrics::METRICS;
    let known = Known { metrics, outcomes: &[], figures: &[], one_is_enough: false };
    let expr = |text: &str| Expr::parse(text, metrics).ok();
    let judged = |status: f64, expect: &str, warn: &str| {
        let conclusion = Conclusion {
            judgement: Judgement::Holds,
            snapshots: vec![Snapshot::of(metrics, &Answered(status))],
            ..Conclusion::nothing()
        };
        let expected = Expected { expect: expr(expect), warn: expr(warn), data: None };
        let verdict = expected.judge(&conclusion, known, None);
        (verdict.status, verdict.failure.map(|failure| failure.reason))
    };
    let failed = |reason: &str| (CheckStatus::Fail, Some(reason.to_owned()));
    assert_eq!(judged(399.0, "", ""), (CheckStatus::Pass, None));
    assert_eq!(judged(400.0, "", ""), failed("http-400"));
    assert_eq!(judged(503.0, "connect<1000ms", ""), failed("http-503"));
    assert_eq!(judged(404.0, "status=404", ""), (CheckStatus::Pass, None));
    assert_eq!(judged(404.0, "status=200", ""), failed("status"));
    assert_eq!(judged(404.0, "", "status<400"), (CheckStatus::Warn, Some("status".to_owned())));
}

/// What nothing failed in, and what fails all the same, was not simply silent.
#[test]
fn what_fails_without_a_reason_of_its_own_says_what_was_found() {
    let metrics = netdiag_dns::metrics::METRICS;
    let known = Known { metrics, outcomes: &[], figures: &[], one_is_enough: true };
    let found = |code: &str, severity| {
        Finding::new(Some(0), code, severity, "a.test.".to_owned(), format!("it is {code}"))
    };
    for (findings, reason) in [
        (vec![found("slow", Severity::Info)], "timeout"),
        (
            vec![
                found("slow", Severity::Warning),
                found("dnssec-bogus", Severity::Critical),
                found("lame", Severity::Critical),
            ],
            "dnssec-bogus",
        ),
    ] {
        let conclusion =
            Conclusion { judgement: Judgement::Fails, findings, ..Conclusion::nothing() };
        let verdict = Expected::default().judge(&conclusion, known, None);
        assert_eq!(verdict.status, CheckStatus::Fail);
        assert_eq!(verdict.failure.map(|failure| failure.reason).as_deref(), Some(reason));
    }
}

//! Sockets of this machine as a check: its tables are read, and nothing is sent. A look is an attempt
//! that is over at once.

use super::attempt::{Attempt, Prepared};
use super::kind::{Conclusion, Snapshot};
use super::kinds::Known;
use crate::args::SocketsArguments;
use crate::commands::ending::End;
use crate::commands::sockets::{Glance, Glanced, PASSWD, known};
use crate::{OpenRequest, World};
use netdiag_engine::outcome::{Outcome, Stray};
use netdiag_engine::{Events, Measurement, Next, Probe};
use netdiag_model::Instant;
use netdiag_model::contract::Judgement;
use netdiag_model::errno::{self, Errno};
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::metrics::{MetricValue, Metrics};
use netdiag_sockets::metrics::{Measured, WITHOUT_OWNERS as METRICS};
use netdiag_sockets::port::{Fault, Kernel};
use serde_json::json;
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

/// The error number of what this machine does not have (errno(3)).
const ENOSYS: i32 = 38;

/// What is known of the kind. There are no outcomes but figures, which an expectation is about.
pub(super) const KNOWN: Known =
    Known { metrics: METRICS, outcomes: &[], figures: &["sockets"], one_is_enough: false };

/// What must be open.
///
/// # Errors
/// What is wrong with the arguments, in a line.
pub(super) fn request(arguments: &SocketsArguments) -> Result<OpenRequest, String> {
    // What names stand for is read later.
    if Glance::new(arguments, &mut |_| Some(1))?.names_owners() {
        return Err("filter: a check looks at no processes; netdiag sockets does".to_owned());
    }
    let files = [netdiag_tcp::services::FILE, PASSWD].map(str::to_owned);
    Ok(OpenRequest { tables: true, files: files.to_vec(), ..OpenRequest::default() })
}

/// How they are read.
///
/// # Errors
/// What is wrong with the arguments, in a line.
pub(super) fn planned<W: World>(
    arguments: &SocketsArguments,
    world: &mut W,
) -> Result<Rc<dyn Prepared>, String> {
    let glance = Glance::new(arguments, &mut known(world))?;
    Ok(Rc::new(Look { glance: Rc::new(glance), tables: world.tables() }))
}

/// A plan, and a look by it that is yet to come.
#[derive(Clone)]
struct Look {
    glance: Rc<Glance>,
    /// The tables, which all checks of a run share; `None` where there are none.
    tables: Option<Rc<RefCell<dyn Kernel>>>,
}

impl Prepared for Look {
    fn begin(&self) -> Option<Box<dyn Attempt>> {
        Some(Box::new(self.clone()))
    }

    fn unsent(&self, _: End) -> Conclusion {
        self.read()
    }
}

impl Attempt for Look {
    fn conclude(self: Box<Self>, _: End) -> Conclusion {
        self.read()
    }
}

impl Look {
    fn read(&self) -> Conclusion {
        let missing = Fault { call: "tables of sockets", errno: ENOSYS };
        let looked = self
            .tables
            .as_ref()
            .map_or(Err(missing), |tables| self.glance.look(&mut *tables.borrow_mut()));
        let mut conclusion = Conclusion::nothing();
        match looked {
            Ok(Glanced { summary, findings, method }) => {
                let measured = Measured { summary: &summary, findings: &findings };
                let snapshot = Snapshot::of(METRICS, &measured);
                conclusion.figures = counted(&snapshot);
                conclusion.judgement = Judgement::Holds;
                conclusion.snapshots = vec![snapshot];
                conclusion.measurement = json!({ "summary": summary });
                conclusion.findings = findings;
                conclusion.method = Some(method);
            }
            Err(fault) => conclusion.failure = Some(refused(fault)),
        }
        conclusion
    }
}

/// How many there are, in a few words.
fn counted(snapshot: &Snapshot) -> String {
    match snapshot.metric("sockets") {
        Some(MetricValue::Number(1.0)) => "1 socket".to_owned(),
        Some(MetricValue::Number(count)) => format!("{count} sockets"),
        _ => String::new(),
    }
}

fn refused(Fault { call, errno }: Fault) -> Failure {
    let errno_of = Errno::new(errno);
    let message = format!("{call}: {} ({} {errno})", errno::text(errno), errno_of.name);
    let (stage, reason) = (Stage::Send, errno::reason(errno));
    Failure { stage, reason, errno: Some(errno_of), icmp: None, message }
}

impl Measurement for Look {
    type Event = Infallible;

    fn next(&mut self, _: Instant, _: &mut Events<Infallible>) -> Next {
        Next::Done
    }

    fn settle(&mut self, _: &Probe, _: &Outcome, _: &mut Events<Infallible>) {}

    fn stray(&mut self, _: &Probe, _: &Stray, _: &mut Events<Infallible>) {}

    fn stop(&mut self, _: Instant, _: &mut Events<Infallible>) {}

    fn finish(&mut self, _: Instant, _: &mut Events<Infallible>) {}
}

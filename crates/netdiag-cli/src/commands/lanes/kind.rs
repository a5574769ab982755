//! What a command must say so that it can be a check, and what an attempt comes to.

use super::kinds::failure;
use crate::World;
use crate::commands::ending::End;
use crate::commands::frame::Command;
use crate::commands::hosts::HostPlan;
use crate::commands::tcp_connect::Away;
use netdiag_engine::Measurement;
use netdiag_model::contract::{Document, Judgement, Method};
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::finding::Finding;
use netdiag_model::metrics::{MetricInfo, MetricValue, Metrics};
use netdiag_report::{Report, Run, Subject};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

/// A command that can be a check. Each plan of one has one measurement at most.
pub(crate) trait Kind: Command {
    /// What measures.
    type Measurement: Measurement;

    /// What expectations can name.
    const METRICS: &'static [MetricInfo];
    /// Those that an expectation names who says itself what is right: without one of them it must
    /// have worked, too. A service that refuses is no service because none of its answers is lost.
    const OUTCOMES: &'static [&'static str];
    /// Those that monitoring is told in any case.
    const FIGURES: &'static [&'static str];
    /// Of several targets one must be as it is expected, not all: of types of records that nobody
    /// named.
    const ONE_IS_ENOUGH: bool = false;

    /// Reads the files that were named, to see whether they can be used.
    ///
    /// # Errors
    /// What is wrong with one, in a line that names the option.
    fn check_files<W: World>(&self, world: &mut W) -> Result<(), String> {
        let _ = world;
        Ok(())
    }

    /// Who looks up names that come up while it is measured, where that may be.
    fn away(plan: &Self::Plan) -> Option<Rc<Away>> {
        let _ = plan;
        None
    }

    /// What measures what is planned.
    fn measurements(plan: &Self::Plan) -> Vec<Self::Measurement>;

    /// What was measured comes to this.
    fn conclude(plan: &Self::Plan, measured: Vec<Self::Measurement>, end: End) -> Conclusion;
}

/// What an attempt came to.
#[derive(Clone, Debug)]
pub(crate) struct Conclusion {
    /// By the rules of its command, without any expectation.
    pub(crate) judgement: Judgement,
    /// The target as its command's document has it; of several a list.
    pub(crate) measurement: Value,
    /// What expectations are about, one for each target or server.
    pub(crate) snapshots: Vec<Snapshot>,
    /// These are one for each attempt instead.
    pub(crate) is_of_attempts: bool,
    /// Why it did not work.
    pub(crate) failure: Option<Failure>,
    pub(crate) findings: Vec<Finding>,
    /// How it was measured.
    pub(crate) method: Option<Method>,
    /// Who was asked.
    pub(crate) peer: Option<String>,
    /// The figures in a few words.
    pub(crate) figures: String,
    /// What answered was not what was asked for: whatever is expected, it fails.
    pub(crate) is_void: bool,
}

impl Conclusion {
    /// Nothing could be measured: what stands in the plan cannot be.
    pub(super) fn unplanned(message: String) -> Self {
        let failure = failure(Stage::Send, "not-possible", message);
        Self { failure: Some(failure), ..Self::nothing() }
    }

    /// Nothing was measured, and nothing is known of why.
    pub(super) const fn nothing() -> Self {
        Self {
            judgement: Judgement::Unmeasured,
            measurement: Value::Null,
            snapshots: Vec::new(),
            is_of_attempts: false,
            failure: None,
            findings: Vec::new(),
            method: None,
            peer: None,
            figures: String::new(),
            is_void: false,
        }
    }
}

/// Values of all metrics that have one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot(BTreeMap<Cow<'static, str>, MetricValue>);

impl Snapshot {
    /// The values of these metrics.
    pub(crate) fn of(known: &[MetricInfo], metrics: &dyn Metrics) -> Self {
        let values = known.iter().filter_map(|info| {
            let value = metrics.metric(info.name)?;
            Some((Cow::Borrowed(info.name), value))
        });
        Self(values.collect())
    }

    /// The same with other values of those that these names are of, where there are any.
    pub(super) fn with(&self, is_of: impl Fn(&str) -> bool, others: Self) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !is_of(name));
        let kept = kept.map(|(name, value)| (name.clone(), value.clone()));
        let others = others.0.into_iter().filter(|(name, _)| is_of(name));
        Self(kept.chain(others).collect())
    }

    /// The same with a value of a metric whose name is not known beforehand, by small letters.
    pub(super) fn and(mut self, name: String, value: MetricValue) -> Self {
        self.0.entry(Cow::Owned(name.to_ascii_lowercase())).or_insert(value);
        self
    }
}

impl Metrics for Snapshot {
    fn metric(&self, name: &str) -> Option<MetricValue> {
        let open = || self.0.get(name.to_ascii_lowercase().as_str());
        self.0.get(name).or_else(open).cloned()
    }
}

/// What a target says to whoever checks it.
pub(super) struct Weighed {
    /// What it is called where there are several.
    pub(super) name: Option<String>,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) failure: Option<Failure>,
    pub(super) peer: Option<String>,
    pub(super) figures: String,
}

/// A report that keeps the document.
struct Kept<T>(Option<Document<T>>);

impl<S: Subject> Report<S> for Kept<S::Target>
where
    S::Target: Clone,
{
    fn start(&mut self, _: &Run) -> io::Result<()> {
        Ok(())
    }

    fn resolved(&mut self, _: &S::Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &S::Event) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &[S::Ended<'_>], document: &Document<S::Target>) -> io::Result<()> {
        self.0 = Some(document.clone());
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a plan for hosts came to, by the document that its command makes.
pub(super) fn of_hosts<P: HostPlan>(
    plan: &P,
    measured: Vec<P::Measurement>,
    end: End,
    weigh: impl Fn(&<P::Subject as Subject>::Target, &[Finding]) -> Weighed,
) -> Conclusion
where
    <P::Subject as Subject>::Target: Clone,
{
    let mut kept = Kept(None);
    // A report that writes nothing does not fail.
    let _ = plan.conclude(measured, end, &mut kept);
    of_document(kept.0, |target| json!(target), weigh)
}

/// What a document says.
pub(super) fn of_document<T>(
    document: Option<Document<T>>,
    value: impl Fn(&T) -> Value,
    weigh: impl Fn(&T, &[Finding]) -> Weighed,
) -> Conclusion {
    let mut conclusion = Conclusion::nothing();
    let Some(document) = document else { return conclusion };
    conclusion.judgement = match document.exit_code {
        0 => Judgement::Holds,
        3 => Judgement::Unmeasured,
        _ => Judgement::Fails,
    };
    let (mut figures, mut failed, mut peers) = (Vec::new(), Vec::new(), Vec::new());
    for target in &document.targets {
        let Weighed { name, snapshots, failure, peer, figures: said } =
            weigh(target, &document.findings);
        conclusion.snapshots.extend(snapshots);
        // Who failed comes before who did not.
        match &failure {
            Some(_) if failed.is_empty() => peers.splice(0..0, peer).for_each(drop),
            _ => peers.extend(peer),
        }
        failed.extend(failure.map(|failure| (name, failure)));
        figures.extend(Some(said).filter(|text| !text.is_empty()));
    }
    conclusion.failure = together(failed, document.targets.len());
    conclusion.peer = peers.into_iter().next();
    conclusion.figures = figures.join("; ");
    conclusion.measurement = match document.targets.as_slice() {
        [only] => value(only),
        several => json!({ "targets": several.iter().map(value).collect::<Vec<Value>>() }),
    };
    conclusion.findings = document.findings;
    conclusion.method = Some(document.method);
    conclusion
}

/// The first failure; of several targets it is said which ones fail.
fn together(failed: Vec<(Option<String>, Failure)>, targets: usize) -> Option<Failure> {
    let names: Vec<&str> = failed.iter().filter_map(|(name, _)| name.as_deref()).collect();
    let which = listed(&names);
    let count = names.len();
    let (_, first) = failed.into_iter().next()?;
    if targets < 2 || count == 0 {
        return Some(first);
    }
    let fail = if count == 1 { "fails" } else { "fail" };
    let message = format!("{count} of {targets} {fail}: {which}; {}", first.message);
    Some(Failure { message, ..first })
}

/// The first few of several.
pub(super) fn listed(all: &[&str]) -> String {
    const FEW: usize = 8;
    let more = if all.len() > FEW { ", ..." } else { "" };
    format!("{}{more}", all.get(..FEW).unwrap_or(all).join(", "))
}

//! Checks: the files that they stand in ([`mod@file`]) or lines ([`mod@line`]), what they come to
//! ([`result`]), and what they expect: expressions over the metrics of a result ([`expr`]).
//!
//! A command knows a list of metrics ([`MetricInfo`](netdiag_model::metrics::MetricInfo)) and has
//! results that give their values ([`Metrics`](netdiag_model::metrics::Metrics)). An
//! [`Expr`](expr::Expr) compares metrics with values the user wrote; names, types and units are
//! checked when it is parsed, so that a parsed expression cannot be wrong any more.
//!
//! A metric may have no value: without a reply there is no p95. What that means depends on who
//! asks, and so there are two questions:
//!
//! * [`Expr::fails`](expr::Expr::fails) is for `--fail-if`: it fails when the expression is true,
//!   and also when a missing value leaves that open.
//! * [`Expr::holds`](expr::Expr::holds) is for expectations: it holds only when the expression is
//!   known to be true.
//!
//! ```
//! use netdiag_check::expr::Expr;
//! use netdiag_model::metrics::{MetricInfo, MetricValue, Metrics, Unit};
//!
//! const KNOWN: &[MetricInfo] = &[
//!     MetricInfo { name: "loss", aliases: &[], unit: Unit::Percent, description: "lost probes" },
//!     MetricInfo { name: "p95", aliases: &[], unit: Unit::Milliseconds, description: "95th percentile" },
//! ];
//!
//! struct NineOfTen;
//!
//! impl Metrics for NineOfTen {
//!     fn metric(&self, name: &str) -> Option<MetricValue> {
//!         (name == "loss").then_some(MetricValue::Number(10.0))
//!     }
//! }
//!
//! let expr = Expr::parse("loss > 5% or p95 > 0.2s", KNOWN)?;
//! let evidence = expr.fails(&NineOfTen).expect("10 % is more than 5 %");
//! assert_eq!(evidence.to_string(), "loss = 10 % > 5 %");
//!
//! let evidence = Expr::parse("p95 < 80", KNOWN)?.holds(&NineOfTen).unwrap_err();
//! assert_eq!(evidence.to_string(), "p95 has no value, expected < 80 ms");
//! # Ok::<(), netdiag_check::expr::ExprError>(())
//! ```
//!
//! The crate measures nothing, prints nothing and reads no clock.

#![forbid(unsafe_code)]

pub mod expr;
pub mod file;
pub mod line;
pub mod perfdata;
pub mod result;

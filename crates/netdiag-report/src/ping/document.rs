//! One document or table at the end.

use super::{Ended, PingReport, Resolved, Run};
use crate::{csv, json};
use netdiag_model::contract::Document;
use netdiag_ping::Event;
use netdiag_ping::result::Target;
use std::io::{self, Write};

/// `--output json`: one document at the end.
pub struct JsonReport<W>(pub W);

/// `--output csv`: a row a target at the end.
pub struct CsvReport<W>(pub W);

/// The columns of CSV. New ones only at the end.
pub const COLUMNS: &[&str] = &[
    "target",
    "address",
    "family",
    "hostname",
    "protocol",
    "port",
    "method.socket",
    "method.timestamps",
    "attempted",
    "sent",
    "received",
    "lost",
    "late",
    "net_errors",
    "local_errors",
    "unknown",
    "in_flight",
    "duplicates",
    "reordered",
    "corrupted",
    "truncated",
    "loss_percent",
    "loss_ci95_percent.0",
    "loss_ci95_percent.1",
    "rtt_ms.min",
    "rtt_ms.mean",
    "rtt_ms.max",
    "rtt_ms.stddev",
    "rtt_ms.mdev",
    "rtt_ms.last",
    "rtt_ms.p50",
    "rtt_ms.p90",
    "rtt_ms.p95",
    "rtt_ms.p99",
    "rtt_ms.samples",
    "percentiles",
    "jitter_ms.rfc3550",
    "jitter_ms.ipdv_abs_mean",
    "jitter_ms.ipdv_min",
    "jitter_ms.ipdv_max",
    "jitter_ms.pdv_p95",
    "reply_ttl.last",
    "reply_ttl.min",
    "reply_ttl.max",
    "hops_back",
    "initial_ttl_guess",
    "outages_omitted",
    "failure.stage",
    "failure.reason",
    "failure.message",
    "cast",
    "responders",
    "sources_omitted",
];

impl<W: Write> PingReport for JsonReport<W> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        Ok(())
    }

    fn resolved(&mut self, _: &Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &[Ended<'_>], document: &Document<Target>, _: bool) -> io::Result<()> {
        json::write_line(&mut self.0, document)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> PingReport for CsvReport<W> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        csv::write_header(&mut self.0, COLUMNS)
    }

    fn resolved(&mut self, _: &Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, targets: &[Ended<'_>], _: &Document<Target>, _: bool) -> io::Result<()> {
        for ended in targets {
            let object = serde_json::to_value(ended.target).map_err(io::Error::other)?;
            csv::write_row(&mut self.0, COLUMNS, &object)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

//! One document or table at the end.

use super::{Ended, Resolved, TraceReport};
use crate::ping::Run;
use crate::{csv, json};
use netdiag_model::contract::Document;
use netdiag_trace::Event;
use netdiag_trace::result::Target;
use serde_json::Value;
use std::io::{self, Write};

/// `--output json`: one document at the end.
pub struct JsonReport<W>(pub W);

/// `--output csv`: a row a hop at the end.
pub struct CsvReport<W>(pub W);

/// The columns of CSV: of the target, of the hop, of the first that answered there, and all of them.
/// New ones only at the end.
pub const COLUMNS: &[&str] = &[
    "target",
    "address",
    "family",
    "protocol",
    "port",
    "flow",
    "method.socket",
    "method.timestamps",
    "reached",
    "hop_count",
    "stop_reason",
    "final.state",
    "hop.ttl",
    "hop.sent",
    "hop.received",
    "hop.lost",
    "hop.late",
    "hop.duplicates",
    "hop.net_errors",
    "hop.local_errors",
    "hop.unknown",
    "hop.in_flight",
    "hop.loss_percent",
    "hop.loss_ci95_percent.0",
    "hop.loss_ci95_percent.1",
    "hop.link_loss_percent",
    "hop.rtt_ms.min",
    "hop.rtt_ms.mean",
    "hop.rtt_ms.max",
    "hop.rtt_ms.stddev",
    "hop.rtt_ms.last",
    "hop.rtt_ms.p50",
    "hop.rtt_ms.p95",
    "hop.rtt_ms.samples",
    "hop.jitter_ms.ipdv_abs_mean",
    "hop.responders.0.address",
    "hop.responders.0.hostname",
    "hop.responders.0.received",
    "hop.responders.0.reply_ttl",
    "hop.responders.0.hops_back",
    "hop.responders.0.icmp.type",
    "hop.responders.0.icmp.code",
    "hop.responders.0.mark",
    "hop.responders.0.quoted_ttl",
    "hop.responders.0.mpls",
    "hop.responders.0.nat",
    "hop.responders.0.mtu",
    "hop.responders.0.changed",
    "hop.responders",
    "failure.stage",
    "failure.reason",
    "failure.message",
];

impl<W: Write> TraceReport for JsonReport<W> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        Ok(())
    }

    fn resolved(&mut self, _: &Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        json::write_line(&mut self.0, document)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> TraceReport for CsvReport<W> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        csv::write_header(&mut self.0, COLUMNS)
    }

    fn resolved(&mut self, _: &Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, targets: &[Ended<'_>], _: &Document<Target>) -> io::Result<()> {
        for ended in targets {
            let mut object = serde_json::to_value(ended.target).map_err(io::Error::other)?;
            let hops = object.as_object_mut().and_then(|object| object.remove("hops"));
            let Some(Value::Array(hops)) = hops.filter(|hops| *hops != Value::Array(Vec::new()))
            else {
                csv::write_row(&mut self.0, COLUMNS, &object)?;
                continue;
            };
            for hop in hops {
                if let Some(row) = object.as_object_mut() {
                    row.insert("hop".to_owned(), hop);
                }
                csv::write_row(&mut self.0, COLUMNS, &object)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

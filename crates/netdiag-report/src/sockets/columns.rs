//! `--output csv`: a row for each socket.

use super::{Ended, Sheet};
use crate::csv;
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::Place;
use netdiag_sockets::result::Row;
use std::io::{self, Write};

/// New ones only at the end.
const COLUMNS: &[&str] = &[
    "protocol",
    "family",
    "state",
    "local.address",
    "local.port",
    "remote.address",
    "remote.port",
    "receive_queue",
    "send_queue",
    "accept_queue.length",
    "accept_queue.limit",
    "accepted",
    "eof_unread",
    "inode",
    "uid",
    "interface",
    "owner",
    "processes.0.pid",
    "processes.0.name",
    "processes.0.fd",
    "processes.0.cgroup",
    "timer.kind",
    "timer.expires_ms",
    "timer.retransmits",
    "tcp_info.rtt_ms",
    "tcp_info.rto_ms",
    "tcp_info.total_retrans",
    "tcp_info.last_ack_received_ms",
    "namespace",
];

/// A table.
pub struct CsvSheet<W>(W);

impl<W: Write> CsvSheet<W> {
    /// A table on `out`.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(mut out: W) -> io::Result<Self> {
        csv::write_header(&mut out, COLUMNS)?;
        Ok(Self(out))
    }
}

impl<W: Write> Sheet for CsvSheet<W> {
    fn row(&mut self, entry: &Entry<'_>, place: Place<'_>) -> io::Result<()> {
        let row = Row::new(entry, place);
        let object = serde_json::to_value(row).map_err(io::Error::other)?;
        csv::write_row(&mut self.0, COLUMNS, &object)
    }

    fn finish(&mut self, _: &Ended<'_>) -> io::Result<()> {
        self.0.flush()
    }
}

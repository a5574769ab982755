//! What `sockets` shows. Sockets are written as they go by: there can be some hundred thousand, and
//! none is kept.

mod audit;
mod bytes;
mod cells;
mod classic;
mod columns;
mod json;
mod jsonl;
mod layout;
mod row;
mod summary;
mod table;
mod text;
mod watch;

pub use classic::{Classic, ClassicOptions, ClassicSheet};
pub use columns::CsvSheet;
pub use json::JsonSheet;
pub use jsonl::JsonLinesSheet;
pub use text::{TextOptions, TextSheet};
pub use watch::{WatchLines, WatchSheet, WatchText};

use netdiag_model::contract::Document;
use netdiag_sockets::audit::AuditRow;
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::{NamespaceRow, Place};
use netdiag_sockets::result::Summary;
use std::io;

/// What is known at the end.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// The envelope.
    pub document: &'a Document<()>,
    /// Counts.
    pub summary: &'a Summary,
    /// The sysctls, where they were asked for.
    pub audit: &'a [AuditRow],
    /// The network namespaces, where all were asked for.
    pub namespaces: &'a [NamespaceRow],
    /// The sentence that a screen ends with.
    pub verdict: &'a str,
}

/// A form of output of the sockets of a machine.
///
/// # Errors
/// Each method fails when its writer does.
pub trait Sheet {
    /// One socket.
    fn row(&mut self, entry: &Entry<'_>, place: Place<'_>) -> io::Result<()>;

    /// There are no more.
    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()>;
}

/// What a screen is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// A row for each socket.
    #[default]
    Sockets,
    /// Counts by state.
    Summary,
    /// Sysctls.
    Audit,
}

/// How much is written at once.
const PIECE: usize = 32 * 1024;

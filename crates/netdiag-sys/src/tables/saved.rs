//! Tables that somebody has saved: copies of /proc/net/{tcp,udp,raw} and their brothers for IPv6, as
//! they come with reports of other machines, and what was saved beside them (proc_net(5)).

use super::fallback::{self, FAMILIES};
use super::namespaces::{FILES, SETTINGS};
use crate::{clock, files};
use netdiag_model::{Instant, Untrusted};
use netdiag_sockets::port::{ByteOrder, Fault, Kernel, Origin, Question, Reading, Stop};
use netdiag_sockets::{Owners, Protocol, Socket};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// More than a million sockets; no file is read further.
const LONGEST: u64 = 256 << 20;

/// A table of one protocol and one family.
struct Table {
    protocol: Protocol,
    family: u8,
    text: String,
}

/// Tables that were saved.
pub struct SavedTables {
    tables: Vec<Table>,
    /// By the paths that they have on a machine.
    files: BTreeMap<String, String>,
    origin: Origin,
}

/// Files that are open and not read yet: what is in them is looked at once the process is confined.
pub struct SavedFiles {
    path: PathBuf,
    /// By protocol and family; of one that was named by itself these are not known yet.
    tables: Vec<(Option<(Protocol, u8)>, File)>,
    files: Vec<(String, File)>,
}

impl SavedFiles {
    /// Opens a copy of /proc or of /proc/net, or one of its files.
    ///
    /// # Errors
    /// When there is no table, or it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let (mut tables, mut files) = (Vec::new(), Vec::new());
        if std::fs::metadata(path)?.is_dir() {
            let inner = path.join("net");
            let net = if inner.is_dir() { inner.as_path() } else { path };
            for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Raw] {
                for (family, end) in FAMILIES {
                    let file = there(&net.join(format!("{}{end}", protocol.name())))?;
                    tables.extend(file.map(|file| (Some((protocol, family)), file)));
                }
            }
            for name in FILES {
                let file = there(&net.join(name))?;
                files.extend(file.map(|file| (format!("/proc/net/{name}"), file)));
            }
            for name in SETTINGS {
                let file = there(&path.join("sys/net").join(name))?;
                files.extend(file.map(|file| (format!("/proc/sys/net/{name}"), file)));
            }
        } else {
            tables.push((None, files::regular(path)?));
        }
        match tables.is_empty() {
            true => Err(io::Error::from_raw_os_error(libc::ENOENT)),
            false => Ok(Self { path: path.to_owned(), tables, files }),
        }
    }

    /// Reads them, with addresses in this order; by what the tables show where that is `None`.
    ///
    /// # Errors
    /// When one cannot be read, or is no table.
    pub fn read(self, order: Option<ByteOrder>) -> io::Result<SavedTables> {
        let mut tables = Vec::new();
        for (kind, file) in self.tables {
            let text = whole(file)?;
            // It is there, and no table.
            let none = || io::Error::from_raw_os_error(libc::EINVAL);
            tables.push(match kind {
                Some((protocol, family)) => Table { protocol, family, text },
                None => by_itself(&self.path, text).ok_or_else(none)?,
            });
        }
        let mut files = BTreeMap::new();
        for (path, file) in self.files {
            files.insert(path, whole(file)?);
        }
        let found = order.or_else(|| shown_order(&tables));
        let order = found.unwrap_or(ByteOrder::Little);
        let broken = tables.iter().map(|table| table.broken(order)).sum();
        let path = Untrusted::from(self.path.to_string_lossy().into_owned());
        let origin = Origin { path, order, is_guess: found.is_none(), broken };
        Ok(SavedTables { tables, files, origin })
    }
}

impl Table {
    /// Lines that are no sockets, as where the copy was cut off, or have a state that nobody knows.
    fn broken(&self, order: ByteOrder) -> usize {
        let lines = self.text.lines().skip(1).filter(|line| !line.trim().is_empty());
        let socket = |line: &&str| {
            let message = fallback::message(self.family, order, line)?;
            Socket::decode(self.protocol, &message)
        };
        lines.filter(|line| socket(line).is_none()).count()
    }
}

/// A file; `None` where it is not there.
fn there(path: &Path) -> io::Result<Option<File>> {
    match files::regular(path) {
        Ok(file) => Ok(Some(file)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn whole(file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A table that is a file by itself: its first line and its name tell of which protocol it is, its
/// addresses of which family.
fn by_itself(path: &Path, text: String) -> Option<Table> {
    let head = text.lines().next().filter(|head| head.contains("local_address"))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let protocol = match (head.contains("drops"), name.contains("raw")) {
        (false, _) => Protocol::Tcp,
        (true, true) => Protocol::Raw,
        (true, false) => Protocol::Udp,
    };
    let first = text.lines().nth(1).and_then(|line| line.split_ascii_whitespace().nth(1));
    let is_v6 = match first {
        Some(address) => address.len() > "00000000:0000".len(),
        None => head.contains("remote_address"),
    };
    Some(Table { protocol, family: if is_v6 { 10 } else { 2 }, text })
}

/// The order that addresses show that every machine has: those of loopback, IPv4 in IPv6, of links,
/// and 192.168.0.0/16.
fn shown_order(tables: &[Table]) -> Option<ByteOrder> {
    let (mut little, mut big) = (0_u64, 0_u64);
    for table in tables {
        let fields = table.text.lines().skip(1).flat_map(|line| {
            line.split_ascii_whitespace().skip(1).take(2).filter_map(|end| end.split(':').next())
        });
        for address in fields {
            match votes(address) {
                Some(ByteOrder::Little) => little += 1,
                Some(ByteOrder::Big) => big += 1,
                None => {}
            }
        }
    }
    match little.cmp(&big) {
        std::cmp::Ordering::Greater => Some(ByteOrder::Little),
        std::cmp::Ordering::Less => Some(ByteOrder::Big),
        std::cmp::Ordering::Equal => None,
    }
}

fn votes(address: &str) -> Option<ByteOrder> {
    let words = [0, 8, 16, 24].map(|at| address.get(at..at + 8));
    let (is_little, is_big) = match words {
        [Some(word), None, ..] => (
            word.ends_with("00007F") || word.ends_with("A8C0"),
            word.starts_with("7F0000") || word.starts_with("C0A8"),
        ),
        [Some("00000000"), Some("00000000"), Some(third), Some(last)] => (
            third == "FFFF0000" || (third == "00000000" && last == "01000000"),
            third == "0000FFFF" || (third == "00000000" && last == "00000001"),
        ),
        [Some(first), ..] => (first == "000080FE", first == "FE800000"),
        _ => (false, false),
    };
    match (is_little, is_big) {
        (true, false) => Some(ByteOrder::Little),
        (false, true) => Some(ByteOrder::Big),
        _ => None,
    }
}

impl Kernel for SavedTables {
    fn now(&mut self) -> Instant {
        clock::now()
    }

    fn origin(&self) -> Option<Origin> {
        Some(self.origin.clone())
    }

    fn dump(
        &mut self,
        question: Question,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Reading, Fault> {
        let mut reading = Reading { from_files: true, ..Reading::default() };
        let order = self.origin.order;
        for table in self.tables.iter().filter(|table| table.protocol == question.protocol) {
            reading.parts += 1;
            if !fallback::table(&table.text, (table.family, order), question, each) {
                break;
            }
        }
        match reading.parts {
            0 => Err(Fault { call: "reading what was saved of it", errno: libc::ENOENT }),
            _ => Ok(reading),
        }
    }

    fn look(&mut self, _: &Socket) -> Option<Vec<u8>> {
        None
    }

    fn owners(&mut self) -> Owners {
        Owners::default()
    }

    fn file(&mut self, path: &str) -> Option<String> {
        self.files.get(path).cloned()
    }

    fn folder(&mut self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn watch(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn pause(&mut self, _: Duration) -> Option<Stop> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_what_addresses_show() {
        let (little, big) = (Some(ByteOrder::Little), Some(ByteOrder::Big));
        for (address, order) in [
            ("0100007F", little),
            ("7F000001", big),
            ("3500007F", little),
            ("0101A8C0", little),
            ("C0A80101", big),
            ("00000000", None),
            ("7F00007F", None),
            ("00000000000000000000000001000000", little),
            ("00000000000000000000000000000001", big),
            ("0000000000000000FFFF00000100007F", little),
            ("00000000000000000000FFFF7F000001", big),
            ("000080FE000000000000000001000000", little),
            ("00000000000000000000000000000000", None),
            ("", None),
            ("zz", None),
        ] {
            assert_eq!(votes(address), order, "{address}");
        }
    }

    #[test]
    fn lines_that_are_no_sockets_are_counted_and_states_that_nobody_knows() {
        let line = |state: &str| {
            format!(
                "0: 0100007F:0016 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 1 1 0\n"
            )
        };
        let text =
            ["head\n", &line("0A"), &line("FF"), &line("0E"), "0: 0100007F\n", "\n"].concat();
        let table = Table { protocol: Protocol::Tcp, family: 2, text };
        assert_eq!(table.broken(ByteOrder::Little), 3);
    }

    #[test]
    fn a_file_by_itself_is_of_the_protocol_and_family_that_it_shows() {
        let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n";
        let udp =
            "   sl  local_address rem_address   st tx_queue rx_queue inode ref pointer drops\n";
        let line =
            "0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A\n";
        let of = |name: &str, text: String| {
            by_itself(Path::new(name), text).map(|table| (table.protocol, table.family))
        };
        assert_eq!(of("a/saved", tcp.to_owned()), Some((Protocol::Tcp, 2)));
        assert_eq!(of("a/saved", format!("{tcp}{line}")), Some((Protocol::Tcp, 10)));
        assert_eq!(of("a/udp", udp.to_owned()), Some((Protocol::Udp, 2)));
        assert_eq!(of("a/raw6.txt", format!("{udp}{line}")), Some((Protocol::Raw, 10)));
        assert_eq!(of("a/tcp", "something else\n".to_owned()), None);
    }
}

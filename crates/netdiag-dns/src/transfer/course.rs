//! The order of records in a transfer, and where it ends: a whole zone (RFC 5936 section 2.2), changes
//! of one, or a zone in the place of its changes (RFC 1995 section 4).

use crate::kind::RecordType;
use crate::message::Record;
use serde::Serialize;

/// What a transfer turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TransferKind {
    /// A whole zone.
    Zone,
    /// What changed.
    Changes,
    /// Nothing changed since the serial number that was told.
    UpToDate,
}

/// Why the records of a transfer are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disorder {
    /// The first is no SOA record of the zone.
    NoSoa,
    /// The last SOA record is not the first one.
    SoaDiffers,
    /// Changes do not begin where those before end, or where they were to begin.
    OutOfSync,
    /// There are records behind the last SOA record.
    BehindTheEnd,
}

impl Disorder {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::NoSoa => "no-soa",
            Self::SoaDiffers => "soa-differs",
            Self::OutOfSync => "out-of-sync",
            Self::BehindTheEnd => "records-behind-the-end",
        }
    }

    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::NoSoa => "it does not begin with the SOA record of the zone",
            Self::SoaDiffers => {
                "the SOA record at its end is not that of its beginning: the zone changed"
            }
            Self::OutOfSync => "its changes do not begin where those before them end",
            Self::BehindTheEnd => "there are records behind the last SOA record",
        }
    }
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing came.
    Begun,
    /// The first SOA record.
    Soa,
    /// Records of a zone.
    Zone,
    /// Records that are gone.
    Gone,
    /// Records that are new, up to this serial number.
    New(u32),
    /// All of it.
    Over,
}

/// The course of one transfer.
#[derive(Clone, Debug)]
pub(super) struct Course {
    /// The zone, with its last dot.
    zone: String,
    /// Changes since this serial number are wanted.
    since: Option<u32>,
    state: State,
    /// The serial number of the first SOA record, and its data.
    first: Option<(u32, String)>,
    kind: Option<TransferKind>,
    records: u64,
    steps: u64,
}

impl Course {
    pub(super) fn new(zone: &str, since: Option<u32>) -> Self {
        let (zone, state) = (zone.to_owned(), State::Begun);
        Self { zone, since, state, first: None, kind: None, records: 0, steps: 0 }
    }

    /// What it is, once that is known.
    pub(super) const fn kind(&self) -> Option<TransferKind> {
        self.kind
    }

    /// The serial number of the zone.
    pub(super) fn serial(&self) -> Option<u32> {
        self.first.as_ref().map(|(serial, _)| *serial)
    }

    /// Records so far, with those that mark where it begins and ends.
    pub(super) const fn records(&self) -> u64 {
        self.records
    }

    /// Of changes from how many serial numbers to the next.
    pub(super) const fn steps(&self) -> u64 {
        self.steps
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// The next record.
    pub(super) fn take(&mut self, record: &Record) -> Result<(), Disorder> {
        self.records += 1;
        let is_own = || record.name.as_str().eq_ignore_ascii_case(&self.zone);
        let serial = (record.number == RecordType::SOA && is_own())
            .then(|| record.data.as_str().split(' ').nth(2)?.parse().ok())
            .flatten();
        let Some(serial) = serial else {
            match self.state {
                State::Begun => return Err(Disorder::NoSoa),
                State::Over => return Err(Disorder::BehindTheEnd),
                State::Soa => self.begin_zone(),
                State::Zone | State::Gone | State::New(_) => {}
            }
            return Ok(());
        };
        let data = record.data.as_str();
        let Some((last, first)) = &self.first else {
            self.first = Some((serial, data.to_owned()));
            self.state = State::Soa;
            return Ok(());
        };
        let (last, is_first) = (*last, first == data);
        match self.state {
            State::Over => return Err(Disorder::BehindTheEnd),
            State::Begun | State::Soa | State::Zone if is_first => {
                self.begin_zone();
                self.state = State::Over;
            }
            State::Soa if self.since == Some(serial) => {
                self.kind = Some(TransferKind::Changes);
                self.state = State::Gone;
            }
            State::Soa if self.since.is_some() => return Err(Disorder::OutOfSync),
            State::Begun | State::Soa | State::Zone => return Err(Disorder::SoaDiffers),
            State::Gone => {
                self.steps += 1;
                self.state = State::New(serial);
            }
            State::New(to) if to == last && is_first => self.state = State::Over,
            State::New(to) if to == last => return Err(Disorder::SoaDiffers),
            State::New(to) if to == serial => self.state = State::Gone,
            State::New(_) => return Err(Disorder::OutOfSync),
        }
        Ok(())
    }

    fn begin_zone(&mut self) {
        self.kind = Some(TransferKind::Zone);
        self.state = State::Zone;
    }

    /// A message has ended: one SOA record alone is all where the zone has not changed (RFC 1995 section
    /// 2).
    pub(super) fn end_message(&mut self) {
        let is_newer = |serial: u32, since: u32| serial.wrapping_sub(since).cast_signed() > 0;
        let is_alone = self.state == State::Soa && self.records == 1;
        if let (true, Some(serial), Some(since)) = (is_alone, self.serial(), self.since)
            && !is_newer(serial, since)
        {
            self.kind = Some(TransferKind::UpToDate);
            self.state = State::Over;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Presented;

    fn record(text: &str) -> Record {
        let (name, kind, data) = match text.split_once(' ') {
            Some(("soa", serial)) => ("Z.example.", "SOA", format!("ns. h. {serial} 1 1 1 1")),
            Some((kind, data)) => ("z.example.", kind, data.to_owned()),
            None => ("a.z.example.", "TXT", text.to_owned()),
        };
        let number = RecordType::parse(kind).expect("a type");
        let [name, data] = [name.to_owned(), data].map(Presented::new);
        Record { name, kind: kind.to_owned().into(), class: "IN".into(), ttl: 1, data, number }
    }

    /// What comes of records, by messages.
    fn course(since: Option<u32>, messages: &[&[&str]]) -> Result<Option<TransferKind>, Disorder> {
        let mut course = Course::new("z.example.", since);
        for message in messages {
            for text in *message {
                course.take(&record(text))?;
            }
            course.end_message();
        }
        Ok(course.kind().filter(|_| course.is_over()))
    }

    #[test]
    fn a_zone_ends_with_the_soa_record_that_it_began_with() {
        use TransferKind::Zone;
        assert_eq!(course(None, &[&["soa 7"], &["a", "b"], &["soa 7"]]), Ok(Some(Zone)));
        assert_eq!(course(None, &[&["soa 7"], &["a", "b"]]), Ok(None), "broken off");
        assert_eq!(course(None, &[&["soa 7", "a", "soa 8"]]), Err(Disorder::SoaDiffers));
        assert_eq!(course(None, &[&["a", "soa 7"]]), Err(Disorder::NoSoa));
        assert_eq!(course(None, &[&["soa 7", "a", "soa 7", "b"]]), Err(Disorder::BehindTheEnd));
        assert_eq!(course(None, &[&["soa 7"]]), Ok(None), "nobody said what there is");
    }

    #[test]
    fn changes_end_with_the_soa_record_that_they_began_with() {
        use TransferKind::{Changes, UpToDate, Zone};
        let one = ["soa 9", "soa 8", "a", "soa 9", "b", "soa 9"];
        assert_eq!(course(Some(8), &[&one]), Ok(Some(Changes)));
        let two = ["soa 9", "soa 7", "a", "soa 8", "b", "soa 8", "soa 9", "soa 9"];
        assert_eq!(course(Some(7), &[&two[..3], &two[3..]]), Ok(Some(Changes)));
        assert_eq!(course(Some(7), &[&two[..7]]), Ok(None), "broken off");
        let gap = ["soa 9", "soa 7", "a", "soa 8", "b", "soa 6"];
        assert_eq!(course(Some(7), &[&gap]), Err(Disorder::OutOfSync));
        assert_eq!(course(Some(6), &[&two]), Err(Disorder::OutOfSync), "since another");
        assert_eq!(course(Some(9), &[&["soa 9"]]), Ok(Some(UpToDate)));
        assert_eq!(
            course(Some(u32::MAX), &[&["soa 3"], &["a", "soa 3"]]),
            Ok(Some(Zone)),
            "it wraps"
        );
        assert_eq!(course(Some(8), &[&["soa 9"]]), Ok(None));
        assert_eq!(course(Some(8), &[&["soa 9", "a", "soa 9"]]), Ok(Some(Zone)));
    }
}

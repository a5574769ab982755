//! The data of records as zone files have it, equal to what BIND's dig prints but for the spaces that
//! it breaks long digits with.
//!
//! The crate `domain` writes the types that it knows so; the others stand in a table of fields
//! ([`fields`]), and the few whose form no table has are written out ([`services`], [`special`], [`svcb`]).

mod fields;
mod services;
mod special;
mod svcb;

use crate::kind::RecordType;
use crate::message::generic;
use domain::base::iana::Rtype;
use domain::base::rdata::ParseAnyRecordData;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;
use fields::Reader;
use std::ops::Range;

/// The data of a record of this type, which is this part of a message.
///
/// # Errors
/// Why it does not fit the type.
pub(crate) fn present(
    kind: RecordType,
    message: &[u8],
    place: Range<usize>,
) -> Result<String, String> {
    let data = message.get(place.clone()).unwrap_or_default();
    if let Some(fields) = fields::of(kind) {
        return Reader::new(message, place).all(fields);
    }
    match kind {
        RecordType(10) => Ok(generic(data)),
        RecordType(11) => services::wks(data),
        RecordType(29) => special::loc(data),
        RecordType(42) => special::apl(data),
        RecordType(55) => special::hip(&mut Reader::new(message, place)),
        RecordType(64 | 65) => svcb::present(&mut Reader::new(message, place)),
        RecordType(250) => services::tsig(&mut Reader::new(message, place)),
        RecordType(259) => services::doa(&mut Reader::new(message, place)),
        RecordType(260) => services::amtrelay(data, &mut Reader::new(message, place)),
        _ => by_domain(kind, message, place, data),
    }
}

fn by_domain(
    kind: RecordType,
    message: &[u8],
    place: Range<usize>,
    data: &[u8],
) -> Result<String, String> {
    let rtype = Rtype::from_int(kind.0);
    let mut parser = Parser::with_range(message, place);
    let parsed = AllRecordData::<&[u8], _>::parse_any_rdata(rtype, &mut parser);
    let parsed = parsed.map_err(|error| error.to_string())?;
    if parser.remaining() > 0 {
        return Err(format!("{} bytes too many", parser.remaining()));
    }
    Ok(match parsed {
        AllRecordData::Unknown(_) => generic(data),
        known => known.display_zonefile(DisplayKind::Simple).to_string().trim().to_owned(),
    })
}

//! Rows of targets that were never begun. There may be millions, which differ in nothing but number and
//! address: one is written, and the others are copies of it.

use super::Setting;
use netdiag_model::{Family, Instant};
use netdiag_ping::sweep::{Found, Row, Target};
use std::io::{self, Write};
use std::net::IpAddr;

/// The address of a target that was never begun, where it is all that is known of it.
pub(super) fn unbegun(setting: &Setting, row: &Row) -> Option<IpAddr> {
    match (setting.config.targets.get(row.target)?, &row.found, &row.name) {
        (Target::Address(address), Found::Nothing, None) => Some(address),
        _ => None,
    }
}

/// What stands before an address, or a number, in the text of a row, and what after it.
pub(super) type Around = (&'static str, &'static str);

/// Rows that are copies of one for each family.
#[derive(Debug)]
pub(super) struct Alike {
    address: Around,
    number: Option<Around>,
    stencils: [Option<Stencil>; 2],
    text: Vec<u8>,
}

#[derive(Debug)]
struct Stencil {
    at: Instant,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Address,
    Number,
}

impl Alike {
    /// Rows in whose text addresses, and numbers if it has any, stand between these.
    pub(super) const fn new(address: Around, number: Option<Around>) -> Self {
        Self { address, number, stencils: [None, None], text: Vec::new() }
    }

    /// The text of a row: that of the first of its family and time, as `write` makes it, with its own
    /// number and address.
    pub(super) fn text(
        &mut self,
        row: &Row,
        address: IpAddr,
        write: impl FnOnce(&Row) -> io::Result<Vec<u8>>,
    ) -> io::Result<&[u8]> {
        let place = usize::from(Family::of(address) == Family::Ipv6);
        let known = self.stencils.get(place).and_then(Option::as_ref);
        if known.is_none_or(|known| known.at != row.at) {
            let text = String::from_utf8(write(row)?).map_err(io::Error::other)?;
            let parts = self.cut(&text, row.target, address);
            if let Some(slot) = self.stencils.get_mut(place) {
                *slot = Some(Stencil { at: row.at, parts });
            }
        }
        self.text.clear();
        let stencil = self.stencils.get(place).and_then(Option::as_ref);
        for part in stencil.map_or(&[][..], |stencil| &stencil.parts) {
            match part {
                Part::Text(text) => self.text.extend_from_slice(text.as_bytes()),
                Part::Address => write!(self.text, "{address}")?,
                Part::Number => write!(self.text, "{}", row.target)?,
            }
        }
        Ok(&self.text)
    }

    /// A text, cut where number and address stand.
    fn cut(&self, text: &str, number: u32, address: IpAddr) -> Vec<Part> {
        let around =
            |(before, after): Around, shown: String| (format!("{before}{shown}{after}"), before);
        let address = around(self.address, address.to_string());
        let number = self.number.map(|number_around| around(number_around, number.to_string()));
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let place_of = |(needle, _): &(String, &str)| rest.find(needle.as_str());
            let (of_address, of_number) = (place_of(&address), number.as_ref().and_then(place_of));
            let is_address = of_number.is_none_or(|place| of_address.is_some_and(|it| it < place));
            let (Some(place), Some((needle, before)), part) = (match is_address {
                true => (of_address, Some(&address), Part::Address),
                false => (of_number, number.as_ref(), Part::Number),
            }) else {
                parts.push(Part::Text(rest.to_owned()));
                return parts;
            };
            let after = if is_address { self.address.1 } else { self.number.map_or("", |it| it.1) };
            parts.push(Part::Text(rest.get(..place + before.len()).unwrap_or_default().to_owned()));
            parts.push(part);
            // What comes after it may come before the next one.
            rest = rest.get(place + needle.len() - after.len()..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(target: u32, at: u64) -> Row {
        Row { target, at: Instant::from_nanos(at), found: Found::Nothing, name: None }
    }

    fn text(alike: &mut Alike, row: &Row, address: &str) -> String {
        let address: IpAddr = address.parse().expect("an address");
        let write = |row: &Row| {
            let Row { target, at, .. } = row;
            let line =
                format!("a,{address},{address},{target},10.0.0.10,{{\"n\":{target},}}{at:?}");
            Ok(line.into_bytes())
        };
        let text = alike.text(row, address, write).expect("a text").to_vec();
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn copies_differ_in_number_and_address_and_each_time_has_its_own() {
        let mut alike = Alike::new((",", ","), Some(("\"n\":", ",")));
        let fresh = || Alike::new((",", ","), Some(("\"n\":", ",")));
        for (number, at, address) in [
            (7, 5, "10.0.0.1"),
            (7, 5, "10.0.0.7"),
            (7, 5, "::1"),
            (7, 5, "fd00::9"),
            (7, 6, "::2"),
        ] {
            let row = row(number, at);
            assert_eq!(text(&mut alike, &row, address), text(&mut fresh(), &row, address));
        }
        let copy = text(&mut alike, &row(70, 5), "10.0.0.10");
        assert!(copy.starts_with("a,10.0.0.10,10.0.0.10,7,10.0.0.10,{\"n\":70,}"), "{copy}");
    }
}

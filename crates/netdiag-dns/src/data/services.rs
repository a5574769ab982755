//! Types of services and of signatures that no table of fields has.

use super::fields::{Reader, v6};
use crate::message::generic;
use domain::base::iana::TsigRcode;
use domain::utils::base64;
use std::net::Ipv4Addr;

/// Services of a host by the ports of a protocol (RFC 1035 section 3.4.2).
pub(super) fn wks(data: &[u8]) -> Result<String, String> {
    let Some(([a, b, c, d, protocol], bits)) = data.split_first_chunk() else {
        return Err("too short".to_owned());
    };
    // A port has a bit (RFC 1035 section 3.4.2).
    let bits = bits.get(..bits.len().min(8_192)).unwrap_or_default();
    let ports = (0_u32..).zip(bits).flat_map(|(place, byte)| {
        let set = (0..8).filter(move |bit| byte & (0x80_u8 >> bit) != 0);
        set.map(move |bit| format!(" {}", place * 8 + bit))
    });
    let ports: String = ports.collect();
    Ok(format!("{} {protocol}{ports}", Ipv4Addr::new(*a, *b, *c, *d)))
}

/// A relay of multicast (RFC 8777 section 4).
pub(super) fn amtrelay(data: &[u8], reader: &mut Reader<'_>) -> Result<String, String> {
    const OPTIONAL: u8 = 0x80;
    let (precedence, kind) = (reader.u8()?, reader.u8()?);
    let optional = kind / OPTIONAL;
    let relay = match kind % OPTIONAL {
        0 => ".".to_owned(),
        1 => Ipv4Addr::from_bits(reader.u32()?).to_string(),
        2 => v6(reader.rest()).ok_or("no IPv6 address")?.to_string(),
        3 => reader.name()?,
        _ => return Ok(generic(data)),
    };
    match reader.remaining() {
        0 => Ok(format!("{precedence} {optional} {} {relay}", kind % OPTIONAL)),
        more => Err(format!("{more} bytes too many")),
    }
}

/// A digital object (draft-durand-doa-over-dns section 3).
pub(super) fn doa(reader: &mut Reader<'_>) -> Result<String, String> {
    let (enterprise, kind, location) = (reader.u32()?, reader.u32()?, reader.u8()?);
    let media = reader.text()?;
    let object = match reader.rest() {
        [] => "-".to_owned(),
        object => base64::encode_string(object),
    };
    Ok(format!("{enterprise} {kind} {location} {media} {object}"))
}

/// A signature of a message (RFC 8945 section 4.2).
pub(super) fn tsig(reader: &mut Reader<'_>) -> Result<String, String> {
    let algorithm = reader.name()?;
    let at = u64::from(reader.u16()?) << 32 | u64::from(reader.u32()?);
    let (fudge, length) = (reader.u16()?, reader.u16()?);
    let mac = reader.take(length.into())?;
    let (id, error, length) = (reader.u16()?, reader.u16()?, reader.u16()?);
    let other = reader.take(length.into())?;
    if reader.remaining() > 0 {
        return Err(format!("{} bytes too many", reader.remaining()));
    }
    let blank = |bytes: &[u8]| match bytes {
        [] => String::new(),
        bytes => format!(" {}", base64::encode_string(bytes)),
    };
    let error = match TsigRcode::from_int(error).to_mnemonic_str() {
        Some(name) => name.to_owned(),
        None => error.to_string(),
    };
    let (mac_length, mac, more) = (mac.len(), blank(mac), blank(other));
    Ok(format!("{algorithm} {at} {fudge} {mac_length}{mac} {id} {error} {length}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(data: &[u8]) -> Reader<'_> {
        Reader::new(data, 0..data.len())
    }

    #[test]
    fn services_and_relays() {
        let data = [192, 0, 2, 1, 6, 0, 0, 0x04, 0x40, 0, 0, 0, 0, 0, 0, 0x80];
        assert_eq!(wks(&data).as_deref(), Ok("192.0.2.1 6 21 25 80"));
        assert!(wks(&data[..4]).is_err());
        let relay = |data: &[u8]| amtrelay(data, &mut reader(data));
        assert_eq!(relay(&[10, 0]).as_deref(), Ok("10 0 0 ."));
        assert_eq!(relay(&[10, 0x81, 192, 0, 2, 1]).as_deref(), Ok("10 1 1 192.0.2.1"));
        assert_eq!(relay(&[128, 0x83, 1, b'a', 0]).as_deref(), Ok("128 1 3 a."));
        assert_eq!(relay(&[1, 4, 9]).as_deref(), Ok("\\# 3 010409"));
        assert!(relay(&[10, 1, 1]).is_err() && relay(&[10, 0, 1]).is_err());
        let data = [0, 0, 0, 1, 0, 0, 0, 2, 3, 1, b'a', 0, 1, 2];
        assert_eq!(doa(&mut reader(&data)).as_deref(), Ok("1 2 3 \"a\" AAEC"));
        assert_eq!(doa(&mut reader(&data[..11])).as_deref(), Ok("1 2 3 \"a\" -"));
    }

    #[test]
    fn signatures() {
        let data = [1, b'h', 0, 0, 0, 0, 0, 0, 9, 1, 44, 0, 1, 0xff, 0, 7, 0, 0, 0, 0];
        assert_eq!(tsig(&mut reader(&data)).as_deref(), Ok("h. 9 300 1 /w== 7 NOERROR 0"));
        let data = [1, b'h', 0, 0, 0, 0, 0, 0, 9, 1, 44, 0, 0, 0, 7, 0, 17, 0, 0];
        assert_eq!(tsig(&mut reader(&data)).as_deref(), Ok("h. 9 300 0 7 BADKEY 0"));
        assert!(tsig(&mut reader(&data[..12])).is_err());
    }
}

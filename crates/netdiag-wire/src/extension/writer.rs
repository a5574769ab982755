//! Writing extension structures.

use super::object::OBJECT_HEADER;
use super::{
    CHECKSUM_AT, ExtensionObject, InterfaceId, InterfaceInfo, MplsLabel, STRUCTURE_HEADER, VERSION,
    identity, interface, mpls,
};
use crate::bytes::{put_u16, tail};
use crate::checksum::internet_checksum;
use crate::error::EmitError;

/// Writes an extension structure object by object (RFC 4884 section 7).
///
/// ```
/// use netdiag_wire::extension::{self, ExtensionWriter, MplsLabel};
///
/// let mut bytes = Vec::new();
/// let mut writer = ExtensionWriter::new(&mut bytes);
/// writer.mpls(&[MplsLabel { label: 16, tc: 0, bottom: true, ttl: 1 }])?;
/// writer.finish();
/// assert_eq!(extension::parse(&bytes).objects().count(), 1);
/// # Ok::<(), netdiag_wire::EmitError>(())
/// ```
#[derive(Debug)]
pub struct ExtensionWriter<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
}

impl<'o> ExtensionWriter<'o> {
    /// Appends the structure's header to `out`.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        let mut header = [0; STRUCTURE_HEADER];
        header[0] = VERSION << 4;
        out.extend_from_slice(&header);
        Self { out, start }
    }

    /// Appends a label stack, outermost label first.
    ///
    /// # Errors
    ///
    /// The stack is too long for an object.
    pub fn mpls(&mut self, labels: &[MplsLabel]) -> Result<(), EmitError> {
        self.append(mpls::CLASS, mpls::LABEL_STACK, |out| {
            for label in labels {
                out.extend_from_slice(&label.to_bytes());
            }
            Ok(())
        })
    }

    /// Appends interface information.
    ///
    /// # Errors
    ///
    /// The name is longer than 63 bytes.
    pub fn interface(&mut self, info: &InterfaceInfo<'_>) -> Result<(), EmitError> {
        self.append(interface::CLASS, info.ctype(), |out| info.emit(out))
    }

    /// Appends the interface that a question is about.
    ///
    /// # Errors
    ///
    /// Name or address are longer than 255 bytes.
    pub fn interface_id(&mut self, id: &InterfaceId<'_>) -> Result<(), EmitError> {
        self.append(identity::CLASS, id.ctype(), |out| id.emit(out))
    }

    /// Appends any object.
    ///
    /// # Errors
    ///
    /// The data is too long for an object.
    pub fn object(&mut self, class: u8, ctype: u8, data: &[u8]) -> Result<(), EmitError> {
        self.append(class, ctype, |out| {
            out.extend_from_slice(data);
            Ok(())
        })
    }

    /// Appends an object that was parsed.
    ///
    /// # Errors
    ///
    /// It is too long, which no parsed object is.
    pub fn copy(&mut self, object: &ExtensionObject<'_>) -> Result<(), EmitError> {
        match object {
            ExtensionObject::Mpls(stack) => self.append(mpls::CLASS, mpls::LABEL_STACK, |out| {
                stack.for_each(|label| out.extend_from_slice(&label.to_bytes()));
                Ok(())
            }),
            ExtensionObject::Interface(info) => self.interface(info),
            ExtensionObject::InterfaceId(id) => self.interface_id(id),
            ExtensionObject::Unknown { class, ctype, data } => self.object(*class, *ctype, data),
        }
    }

    /// Fills in the structure's checksum.
    pub fn finish(self) {
        let checksum = internet_checksum(tail(self.out, self.start));
        // A checksum that comes out as zero would read as none at all; its other form adds up as well.
        let checksum = if checksum == 0 { u16::MAX } else { checksum };
        put_u16(self.out, self.start.saturating_add(CHECKSUM_AT), checksum);
    }

    fn append(
        &mut self,
        class: u8,
        ctype: u8,
        emit: impl FnOnce(&mut Vec<u8>) -> Result<(), EmitError>,
    ) -> Result<(), EmitError> {
        let start = self.out.len();
        self.out.extend_from_slice(&[0, 0, class, ctype]);
        let emitted = emit(self.out);
        let length = self.out.len().saturating_sub(start);
        let most = usize::from(u16::MAX);
        let too_long = |_| EmitError::TooLong {
            length: length.saturating_sub(OBJECT_HEADER),
            most: most.saturating_sub(OBJECT_HEADER),
        };
        let sized = emitted.and_then(|()| u16::try_from(length).map_err(too_long));
        match sized {
            Ok(length) => {
                put_u16(self.out, start, length);
                Ok(())
            }
            Err(error) => {
                self.out.truncate(start);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::{self, Extensions, InterfaceRole};
    use core::net::IpAddr;
    use proptest::prelude::*;

    fn any_role() -> impl Strategy<Value = InterfaceRole> {
        prop_oneof![
            Just(InterfaceRole::Incoming),
            Just(InterfaceRole::SubIpComponent),
            Just(InterfaceRole::Outgoing),
            Just(InterfaceRole::NextHop),
        ]
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_written() {
        let mut out = Vec::new();
        let mut writer = ExtensionWriter::new(&mut out);
        let info = InterfaceInfo {
            role: InterfaceRole::Incoming,
            index: None,
            address: None,
            name: Some(&[b'x'; 64]),
            mtu: None,
        };
        let long = EmitError::TooLong { length: 65, most: 64 };
        assert_eq!(writer.interface(&info), Err(long));
        let long = EmitError::TooLong { length: 65_532, most: 65_531 };
        assert_eq!(writer.object(9, 9, &[0; 65_532]), Err(long));
        writer.finish();
        assert_eq!(out, [0x20, 0x00, 0xdf, 0xff]);
    }

    proptest! {
        #[test]
        fn structures_parse_back(
            labels in prop::collection::vec((0_u32..1 << 20, 0_u8..8, any::<bool>(), any::<u8>()), 1..6),
            role in any_role(),
            (index, address, mtu) in any::<(Option<u32>, Option<IpAddr>, Option<u32>)>(),
            name in prop::option::of(prop::collection::vec(1_u8.., 0..=63)),
            (class, ctype) in (4_u8.., any::<u8>()),
            data in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let label = |(label, tc, bottom, ttl)| MplsLabel { label, tc, bottom, ttl };
            let labels: Vec<_> = labels.into_iter().map(label).collect();
            let info = InterfaceInfo { role, index, address, name: name.as_deref(), mtu };
            let mut out = vec![0xee];
            let mut writer = ExtensionWriter::new(&mut out);
            writer.mpls(&labels).unwrap();
            writer.interface(&info).unwrap();
            writer.object(class, ctype, &data).unwrap();
            writer.finish();
            let structure = &out[1..];
            let Extensions::Present(mut objects) = extension::parse(structure) else {
                return Err(TestCaseError::fail(format!("{structure:02x?}")));
            };
            let Some(ExtensionObject::Mpls(stack)) = objects.next() else { panic!() };
            prop_assert_eq!(stack.collect::<Vec<_>>(), labels);
            prop_assert_eq!(objects.next(), Some(ExtensionObject::Interface(info)));
            let unknown = ExtensionObject::Unknown { class, ctype, data: &data };
            prop_assert_eq!(objects.next(), Some(unknown));
            prop_assert_eq!(objects.next(), None);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = bytes;
            let _ = extension::parse(&bytes).objects().count();
            bytes.splice(..0, [0x20, 0, 0, 0]);
            let _ = extension::parse(&bytes).objects().count();
        }
    }
}

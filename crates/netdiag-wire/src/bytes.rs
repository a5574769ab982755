//! Checked reads and writes of big-endian numbers.

/// The `N` bytes at `at`, if they are there.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// The 16-bit number at `at`, if it is there.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_be_bytes)
}

/// The 32-bit number at `at`, if it is there.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_be_bytes)
}

/// Overwrites the 16-bit number at `at`; does nothing where there is none.
pub(crate) fn put_u16(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(slot) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<2>()) {
        *slot = value.to_be_bytes();
    }
}

/// Everything from `at` on, nothing if `at` is beyond the end.
pub(crate) fn tail(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

/// Appends zeros until `out` holds a multiple of `unit` bytes after `start`.
pub(crate) fn pad_to_multiple(out: &mut Vec<u8>, start: usize, unit: usize) {
    while out.len() > start && !out.len().wrapping_sub(start).is_multiple_of(unit) {
        out.push(0);
    }
}

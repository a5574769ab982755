//! Random bytes from the kernel.

use crate::raw;
use std::io;

/// Bytes from the kernel's generator (getrandom(2)), for identifiers and keys.
///
/// # Errors
/// Only where the system call is missing or forbidden.
pub fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    raw::random_bytes(&mut bytes).map_err(io::Error::from_raw_os_error)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_draws_differ() {
        assert_ne!(super::bytes::<16>().expect("random"), super::bytes::<16>().expect("random"));
        assert!(super::bytes::<0>().expect("random").is_empty());
    }
}

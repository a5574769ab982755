//! Standard output.

use crate::raw;
use std::io::{self, Write};

/// What a pipe takes at once when it takes anything (PIPE_BUF, pipe(7)).
const PIPE_BUF: usize = 4096;

/// Standard output, unbuffered. While the reader of a full pipe does not read, SIGINT, SIGTERM and
/// SIGHUP end the process, although they are inputs of the network otherwise. Writing fails with
/// EBADF when the process was started with standard output closed.
#[derive(Debug, Default)]
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if raw::stdout_was_closed() {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        raw::wait_for_stdout().map_err(io::Error::from_raw_os_error)?;
        let chunk = bytes.get(..PIPE_BUF).unwrap_or(bytes);
        raw::write_stdout(chunk).map_err(io::Error::from_raw_os_error)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

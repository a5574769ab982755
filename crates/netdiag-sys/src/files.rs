//! Files that are read while somebody waits for what is in them.

use crate::clock;
use crate::raw::{self, PollFd};
use netdiag_model::Instant;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// Opens a file to be read for at most `patience` from now on, whoever writes it; `-` is standard
/// input. After that reading fails with [`io::ErrorKind::TimedOut`]; but a regular file has an end,
/// and is read to it.
///
/// # Errors
/// When it cannot be opened.
pub fn input(path: &str, patience: Duration) -> io::Result<Box<dyn BufRead>> {
    let file = match path {
        "-" => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        // A named pipe would be waited for here, until somebody writes to it.
        path => OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?,
    };
    if file.metadata()?.is_file() {
        return Ok(Box::new(BufReader::new(file)));
    }
    let until = clock::now() + patience;
    Ok(Box::new(BufReader::new(Bounded { file, until })))
}

/// Opens a regular file, which has an end: a pipe that nobody writes to is not waited for.
///
/// # Errors
/// When it cannot be opened, or is none.
pub(crate) fn regular(path: impl AsRef<Path>) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

/// What may have no end, for a time.
struct Bounded {
    file: File,
    until: Instant,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.since(clock::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut set = [PollFd::new(self.file.as_fd(), false)];
        match raw::poll(&mut set, left).map_err(io::Error::from_raw_os_error)? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => match self.file.read(buffer) {
                // Another reader was faster: whoever asks again waits again.
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {
                    Err(io::ErrorKind::Interrupted.into())
                }
                read => read,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_does_not_come_is_waited_for_no_longer() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(b"one\ntwo").expect("room");
        let file = File::from(std::os::fd::OwnedFd::from(reader));
        let until = clock::now() + Duration::from_millis(300);
        let mut lines = BufReader::new(Bounded { file, until });
        let mut line = String::new();
        assert_eq!(lines.read_line(&mut line).expect("readable"), 4);
        let late = lines.read_line(&mut line).expect_err("nobody writes");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn what_has_no_end_is_read_for_its_time() {
        let mut endless = input("/dev/zero", Duration::from_millis(20)).expect("there");
        let late = endless.skip_until(b'\n').expect_err("it has no line");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        // A regular file has one, and need not hurry.
        let mut finite = input("/etc/passwd", Duration::ZERO).expect("there");
        assert!(finite.skip_until(b'\n').expect("readable") > 0);
    }
}

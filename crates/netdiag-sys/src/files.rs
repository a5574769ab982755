//! Files that are read while somebody waits for what is in them.

use crate::clock;
use crate::raw::{self, PollFd};
use netdiag_model::Instant;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::time::Duration;

/// Opens a file to be read for at most `patience` from now on, whoever writes it; `-` is standard
/// input. After that reading fails with [`io::ErrorKind::TimedOut`].
///
/// # Errors
/// When it cannot be opened.
pub fn input(path: &str, patience: Duration) -> io::Result<Box<dyn BufRead>> {
    let file = match path {
        "-" => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        path => File::open(path)?,
    };
    let until = clock::now() + patience;
    Ok(Box::new(BufReader::new(Bounded { file, until })))
}

/// A file, for a time.
struct Bounded {
    file: File,
    until: Instant,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.since(clock::now());
        let mut set = [PollFd::new(self.file.as_fd(), false)];
        // What is there already is read, however late it is; what never waits is always there.
        match raw::poll(&mut set, left).map_err(io::Error::from_raw_os_error)? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => self.file.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_is_there_is_read_and_what_does_not_come_is_waited_for_no_longer() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(b"one\ntwo").expect("room");
        let file = File::from(std::os::fd::OwnedFd::from(reader));
        let mut lines = BufReader::new(Bounded { file, until: clock::now() });
        let mut line = String::new();
        assert_eq!(lines.read_line(&mut line).expect("readable"), 4);
        let late = lines.read_line(&mut line).expect_err("nobody writes");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        drop(writer);
        assert_eq!(lines.read_line(&mut line).expect("the end"), 0);
    }
}

//! The terminal of a run: keys that are pressed, and its size.

use crate::raw::{self, PollFd};
use netdiag_engine::port::{Console as Told, InputKind, Inputs, Key, NetworkError, Size};
use netdiag_model::Instant;

/// The size of the terminal that a screen can be drawn on; `None` where standard input or output is
/// no terminal, or one without a size.
#[must_use]
pub fn size() -> Option<Size> {
    let (columns, rows) = raw::terminal_size().filter(|_| raw::has_keys())?;
    (columns > 0 && rows > 0).then_some(Size { columns, rows })
}

/// How wide the terminal is that standard output is; `None` where it is none, or one that does not
/// know, such as a serial line.
#[must_use]
pub fn columns() -> Option<u16> {
    raw::terminal_size().map(|(columns, _)| columns).filter(|columns| *columns > 0)
}

/// The keys of the terminal, as long as this lives; then it is given back.
pub(crate) struct Console {
    is_open: bool,
}

impl Console {
    /// Takes the terminal. A panic gives it back before it says anything.
    pub(crate) fn open() -> Result<Self, NetworkError> {
        let is_open = match raw::take_terminal() {
            Ok(()) => true,
            // A signal ends the run before it is in front of its terminal.
            Err(libc::EINTR) => false,
            Err(errno) => return Err(NetworkError { call: "tcsetattr", errno }),
        };
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            raw::restore_terminal();
            before(panic);
        }));
        Ok(Self { is_open })
    }

    /// What to wait for; `None` once nobody can press a key any more.
    pub(crate) fn poll(&self) -> Option<PollFd> {
        self.is_open.then(PollFd::stdin)
    }

    /// Turns what was typed into inputs; called when there is something.
    pub(crate) fn read(&mut self, now: Instant, inputs: &mut Inputs) {
        let mut bytes = [0; 256];
        match raw::read_keys(&mut bytes) {
            Ok(0) => self.is_open = false,
            Ok(len) => {
                for key in keys(bytes.get(..len).unwrap_or_default()) {
                    inputs.push(now, InputKind::Console(Told::Key(key)));
                }
            }
            Err(libc::EINTR | libc::EAGAIN) => {}
            Err(_) => self.is_open = false,
        }
    }

    /// Tells the size anew.
    pub(crate) fn resized(now: Instant, inputs: &mut Inputs) {
        if let Some(size) = size() {
            inputs.push(now, InputKind::Console(Told::Resized(size)));
        }
    }

    /// Stops this process as the key for it asks, with the terminal as it was; returns when it goes on.
    pub(crate) fn stop(now: impl Fn() -> Instant, inputs: &mut Inputs) {
        raw::restore_terminal();
        raw::raise(libc::SIGSTOP);
        // Whoever let it go on may have taken the terminal away: then nothing is drawn on it.
        // The screen is entered again with what is drawn next.
        let _ = raw::take_terminal();
        Self::resized(now(), inputs);
        inputs.push(now(), InputKind::Console(Told::Redraw));
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        raw::give_terminal_back();
    }
}

/// The keys that these bytes are, as xterm and the Linux console send them. What is not known is left
/// out.
fn keys(mut bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    while let Some((first, rest)) = bytes.split_first() {
        let (key, rest) = match first {
            0x1b => match rest {
                [b'[' | b'O', rest @ ..] => sequence(rest),
                _ => (Some(Key::Escape), rest),
            },
            b'\r' | b'\n' => (Some(Key::Enter), rest),
            // A tabulator goes to the next, as an arrow does.
            b'\t' => (Some(Key::Char('\t')), rest),
            0..0x20 | 0x7f => (None, rest),
            _ => character(bytes),
        };
        keys.extend(key);
        bytes = rest;
    }
    keys
}

/// What follows `ESC [`: parameters, then a letter or `~`.
fn sequence(bytes: &[u8]) -> (Option<Key>, &[u8]) {
    let len = bytes.iter().position(|byte| (0x40..=0x7e).contains(byte));
    let Some((body, rest)) = len.and_then(|len| bytes.split_at_checked(len + 1)) else {
        return (None, &[]);
    };
    let key = match body {
        b"A" => Some(Key::Up),
        b"B" => Some(Key::Down),
        b"H" | b"1~" | b"7~" => Some(Key::Home),
        b"F" | b"4~" | b"8~" => Some(Key::End),
        b"5~" => Some(Key::PageUp),
        b"6~" => Some(Key::PageDown),
        _ => None,
    };
    (key, rest)
}

/// The first character of UTF-8, or one byte that is none.
fn character(bytes: &[u8]) -> (Option<Key>, &[u8]) {
    let valid = (1..=4).filter_map(|len| bytes.split_at_checked(len));
    let mut valid = valid.filter_map(|(head, rest)| Some((std::str::from_utf8(head).ok()?, rest)));
    match valid.next() {
        Some((text, rest)) => {
            (text.chars().next().filter(|c| !c.is_control()).map(Key::Char), rest)
        }
        None => (None, bytes.get(1..).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_terminal_are_keys() {
        assert_eq!(keys(b"qP"), [Key::Char('q'), Key::Char('P')]);
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[5~\x1b[6~"),
            [Key::Up, Key::Down, Key::PageUp, Key::PageDown]
        );
        assert_eq!(keys(b"\x1b"), [Key::Escape]);
        assert_eq!(keys(b"\r\n\t"), [Key::Enter, Key::Enter, Key::Char('\t')]);
        assert_eq!(keys("ü".as_bytes()), [Key::Char('ü')]);
        assert_eq!(keys(b"\x1b[1;5Dh"), [Key::Char('h')], "what is not known is left out");
        assert_eq!(keys(b"\xff\x00\x03q"), [Key::Char('q')]);
        assert_eq!(keys(b"\x1b["), []);
        assert_eq!(keys("\u{9b}31m".as_bytes()), [Key::Char('3'), Key::Char('1'), Key::Char('m')]);
    }
}

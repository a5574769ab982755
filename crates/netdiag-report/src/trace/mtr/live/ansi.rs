//! What a terminal is told: xterm's control sequences (ECMA-48).

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier, Style};
use std::io::{self, Write};

/// To the second screen, without a cursor, empty.
pub(in crate::trace::mtr) const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[0m\x1b[2J";
/// Back, with the cursor.
pub(in crate::trace::mtr) const LEAVE: &[u8] = b"\x1b[0m\x1b[?25h\x1b[?1049l";

/// Puts text onto a screen, as much of it as there is room for.
pub(in crate::trace::mtr) fn put(screen: &mut Buffer, x: usize, y: u16, text: &str, style: Style) {
    let width = usize::from(screen.area.width);
    let column = u16::try_from(x).ok().filter(|_| x < width && y < screen.area.height);
    if let Some(column) = column {
        screen.set_stringn(column, y, text, width - x, style);
    }
}

/// Writes what differs between two screens.
pub(in crate::trace::mtr) fn write(
    out: &mut dyn Write,
    before: &Buffer,
    next: &Buffer,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    let (mut place, mut style) = (None, None);
    for (x, y, cell) in before.diff(next) {
        if place != Some((x, y)) {
            write!(bytes, "\x1b[{};{}H", y + 1, x + 1)?;
        }
        let wanted = (cell.fg, cell.bg, cell.modifier);
        if style != Some(wanted) {
            set_style(&mut bytes, cell)?;
            style = Some(wanted);
        }
        bytes.extend_from_slice(cell.symbol().as_bytes());
        // What is wider is placed anew.
        place = cell.symbol().is_ascii().then(|| (x + 1, y));
    }
    if bytes.is_empty() { Ok(()) } else { out.write_all(&bytes) }
}

fn set_style(out: &mut Vec<u8>, cell: &Cell) -> io::Result<()> {
    out.extend_from_slice(b"\x1b[0");
    for (modifier, code) in [(Modifier::BOLD, 1), (Modifier::DIM, 2), (Modifier::REVERSED, 7)] {
        if cell.modifier.contains(modifier) {
            write!(out, ";{code}")?;
        }
    }
    let code = match cell.fg {
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Cyan => 36,
        _ => 39,
    };
    write!(out, ";{code}m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    fn screen(text: &str, style: Style) -> Buffer {
        let mut screen = Buffer::empty(Rect::new(0, 0, 8, 2));
        screen.set_string(1, 1, text, style);
        screen
    }

    #[test]
    fn only_what_differs_is_written_and_styles_once() {
        let told = |before: &Buffer, next: &Buffer| {
            let mut out = Vec::new();
            write(&mut out, before, next).expect("a vector takes everything");
            String::from_utf8(out).expect("text")
        };
        let (empty, plain) = (screen("", Style::new()), screen("abc", Style::new()));
        assert_eq!(told(&empty, &plain), "\x1b[2;2H\x1b[0;39mabc");
        assert_eq!(told(&plain, &plain), "");
        assert_eq!(told(&plain, &screen("abd", Style::new())), "\x1b[2;4H\x1b[0;39md");
        let red = screen("abc", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        assert_eq!(told(&empty, &red), "\x1b[2;2H\x1b[0;1;31mabc");
    }

    #[test]
    fn there_is_no_room_beside_a_screen() {
        let mut tiny = Buffer::empty(Rect::new(0, 0, 1, 1));
        for (x, y) in [(0, 0), (1, 0), (0, 1), (70_000, 0)] {
            put(&mut tiny, x, y, "abc", Style::new());
        }
        assert_eq!(tiny.content().first().map(Cell::symbol), Some("a"));
    }

    /// Text from outside brings no control sequence onto the screen.
    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let mut out = Vec::new();
        let evil = screen("a\x1b[2Jb\u{9b}", Style::new());
        write(&mut out, &screen("", Style::new()), &evil).expect("a vector takes everything");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text.matches('\x1b').count(), 2, "{text:?}");
        assert!(!text.contains('\u{9b}'), "{text:?}");
    }
}

//! What a person does at the terminal of a run.

/// One thing that happened there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    /// A key was pressed.
    Key(Key),
    /// The terminal has another size now.
    Resized(Size),
    /// The screen may be another program's picture, and is drawn anew: the process was stopped
    /// meanwhile.
    Redraw,
}

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many stand in a line.
    pub columns: u16,
    /// How many lines there are.
    pub rows: u16,
}

/// A key. What is not named here is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character, none of them a control character.
    Char(char),
    /// The end of a line.
    Enter,
    /// The escape key alone.
    Escape,
    /// The arrow up.
    Up,
    /// The arrow down.
    Down,
    /// A screen back.
    PageUp,
    /// A screen on.
    PageDown,
    /// To the first line.
    Home,
    /// To the last line.
    End,
}

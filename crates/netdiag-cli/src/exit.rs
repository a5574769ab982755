//! How the process ends.

/// SIGPIPE: the reader of the output has gone.
const SIGPIPE: i32 = 13;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// With a code.
    Code(u8),
    /// By a signal: the caller restores its default action and raises it.
    Signal(i32),
}

impl ExitStatus {
    /// Measured, and what was asked for holds.
    pub const HOLDS: Self = Self::Code(0);
    /// Measured, and it does not hold.
    pub const FAILS: Self = Self::Code(1);
    /// A usage error.
    pub const USAGE: Self = Self::Code(2);
    /// Nothing could be measured, or the result could not be written.
    pub const UNMEASURED: Self = Self::Code(3);
    /// The reader of the output has gone.
    pub const BROKEN_PIPE: Self = Self::Signal(SIGPIPE);

    /// The code of a document: a signal's run has the code that its result earned.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128u8.saturating_add(signal.unsigned_abs() as u8),
        }
    }
}

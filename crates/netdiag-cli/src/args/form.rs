//! The form of the output.

use crate::world::Terminal;
use netdiag_report::style::Style;

/// In which form, and whether in colour.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Form {
    /// When findings are coloured; auto: on a terminal.
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(crate) color: Color,
    /// Form of the output.
    #[arg(short, long, value_name = "FORM", default_value = "text", value_enum)]
    pub(crate) output: Output,
    /// The same as --output json.
    #[arg(long, conflicts_with = "output")]
    pub(crate) json: bool,
}

impl Form {
    /// The form of output, whichever way it was asked for.
    pub(crate) const fn output(self) -> Output {
        if self.json { Output::Json } else { self.output }
    }
}

/// When colours are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// How text on standard output is written.
    pub(crate) const fn style(self, terminal: Terminal) -> Style {
        let color = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal.stdout && !terminal.no_color,
        };
        Style { color, width: terminal.width }
    }
}

/// The forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One document at the end.
    Json,
    /// One event a line.
    Jsonl,
    /// A table: a row for each result, such as a host, a hop or a record.
    Csv,
}

//! Options that the form of output, or `--validate`, has no use for.

use crate::args::CheckArguments;
use crate::args::check::Output;
use crate::args::form::Color;

/// Each option that was given must have a use.
///
/// # Errors
/// The first that has none, in a line.
pub(super) fn check(arguments: &CheckArguments) -> Result<(), String> {
    let is_text = arguments.output() == Output::Text;
    if arguments.validate {
        let useless = [
            (!is_text, "--output"),
            (arguments.quiet, "--quiet"),
            (arguments.deadline.is_some(), "--deadline"),
            (arguments.color == Color::Always, "--color always"),
        ];
        if let Some((_, option)) = useless.iter().find(|(is_given, _)| *is_given) {
            return Err(format!("{option}: --validate measures nothing, and says so in a line"));
        }
    }
    if arguments.color == Color::Always && !is_text {
        return Err("--color always: only with --output text".to_owned());
    }
    if arguments.quiet && !is_text {
        return Err("--quiet: only with --output text".to_owned());
    }
    Ok(())
}

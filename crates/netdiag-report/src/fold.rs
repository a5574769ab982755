//! Lines that are no wider than a terminal.

use std::borrow::Cow;

/// What lines that continue another begin with, beyond its own indentation.
pub(crate) const INDENT: &str = "  ";

/// A line for a terminal of this width, or for whatever takes any: broken between words where it is
/// too wide, what follows indented. What stands between backticks, to be copied, stays whole, and so
/// does a word that is too wide by itself.
pub(crate) fn fold(line: &str, width: Option<usize>) -> Cow<'_, str> {
    let Some(width) = width.filter(|width| line.len() > *width) else { return line.into() };
    let text = line.trim_start_matches(' ');
    let own = line.get(..line.len() - text.len()).unwrap_or_default();
    let mut folded = own.to_owned();
    let mut column = own.len();
    let mut is_first = true;
    for word in words(text) {
        if !std::mem::take(&mut is_first) {
            if column + 1 + word.len() > width {
                folded.extend(["\n", own, INDENT]);
                column = own.len() + INDENT.len();
            } else {
                folded.push(' ');
                column += 1;
            }
        }
        folded.push_str(word);
        column += word.len();
    }
    folded.into()
}

/// What may stand on a line of its own.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |letter| {
        is_quoted ^= letter == '`';
        letter == ' ' && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_as_it_is_and_the_rest_is_broken_between_words() {
        let line = "= 3 of 7 alive; 1 unreachable, 1 timeout; 2.3 s";
        for width in [None, Some(line.len()), Some(200)] {
            assert_eq!(fold(line, width), line);
        }
        assert_eq!(fold(line, Some(24)), "= 3 of 7 alive; 1\n  unreachable, 1\n  timeout; 2.3 s");
        let advice = "   -> try `netdiag trace a` now";
        assert_eq!(fold(advice, Some(22)), "   -> try\n     `netdiag trace a`\n     now");
        assert_eq!(fold("much-too-wide as-well", Some(4)), "much-too-wide\n  as-well");
        for width in 1..60 {
            let folded = fold(line, Some(width));
            assert_eq!(folded.replace("\n  ", " "), line, "{width}");
        }
    }
}

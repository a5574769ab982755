//! Text in quotes: as an expression reads it, and as a message may show it.

use netdiag_model::Untrusted;

/// The longest text a message shows; a body can be megabytes.
const SHOWN_CHARS: usize = 60;

/// Text as an expression reads it back: bare where it is a plain word, else quoted.
pub(super) fn word_or_quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) && !is_keyword(text) {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('"', "\"\""))
    }
}

/// What the user wrote, as a message may show it: quoted, cut, with everything that a terminal
/// acts on escaped.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::from("\"");
    let mut chars = text.chars();
    for char in chars.by_ref().take(SHOWN_CHARS) {
        match char {
            '\'' | '"' | '\\' => out.push(char),
            _ => out.extend(char.escape_debug()),
        }
    }
    if chars.next().is_some() {
        out.push_str("...");
    }
    out.push('"');
    out
}

/// What was measured, as a message may show it: quoted, cut, and nothing but printable ASCII.
pub(super) fn shown_untrusted(text: &str) -> String {
    let end = text.char_indices().nth(SHOWN_CHARS).map_or(text.len(), |(at, _)| at);
    let more = if end < text.len() { "..." } else { "" };
    format!("\"{}{more}\"", Untrusted::from(&text[..end]).escaped())
}

/// Whether a word joins comparisons and is thus no name and no bare value.
pub(super) fn is_keyword(word: &str) -> bool {
    ["and", "or", "not"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped() {
        assert_eq!(shown("a\x1b[31m\u{202e}\n"), r#""a\u{1b}[31m\u{202e}\n""#);
        assert_eq!(shown(&"x".repeat(61)), format!("\"{}...\"", "x".repeat(60)));
    }

    #[test]
    fn nothing_but_printable_ascii_is_shown_of_the_network() {
        assert_eq!(shown_untrusted("\u{9b}2Jé\\"), r#""\u{9b}2J\u{e9}\\""#);
        assert_eq!(shown_untrusted(&"é".repeat(61)).matches("\\u{e9}").count(), 60);
    }

    #[test]
    fn only_plain_words_stand_bare() {
        assert_eq!(word_or_quoted("text/html"), "text/html");
        assert_eq!(word_or_quoted("And"), "\"And\"");
        assert_eq!(word_or_quoted(""), "\"\"");
        assert_eq!(word_or_quoted("a\"b"), "\"a\"\"b\"");
    }
}

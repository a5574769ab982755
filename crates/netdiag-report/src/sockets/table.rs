//! Tables whose last columns are words: in a terminal that is too narrow these stand below their row.

use crate::fold::fold;

/// What stands between columns.
const GAP: &str = "  ";
/// What a line begins with that stands below its row.
const BELOW: &str = "    ";
/// The last column stays beside the others where it has so much room.
const ROOM: usize = 40;

/// All lines of rows, of which the first has the names of the columns; numbers are to the right.
pub(super) fn lines<const N: usize>(
    rows: &[[String; N]],
    is_number: [bool; N],
    width: Option<usize>,
) -> Vec<String> {
    let widest = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(widest);
    let start =
        |kept: usize| widths.iter().take(kept).map(|width| width + GAP.len()).sum::<usize>();
    let too_wide = width.filter(|width| start(N) > width + GAP.len());
    let Some(width) = too_wide else {
        return rows.iter().map(|row| aligned(row, &widths, &is_number)).collect();
    };
    let hanging = start(N.saturating_sub(1));
    if hanging + ROOM <= width {
        return rows.iter().map(|row| hung(row, &widths, &is_number, (hanging, width))).collect();
    }
    let kept = (1..N).rev().find(|kept| start(*kept) <= width + GAP.len()).unwrap_or(1);
    let row = |row: &[String; N]| {
        let (beside, below) = row.split_at(kept);
        let line = aligned(beside, &widths, &is_number);
        let below: Vec<&str> =
            below.iter().map(String::as_str).filter(|cell| !matches!(*cell, "" | "-")).collect();
        match below.is_empty() {
            true => line,
            false => {
                format!("{line}\n{}", fold(&format!("{BELOW}{}", below.join(", ")), Some(width)))
            }
        }
    };
    rows.iter().map(row).collect()
}

fn aligned(cells: &[String], widths: &[usize], is_number: &[bool]) -> String {
    let cells = cells.iter().zip(widths).zip(is_number);
    let cells = cells.map(|((cell, width), is_number)| match is_number {
        true => format!("{cell:>width$}"),
        false => format!("{cell:<width$}"),
    });
    cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

/// A row whose last cell goes on below itself.
fn hung<const N: usize>(
    row: &[String; N],
    widths: &[usize; N],
    is_number: &[bool; N],
    (hanging, width): (usize, usize),
) -> String {
    let Some((last, before)) = row.split_last() else { return String::new() };
    let before = aligned(before, widths, is_number);
    let folded = fold(last, Some(width.saturating_sub(hanging)));
    let indent = format!("\n{:hanging$}", "");
    format!("{before:<hanging$}{}", folded.replace('\n', &indent)).trim_end().to_owned()
}

/// Cells in a line, and those below that the terminal is too narrow for.
pub(super) fn wrapped(cells: &[String], width: Option<usize>) -> String {
    let mut text = String::new();
    let mut column = 0;
    for cell in cells {
        match width {
            _ if text.is_empty() => {}
            Some(width) if column + GAP.len() + cell.len() > width => {
                text.push('\n');
                text.push_str(BELOW);
                column = BELOW.len();
            }
            _ => {
                text.push_str(GAP);
                column += GAP.len();
            }
        }
        text.push_str(cell);
        column += cell.len();
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<[String; 3]> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        vec![
            row(["key", "n", "effect"]),
            row(["some.key", "12", "what it does is said in so many words that they take a line"]),
            row(["other", "3", "-"]),
        ]
    }

    fn shown(width: Option<usize>) -> String {
        lines(&rows(), [false, true, false], width).join("\n")
    }

    #[test]
    fn the_last_columns_go_on_below_in_a_narrow_terminal_and_no_line_is_wider() {
        let wide = shown(None);
        assert_eq!(wide.lines().nth(2), Some("other      3  -"));
        assert_eq!((shown(Some(200)), wide.lines().count()), (wide.clone(), 3));
        let hung = shown(Some(60));
        assert_eq!(hung.lines().nth(2).map(|line| line.find("they")), Some(Some(16)), "{hung}");
        let below = shown(Some(30));
        assert_eq!(below.lines().nth(1), Some("    effect"), "{below}");
        assert_eq!(below.lines().last(), Some("other      3"), "{below}");
        for width in 16..80 {
            let text = shown(Some(width));
            assert!(text.lines().all(|line| line.len() <= width), "{width}: {text}");
            let words = |text: &str| text.split_whitespace().filter(|word| *word != "-").count();
            assert_eq!(words(&text), words(&wide), "{text}");
        }
    }

    #[test]
    fn cells_go_below_as_a_whole() {
        let cells = ["12:00:00.000", "a 1", "b 22"].map(str::to_owned);
        assert_eq!(wrapped(&cells, None), "12:00:00.000  a 1  b 22");
        assert_eq!(wrapped(&cells, Some(17)), "12:00:00.000  a 1\n    b 22");
        assert_eq!(wrapped(&cells, Some(16)), "12:00:00.000\n    a 1  b 22");
    }
}

//! Screens that are compared with files, to the byte. `NETDIAG_UPDATE=1` writes the files.

use std::fs;
use std::path::Path;

/// Where a screen differs from tests/scenarios/golden/NAME.txt, if it does.
pub(crate) fn compare(name: &str, screen: &str) -> Result<(), String> {
    let path = format!("tests/scenarios/golden/{name}.txt");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
    if std::env::var_os("NETDIAG_UPDATE").is_some_and(|value| value == "1") {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a writable folder");
        fs::write(&file, screen).expect("a writable file");
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    if golden == screen { Ok(()) } else { Err(format!("{path}\n{}", diff(&golden, screen))) }
}

/// The lines that differ: those between the common beginning and the common end.
fn diff(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - same;
    let ends = old.iter().rev().zip(new.iter().rev());
    let tail = ends.take(rest).take_while(|(old, new)| old == new).count();
    let marked = |mark, lines: &[&str]| {
        let lines = &lines[same..lines.len() - tail];
        lines.iter().map(|line| format!("{mark} {line}\n")).collect::<String>()
    };
    format!("@@ line {}\n{}{}", same + 1, marked('-', &old), marked('+', &new))
}

//! What the files of sysctl.d(5) set.

use crate::port::Kernel;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) key: String,
    /// With single blanks, as [`super::value`] has it.
    pub(super) value: String,
    pub(super) file: String,
    /// From 1 on.
    pub(super) number: usize,
}

/// Folders, those first whose files give way to files of the same name in later ones.
const FOLDERS: [&str; 4] =
    ["/usr/lib/sysctl.d", "/usr/local/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d"];
const LAST: &str = "/etc/sysctl.conf";
/// Files and lines that are read.
const FILES: usize = 256;
const LINES: usize = 10_000;

/// All lines that set something of the network, in the order in which they take effect.
pub(super) fn read(kernel: &mut dyn Kernel) -> Vec<Line> {
    let mut names: Vec<(String, usize)> = Vec::new();
    for (place, folder) in FOLDERS.iter().enumerate() {
        for name in kernel.folder(folder).into_iter().filter(|name| name.ends_with(".conf")) {
            names.retain(|(known, _)| *known != name);
            names.push((name, place));
        }
    }
    names.sort();
    let files =
        names.into_iter().take(FILES).map(|(name, place)| format!("{}/{name}", FOLDERS[place]));
    let mut lines = Vec::new();
    for file in once(kernel, files.chain([LAST.to_owned()]).collect()) {
        let text = kernel.file(&file).unwrap_or_default();
        for (place, line) in text.lines().enumerate().take(LINES) {
            lines.extend(parse(line).map(|(key, value)| Line {
                key,
                value,
                file: file.clone(),
                number: place + 1,
            }));
        }
    }
    lines
}

/// Each file where it comes last: 99-sysctl.conf is a link to /etc/sysctl.conf on many systems.
fn once(kernel: &mut dyn Kernel, files: Vec<String>) -> Vec<String> {
    let mut seen = Vec::new();
    let mut last: Vec<String> = files
        .into_iter()
        .rev()
        .filter(|file| match kernel.identity(file) {
            Some(identity) if seen.contains(&identity) => false,
            identity => {
                seen.extend(identity);
                true
            }
        })
        .collect();
    last.reverse();
    last
}

/// `key = value`; a key may have `/` for `.`, and a `-` before it that forgives errors.
fn parse(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    let key = key.trim().trim_start_matches('-').trim_start();
    let key = match key.find(['/', '.']) {
        Some(first) if key[first..].starts_with('/') => key.replace('/', "."),
        _ => key.to_owned(),
    };
    let value: Vec<&str> = value.split_ascii_whitespace().collect();
    key.starts_with("net.").then(|| (key, value.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_manual() {
        let check = |line: &str, expected: Option<(&str, &str)>| {
            let found = parse(line);
            let found = found.as_ref().map(|(key, value)| (key.as_str(), value.as_str()));
            assert_eq!(found, expected, "{line}");
        };
        check("net.ipv4.tcp_tw_recycle = 1", Some(("net.ipv4.tcp_tw_recycle", "1")));
        check("  -net/ipv4/tcp_fack=0 ", Some(("net.ipv4.tcp_fack", "0")));
        check("net.ipv4.conf.eth0/1.rp_filter = 1", Some(("net.ipv4.conf.eth0/1.rp_filter", "1")));
        check(
            "net.ipv4.ip_local_port_range=1024\t 65000",
            Some(("net.ipv4.ip_local_port_range", "1024 65000")),
        );
        check("# net.ipv4.tcp_fack=0", None);
        check("; net.ipv4.tcp_fack=0", None);
        check("kernel.sysrq = 1", None);
        check("net.ipv4.tcp_fack", None);
    }
}

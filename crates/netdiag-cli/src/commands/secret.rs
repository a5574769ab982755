//! What was written, without what nobody else is to read.

/// Options whose values have a password or a key in them; those with this behind are of files.
const SECRET: [&str; 4] = ["--proxy", "--tsig", " -y ", " -y="];
const FILES: [&str; 2] = ["-file", "-login"];
const HIDDEN: &str = "...";

/// The line of a check as a message shows it: up to the first option whose value may have a secret, and
/// URLs without who asks.
pub(super) fn without_secrets(line: &str) -> String {
    let is_file = |end: usize| {
        let rest = line.get(end..).unwrap_or_default();
        FILES.iter().any(|file| rest.starts_with(file))
    };
    let places = SECRET.into_iter().filter_map(|option| {
        let mut found = line.match_indices(option).map(|(at, _)| at + option.len());
        found.find(|end| !is_file(*end))
    });
    let end = places.min();
    let shown: Vec<String> = line
        .get(..end.unwrap_or(line.len()))
        .unwrap_or_default()
        .split(' ')
        .map(without_login)
        .collect();
    let shown = shown.join(" ");
    if end.is_some() { format!("{} {HIDDEN}", shown.trim_end()) } else { shown }
}

/// A URL without who asks.
fn without_login(word: &str) -> String {
    let parts = word.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let at = rest.get(..end)?.rfind('@')?;
        Some((scheme, rest.get(at + 1..)?))
    });
    match parts {
        Some((scheme, rest)) => format!("{scheme}://{HIDDEN}@{rest}"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_keys_are_left_out() {
        let check = |line: &str, shown: &str| assert_eq!(without_secrets(line), shown);
        check("tcp h:1 --proxy socks5://me:pw@p:1 bogus>1", "tcp h:1 --proxy ...");
        check("tcp h:1 --proxy=http://me:pw@p:1", "tcp h:1 --proxy ...");
        check("tcp h:1 --proxy-login f rtt>1", "tcp h:1 --proxy-login f rtt>1");
        check("dns A x --tsig-file f '--tsig=k:K Y'", "dns A x --tsig-file f '--tsig ...");
        check("dns A x.new-york.example @s -y k:KEY", "dns A x.new-york.example @s -y ...");
        check("dns A x @s -y=k:KEY", "dns A x @s -y= ...");
        check("tcp http://me:pw@h/a@b expect ttfb<1s", "tcp http://...@h/a@b expect ttfb<1s");
        check("ping 192.0.2.1 loss<1%", "ping 192.0.2.1 loss<1%");
    }
}

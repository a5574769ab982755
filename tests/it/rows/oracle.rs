//! What the comparisons with the classic tools have in common.

use crate::support::process::{Ended, NETDIAG, Namespace, has, netlab, run, scenario, skip};
use std::process::Command;

/// Whether a tool is here in the version whose text is the reference, and what the namespaces need.
pub(super) fn has_reference(version: [&str; 2], reference: &str) -> bool {
    if !has("nft") {
        return false;
    }
    let [tool, option] = version;
    match Command::new(tool).arg(option).output() {
        Ok(output) if output.stdout.starts_with(reference.as_bytes()) => true,
        other => skip::<()>(&format!("no {}: {other:?}", reference.trim())).is_some(),
    }
}

/// A namespace with faults, the program under a tool's name in /mnt, and no name but those of a file.
pub(super) fn namespace(faults: &str, tool: &str, hosts: &str) -> Option<Namespace> {
    let files = format!(
        "mount -t tmpfs none /mnt
        ln -s \"{NETDIAG}\" /mnt/{tool}
        : > /mnt/resolv.conf
        mount --bind /mnt/resolv.conf /etc/resolv.conf
        printf '127.0.0.1 localhost\\n127.0.0.7 here.test alias.test\\n{hosts}' > /mnt/hosts
        mount --bind /mnt/hosts /etc/hosts
        "
    );
    Namespace::new(&format!("{faults}{files}"))
}

/// Rows of a scenario and a line of arguments, for both tools, where they differ.
pub(super) fn routed(
    namespace: &Namespace,
    rows: &[(&str, &str)],
    [theirs, ours]: [&[&str]; 2],
    difference: impl Fn(&str, &Ended, &Ended) -> Option<String>,
) -> Vec<String> {
    let lab = netlab();
    let lab = lab.to_str().expect("a path");
    let different = rows.iter().filter_map(|(name, line)| {
        let in_lab = |program: &[&str]| {
            let mut command = namespace.command(lab);
            let words = line.split_whitespace();
            run(command.arg(scenario(name)).arg("--").args(program).args(words))
        };
        difference(&format!("{name}: {line}"), &in_lab(theirs), &in_lab(ours))
    });
    different.collect()
}

/// Nothing differs.
pub(super) fn check(differences: &[String]) {
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

//! Network namespaces: those of this machine whose tables are read, and those that could not be.

use netdiag_model::Untrusted;
use netdiag_model::errno::Errno;
use serde::Serialize;
use std::collections::BTreeMap;

/// A network namespace (network_namespaces(7)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// The number of its inode, which tells it apart from others: `net:[4026531840]`.
    pub id: u64,
    /// The name that ip-netns(8) or a container engine gave it.
    pub name: Option<Untrusted>,
    /// A process in it; `None`: no process is, or none that this user can see.
    pub pid: Option<u32>,
}

impl Namespace {
    /// What it is called: its name, else `net:[ID]`.
    #[must_use]
    pub fn label(&self) -> String {
        label(self.id, self.name.as_ref())
    }
}

/// What there is of namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Those that can be read, this process's own first, the others by their numbers.
    pub entered: Vec<Namespace>,
    /// Those that cannot, and the error number.
    pub refused: Vec<(Namespace, i32)>,
    /// Processes whose namespace this user cannot see.
    pub hidden: u64,
    /// There may be processes that are not told of at all.
    pub unknown: bool,
}

impl Namespaces {
    /// What is missing, a sentence for each cause; none where nothing is.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut causes: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for (namespace, errno) in &self.refused {
            causes.entry(*errno).or_default().push(namespace.label());
        }
        let mut missing: Vec<String> = causes
            .into_iter()
            .map(|(errno, names)| {
                /// More names than that help nobody.
                const NAMED: usize = 5;
                let more = match names.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let named: Vec<String> = names.into_iter().take(NAMED).collect();
                let error = Errno::new(errno).name;
                format!(
                    "the namespaces {}{more}, which could not be entered ({error})",
                    named.join(", ")
                )
            })
            .collect();
        match self.hidden {
            0 => {}
            1 => missing.push("the namespace of 1 process, which this user may not see".to_owned()),
            n => missing
                .push(format!("the namespaces of {n} processes, which this user may not see")),
        }
        if self.unknown {
            missing.push("namespaces of processes that /proc does not tell of".to_owned());
        }
        missing
    }

    /// As the contract has them.
    #[must_use]
    pub fn rows(&self) -> Vec<NamespaceRow> {
        let row = |namespace: &Namespace, errno: Option<i32>| NamespaceRow {
            id: namespace.id,
            name: namespace.name.clone(),
            pid: namespace.pid,
            entered: errno.is_none(),
            errno: errno.map(|errno| Errno::new(errno).name),
        };
        let entered = self.entered.iter().map(|namespace| row(namespace, None));
        entered.chain(self.refused.iter().map(|(it, errno)| row(it, Some(*errno)))).collect()
    }
}

/// A namespace as the contract has it.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct NamespaceRow {
    /// The number of its inode; sockets have it as `namespace`.
    pub id: u64,
    /// The name that ip-netns(8) or a container engine gave it.
    #[schemars(with = "Option<String>")]
    pub name: Option<Untrusted>,
    /// A process in it.
    pub pid: Option<u32>,
    /// Whether its sockets are in the list.
    pub entered: bool,
    /// Why they are not.
    pub errno: Option<String>,
}

impl NamespaceRow {
    /// What it is called: its name, else `net:[ID]`.
    #[must_use]
    pub fn label(&self) -> String {
        label(self.id, self.name.as_ref())
    }
}

fn label(id: u64, name: Option<&Untrusted>) -> String {
    match name {
        Some(name) => name.escaped().to_string(),
        None => format!("net:[{id}]"),
    }
}

/// Where a socket is, beside its addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// The interface that it is bound to.
    pub interface: Option<&'a Untrusted>,
    /// The network namespace, where several are looked at.
    pub namespace: Option<&'a Namespace>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_by_its_cause() {
        let of =
            |id, name: Option<&str>| Namespace { id, name: name.map(Untrusted::from), pid: None };
        let mut all = Namespaces { entered: vec![of(1, None)], ..Namespaces::default() };
        assert_eq!(all.missing(), [""; 0]);
        all.refused = vec![(of(2, Some("blue")), 1), (of(3, None), 1), (of(4, None), 24)];
        (all.hidden, all.unknown) = (2, true);
        assert_eq!(
            all.missing(),
            [
                "the namespaces blue, net:[3], which could not be entered (EPERM)",
                "the namespaces net:[4], which could not be entered (EMFILE)",
                "the namespaces of 2 processes, which this user may not see",
                "namespaces of processes that /proc does not tell of",
            ]
        );
        let rows = all.rows();
        assert_eq!(
            rows.iter().map(|row| row.entered).collect::<Vec<_>>(),
            [true, false, false, false]
        );
    }
}

//! Names that redirects lead to: whoever runs a measurement looks them up beside it.

use netdiag_model::Destination;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// The addresses of a name, or in a sentence why there are none; and how long the look-up took.
pub type Found = (Result<Vec<Destination>, String>, Duration);

/// What is to be looked up, and what was found; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Names(Rc<RefCell<Desk>>);

#[derive(Debug, Default)]
struct Desk {
    wanted: Vec<String>,
    asked: BTreeMap<String, Option<Found>>,
}

impl Names {
    /// Names that nobody was asked for yet; each is given once.
    #[must_use]
    pub fn take_wanted(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().wanted)
    }

    /// A name was looked up.
    pub fn tell(&self, name: &str, found: Found) {
        self.0.borrow_mut().asked.insert(name.to_owned(), Some(found));
    }

    /// A name is to be looked up, if that has not been done in this run.
    pub(super) fn want(&self, name: &str) {
        let mut desk = self.0.borrow_mut();
        if !desk.asked.contains_key(name) {
            desk.asked.insert(name.to_owned(), None);
            desk.wanted.push(name.to_owned());
        }
    }

    /// What was found.
    pub(super) fn found(&self, name: &str) -> Option<Found> {
        self.0.borrow().asked.get(name).cloned().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_once() {
        let names = Names::default();
        let beside = names.clone();
        names.want("a.example");
        names.want("a.example");
        assert_eq!(beside.take_wanted(), ["a.example"]);
        assert_eq!(names.found("a.example"), None);
        beside.tell("a.example", (Err("no".to_owned()), Duration::ZERO));
        names.want("a.example");
        assert!(beside.take_wanted().is_empty() && names.found("a.example").is_some());
    }
}

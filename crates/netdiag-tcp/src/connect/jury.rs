//! Who looks at each attempt as it ends, to judge what is expected of it.

use super::event::Attempt;
use std::fmt;
use std::rc::Rc;

/// What is called with each attempt, and the place of its target in the run.
pub type Look = dyn Fn(usize, &Attempt);

/// Somebody who looks at each attempt; all clones are the same.
#[derive(Clone)]
pub struct Jury(Rc<Look>);

impl Jury {
    /// One that does this with each.
    #[must_use]
    pub fn new(look: Rc<Look>) -> Self {
        Self(look)
    }

    /// An attempt to a target ended.
    pub(super) fn see(&self, target: usize, attempt: &Attempt) {
        (self.0)(target, attempt);
    }
}

impl fmt::Debug for Jury {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jury")
    }
}

//! Results as documents have them. Of a long list each is made when it is looked at, from what little was kept of
//! it: all of them at once would take gigabytes.

use crate::result::Target;
use crate::walk::Walk;
use netdiag_model::contract::{Method, Timestamps};
use netdiag_model::failure::Failure;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::sync::Arc;

/// One question at the end.
#[derive(Clone, Debug)]
pub struct Told(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Whole(Box<Target>),
    Later(Arc<Later>, usize),
}

/// What results are made of.
#[derive(Debug)]
struct Later {
    walk: Arc<Walk>,
    method: Method,
    /// How the whole run was measured.
    weakest: Method,
    endpoints: Vec<String>,
    failure: Option<Failure>,
}

impl Told {
    /// All of a run whose results are these, or, where there are none, are to be made by these.
    #[must_use]
    pub fn all(
        whole: Vec<Target>,
        walk: &Arc<Walk>,
        method: &Method,
        failure: Option<Failure>,
    ) -> Vec<Self> {
        if !walk.is_long() {
            return whole.into_iter().map(Self::from).collect();
        }
        let plain = walk.plain();
        let by_user = plain.pairs.iter().any(|pair| pair.user_stamps > 0);
        let timestamps = if by_user { Timestamps::User } else { method.timestamps };
        let later = Arc::new(Later {
            walk: Arc::clone(walk),
            method: method.clone(),
            weakest: Method { timestamps, ..method.clone() },
            endpoints: plain.endpoints(),
            failure,
        });
        let places = 0..plain.config.targets.len();
        places.map(|place| Self(Kind::Later(Arc::clone(&later), place))).collect()
    }

    /// What was found.
    ///
    /// # Panics
    /// Never: all are of questions that were asked.
    #[must_use]
    pub fn target(&self) -> Cow<'_, Target> {
        match &self.0 {
            Kind::Whole(target) => Cow::Borrowed(target),
            Kind::Later(later, place) => {
                let made = later.walk.plain().result_at(*place, &later.method, &later.endpoints);
                let made = made.expect("there is a question for each");
                Cow::Owned(Target { failure: later.failure.clone(), ..made })
            }
        }
    }

    /// How it was measured; of a long list how all was.
    #[must_use]
    pub fn method(&self) -> Option<&Method> {
        match &self.0 {
            Kind::Whole(target) => target.method.as_ref(),
            Kind::Later(later, _) => Some(&later.weakest),
        }
    }
}

impl From<Target> for Told {
    fn from(target: Target) -> Self {
        Self(Kind::Whole(Box::new(target)))
    }
}

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.target().serialize(serializer)
    }
}

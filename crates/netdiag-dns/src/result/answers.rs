//! The records of an answer, which of a whole zone are made when they are written.

use crate::message::Record;
use crate::question::Question;
use crate::transfer::Transferred;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use std::ops::Deref;
use std::sync::Arc;

/// Records, as a list; those of a transfer, that was kept, are there only when it is written.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    own: Vec<Record>,
    kept: Option<(Arc<Transferred>, Box<Question>)>,
}

impl Answers {
    /// Those of a transfer.
    pub(super) fn of(kept: &Arc<Transferred>, question: &Question) -> Self {
        let kept = Some((Arc::clone(kept), Box::new(question.clone())));
        Self { own: Vec::new(), kept }
    }

    /// Does something with each, those of a transfer too.
    ///
    /// # Errors
    /// The first that comes of it.
    pub fn each<E>(&self, mut what: impl FnMut(&Record) -> Result<(), E>) -> Result<(), E> {
        match &self.kept {
            Some((kept, question)) => kept.each(question, what),
            None => self.own.iter().try_for_each(&mut what),
        }
    }

    /// Takes those of a transfer away, so that they are written one by one by whoever has them.
    pub fn take_kept(&mut self) -> Option<(Arc<Transferred>, Box<Question>)> {
        self.kept.take()
    }
}

impl From<Vec<Record>> for Answers {
    fn from(own: Vec<Record>) -> Self {
        Self { own, kept: None }
    }
}

impl Deref for Answers {
    type Target = Vec<Record>;

    fn deref(&self) -> &Vec<Record> {
        &self.own
    }
}

impl<'a> IntoIterator for &'a Answers {
    type Item = &'a Record;
    type IntoIter = std::slice::Iter<'a, Record>;

    fn into_iter(self) -> Self::IntoIter {
        self.own.iter()
    }
}

impl Serialize for Answers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.kept.is_none() {
            return self.own.serialize(serializer);
        }
        let mut list = serializer.serialize_seq(None)?;
        self.each(|record| list.serialize_element(record))?;
        list.end()
    }
}

/// What is shared, as if it were not.
pub(super) fn shared<S: Serializer>(
    it: &Option<Arc<Transferred>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    it.as_deref().serialize(serializer)
}

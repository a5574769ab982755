//! Where the CNAMEs of an answer lead.

use crate::kind::RecordType;
use crate::message::Record;

/// So many are followed: resolvers follow fewer.
const MOST: usize = 64;

/// The names that CNAMEs lead to from one, and whether they come back to one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aliases<'a> {
    /// The name itself, then each that the one before it leads to.
    pub(crate) names: Vec<&'a str>,
    /// The last leads back to one of them, and stands there again.
    pub(crate) is_circle: bool,
}

impl<'a> Aliases<'a> {
    /// Those of a name, in the records of an answer of one class.
    pub(crate) fn of(name: &'a str, class: &str, answers: &'a [Record]) -> Self {
        let mut all = Self { names: vec![name], is_circle: false };
        while all.names.len() <= MOST {
            let at = all.last();
            let next = answers
                .iter()
                .find(|record| record.number == RecordType::CNAME && is_of(record, at, class));
            let Some(next) = next.map(|record| record.data.as_str()) else { break };
            all.is_circle = all.names.iter().any(|name| name.eq_ignore_ascii_case(next));
            all.names.push(next);
            if all.is_circle {
                break;
            }
        }
        all
    }

    /// The name that they end with.
    pub(crate) fn last(&self) -> &'a str {
        self.names.last().copied().unwrap_or_default()
    }

    /// They lead anywhere.
    pub(crate) fn lead(&self) -> bool {
        self.names.len() > 1
    }

    /// In words, where they lead to nothing.
    pub(crate) fn unfinished(&self) -> Option<String> {
        if self.is_circle {
            return Some(format!("a CNAME loop, {}", self.names.join(" -> ")));
        }
        self.lead().then(|| format!("a CNAME of {}, of which nothing is said", self.last()))
    }
}

/// Whether a record is one of a name in a class; any, where all were asked for.
pub(crate) fn is_of(record: &Record, name: &str, class: &str) -> bool {
    record.name.as_str().eq_ignore_ascii_case(name) && (record.class == class || class == "ANY")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Presented;

    fn cname(from: &str, class: &'static str, to: &str) -> Record {
        let presented = |text: &str| Presented::new(text.to_owned());
        Record {
            name: presented(from),
            kind: "CNAME".into(),
            class: class.into(),
            ttl: 1,
            data: presented(to),
            number: RecordType::CNAME,
        }
    }

    #[test]
    fn they_lead_in_any_order_and_circles_end() {
        let chain =
            [cname("B.z.", "IN", "c."), cname("a.z.", "IN", "b.z."), cname("c.", "CH", "d.")];
        let all = Aliases::of("A.z.", "IN", &chain);
        assert_eq!((all.names.as_slice(), all.is_circle), (&["A.z.", "b.z.", "c."][..], false));
        assert_eq!(all.unfinished().as_deref(), Some("a CNAME of c., of which nothing is said"));
        assert_eq!(Aliases::of("x.", "IN", &chain).unfinished(), None);
        let circle = [cname("a.", "IN", "b."), cname("b.", "IN", "A.")];
        let all = Aliases::of("a.", "IN", &circle);
        assert_eq!(all.unfinished().as_deref(), Some("a CNAME loop, a. -> b. -> A."));
        let own = [cname("a.", "IN", "a.")];
        assert_eq!(Aliases::of("a.", "IN", &own).names, ["a.", "a."]);
    }
}

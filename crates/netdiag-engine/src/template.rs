//! What many probes have in common, remembered once for all of them.

use crate::port::{Control, Over};
use crate::probe::Pattern;
use std::collections::BTreeMap;
use std::time::Duration;

/// What probes of one kind share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Template {
    /// Whose they are.
    pub(crate) measurement: u32,
    pub(crate) timeout_nanos: u64,
    pub(crate) is_ipv6: bool,
    pub(crate) control: Control,
    pub(crate) patience: Duration,
    /// The destination port of UDP and TCP probes.
    pub(crate) port: u16,
    /// The local port of a connection; 0: any.
    pub(crate) source_port: u16,
    /// By which protocol a connection is opened.
    pub(crate) over: Over,
    /// It stays open.
    pub(crate) stays: bool,
    pub(crate) size: u16,
    pub(crate) pattern: Pattern,
    pub(crate) body: Body,
    /// What sequence number and data add up to, where the checksum is kept constant.
    pub(crate) balance: Option<u16>,
    /// Whether anybody may answer.
    pub(crate) group: bool,
}

/// What stands behind the header of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Body {
    /// Index, sequence number, tag and filling.
    #[default]
    Data,
    /// The time of the day in milliseconds, of a timestamp request.
    Originate(u32),
    /// A question about an interface, by its number.
    Question(u16),
    /// The options of a SYN that offers this MSS, and whether it asks for explicit congestion
    /// notification.
    Syn(u16, bool),
}

/// The templates of the probes that are remembered, by number.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    held: Vec<Held>,
    numbers: BTreeMap<Template, u32>,
    free: Vec<u32>,
    /// The number given last: most probes are like the one before.
    last: u32,
}

#[derive(Debug)]
struct Held {
    template: Template,
    /// How many remembered probes have it.
    probes: u64,
}

impl Templates {
    /// The number of a template that one more probe has.
    pub(crate) fn take(&mut self, template: &Template) -> u32 {
        let number = match self.held.get(self.last as usize) {
            Some(held) if held.probes > 0 && held.template == *template => self.last,
            _ => self.numbers.get(template).copied().unwrap_or_else(|| self.add(template)),
        };
        if let Some(held) = self.held.get_mut(number as usize) {
            held.probes += 1;
        }
        self.last = number;
        number
    }

    /// A probe that had the template of this number is forgotten.
    pub(crate) fn give_back(&mut self, number: u32) {
        let Some(held) = self.held.get_mut(number as usize) else { return };
        held.probes = held.probes.saturating_sub(1);
        if held.probes == 0 {
            self.numbers.remove(&held.template);
            self.free.push(number);
        }
    }

    pub(crate) fn get(&self, number: u32) -> &Template {
        &self.held.get(number as usize).expect("a remembered probe has a template").template
    }

    fn add(&mut self, template: &Template) -> u32 {
        let held = Held { template: *template, probes: 0 };
        let number = match self.free.pop() {
            Some(number) => {
                self.held[number as usize] = held;
                number
            }
            None => {
                self.held.push(held);
                u32::try_from(self.held.len() - 1).expect("fewer templates than probes")
            }
        };
        self.numbers.insert(*template, number);
        number
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }
}

//! HTTP/1.1: requests over one connection, one after the other (RFC 9112).

mod body;
mod head;
#[cfg(test)]
mod tests;

use crate::client::Event;
use crate::fault::{Fault, Reason};
use crate::message::{Method, Request};
use body::{Body, NoLength, Progress};
use head::Read;
use std::collections::VecDeque;

/// How many answers may come on the way to the one that counts.
const MOST_INTERIM: u32 = 32;

/// A connection.
#[derive(Debug, Default)]
pub(crate) struct One {
    /// The number of the next request.
    next: u64,
    /// Requests that wait until those before them are answered.
    queue: VecDeque<(u64, Method, Vec<u8>)>,
    /// The one that is waited for.
    current: Option<Current>,
    /// What is to be sent.
    output: Vec<u8>,
    /// What came of the next head.
    pending: Vec<u8>,
    /// Why it takes no more requests.
    over: Option<Fault>,
}

/// A request that was sent.
#[derive(Debug)]
struct Current {
    number: u64,
    method: Method,
    interim: u32,
    /// Its answer, once its head is whole.
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Answer {
    body: Body,
    /// How many bytes of it came.
    came: u64,
    keeps_alive: bool,
}

impl One {
    pub(crate) fn ask(&mut self, request: &Request) -> u64 {
        let number = self.next;
        self.next += 1;
        self.queue.push_back((number, request.method, written(request)));
        self.go_on();
        number
    }

    /// Sends the next request, if its turn has come.
    fn go_on(&mut self) {
        if self.current.is_some() || self.over.is_some() {
            return;
        }
        if let Some((number, method, bytes)) = self.queue.pop_front() {
            self.current = Some(Current { number, method, interim: 0, answer: None });
            self.output.extend(bytes);
        }
    }

    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.over.is_none()
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut bytes = bytes.to_vec();
        while self.over.is_none() {
            let Some(current) = &mut self.current else {
                if !bytes.is_empty() {
                    // Nothing was asked: what comes now answers nothing.
                    self.over = Some(Fault::malformed("nothing was asked", &bytes));
                }
                break;
            };
            let Some(answer) = &mut current.answer else {
                self.pending.append(&mut bytes);
                match self.head(&mut events) {
                    Some(rest) => bytes = rest,
                    None => break,
                }
                continue;
            };
            let number = current.number;
            let came = &mut answer.came;
            let progress = answer.body.take(&bytes, |text| {
                *came = came.saturating_add(text.len() as u64);
                if !text.is_empty() {
                    events.push(Event::Body(number, text.to_vec()));
                }
            });
            match progress {
                Progress::More => break,
                Progress::Ended(taken) => {
                    bytes = bytes.split_off(taken.min(bytes.len()));
                    self.finish(&mut events);
                }
                Progress::Broken => {
                    self.fail(&Fault::malformed("chunks that are none", &[]), &mut events)
                }
            }
        }
        self.clear(&mut events);
        events
    }

    /// Reads the head of an answer; what stands behind it, once it is whole.
    fn head(&mut self, events: &mut Vec<Event>) -> Option<Vec<u8>> {
        let current = self.current.as_mut()?;
        let (head, len) = match head::read(&self.pending) {
            Read::Partial => return None,
            Read::Broken(why) => {
                let fault = Fault::malformed(&why, &self.pending);
                self.fail(&fault, events);
                return None;
            }
            Read::Whole(head, len) => (head, len),
        };
        let rest = self.pending.split_off(len);
        self.pending.clear();
        if matches!(head.status, 100..=199) {
            current.interim += 1;
            events.push(Event::Interim(current.number, head.status));
            if current.interim > MOST_INTERIM || head.status == 101 {
                let why = if head.status == 101 { "another protocol" } else { "no end of 1xx" };
                self.fail(&Fault::malformed(why, &[]), events);
                return None;
            }
            return Some(rest);
        }
        let keeps_alive = head.keeps_alive();
        match Body::of(&head, current.method) {
            Ok(body) => {
                current.answer = Some(Answer { body, came: 0, keeps_alive });
                events.push(Event::Head(current.number, head));
                Some(rest)
            }
            Err(NoLength) => {
                events.push(Event::Head(current.number, head));
                self.fail(&Fault::malformed("a length that is none", &[]), events);
                None
            }
        }
    }

    /// The answer is whole.
    fn finish(&mut self, events: &mut Vec<Event>) {
        let Some(current) = self.current.take() else { return };
        let answer = current.answer;
        let trailers = answer.as_ref().map(|answer| answer.body.trailers()).unwrap_or_default();
        events.push(Event::End(current.number, trailers));
        if !answer.is_some_and(|answer| answer.keeps_alive) {
            let mut fault = Fault::closed("it was asked for this");
            fault.is_untouched = true;
            self.over = Some(fault);
        }
        self.go_on();
    }

    /// Nothing more comes of the connection.
    fn fail(&mut self, fault: &Fault, events: &mut Vec<Event>) {
        if let Some(current) = self.current.take() {
            events.push(Event::Failed(current.number, fault.clone()));
        }
        let over = Fault { is_untouched: true, ..fault.clone() };
        self.over.get_or_insert(over);
    }

    /// Requests that were never sent come to nothing.
    fn clear(&mut self, events: &mut Vec<Event>) {
        let Some(over) = &self.over else { return };
        let waiting = self.queue.drain(..);
        events.extend(waiting.map(|(number, ..)| Event::Failed(number, over.clone())));
    }

    pub(crate) fn end(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let answer = self.current.as_ref().and_then(|current| current.answer.as_ref());
        match answer {
            Some(Answer { body: Body::UntilClose, .. }) => self.finish(&mut events),
            Some(Answer { body, came, .. }) => {
                let missing = body.missing().map(|missing| came.saturating_add(missing));
                let of = missing.map(|all| format!(" of {all}")).unwrap_or_default();
                let before = format_args!("the answer was whole, after {came}{of} bytes of it");
                let fault = Fault::closed(before);
                self.fail(&fault, &mut events);
            }
            None if !self.pending.is_empty() => {
                self.fail(&Fault::closed("the head of an answer was whole"), &mut events);
            }
            None => self.fail(&Fault::closed("an answer came"), &mut events),
        }
        self.over.get_or_insert_with(|| Fault {
            reason: Reason::Closed,
            message: "the other end has closed the connection".to_owned(),
            is_untouched: true,
        });
        self.clear(&mut events);
        events
    }
}

/// A request as it is sent (RFC 9112 section 3).
fn written(request: &Request) -> Vec<u8> {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nHost: {}\r\n",
        request.method.name(),
        request.url.path,
        request.authority()
    );
    for (name, value) in request.all_fields() {
        text.push_str(&format!("{}: {value}\r\n", capitals(name)));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend(&request.body);
    bytes
}

/// The name of a field as it has been written for long: `User-Agent`.
fn capitals(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        let (first, rest) = part.split_at(part.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    parts.collect::<Vec<String>>().join("-")
}

//! Any bytes as what a server of HTTP/3 says.

use netdiag_http::three::Three;
use netdiag_http::{Event, Request, Url};
use std::collections::BTreeSet;

/// How many requests are made.
const REQUESTS: u64 = 3;

/// Takes the input as pieces, each behind a byte that says of which stream it is and whether that ends, and
/// one that says how long it is: nothing panics, each request has one end, and nothing is told behind that.
pub(crate) fn feed(input: &[u8]) {
    let mut three = Three::default();
    let get = Request::get(&Url::parse("https://a.example/").expect("a URL"));
    for number in 0..REQUESTS {
        assert_eq!(three.ask(&get).0, number);
    }
    let (mut rest, mut events) = (input, Vec::new());
    while let [how, length, more @ ..] = rest {
        let (bytes, after) = more.split_at(usize::from(*length).min(more.len()));
        rest = after;
        let (stream, is_over) = (u64::from(how & 7), how & 0x80 != 0);
        let is_answer = stream < REQUESTS;
        events.extend(match is_answer {
            true => three.hear(stream, bytes),
            false => three.hear_beside(stream, bytes),
        });
        if is_over {
            events.extend(match is_answer {
                true => three.end(stream),
                false => three.end_beside(stream),
            });
        }
        if let Some(least) = three.least() {
            let behind: Vec<u64> = (0..REQUESTS).filter(|number| number * 4 >= least).collect();
            events.extend(three.untouched(&behind));
        }
    }
    for number in 0..REQUESTS {
        events.extend(three.end(number));
    }
    let mut ended = BTreeSet::new();
    for event in events {
        let (Event::Interim(number, _)
        | Event::Head(number, _)
        | Event::Body(number, _)
        | Event::End(number, _)
        | Event::Failed(number, _)) = event;
        assert!(!ended.contains(&number), "request {number} has ended");
        if matches!(event, Event::End(..) | Event::Failed(..)) {
            ended.insert(number);
        }
    }
    assert_eq!(ended.len() as u64, REQUESTS, "each has an end");
}

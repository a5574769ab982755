//! What stands in files, and what is said of wrong ones.

use super::*;

const SITE: &str = "\
deadline = '30s'

[defaults]
deadline = 5
retries = 1
tags = ['site']
[defaults.ping]
count = 3

[[check]]
name = 'gateway'
kind = 'ping'
target = '192.0.2.1'
expect = 'loss<1%'
warn = 'p95<80ms'
interval = 0.2

[[check]]
kind = 'dns'
target = 'a.example MX'
depends_on = 'gateway'
tags = ['x', 'y']
retries = 0
no-edns = true
";

#[test]
fn a_file_says_what_stands_where() {
    let file = File::parse(SITE).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.deadline.as_ref().map(|text| text.text.as_str()), Some("30s"));
    assert_eq!((file.defaults.retries, file.defaults.tags.len()), (Some(1), 1));
    assert_eq!(file.defaults.deadline.as_ref().map(|text| text.text.as_str()), Some("5"));
    let (kind, choices) = &file.defaults.kinds[0];
    assert_eq!((kind.text.as_str(), choices[0].values[0].text.as_str()), ("ping", "3"));
    let [ping, dns] = file.checks.as_slice() else { panic!("{:?}", file.checks) };
    assert_eq!(ping.place.line, 10);
    assert_eq!(ping.expect.as_ref().map(|text| text.place), Some(Place { line: 14, column: 10 }));
    let interval = &ping.options[0];
    assert_eq!((interval.key.text.as_str(), interval.values[0].text.as_str()), ("interval", "0.2"));
    let targets: Vec<&str> = dns.targets.iter().map(|text| text.text.as_str()).collect();
    assert_eq!((targets, dns.retries), (vec!["a.example", "MX"], Some(0)));
    assert!(dns.options[0].values.is_empty() && !dns.options[0].is_off);
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_column() {
    let check = |text: &str, place: (usize, usize), part: &str| {
        let error = File::parse(text).expect_err(text);
        assert_eq!((error.place.line, error.place.column), place, "{text}: {error}");
        assert!(error.message.contains(part), "{text}: {error}");
    };
    check("[[check]\n", (1, 9), "expected");
    check("", (1, 1), "[[check]]");
    check("[[check]]\nkind = 'ping'\n", (1, 1), "no `target`");
    check("[[check]]\ntarget = 'a'\n", (1, 1), "no `kind`");
    check("[[check]]\nkind = 'ping'\ntarget = 3\n", (3, 10), "a string or a list of strings");
    check("[[check]]\nkind = 'ping'\ntarget = 'a'\nretries = -1\n", (4, 11), "0 to 100");
    check("[[check]]\nkind = 'ping'\ntarget = 'a'\nretries = 1.5\n", (4, 11), "fraction");
    check("x = 1\n", (1, 1), "`x` is no key here");
    check("[defaults]\nfoo = 1\n", (2, 1), "`foo` is no key here");
    check("check = 'a'\n", (1, 9), "a list of tables");
    check("[[check]]\nkind = 'ping'\ntarget = 'a'\nkind = 'tcp'\n", (4, 1), "duplicate");
}

#[test]
fn what_is_no_text_is_told_by_its_place_too() {
    let error = File::from_bytes(b"[[check]]\nname = '\xc3\xa9\xe9'\n").expect_err("Latin-1");
    assert_eq!((error.place.line, error.place.column), (2, 10), "{error}");
    assert!(error.message.contains("0xe9"), "{error}");
    assert_eq!(File::from_bytes(SITE.as_bytes()), File::parse(SITE));
    // One that is too long is not looked at, wherever it was cut off.
    let long = vec![0xe9; MAX_BYTES + 1];
    let error = File::from_bytes(&long).expect_err("too long");
    assert!(error.message.contains("more than"), "{error}");
}

#[test]
fn no_text_makes_the_reading_panic() {
    for end in 0..SITE.len() {
        let _ = File::parse(SITE.get(..end).unwrap_or_default());
        let mut broken = SITE.to_owned();
        broken.replace_range(end..=end, "\u{fc}'");
        let _ = File::parse(&broken);
    }
}

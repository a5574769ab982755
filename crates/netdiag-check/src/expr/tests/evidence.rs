//! What a verdict says for itself.

use netdiag_model::metrics::MetricValue;

use super::{Values, parse};

#[test]
fn a_failure_names_what_decided() {
    let check = |text: &str, metrics: &str, expect: &str| {
        let evidence = parse(text).fails(&Values::from(metrics));
        let shown = evidence.map_or_else(|| "passes".to_owned(), |e| e.to_string());
        assert_eq!(shown, expect, "{text} on {metrics}");
    };
    check("loss>5%", "loss=10", "loss = 10 % > 5 %");
    check("loss>5%", "loss=5", "passes");
    check("loss>5%", "loss=5.00001", "loss = 5.00001 % > 5 %");
    check("p95>80", "", "p95 has no value");
    check("loss>5 or p95>0.2s", "loss=0 p95=200.12345", "p95 = 200.123 ms > 200 ms");
    check("loss>5 or p95>80", "loss=100", "loss = 100 % > 5 %");
    check("loss>5 or p95>80", "loss=0", "p95 has no value");
    check("loss>5 or p95>80", "loss=6 p95=81", "loss = 6 % > 5 %; p95 = 81 ms > 80 ms");
    check("loss>5 and p95>80", "loss=6", "loss = 6 % > 5 %; p95 has no value");
    check("p95>80 or p95<1", "", "p95 has no value");
    check("not (loss<5 and reached)", "loss=6 reached=no", "loss = 6 % >= 5 %; reached = false");
    check("status=404", "status=404", "status = 404");
    check("status!=200", "status=404", "status = 404 != 200");
    check("path_mtu<1500", "path_mtu=1400", "path_mtu = 1400 bytes < 1500 bytes");
    check("body~\\d", "body=a1\u{1b}", "body = \"a1\\u{1b}\" ~ \"\\d\"");
}

#[test]
fn an_expectation_names_the_first_clause_that_does_not_hold() {
    let check = |text: &str, metrics: &str, expect: &str| {
        let shown = match parse(text).holds(&Values::from(metrics)) {
            Ok(()) => "holds".to_owned(),
            Err(evidence) => evidence.to_string(),
        };
        assert_eq!(shown, expect, "{text} on {metrics}");
    };
    let both = "status=200; ttfb<100ms";
    check(both, "status=200 first_byte=99", "holds");
    check(both, "status=404 first_byte=101", "status = 404, expected 200");
    check(both, "status=200 first_byte=101", "first_byte = 101 ms, expected < 100 ms");
    check(both, "status=200", "first_byte has no value, expected < 100 ms");
    check("p95<80; status=200", "status=404", "p95 has no value, expected < 80 ms");
    check("status=200 or status=204", "status=500", "status = 500, expected 200 or 204");
    check(
        "status=200 or loss<1 or reached",
        "status=500 loss=3 reached=no",
        "status = 500, expected 200; loss = 3 %, expected < 1 %; reached = false, expected true",
    );
    check("header:x~^y", "header:x=zy", "header:x = \"zy\", expected ~ \"^y\"");
    check("p95<80 or loss<1", "loss=0", "holds");
}

#[test]
fn evidence_can_be_taken_apart() {
    let evidence = parse("not avg<1s").fails(&Values::from("mean=1500")).expect("it fails");
    let [reason] = evidence.reasons() else { panic!("one reason: {evidence}") };
    assert_eq!(reason.metric(), "mean");
    assert_eq!(reason.clause(), "mean >= 1000ms");
    assert_eq!(reason.measured(), Some(&MetricValue::Number(1500.0)));
}

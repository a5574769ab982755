//! What an expression decides.

use super::{Values, parse};
use crate::expr::Verdict;

/// `expect` is `true`, `false`, or the metric without a value.
fn check(text: &str, metrics: &str, expect: &str) {
    let expect = match expect {
        "true" => Verdict::True,
        "false" => Verdict::False,
        metric => Verdict::NoValue { metric: metric.to_owned() },
    };
    assert_eq!(parse(text).evaluate(&Values::from(metrics)), expect, "{text} on {metrics}");
}

#[test]
fn numbers_are_compared_in_the_metrics_own_unit() {
    check("loss>5", "loss=10", "true");
    check("loss>5%", "loss=5", "false");
    check("LOSS >= 5 %", "loss=5", "true");
    check("p95>0.2s", "p95=201", "true");
    check("p95 < 200 ms", "p95=199", "true");
    check("p95=80000us", "p95=80", "true");
    check("days_left<36h", "days_left=1.4", "true");
    check("days_left<14", "days_left=14", "false");
    check("uptime>=1.5m", "uptime=90", "true");
    check("status==200", "status=200", "true");
    check("status!=200", "status=200", "false");
    check("path_mtu<=1.5e3", "path_mtu=1500", "true");
    check("sent>-1", "sent=0", "true");
}

#[test]
fn text_is_the_same_or_matches() {
    check("rcode=NOERROR", "rcode=NOERROR", "true");
    check("rcode = noerror", "rcode=NOERROR", "false");
    check("rcode~(?i)^noerror$", "rcode=NOERROR", "true");
    check("body~ok|fine", "body=all-fine", "true");
    check("body !~ 'err(or)?'", "body=error", "false");
    check("(body~a(b|c)d)", "body=acd", "true");
    check("header:Content-Type=text/html", "header:content-type=text/html", "true");
    check("head:x~^y", "header:x=zy", "false");
    check("rcode=200", "rcode=2OO", "false");
    check(r#"body~"^\w+""#, "body=x", "true");
}

#[test]
fn yes_or_no_may_stand_alone() {
    check("reached", "reached=yes", "true");
    check("not reached", "reached=yes", "false");
    check("Reached = No", "reached=no", "true");
    check("reached != true", "reached=no", "true");
    check("reached and loss=0", "reached=yes loss=0", "true");
}

#[test]
fn and_binds_tighter_than_or_and_the_semicolon_loosest() {
    check("loss>5 or p95>80 and jitter>10", "loss=6 p95=0 jitter=0", "true");
    check("(loss>5 or p95>80) and jitter>10", "loss=6 p95=0 jitter=0", "false");
    check("loss>5 or p95>80; jitter>10", "loss=6 p95=0 jitter=0", "false");
    check("not loss>5 and p95>80", "loss=0 p95=81", "true");
    check("not (loss>5 and p95>80)", "loss=0 p95=81", "true");
    check("NOT not(loss>5)OR(p95>80)", "loss=0 p95=81", "true");
    check("status=200; ttfb<100ms;", "status=200 first_byte=99", "true");
    check("(status=200;); avg<1", "status=200 mean=0.5", "true");
}

#[test]
fn a_missing_value_leaves_open_what_it_could_change() {
    check("p95>80", "", "p95");
    check("not p95>80", "", "p95");
    check("p95>80 or loss>5", "loss=6", "true");
    check("p95>80 or loss>5", "loss=0", "p95");
    check("p95>80 and loss>5", "loss=0", "false");
    check("p95>80 and loss>5", "loss=6", "p95");
    check("not (p95>80 and loss>5)", "loss=0", "true");
    check("jitter>1 or p95>80", "", "jitter");
    check("p95>80", "p95=NaN", "p95");
    check("p95>80", "p95=inf", "p95");
    check("p95>80", "p95=fast", "p95");
    check("reached", "reached=1", "reached");
}

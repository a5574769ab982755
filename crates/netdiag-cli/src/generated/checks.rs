//! What manual pages say of `check` and `wait-for` beside their options.

use super::{exit_status, signals};

pub(super) fn check_sections() -> String {
    let exit = exit_status(
        "Every check passes, perhaps with a warning, or was skipped.",
        "At least one fails.",
    );
    let progress = "prints on standard error how far it has come";
    exit + CHECK_SECTIONS + &signals("what is known", "", progress)
}

pub(super) fn wait_for_sections() -> String {
    let exit = exit_status(
        r"It is ready: all of it, or with \-\-any one.",
        "It was not ready in time; the last cause is said.",
    );
    let progress = "prints on standard error how far it has come";
    exit + WAIT_FOR_SECTIONS + &signals("what is known", "", progress)
}

const CHECK_SECTIONS: &str = r#"3 also where some checks could be measured, none of them fails, and at least one could not be, also
beside a warning, which is the status of the document then. With \-\-output nagios the codes are those of a
monitoring plugin: 0 ok, 1 warning, also beside what could not be measured, 2 critical, 3 unknown, also for
a usage error.
.SH CHECKS
A check on the command line is
.PP
.nf
KIND [\-\-option=value...] TARGET [expect VALUE] [@SERVER...] [EXPR] [warn EXPR]
.fi
.PP
KIND is ping, tcp, syn, dns, trace, mtu or sockets; options are the long ones of its command (tcp:
netdiag\-tcp\-connect(1)). The target of sockets is a filter (netdiag\-sockets(1)), or nothing for all of
them, and something must be expected of their number (count) or another metric. EXPR must hold over its metrics (netdiag schema \-\-metrics); what stands
behind warn only makes a warning. VALUE is the data of a record for dns, and a regular expression for
what the service says first for tcp. Whatever is expected, the target must have answered, unless EXPR
itself names an outcome, such as loss, refused or rcode; of several ports each must be open.
.SH FILES
.nf
deadline = "60s"              # for all of them

[defaults]
deadline = "10s"              # for each
retries = 1
[defaults.ping]
count = 5

[[check]]
name = "gateway"
kind = "ping"
target = "192.0.2.1"
expect = "loss<1%"
warn = "p95<80ms"
tags = ["lan"]

[[check]]
name = "mail"
kind = "tcp"
target = "mail.example.net:25"
answer = "^220 "
depends_on = "gateway"
.fi
.PP
Every other key is an option of the kind; retries is that of the check, and that of a command of this
name stands in the defaults of its kind. netdiag schema check\-file prints the schema. Where
something is wrong, line and column are told, and nothing is measured.
.SH STATUS
pass; warn: it passes, but not what was expected for it to be well; fail; unknown: it could not be
measured from here; skip: one that it depends on does not pass.
"#;

const WAIT_FOR_SECTIONS: &str = r#".SH NOTES
An attempt waits a second for each of its steps, such as a connection, TLS or an answer, and the next
begins before that. A page is ready when the head of its answer has a status below 400; its body is not
read, and where it leads to is not looked at. A connection whose other end
is its own, which the kernel can make where nobody listens at a port of its own range, is not ready.
"#;

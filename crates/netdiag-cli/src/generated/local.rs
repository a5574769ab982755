//! The pages of the commands that send nothing.

use super::exit_status;

pub(super) fn sockets_sections() -> String {
    let exit = exit_status(
        r"The sockets were listed, and no \-\-fail\-if holds.",
        r"A \-\-fail\-if holds.",
    );
    let all = netdiag_sockets::thresholds::ALL.iter().map(|threshold| {
        let name = threshold.name.replace('-', "\\-");
        format!(".TP\n\\fB{name}={}\\fR\n{}\n", threshold.default, threshold.meaning)
    });
    format!("{exit}{SOCKETS_SECTIONS}.SH THRESHOLDS\n{}", all.collect::<String>())
}

pub(super) const EXPLAIN_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag explain CLOSE\-WAIT
netdiag explain close\-wait\-leak
netdiag explain icmp 3/13
netdiag explain tcp\-states
netdiag explain \-\-json '!X' | jq \-r '.explanations[].next'
.fi
.SH "EXIT STATUS"
.TP
\fB0\fR
It was explained.
.TP
\fB1\fR
Nothing is called so; the nearest names are said.
.TP
\fB2\fR
A usage error.
"#;

const SOCKETS_SECTIONS: &str = r#".SH EXAMPLES
.nf
netdiag sockets :443
netdiag sockets \-\-processes state close\-wait and not dst 127.0.0.0/8
netdiag sockets \-\-summary \-\-fail\-if 'findings.warning > 0'
.fi
.SH PRIVILEGES
Every user can list all sockets. The descriptors of other users' processes are seen with CAP_SYS_PTRACE
and CAP_DAC_READ_SEARCH, as root has them; all other capabilities are given up before the tables are
read. Without these two an owner that may be another user's is shown as not visible.
Other network namespaces are entered with CAP_SYS_ADMIN before it is given up; those that could not be
are said.
.SH NOTES
Ages come from the sockets themselves: the time since the last acknowledgement, which the kernel keeps
of each connection. Of suspects up to 512 of a kind are looked at for it. A table that changes while it
is read is read again, up to three times, and the verdict says so: connections began or ended between
two parts of it, which the counters of the kernel tell, or the kernel said so itself.
.PP
How many connections are in each state only the tables tell, which takes a tenth of a second for 100,000.
The kernel itself counts TCP sockets, TIME\-WAIT, and ESTABLISHED and CLOSE\-WAIT together:
\fB\-\-summary=totals\fR shows these, and no table is read. \fB\-\-summary=states\fR reads the tables and
looks at no process.
.PP
Of several processes that have one socket the oldest is named first, and in findings the others, too.
"#;

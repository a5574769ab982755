//! What was typed, as what is wanted.

use crate::args::SocketsArguments;
use crate::args::form::Output;
use crate::args::sockets::{ClassicProgram, SummaryOf};
use netdiag_check::expr::{Expr, ExprError};
use netdiag_sockets::filter::Names;
use netdiag_sockets::look::Plan;
use netdiag_sockets::metrics::{METRICS, TOTALS};
use netdiag_sockets::thresholds::Thresholds;
use netdiag_sockets::{Filter, Protocol};

/// What is wanted; it cannot be invalid.
pub(super) struct Checked {
    pub(super) plan: Plan,
    pub(super) fail_if: Option<Expr>,
}

/// Checks the arguments, in which these names stand for numbers.
///
/// # Errors
/// What is wrong with them, in a line; of a filter and of --fail-if in two more where.
pub(super) fn check(arguments: &SocketsArguments, names: Names<'_>) -> Result<Checked, String> {
    let mut thresholds = Thresholds::default();
    for text in &arguments.threshold {
        thresholds.set(text).map_err(|fault| format!("--threshold {text}: {fault}"))?;
    }
    if arguments.watch.is_some() {
        watchable(arguments)?;
    }
    // What is watched of a summary are the totals, which change.
    let is_totals = arguments.summary == Some(SummaryOf::Totals)
        || (arguments.summary.is_some() && arguments.watch.is_some());
    if is_totals {
        no_table(arguments)?;
    }
    let metrics = if is_totals { TOTALS } else { METRICS };
    let parsed = |text| {
        let wrong = |fault: ExprError| format!("--fail-if: {fault}\n{}", fault.pointer(text));
        Expr::parse(text, metrics).map_err(wrong)
    };
    let fail_if = arguments.fail_if.as_deref().map(parsed).transpose()?;
    if arguments.audit && arguments.form.output() == Output::Csv {
        return Err("--audit has no table of sockets: --output text, json or jsonl".to_owned());
    }
    let filter = filter(arguments, names)?;
    let implied = filter.as_ref().is_some_and(Filter::implies_owners);
    let has_owners = arguments.procfs.is_none();
    let names_owners = filter.as_ref().is_some_and(Filter::names_owners);
    if !has_owners && (names_owners || arguments.classic == Some(ClassicProgram::Lsof)) {
        let what = if names_owners { "pid and process" } else { "--classic=lsof" };
        return Err(format!("--procfs: owners are not in saved tables, so that {what} has no use"));
    }
    let plan = Plan {
        protocols: match () {
            () if is_totals => Vec::new(),
            () if arguments.audit => vec![Protocol::Tcp],
            () => protocols(arguments),
        },
        owners: match arguments.watch {
            Some(_) => arguments.processes || names_owners,
            None if !has_owners => false,
            None => {
                arguments.processes
                    || arguments.summary == Some(SummaryOf::All)
                    || arguments.audit
                    || arguments.classic == Some(ClassicProgram::Lsof)
                    || (implied && arguments.summary.is_none() && arguments.classic.is_none())
                    || names_owners
            }
        },
        listening: arguments.listening || arguments.audit,
        info: arguments.verbose,
        summary: arguments.summary.is_some() || arguments.audit,
        also: 0,
        whole: arguments.fail_if.is_some() || arguments.summary.is_some(),
        apart: arguments.summary == Some(SummaryOf::All) || arguments.audit,
        thresholds,
        filter,
    };
    if plan.listening && plan.filter.is_some() && plan.states() == 0 {
        return Err("--listening and the states of the filter have nothing in common".to_owned());
    }
    Ok(Checked { plan, fail_if })
}

/// What a watch cannot do.
fn watchable(arguments: &SocketsArguments) -> Result<(), String> {
    if !matches!(arguments.form.output(), Output::Text | Output::Jsonl) {
        return Err("--watch tells line by line: --output text or jsonl".to_owned());
    }
    if arguments.summary == Some(SummaryOf::States) {
        let said = "--watch --summary tells what the kernel counts by itself, and it counts no \
                    states: without =states";
        return Err(said.to_owned());
    }
    Ok(())
}

/// What counters are not asked by.
fn no_table(arguments: &SocketsArguments) -> Result<(), String> {
    let asked = [
        (!arguments.filter.is_empty(), "a FILTER"),
        (arguments.tcp, "--tcp"),
        (arguments.udp, "--udp"),
        (arguments.raw, "--raw"),
        (arguments.ipv4, "--ipv4"),
        (arguments.ipv6, "--ipv6"),
        (arguments.listening, "--listening"),
        (arguments.processes, "--processes"),
        (arguments.verbose, "--verbose"),
        (arguments.all_namespaces, "--all-namespaces"),
    ];
    match asked.into_iter().find(|(is_asked, _)| *is_asked) {
        Some((_, what)) => {
            let (asked, instead) = match arguments.watch {
                None => ("--summary=totals", "--summary=states"),
                Some(_) => ("--watch --summary", "--watch without --summary"),
            };
            Err(format!("{asked} reads no table, so that {what} has no use: {instead}"))
        }
        None if arguments.form.output() == Output::Csv => {
            Err("--summary=totals has no sockets: --output text, json or jsonl".to_owned())
        }
        None => Ok(()),
    }
}

fn filter(arguments: &SocketsArguments, names: Names<'_>) -> Result<Option<Filter>, String> {
    let mut text = joined(&arguments.filter);
    let family = match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Some("ipv4"),
        (_, true) => Some("ipv6"),
        _ => None,
    };
    if !text.trim().is_empty() {
        // By itself first, so that no message shows what was not typed.
        Filter::named(&text, names)
            .map_err(|fault| format!("filter: {fault}\n{}", fault.pointer(&text)))?;
    }
    if let Some(family) = family {
        let is_alone = text.trim().is_empty();
        text = if is_alone { family.to_owned() } else { format!("{family} and ( {text} )") };
    }
    if text.trim().is_empty() {
        return Ok(None);
    }
    let filter = Filter::named(&text, names).map_err(|fault| format!("filter: {fault}"))?;
    let is_only_family = arguments.filter.is_empty() && !arguments.tcp && !arguments.udp;
    Ok(Some(match arguments.classic {
        Some(ClassicProgram::Ss) => filter.of_every_protocol(),
        Some(ClassicProgram::Lsof) if !is_only_family => filter.of_addresses(),
        _ => filter,
    }))
}

/// The words of a filter as one text. A name of a process that is one word of the shell's is one here.
fn joined(words: &[String]) -> String {
    let mut text = String::new();
    for word in words {
        let mut before = text.split_ascii_whitespace().rev();
        let last = before.find(|word| !matches!(*word, "=" | "==" | "eq"));
        let is_name = last.is_some_and(|last| last.eq_ignore_ascii_case("process"));
        let is_split = word.contains([' ', '(', ')']) && !word.contains('"');
        let separator = if text.is_empty() { "" } else { " " };
        let quote = if is_name && is_split { "\"" } else { "" };
        text = format!("{text}{separator}{quote}{word}{quote}");
    }
    text
}

/// Those that were asked for; else TCP and UDP, and raw ones where the filter names them.
fn protocols(arguments: &SocketsArguments) -> Vec<Protocol> {
    let asked = [
        (arguments.tcp, Protocol::Tcp),
        (arguments.udp, Protocol::Udp),
        (arguments.raw, Protocol::Raw),
    ];
    let any = asked.iter().any(|(is_asked, _)| *is_asked);
    let mut words = arguments.filter.iter().flat_map(|word| word.split_whitespace());
    let names_raw = words.any(|word| word.eq_ignore_ascii_case("raw"));
    let wanted = asked.into_iter().filter(|(is_asked, protocol)| match any {
        true => *is_asked,
        false => *protocol != Protocol::Raw || names_raw,
    });
    // What lsof calls internet files are these, too.
    let is_lsof = arguments.classic == Some(ClassicProgram::Lsof) && !any;
    let lite = is_lsof.then_some(Protocol::UdpLite);
    wanted.map(|(_, protocol)| protocol).chain(lite).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_the_shell_has_as_one_word_is_one() {
        let text = |words: &[&str]| {
            joined(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        for (words, said) in [
            (&["process", "tmux: server", "and", ":80"][..], "process \"tmux: server\" and :80"),
            (&["not process =", "(sd-pam)"], "not process = \"(sd-pam)\""),
            (&["process nginx and", "( :80 )"], "process nginx and ( :80 )"),
            (&["process", "\"a b\""], "process \"a b\""),
            (&["state", "listen"], "state listen"),
            (&[], ""),
        ] {
            assert_eq!(text(words), said);
        }
    }
}

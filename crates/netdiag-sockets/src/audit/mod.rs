//! `--audit`: the sysctls of TCP against their defaults, what they do in seconds, and what is believed of
//! them. Sources: ip-sysctl of the kernel's documentation, tcp(7).

mod files;
mod keys;
mod setting;

use crate::counters::{number, numbers};
use crate::port::Kernel;
use files::Line;
use keys::{KEYS, Key};
use netdiag_model::Untrusted;
use netdiag_model::finding::{Finding, Severity};
use serde::Serialize;
use setting::{Cookies, Setting, number as first_number, wanted};

/// Whether a sysctl is looked at that is called so, whole or by its last part; `-` stands for `_`.
#[must_use]
pub fn looks_at(name: &str) -> bool {
    let is_so = |key: &str| {
        let key = key.replace('_', "-");
        name == key || key.rsplit_once('.').is_some_and(|(_, last)| name == last)
    };
    KEYS.iter().any(|key| is_so(key.name))
}

/// One sysctl.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct AuditRow {
    /// Its name.
    pub key: String,
    /// Its value now; `null`: this kernel does not have it.
    #[schemars(with = "Option<String>")]
    pub value: Option<Untrusted>,
    /// The kernel's own value; `null` where that depends on the memory of the machine.
    pub default: Option<String>,
    /// What the value does.
    pub effect: String,
    /// The file that sets it.
    #[schemars(with = "Option<String>")]
    pub file: Option<Untrusted>,
    /// The line of that file.
    pub line: Option<usize>,
    /// What that line sets: where it is another than `value`, that comes with the next boot.
    #[schemars(with = "Option<String>")]
    pub value_in_file: Option<Untrusted>,
    /// What the value of the file does; `null` where it is the same, or not known.
    pub effect_of_file: Option<String>,
    /// Whether no kernel since does anything with it, or this one does not have it any more.
    pub obsolete: bool,
}

/// A time above which a dead peer is noticed late, in seconds.
const SLOW_S: u64 = 900;

/// All rows, and what is wrong with them.
pub fn audit(kernel: &mut dyn Kernel) -> (Vec<AuditRow>, Vec<Finding>) {
    let lines = files::read(kernel);
    let settings = settings(kernel, &lines);
    let cookies = cookies(&settings);
    let mut rows: Vec<AuditRow> = settings.iter().map(row).collect();
    let mut findings: Vec<Finding> =
        settings.iter().flat_map(|setting| setting.findings(cookies)).collect();
    findings.extend(lines.iter().filter_map(refused));
    for (row, finding) in in_vain(kernel, &lines) {
        rows.push(row);
        findings.push(finding);
    }
    if let Some(keepalive) = Keepalive::read(kernel) {
        let row = rows.iter_mut().find(|row| row.key == "net.ipv4.tcp_keepalive_probes");
        if let Some(row) = row {
            let seconds = keepalive.seconds();
            row.effect.push_str(&format!("; in all a dead peer is noticed after {seconds} s"));
        }
        findings.extend(keepalive.finding());
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    (rows, findings)
}

/// The sysctls that are known, as they are and as the files set them.
fn settings<'a>(kernel: &mut dyn Kernel, lines: &'a [Line]) -> Vec<Setting<'a>> {
    let linear = number(kernel, "net/ipv4/tcp_syn_linear_timeouts").unwrap_or(0);
    let mut setting = |key: &'static Key| Setting {
        key,
        linear,
        value: value(kernel, key.name),
        // What the kernel refuses leaves what was set before.
        line: lines
            .iter()
            .rev()
            .find(|line| line.key == key.name && wanted(key.name, &line.value).is_none()),
    };
    KEYS.iter().map(&mut setting).collect()
}

fn cookies(settings: &[Setting<'_>]) -> Cookies {
    /// What the kernel has by itself.
    const USUAL: u64 = 1;
    let setting = settings.iter().find(|setting| setting.key.name == "net.ipv4.tcp_syncookies");
    let now = setting.and_then(|setting| first_number(setting.value.as_deref()?)).unwrap_or(USUAL);
    let next = setting.and_then(|setting| first_number(&setting.line?.value)).unwrap_or(now);
    Cookies { now, next }
}

fn row(setting: &Setting<'_>) -> AuditRow {
    let line = setting.line;
    AuditRow {
        key: setting.key.name.to_owned(),
        value: setting.value.as_deref().map(Untrusted::from),
        default: setting.key.default.map(str::to_owned),
        effect: match &setting.value {
            Some(value) => setting.effect(value),
            None => "this kernel does not have it, or not in this network namespace".to_owned(),
        },
        file: line.map(|line| Untrusted::from(line.file.as_str())),
        line: line.map(|line| line.number),
        value_in_file: line.map(|line| Untrusted::from(line.value.as_str())),
        effect_of_file: setting.differing().map(|line| setting.effect(&line.value)),
        obsolete: false,
    }
}

/// The value of a sysctl, with single blanks.
fn value(kernel: &mut dyn Kernel, key: &str) -> Option<String> {
    let text = kernel.file(&format!("/proc/sys/{}", key.replace('.', "/")))?;
    Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

/// Why a line of a file does nothing, if so.
fn obsolete(kernel: &mut dyn Kernel, line: &Line) -> Option<String> {
    /// Keys that only the first network namespace has.
    const FIRST: [&str; 2] = ["net.ipv4.tcp_mem", "net.ipv4.tcp_max_orphans"];
    if let Some((_, why)) = keys::GONE.iter().find(|(name, _)| *name == line.key) {
        return Some((*why).to_owned());
    }
    // Keys of a namespace or of a module may be missing for other reasons.
    let is_tcp = line.key.starts_with("net.ipv4.tcp_") && !FIRST.contains(&line.key.as_str());
    let is_gone = is_tcp && value(kernel, &line.key).is_none();
    // Where not even this one is there, nothing can be told.
    let has_tcp = !numbers(kernel, "net/ipv4/tcp_syncookies").is_empty();
    (is_gone && has_tcp).then(|| "this kernel has no such key here".to_owned())
}

/// A line whose value the kernel does not take: what it had before stays.
fn refused(line: &Line) -> Option<Finding> {
    let key = KEYS.iter().find(|key| key.name == line.key)?;
    let wanted = wanted(key.name, &line.value)?;
    let shown = Untrusted::from(line.value.as_str());
    Some(old(line, &format!("the kernel takes no '{}' but {wanted}", shown.escaped())))
}

/// What is set and does nothing: by lines of files, and in the kernel where no file sets it.
fn in_vain(kernel: &mut dyn Kernel, lines: &[Line]) -> Vec<(AuditRow, Finding)> {
    let row = |key: &str, value: Option<String>, why: String, line: Option<&Line>| AuditRow {
        key: key.to_owned(),
        value: value.map(Untrusted::from),
        default: None,
        effect: why,
        file: line.map(|line| Untrusted::from(line.file.as_str())),
        line: line.map(|line| line.number),
        value_in_file: line.map(|line| Untrusted::from(line.value.as_str())),
        effect_of_file: None,
        obsolete: true,
    };
    let mut found = Vec::new();
    for line in lines {
        if let Some(why) = obsolete(kernel, line) {
            let finding = old(line, &why);
            found.push((row(&line.key, value(kernel, &line.key), why, Some(line)), finding));
        }
    }
    for (key, why) in keys::GONE {
        let value = value(kernel, key).filter(|value| first_number(value) != Some(0));
        if let Some(value) = value.filter(|_| lines.iter().all(|line| line.key != *key)) {
            let shown = Untrusted::from(value.as_str());
            let message = format!("{key} is {}, which helps nothing: {why}", shown.escaped());
            let finding = vain(key, message)
                .with("value", value.clone())
                .advise(format!("`sysctl -w {key}=0`"));
            found.push((row(key, Some(value), (*why).to_owned(), None), finding));
        }
    }
    found
}

fn old(line: &Line, why: &str) -> Finding {
    let key = Untrusted::from(line.key.as_str());
    let message = format!("{} sets {}, which does nothing: {why}", line.place(), key.escaped());
    vain(&line.key, message)
        .at("file", line.file.clone())
        .with("value", line.value.clone())
        .with("line", line.number)
        .advise(line.removal())
}

fn vain(key: &str, message: String) -> Finding {
    let subject = Untrusted::from(key).escaped().to_string();
    Finding::new(None, "sysctl-obsolete", Severity::Warning, subject, message).with("key", key)
}

/// What a program has that asks for keepalive and for nothing else (tcp(7)).
struct Keepalive {
    time: u64,
    interval: u64,
    probes: u64,
}

impl Keepalive {
    fn read(kernel: &mut dyn Kernel) -> Option<Self> {
        let mut of = |name| number(kernel, &format!("net/ipv4/tcp_keepalive_{name}"));
        Some(Self { time: of("time")?, interval: of("intvl")?, probes: of("probes")? })
    }

    /// How long a dead peer stays unnoticed.
    const fn seconds(&self) -> u64 {
        self.time.saturating_add(self.interval.saturating_mul(self.probes))
    }

    fn finding(&self) -> Option<Finding> {
        let (Self { time, interval, probes }, seconds) = (self, self.seconds());
        let message = format!(
            "a dead peer is noticed after {seconds} s, and only where a program asks for keepalive: \
             {time} s of silence, then {probes} questions every {interval} s"
        );
        (seconds > SLOW_S).then(|| {
            Finding::new(None, "keepalive-slow", Severity::Info, "keepalive".to_owned(), message)
                .with("seconds", seconds)
                .with("tcp_keepalive_time_s", *time)
                .with("tcp_keepalive_intvl_s", *interval)
                .with("tcp_keepalive_probes", *probes)
                .with("threshold_s", SLOW_S)
                .advise(
                    "in the program: SO_KEEPALIVE with TCP_KEEPIDLE 60, TCP_KEEPINTVL 20 and \
                     TCP_KEEPCNT 3 notices within 120 s",
                )
        })
    }
}

/// After how many seconds the kernel gives a connection up whose data is not acknowledged
/// (`tcp_retries2` in tcp(7)): timeouts double from 200 ms to 120 s.
pub(crate) fn given_up_s(retries: u64) -> u64 {
    (0..=retries.min(100)).map(|n| (200_u64 << n.min(20)).min(120_000)).sum::<u64>() / 1000
}

#[cfg(test)]
mod tests;

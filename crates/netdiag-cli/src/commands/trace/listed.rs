//! Hosts of a file, which is read when nothing can be opened any more.

use super::check::{Checked, split};
use crate::World;
use crate::args::TraceArguments;
use crate::commands::checks;
use crate::commands::lines::Lines;
use netdiag_model::Untrusted;
use netdiag_trace::Protocol;

/// The most hosts of a file.
const MOST: usize = 10_000;

/// The arguments with the hosts of the file, which are added to what was checked, too.
///
/// # Errors
/// What is wrong with the file, and in which line.
pub(super) fn with_listed<W: World>(
    arguments: &TraceArguments,
    checked: &mut Checked,
    world: &mut W,
) -> Result<TraceArguments, String> {
    let mut all = arguments.clone();
    let Some(path) = &arguments.file else { return Ok(all) };
    let shown = Untrusted::from(path.as_str()).escaped().to_string();
    let unreadable = |fault: std::io::Error| format!("--file: {shown}: {fault}");
    let mut lines = Lines::new(world.input(path).map_err(unreadable)?);
    while let Some(line) = lines.next().map_err(unreadable)? {
        let wrong = |why: String| format!("--file: {shown} line {}: {why}", line.number);
        let Some(text) = line.text else { return Err(wrong("the line is too long".to_owned())) };
        let text = text.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            continue;
        }
        if text.contains(char::is_whitespace) {
            return Err(wrong("one host a line".to_owned()));
        }
        let (host, protocol) = split(text, arguments).map_err(wrong)?;
        if matches!(protocol, Protocol::Tcp { .. }) && !arguments.tcp {
            return Err(wrong("a port is one of TCP: add --tcp".to_owned()));
        }
        let families = (arguments.ipv4, arguments.ipv6);
        checks::path_host(&host, "trace", families, world).map_err(wrong)?;
        all.hosts.push(text.to_owned());
        checked.hosts.push((host, protocol));
        if all.hosts.len() > MOST {
            return Err(wrong(format!("more than {MOST} hosts")));
        }
    }
    if all.hosts.is_empty() {
        return Err(format!("--file: {shown}: there is no host in it"));
    }
    Ok(all)
}

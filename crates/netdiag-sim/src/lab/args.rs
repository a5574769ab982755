//! The command line of netlab.

use std::ffi::OsString;
use std::path::PathBuf;

/// How netlab is called.
pub(super) const USAGE: &str = "usage: netlab [--record FILE] [--pcap FILE] [--user UID] [--veth] \
     SCENARIO.toml -- COMMAND [ARGUMENT...]";
/// How netlab calls itself: it becomes the command inside the namespace.
pub(super) const INSIDE: &str = "--inside";

/// What netlab is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Run a command in a lab.
    Lab(Options),
    /// Say how it is called.
    Help,
    /// Become the command: the process that must live, the user, the command.
    Inside(i32, Option<u32>, Vec<OsString>),
}

/// The options of a lab.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Where the record goes.
    pub(super) record: Option<PathBuf>,
    /// Where the packets go.
    pub(super) pcap: Option<PathBuf>,
    /// Who runs the command.
    pub(super) user: Option<u32>,
    /// Do not use a TUN device.
    pub(super) veth: bool,
    /// The scenario.
    pub(super) scenario: PathBuf,
    /// The command.
    pub(super) command: Vec<OsString>,
}

/// Reads the arguments behind the program's name; what is wrong with them, otherwise.
pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Request, String> {
    let mut arguments = arguments;
    let mut options = Options::default();
    let mut scenario = None;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument:?} wants a value"));
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(Request::Help),
            Some(INSIDE) => {
                let parent = number(value()?)?;
                let user: i64 = number(value()?)?;
                return Ok(Request::Inside(parent, u32::try_from(user).ok(), arguments.collect()));
            }
            Some("--record") => options.record = Some(value()?.into()),
            Some("--pcap") => options.pcap = Some(value()?.into()),
            Some("--user") => options.user = Some(number(value()?)?),
            Some("--veth") => options.veth = true,
            Some("--") => {
                options.command = arguments.collect();
                break;
            }
            Some(option) if option.starts_with('-') => return Err(format!("unknown: {option}")),
            _ if scenario.is_none() => scenario = Some(argument.into()),
            _ => return Err(format!("too much: {argument:?} (the command stands behind --)")),
        }
    }
    options.scenario = scenario.ok_or("no scenario")?;
    if options.command.is_empty() {
        return Err("no command".to_owned());
    }
    Ok(Request::Lab(options))
}

fn number<T: std::str::FromStr>(text: OsString) -> Result<T, String> {
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| format!("{text:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_stand_before_the_command() {
        let Ok(Request::Lab(options)) = read("--user 65534 --veth a.toml -- ping -c 3 b") else {
            panic!("a lab");
        };
        assert_eq!((options.user, options.veth), (Some(65_534), true));
        assert_eq!(options.command.len(), 4);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |line: &str, part: &str| {
            let error = read(line).expect_err(line);
            assert!(error.contains(part), "{error}");
        };
        check("a.toml", "no command");
        check("-- ping", "no scenario");
        check("a.toml ping", "too much");
        check("--nonsense a.toml -- ping", "--nonsense");
        check("--user x a.toml -- ping", "not a number");
    }
}

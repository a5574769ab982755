//! netlab: any program inside a scenario, behind the real kernel.
//!
//! A network namespace of its own has one interface, `lab0`, with the addresses of `here` and the
//! default routes. What the kernel sends there goes into the [`Internet`]; what comes out of it goes
//! back. As root `lab0` is a TUN device, otherwise (or with `--veth`) one end of a veth pair. The
//! namespace goes with its last process; the command dies with netlab.

mod args;
mod child;
mod namespace;
mod pump;
mod tun;
mod wire;

use crate::internet::Internet;
use crate::scenario::Scenario;
use crate::truth::PcapWriter;
use args::{Options, Request, USAGE};
use netdiag_model::{ClockAnchor, Instant};
use pump::Pump;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

/// Exit code: wrong arguments, or a scenario with an error.
const USAGE_ERROR: u8 = 2;
/// Exit code: something went wrong that should not.
const FAILED: u8 = 125;
/// Exit code: this machine cannot run a lab, which is no failure of the program under test.
const SKIPPED: u8 = 77;

/// Why there is no lab.
#[derive(Debug)]
enum LabError {
    Usage(String),
    Skipped(String),
    Failed(String),
}

/// The whole program: the exit code for these arguments (without the program's name).
///
/// It is the command's own exit code, or 128 and the signal that ended it; 2 for wrong arguments
/// and scenarios; 77 with `SKIPPED: reason` where no lab can be made; 125 for other errors; 126 and
/// 127 where the command cannot be run or found.
pub fn netlab(arguments: impl Iterator<Item = OsString>) -> u8 {
    let run = match args::parse(arguments) {
        Ok(Request::Help) => {
            say(USAGE);
            Ok(0)
        }
        Ok(Request::Inside(parent, user, command)) => child::become_command(parent, user, &command),
        Ok(Request::Lab(options)) => run(&options),
        Err(message) => Err(LabError::Usage(format!("{message}\n{USAGE}"))),
    };
    let (code, message) = match run {
        Ok(code) => return code,
        Err(LabError::Usage(message)) => (USAGE_ERROR, format!("netlab: {message}")),
        Err(LabError::Skipped(reason)) => (SKIPPED, format!("SKIPPED: {reason}")),
        Err(LabError::Failed(message)) => (FAILED, format!("netlab: {message}")),
    };
    say(&message);
    code
}

fn run(options: &Options) -> Result<u8, LabError> {
    let scenario =
        Scenario::load(&options.scenario).map_err(|error| LabError::Usage(error.to_string()))?;
    // Files are opened, and the clocks read, before the namespaces change.
    let record = options.record.as_deref().map(create).transpose()?;
    let pcap = options.pcap.as_deref().map(create).transpose()?;
    let signals = pump::block_signals()?;
    let wire = namespace::enter(&scenario.here, options.veth)?;
    let start = pump::now()?;
    let mut internet = Internet::new(&scenario, start);
    let unix_nanos = pump::epoch()?.into();
    internet.set_wall(ClockAnchor { instant: Instant::ZERO, unix_nanos });
    if let Some(record) = record {
        internet.stream_record(record);
    }
    if let Some(pcap) = pcap {
        internet.capture(PcapWriter::new(pcap, pump::epoch()?));
    }
    let mut child = child::spawn(options.user, &options.command)?;
    // Without the right to these, packets are a little later.
    let _ = nix::sys::prctl::set_timerslack(1);
    tun::prefer_real_time();
    let status = Pump::new(&scenario, &mut internet, wire, signals, start).run(&mut child)?;
    internet.flush().map_err(|error| LabError::Failed(format!("record: {error}")))?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(u8::try_from(code).unwrap_or(FAILED))
}

fn create(path: &Path) -> Result<Box<dyn Write + Send>, LabError> {
    let file = File::create(path);
    let file = file.map_err(|error| LabError::Usage(format!("{}: {error}", path.display())))?;
    Ok(Box::new(BufWriter::new(file)))
}

/// One line for a person.
fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

//! What of this machine `--check` looks at.

use super::check::Checked;
use super::servers::text_of;
use crate::args::DnsArguments;
use crate::{OwnLookup, World};
use netdiag_dns::config::Target;
use netdiag_dns::resolv::ResolvConf;
use netdiag_dns::setup::{Hosts, Nsswitch, Programs};
use netdiag_dns::{RecordType, Setup};
use netdiag_model::Untrusted;
use std::time::Duration;

/// The servers that systemd-resolved asks (systemd-resolved.service(8)).
pub(super) const UPLINKS: &str = "/run/systemd/resolve/resolv.conf";
/// The longest that programs are waited for: they may wait longer than anybody wants to.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether a server is the stub of systemd-resolved.
pub(super) fn is_stub(server: &str) -> bool {
    matches!(server, "127.0.0.53" | "127.0.0.54")
}

/// The files beside resolv.conf.
pub(super) fn files(arguments: &DnsArguments) -> Vec<String> {
    let own = ["hosts", "nsswitch.conf"].map(|file| path(arguments, file));
    own.into_iter().chain([UPLINKS.to_owned()]).collect()
}

fn path(arguments: &DnsArguments, file: &str) -> String {
    format!("{}/{file}", arguments.etc.trim_end_matches('/'))
}

/// Whether the files are those that the programs of this machine read.
fn is_own(arguments: &DnsArguments) -> bool {
    arguments.etc.trim_end_matches('/') == "/etc"
}

/// The name that programs shall look up: not of a copy, whose files they do not read.
pub(super) fn own_lookup(
    arguments: &DnsArguments,
    checked: &Checked,
) -> Option<(String, Duration)> {
    let name = name(&checked.targets).filter(|_| arguments.check && is_own(arguments))?;
    let patience = arguments.deadline.map_or(PATIENCE, |deadline| deadline.min(PATIENCE));
    Some((name, patience))
}

/// The name that is looked up; the root is none.
fn name(targets: &[Target]) -> Option<String> {
    let target = targets.iter().find(|it| it.question.kind != RecordType::NS)?;
    Some(target.given.host().as_raw().to_owned())
}

/// Reads all of it. What is missing is part of what is found.
pub(super) fn read<W: World>(arguments: &DnsArguments, targets: &[Target], world: &mut W) -> Setup {
    let resolv = path(arguments, "resolv.conf");
    let nsswitch = text_of(&path(arguments, "nsswitch.conf"), world);
    let nsswitch = nsswitch
        .and_then(|text| Nsswitch::parse(&text).ok_or_else(|| "no line `hosts:`".to_owned()));
    let hosts = text_of(&path(arguments, "hosts"), world).map(|text| Hosts::parse(&text));
    let programs = match world.own_lookup() {
        _ if !is_own(arguments) => {
            Programs::NotMeasured(format!("they do not read {}", arguments.etc))
        }
        None => Programs::NotMeasured("they look up no root".to_owned()),
        Some(OwnLookup::Missing) => {
            Programs::NotMeasured("this machine has no getent, which would ask for them".to_owned())
        }
        Some(OwnLookup::Ended { code, out, took }) => Programs::of_getent(code, &out, took),
        Some(OwnLookup::TimedOut(after)) => Programs::TimedOut(after),
    };
    Setup {
        etc: arguments.etc.clone(),
        own: targets.len(),
        invented: 0,
        name: name(targets),
        link: world.link_target(&resolv).map(Untrusted::from),
        resolv: text_of(&resolv, world).map(|text| ResolvConf::parse(&text)),
        hosts,
        nsswitch,
        host_name: world.host_name(),
        programs,
    }
}

//! Whom TLS trusts.

use crate::World;
use netdiag_model::Untrusted;
use netdiag_tls::{Client, Hello, Roots, Session};
use std::time::Duration;

/// Where machines keep the certificates that they trust: Debian and its kin, Fedora and its kin, SUSE,
/// the BSDs. The first that can be read is.
const ROOTS: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The files that are read for it, where this one was named or none.
pub(crate) fn files(ca: Option<&str>) -> Vec<String> {
    match ca {
        Some("-") => Vec::new(),
        Some(file) => vec![file.to_owned()],
        None => ROOTS.iter().map(|path| (*path).to_owned()).collect(),
    }
}

/// Checks a name that certificates must be for.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let client = Client::new(Roots::none()).map_err(|fault| fault.message)?;
    let hello = Hello { name, sni: true, alpn: &[] };
    let session = Session::new(&client, &hello, Duration::ZERO);
    session.map(drop).map_err(|fault| format!("--sni: {}", fault.message))
}

/// Reads the file that was named for a check, which may be tried again and has no other input.
///
/// # Errors
/// When it cannot be used.
pub(crate) fn check_file<W: World>(ca: Option<&str>, world: &mut W) -> Result<(), String> {
    match ca {
        Some("-") => Err("--ca: a check does not read standard input: name a file".to_owned()),
        Some(_) => client(ca, world).map(drop),
        None => Ok(()),
    }
}

/// What all sessions have in common, and what is to be said of whom they trust.
pub(crate) fn client<W: World>(
    ca: Option<&str>,
    world: &mut W,
) -> Result<(Client, Option<String>), String> {
    let (roots, note) = match ca {
        Some(path) => {
            let shown = Untrusted::from(path);
            let wrong = |error: String| format!("--ca: {}: {error}", shown.escaped());
            let file = world.input(path).map_err(|error| wrong(error.to_string()))?;
            (Roots::read(file).map_err(wrong)?, None)
        }
        None => {
            let files = ROOTS.iter().filter_map(|path| world.input(path).ok());
            match files.filter_map(|file| Roots::read(file).ok()).next() {
                Some(roots) => (roots, None),
                None => (Roots::none(), Some(NO_ROOTS.to_owned())),
            }
        }
    };
    let client = Client::new(roots).map_err(|fault| fault.message)?;
    Ok((client, note))
}

const NO_ROOTS: &str = "this machine has no list of certificates that it trusts (package \
                        ca-certificates), so none can be verified; `--ca FILE` names one";

//! Look-ups one after the other, and what is set between them.

use super::RESOLV_CONF;
use crate::classic::{NslookupArguments, Set, Settings};
use crate::commands::dns;
use crate::commands::lines::Lines;
use crate::commands::resolve::literal;
use crate::{ExitStatus, World};
use netdiag_dns::resolv::ResolvConf;
use netdiag_dns::{DomainName, NameError};
use netdiag_model::failure::LookupError;
use netdiag_model::{Untrusted, parse_address};
use netdiag_report::dns::{Asking, Last, Seen};
use std::io::{self, Read, Write};
use std::time::Duration;

/// How it ends where a server's name has no address, once nobody could be reached.
const UNREACHED: u8 = 9;
/// How it ends at once where a name is none.
const ILLEGAL: u8 = 10;
/// The most of resolv.conf that is read, in bytes.
const LONGEST: u64 = 64 << 10;

/// The machine, and what is open on it.
type Machine<'a, W> = (&'a mut W, &'a mut <W as World>::Network);

/// What holds from one look-up to the next.
pub(super) struct Session {
    settings: Settings,
    /// Who is asked: as they were named, and their addresses.
    servers: Vec<(String, String)>,
    /// Nobody was named: servers must recurse.
    is_usual: bool,
    search: Vec<String>,
    ndots: usize,
    seen: Seen,
    has_failed: bool,
    /// A look-up found nobody to answer.
    is_unreached: bool,
    /// A name was none.
    is_illegal: bool,
    /// How often more those who say nothing are asked in this look-up, all of them together.
    tries: u32,
}

/// What a line of the dialogue asks for.
enum Line<'a> {
    Nothing,
    Set(&'a str),
    Server(Option<&'a str>),
    Exit,
    Missing(&'a str, &'static str),
    LookUp(&'a str),
}

impl<'a> Line<'a> {
    /// A command and its first argument; what stands behind is not looked at.
    fn parse(line: &'a str) -> Self {
        let mut words = line.split_ascii_whitespace();
        let (Some(first), argument) = (words.next(), words.next()) else { return Self::Nothing };
        match (first.to_ascii_lowercase().as_str(), argument) {
            ("set", Some(option)) => Self::Set(option),
            ("server" | "lserver", name) => Self::Server(name),
            ("exit", _) => Self::Exit,
            ("help" | "?", _) => Self::Missing(first, "not yet implemented"),
            ("finger" | "root" | "ls" | "view", _) => Self::Missing(first, "not implemented"),
            _ => Self::LookUp(first),
        }
    }
}

impl Session {
    /// Does what the arguments ask for, and what standard input does where they name no host.
    ///
    /// # Errors
    /// When a writer takes no more.
    pub(super) fn run<W: World>(
        arguments: &NslookupArguments,
        (world, network): Machine<'_, W>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<ExitStatus> {
        let mut session = Self::new(arguments.settings.clone(), world);
        if let Some(settings) = &arguments.all {
            session.show_all(settings, out)?;
        }
        if let Some(server) = &arguments.server
            && let Err(message) = session.choose(server, world)
        {
            writeln!(err, "{message}")?;
            return Ok(ExitStatus::FAILS);
        }
        let end = match &arguments.host {
            Some(host) => session.look_up(host, (world, network), out, err).map(|()| None),
            None => session.dialogue((world, network), out, err),
        };
        let end = end?;
        if session.is_illegal {
            return Ok(ExitStatus::Code(ILLEGAL));
        }
        if let Some(status) = end {
            return Ok(status);
        }
        writeln!(out)?;
        let is_well = session.seen.is_reached && !session.has_failed;
        Ok(if is_well { ExitStatus::HOLDS } else { ExitStatus::FAILS })
    }

    fn new<W: World>(settings: Settings, world: &mut W) -> Self {
        let mut text = String::new();
        if let Ok(input) = world.input(RESOLV_CONF) {
            // What cannot be read says nothing.
            let _ = input.take(LONGEST).read_to_string(&mut text);
        }
        let conf = ResolvConf::parse(&text);
        let named = conf.servers.iter().map(|line| line.text.as_raw().to_owned());
        let mut servers: Vec<(String, String)> =
            named.filter(|it| literal(it).is_some()).map(|it| (it.clone(), it)).collect();
        if servers.is_empty() {
            servers = ["127.0.0.1", "::1"].map(|it| (it.to_owned(), it.to_owned())).to_vec();
        }
        let ndots = conf.options.iter().rev().find_map(|option| {
            option.text.as_raw().strip_prefix("ndots:").and_then(|number| number.parse().ok())
        });
        let search = conf.search.iter().map(|line| line.text.as_raw().to_owned()).collect();
        let (seen, ndots) = (Seen::default(), ndots.unwrap_or(1));
        let (is_usual, has_failed, is_unreached, is_illegal) = (true, false, false, false);
        let tries = settings.tries();
        Self {
            settings,
            servers,
            is_usual,
            search,
            ndots,
            seen,
            has_failed,
            is_unreached,
            is_illegal,
            tries,
        }
    }

    /// From now on this server is asked.
    fn choose<W: World>(&mut self, server: &str, world: &mut W) -> Result<(), String> {
        let found = world.resolve(&[server.to_owned()], None, Duration::MAX).into_iter().next();
        let why = match found.map(|(found, _)| found) {
            Some(Ok(found)) => {
                let named = found.iter().map(|to| (server.to_owned(), to.to_string()));
                self.servers = named.collect();
                self.is_usual = false;
                return Ok(());
            }
            Some(Err(LookupError::NotFound { .. })) => "not found",
            _ => "failure",
        };
        let shown = Untrusted::from(server);
        Err(format!("nslookup: couldn't get address for '{}': {why}", shown.escaped()))
    }

    /// Line by line; a status ends it at once.
    fn dialogue<W: World>(
        &mut self,
        (world, network): Machine<'_, W>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Option<ExitStatus>> {
        let prompts = world.terminal().stdin;
        let mut lines = Lines::new(world.input("-")?);
        loop {
            if prompts {
                write!(out, "> ")?;
            }
            out.flush()?;
            // Input that breaks off has ended.
            let Ok(Some(line)) = lines.next() else { return Ok(None) };
            let text = line.text.unwrap_or_default();
            match Line::parse(&text) {
                Line::Nothing => {}
                Line::Exit => return Ok(None),
                Line::Missing(command, why) => {
                    let shown = Untrusted::from(command);
                    writeln!(out, "The '{}' command is {why}.", shown.escaped())?;
                }
                Line::Set(option) => match self.settings.set(option) {
                    Set::Done => {}
                    Set::Said(said) => writeln!(out, "{said}")?,
                    Set::All => self.show_all(&self.settings, out)?,
                },
                Line::Server(name) => {
                    if let Some(Err(message)) = name.map(|name| self.choose(name, world)) {
                        out.flush()?;
                        writeln!(err, "{message}")?;
                        let was_heard = !self.is_unreached;
                        let code = ExitStatus::Code(UNREACHED);
                        return Ok(Some(if was_heard { ExitStatus::FAILS } else { code }));
                    }
                    self.is_usual = false;
                    self.show_servers(self.settings.port(), out)?;
                }
                Line::LookUp(host) => {
                    self.look_up(host, (&mut *world, &mut *network), out, err)?;
                    if self.is_illegal {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// What is set, and who is asked.
    fn show_all(&self, settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
        self.show_servers(settings.port(), out)?;
        let ndots = settings.ndots.unwrap_or(self.ndots);
        let search = settings.domain.as_ref().map(|domain| vec![domain.clone()]);
        writeln!(out, "{}", settings.shown(&search.unwrap_or_else(|| self.search.clone()), ndots))
    }

    fn show_servers(&self, port: u16, out: &mut dyn Write) -> io::Result<()> {
        self.servers.iter().try_for_each(|(given, address)| {
            let given = Untrusted::from(given.as_str());
            writeln!(out, "Default server: {}\nAddress: {address}#{port}", given.escaped())
        })
    }

    /// What is tried behind a name.
    fn domains(&self) -> Vec<String> {
        match &self.settings.domain {
            Some(domain) => vec![domain.clone()],
            None => self.search.clone(),
        }
    }

    /// The names that a host may stand for, in the order in which they are tried.
    fn names(&self, host: &str) -> Vec<String> {
        let ndots = self.settings.ndots.unwrap_or(self.ndots);
        // One with enough dots is tried as it is alone, whatever the manual page says.
        let is_whole = host.ends_with('.') || host.matches('.').count() >= ndots;
        if parse_address(host).is_some() || is_whole || !self.settings.search {
            return vec![host.to_owned()];
        }
        let below = |domain: &String| format!("{host}.{}", domain.trim_end_matches('.'));
        let mut names: Vec<String> = self.domains().iter().map(below).collect();
        names.push(host.to_owned());
        names
    }

    /// One look-up: each name until one exists, A and then AAAA where no type is set.
    fn look_up<W: World>(
        &mut self,
        host: &str,
        (world, network): Machine<'_, W>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<()> {
        (self.seen.has_answer, self.seen.is_cut) = (false, false);
        if let Some(why) = illegal(host) {
            out.flush()?;
            let shown = Untrusted::from(host);
            writeln!(err, "nslookup: '{}' is not a legal name ({why})", shown.escaped())?;
            self.is_illegal = true;
            return Ok(());
        }
        let names = self.names(host);
        let settings = self.settings.clone();
        let is_address = parse_address(host).is_some();
        let kinds = if is_address { vec!["PTR"] } else { settings.kinds() };
        let mut names = names.iter().peekable();
        self.tries = settings.tries();
        while let Some(name) = names.next() {
            let has_next_name = names.peek().is_some();
            for kind in &kinds {
                let asking = Asking {
                    is_default: settings.is_default(),
                    wants_recursion: self.is_usual,
                    passes_servfail: !settings.stops_at_servfail,
                    has_next_server: false,
                    has_next_name: has_next_name && (kinds.len() == 1 || *kind == "A"),
                    in_full: settings.debug,
                };
                let question = (host, name.as_str(), *kind);
                let last = self.ask(question, asking, (&mut *world, &mut *network), out, err)?;
                match last {
                    Last::Told => self.tries = settings.tries(),
                    Last::NextName => break,
                    _ => return Ok(()),
                }
            }
            if self.seen.last != Last::NextName {
                break;
            }
        }
        Ok(())
    }

    /// One question, to each server until one has the last word.
    fn ask<W: World>(
        &mut self,
        question: (&str, &str, &str),
        asking: Asking,
        (world, network): Machine<'_, W>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Last> {
        let servers = self.servers.clone();
        let mut servers = servers.iter().peekable();
        while let Some((given, address)) = servers.next() {
            let asking = Asking { has_next_server: servers.peek().is_some(), ..asking };
            let mut settings = self.settings.clone();
            loop {
                if self.seen.is_cut {
                    settings.use_tcp();
                }
                let asked = settings.arguments(question, address);
                let told = asked.and_then(|mut arguments| {
                    arguments.shown_server = Some(given.clone());
                    let machine = (&mut *world, &mut *network);
                    dns::look_up(&arguments, asking, &mut self.seen, machine, out)
                });
                match told {
                    Ok(written) => written?,
                    Err(message) => {
                        self.has_failed = true;
                        writeln!(err, "nslookup: {message}")?;
                        return Ok(Last::Failed);
                    }
                }
                let is_silent =
                    matches!(self.seen.last, Last::Unreachable | Last::Silence | Last::Cut);
                if !is_silent || self.tries <= 1 {
                    break;
                }
                self.tries -= 1;
            }
            self.has_failed |= self.seen.has_failed;
            match self.seen.last {
                Last::NextServer | Last::Silence | Last::Unreachable | Last::Cut => {}
                last => return Ok(last),
            }
        }
        self.is_unreached = true;
        writeln!(out, ";; no servers could be reached")?;
        Ok(Last::Silence)
    }
}

/// Why a text is no name, in the words of BIND.
fn illegal(host: &str) -> Option<&'static str> {
    if parse_address(host).is_some() {
        return None;
    }
    match DomainName::parse(host).err()? {
        NameError::EmptyLabel => Some("empty label"),
        NameError::LongLabel => Some("label too long"),
        NameError::LongName => Some("ran out of space"),
        NameError::Empty | NameError::International | NameError::Other(_) => None,
    }
}

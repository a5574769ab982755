//! Under the name of nslookup: look-ups of a command line, or of a dialogue.

mod session;

use crate::args::form::Output;
use crate::classic::NslookupArguments;
use crate::commands::ending::Measured;
use crate::commands::frame::Command;
use crate::world::{SignalRule, Terminal, UdpSockets};
use crate::{OpenRequest, World};
use session::Session;
use std::io::{self, Write};

/// Where it finds servers and the search list.
const RESOLV_CONF: &str = "/etc/resolv.conf";

impl Command for NslookupArguments {
    type Checked = ();
    type Plan = ();

    const NAME: &'static str = "dns";

    fn program(&self) -> String {
        "nslookup".to_owned()
    }

    fn form(&self) -> Output {
        Output::Text
    }

    fn check<W: World>(&self, _: &mut W) -> Result<(), String> {
        Ok(())
    }

    fn warnings((): &()) -> &[String] {
        &[]
    }

    fn request(&self, (): &(), _: Terminal) -> OpenRequest {
        OpenRequest {
            udp: UdpSockets::Always,
            queries: true,
            // Servers can be named at any time.
            names: true,
            files: vec![RESOLV_CONF.to_owned()],
            signals: SignalRule::End { line: self.host.is_some() },
            ..OpenRequest::default()
        }
    }

    fn plan<W: World>(
        &self,
        (): (),
        _: &mut W,
        _: &mut W::Network,
        _: &mut dyn Write,
    ) -> Result<(), String> {
        Ok(())
    }

    fn notes((): &()) -> &[String] {
        &[]
    }

    fn measure<W: World>(
        &self,
        (): &(),
        world: &mut W,
        network: &mut W::Network,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Measured> {
        let status = Session::run(self, (world, network), out, err)?;
        out.flush()?;
        Ok(Measured { status, last_words: None })
    }
}

//! The frame of a command that measures: what comes in which order, the same for all of them.

use super::ending::{self, Measured};
use crate::args::form::Output;
use crate::{ExitStatus, OpenRequest, Terminal, World, usage};
use std::io::{self, Write};

/// What the frame asks a command for, in this order.
pub(crate) trait Command {
    /// Its arguments, which fit together and fit this machine.
    type Checked;
    /// What will be done; it cannot be invalid.
    type Plan;

    /// The command as documents name it.
    const NAME: &'static str;

    /// What messages begin with.
    fn program(&self) -> String {
        format!("netdiag {}", Self::NAME)
    }

    /// The form of output that was asked for.
    fn form(&self) -> Output;

    /// Checks what can be checked without touching the network.
    ///
    /// # Errors
    /// What is wrong with the arguments, in a line.
    fn check<W: World>(&self, world: &mut W) -> Result<Self::Checked, String>;

    /// What the user should know of arguments that can be had.
    fn warnings(checked: &Self::Checked) -> &[String];

    /// The sockets and their options.
    fn request(&self, checked: &Self::Checked, terminal: Terminal) -> OpenRequest;

    /// Looks up names and decides how each target is measured. What was opened is open, and no right
    /// is left.
    ///
    /// # Errors
    /// What is wrong with the arguments, in a line.
    fn plan<W: World>(
        &self,
        checked: Self::Checked,
        world: &mut W,
        network: &mut W::Network,
        err: &mut dyn Write,
    ) -> Result<Self::Plan, String>;

    /// What stands in for what was asked for, to be said once.
    fn notes(plan: &Self::Plan) -> &[String];

    /// Does it, and writes the result.
    ///
    /// # Errors
    /// When a writer takes no more.
    fn measure<W: World>(
        &self,
        plan: &Self::Plan,
        world: &mut W,
        network: &mut W::Network,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Measured>;

    /// Says that the output could not be written.
    fn write_fault(&self, fault: &io::Error, err: &mut dyn Write) -> ExitStatus {
        usage::write_fault(fault, err)
    }
}

/// Runs a command from its arguments to its end.
pub(crate) fn run<C: Command, W: World>(
    command: &C,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let program = command.program();
    let checked = match command.check(world) {
        Ok(checked) => checked,
        Err(message) => return usage::report(&format!("{program}: {message}"), err),
    };
    say(&program, C::warnings(&checked), err);
    let request = command.request(&checked, world.terminal());
    let mut network = match world.open(&request) {
        Ok(network) => network,
        Err(error) => {
            let has_document = command.form() == Output::Json;
            let named = (C::NAME, program);
            return ending::unmeasurable(named, has_document, world, &error, out, err);
        }
    };
    let plan = match command.plan(checked, world, &mut network, err) {
        Ok(plan) => plan,
        Err(message) => return usage::report(&format!("{program}: {message}"), err),
    };
    say(&program, C::notes(&plan), err);
    let measured = command.measure(&plan, world, &mut network, out, err);
    // From here on whoever writes waits for the reader.
    drop(network);
    ending::conclude(measured, program, out, err, |fault, err| command.write_fault(fault, err))
}

/// A line on standard error for each message.
pub(crate) fn say(program: &str, messages: &[String], err: &mut dyn Write) {
    for message in messages {
        let _ = writeln!(err, "{program}: {message}");
    }
}

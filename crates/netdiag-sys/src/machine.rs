//! What the networks of this room have in common beside the engine's port.

use crate::{PortableNetwork, Stdout, SystemNetwork};
use netdiag_engine::port::{Network, NetworkError};

/// A network of the real machine.
pub trait MachineNetwork: Network {
    /// From now on signals are inputs of [`Network::wait`], and so is what changes at this
    /// machine's interfaces, where the network knows it. Where it can, it writes to standard output
    /// while it waits, so that nobody else has to wait for the reader.
    ///
    /// # Errors
    /// When signals cannot be watched.
    fn watch(&mut self, out: &Stdout) -> Result<(), NetworkError>;
}

impl MachineNetwork for SystemNetwork {
    fn watch(&mut self, out: &Stdout) -> Result<(), NetworkError> {
        self.write_behind(out.clone());
        // Without its news of interfaces a measurement is still one.
        let _ = self.watch_interfaces();
        self.watch_signals()
    }
}

impl MachineNetwork for PortableNetwork {
    fn watch(&mut self, _: &Stdout) -> Result<(), NetworkError> {
        self.watch_signals()
    }
}

//! What the networks of this room have in common beside the engine's port.

use crate::{PortableNetwork, Stdout, SystemNetwork};
use netdiag_engine::port::{Network, NetworkError};

/// A network of the real machine.
pub trait MachineNetwork: Network {
    /// From now on signals are inputs of [`Network::wait`], and so is what changes at this
    /// machine's interfaces, where the network knows it.
    ///
    /// # Errors
    /// When signals cannot be watched.
    fn watch(&mut self) -> Result<(), NetworkError>;

    /// The same, with the keys and the size of the terminal, which is this program's from now on.
    ///
    /// # Errors
    /// When the terminal cannot be had.
    fn watch_console(&mut self) -> Result<(), NetworkError> {
        Err(NetworkError { call: "watching the terminal", errno: libc::EOPNOTSUPP })
    }

    /// From now on what this writer holds back is written while the network waits: otherwise a
    /// reader that stalls delays probes.
    fn write_behind(&mut self, out: Stdout);
}

impl MachineNetwork for SystemNetwork {
    fn watch(&mut self) -> Result<(), NetworkError> {
        // Without its news of interfaces a measurement is still one.
        let _ = self.watch_interfaces();
        self.watch_signals()
    }

    fn watch_console(&mut self) -> Result<(), NetworkError> {
        let _ = self.watch_interfaces();
        Self::watch_console(self)
    }

    fn write_behind(&mut self, out: Stdout) {
        Self::write_behind(self, out);
    }
}

impl MachineNetwork for PortableNetwork {
    fn watch(&mut self) -> Result<(), NetworkError> {
        self.watch_signals()
    }

    fn write_behind(&mut self, out: Stdout) {
        Self::write_behind(self, out);
    }
}

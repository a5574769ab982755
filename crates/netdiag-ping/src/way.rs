//! What a change of this machine means for the way to the target.

use crate::Measurement;
use netdiag_engine::WayOut;
use netdiag_engine::port::InterfaceChange;

impl Measurement {
    /// Whether a change touches the way that our probes take out of this machine.
    pub(crate) fn touched_by(&self, change: &InterfaceChange) -> WayOut {
        let fixed = self.config.control.source;
        self.config.way.map_or(WayOut::Untouched, |way| {
            WayOut::after(change, way, fixed, self.config.destination)
        })
    }

    /// What is known of that way before anything is sent.
    pub(crate) fn first_way(&self) -> WayOut {
        let fixed = self.config.control.source;
        self.config
            .way
            .map_or(WayOut::Untouched, |way| WayOut::at_start(way, fixed, self.config.destination))
    }
}

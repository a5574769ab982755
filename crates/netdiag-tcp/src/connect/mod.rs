//! `tcp-connect`: opens connections by the kernel, as any program does, to every address of every
//! target, and says what became of them.
//!
//! ```
//! use netdiag_engine::{Events, Measurement as _, Next};
//! use netdiag_model::{Destination, Instant};
//! use netdiag_tcp::connect::{Config, Measurement, Target};
//!
//! let address = Destination::new("192.0.2.1".parse().expect("an address"));
//! let host = "192.0.2.1".into();
//! let addresses = vec![(address, None)];
//! let (tls, tls_later, url, behind) = (None, None, None, None);
//! let target = Target { index: 0, host, port: 80, tls, tls_later, url, addresses, behind };
//! let mut measurement = Measurement::new(Config::new(vec![target]));
//! let Next::Probe(first) = measurement.next(Instant::ZERO, &mut Events::new()) else { panic!() };
//! assert_eq!(first.destination, address);
//! ```

pub mod config;
mod conversation;
pub mod dialogue;
pub mod event;
mod failure;
pub mod findings;
pub mod http;
pub mod jury;
pub mod measurement;
pub mod metrics;
pub mod names;
pub mod proxy;
pub mod race;
pub mod result;
mod series;
pub mod starttls;
pub mod tls;
mod verdict;
mod words;

pub use config::{Config, Target};
pub use dialogue::Dialogue;
pub use event::{Attempt, Class, Ending, Event, EventKind};
pub use jury::Jury;
pub use measurement::Measurement;
pub use names::Names;
pub use proxy::Proxy;

//! What the tests of the built program share.

pub(crate) mod golden;
pub(crate) mod http2;
pub(crate) mod machine;
pub(crate) mod process;
pub(crate) mod pty;
pub(crate) mod quic;
pub(crate) mod schema;
pub(crate) mod tls;
pub(crate) mod world;

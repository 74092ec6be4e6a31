//! RFC 9293.

#[allow(dead_code)]
pub(crate) mod cookie;
#[allow(dead_code)]
pub(crate) mod embryo;
#[allow(dead_code)]
pub(crate) mod queue;
#[allow(dead_code)]
pub(crate) mod reassembly;
pub(crate) mod roster;
pub mod state;
#[allow(dead_code)]
pub(crate) mod timer;
#[allow(dead_code)]
pub(crate) mod timewait;

//! RFC 9293: one file a part. Read `input` for what arrives, `output` for what leaves, `connection` for the rest.

pub mod state;

pub(crate) mod congestion;
pub(crate) mod connection;
pub(crate) mod connections;
pub mod cookie;
pub(crate) mod deadlines;
pub(crate) mod ecn;
pub(crate) mod embryo;
pub(crate) mod input;
pub(crate) mod listen;
pub(crate) mod mss;
pub(crate) mod near;
pub(crate) mod output;
pub(crate) mod queue;
pub(crate) mod reassembly;
pub(crate) mod recovery;
pub(crate) mod recv;
pub(crate) mod roster;
pub(crate) mod rtt;
pub(crate) mod segment;
pub(crate) mod send;
pub(crate) mod spent;
pub(crate) mod timeout;
pub mod timer;
pub(crate) mod timestamps;
pub(crate) mod timewait;
pub(crate) mod tuning;

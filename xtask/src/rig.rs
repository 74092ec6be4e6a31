//! What the tasks share: networks and processes of their own, and what is needed and built for them.

pub(crate) mod build;
pub(crate) mod counters;
pub(crate) mod ip;
pub(crate) mod namespace;
pub(crate) mod need;
pub(crate) mod number;
pub(crate) mod process;

//! The primitives that sockets and driver meet at. The model of `tests/loom` puts loom's in their place, and so runs the
//! code of `shard` and `wakers` itself in every order.

pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};

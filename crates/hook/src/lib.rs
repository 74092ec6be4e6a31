//! The stack behind the library interface of packetdrill, so that an unmodified packetdrill can judge it in virtual time:
//! no root, no TUN, no kernel.
//!
//! ```text
//!  packetdrill ──▶ abi ──▶ hook: one lock, blocked callers ──▶ net: descriptors, time, the stack
//!                                                               ├ calls, options, poll, epoll, pipe
//!                                                               └ lines: sysctl lines, read by lab::pkt
//! ```
//! Build it with `cargo build -p syndic-hook` and give packetdrill `--so_filename=…/libsyndic_hook.so` and
//! `--so_flags=local=192.168.0.1,remote=192.0.2.1,mtu=1500,profile=linux,settings=FILE` (see [`flags`]). Assertions on
//! TCP_INFO in `%{ }%` call the C library's `getsockopt`, so preload the library too (`LD_PRELOAD`): it answers TCP_INFO for
//! descriptors of its own and passes everything else to the kernel.
//!
//! What is asked for and not there fails with the errno that a kernel without it would give, and is named on standard error
//! with the word `unsupported`. Read first: [`abi`] for the table of functions, then `hook` for who waits for whom.

pub mod abi;
mod calls;
mod epoll;
mod errno;
pub mod flags;
mod hook;
mod info;
mod lines;
mod memory;
mod net;
mod options;
mod pipe;
mod poll;
mod socket;

/// Names something that a script asked for and that is not there.
fn unsupported(what: std::fmt::Arguments<'_>) {
    eprintln!("syndic-hook: unsupported: {what}");
}

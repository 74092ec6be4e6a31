//! The command `syndic`.
//!
//! `args` is what was typed, `meant` what it means; each command has a module of its own. Whatever is wrong with what was
//! typed ends with exit code 2, whatever fails afterwards with 1, both with one line on stderr.

use std::process::ExitCode;

use clap::Parser;

mod args;
mod control;
mod device;
mod failure;
mod get;
mod guarding;
mod http;
mod impair;
mod lab;
mod meant;
mod output;
mod serve;
mod service;
mod ss;
mod subnet;

fn main() -> ExitCode {
    keep_memory();
    let typed = args::Args::parse();
    match meant::mean(typed) {
        Ok(command) => failure::exit_code(command.run()),
        Err(wrong) => failure::usage(&wrong),
    }
}

/// Has the allocator keep what is freed.
///
/// glibc gives memory at the end of its heap back to the kernel as soon as 128 KiB of it are free, and takes it again page by page, each
/// faulted in and zeroed. Buffers of 64 KiB that come and go with every acknowledgment swing by more than that: it was 40 % of a sender's
/// time (docs/bench.md). Once a block that was mapped by itself is freed, glibc keeps as much as two of these (`mallopt(3)`, dynamic mmap
/// threshold). Other allocators do not mind, and no page of it is touched.
fn keep_memory() {
    const KEPT_BYTES: usize = 32 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT_BYTES / 2)));
}

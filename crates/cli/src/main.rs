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

/// The allocator of glibc gives memory at the top of its heap back to the system as soon as it is more than 128 KiB, and takes
/// it again, page by page, for the next packet: where packets are 64 KiB long that costs more than all that is done with them.
/// After a large block was freed it keeps as much as two of these (docs/bench.md, "In memory").
fn keep_memory() {
    const KEPT_BYTES: usize = 32 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT_BYTES / 2)));
}

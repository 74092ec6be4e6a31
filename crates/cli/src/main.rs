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
    let typed = args::Args::parse();
    match meant::mean(typed) {
        Ok(command) => failure::exit_code(command.run()),
        Err(wrong) => failure::usage(&wrong),
    }
}

//! smoltcp, as `cargo xtask peers` measures it.
//!
//! ```text
//! smoltcp-peer serve discard|chargen|echo TUN PORT    10.77.2.2 behind that TUN, 10.77.2.1 is the kernel's side
//! smoltcp-peer idle N                                 N connections in memory, and the cost of a packet beside them
//! ```
//! It says `ready` on standard output when it can be reached, or prints one JSON object.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use anyhow::{Context as _, bail};

mod idle;
mod serve;

fn main() -> ExitCode {
    let typed: Vec<String> = std::env::args().skip(1).collect();
    let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
    let outcome = match typed[..] {
        ["serve", service, tun, port] => serve(service, tun, port),
        ["idle", connections] => connections
            .parse()
            .context("a number of connections")
            .and_then(idle::measure),
        _ => Err(anyhow::anyhow!(
            "smoltcp-peer serve SERVICE TUN PORT | smoltcp-peer idle N"
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("smoltcp-peer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(service: &str, tun: &str, port: &str) -> anyhow::Result<()> {
    let service = match service {
        "discard" => serve::Service::Discard,
        "chargen" => serve::Service::Chargen,
        "echo" => serve::Service::Echo,
        other => bail!("no service {other}"),
    };
    serve::serve(service, tun, port.parse().context("a port")?)
}

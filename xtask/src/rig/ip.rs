//! The command `ip`, in the network of the thread that calls it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Gives commands to `ip`, one a line.
///
/// Errors: what `ip` says of the first that it refuses; those behind it are not given.
pub(crate) fn batch(commands: &str) -> anyhow::Result<()> {
    let mut ip = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("ip")?;
    if let Some(mut stdin) = ip.stdin.take() {
        stdin.write_all(commands.as_bytes()).context("ip")?;
    }
    let output = ip.wait_with_output().context("ip")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("ip refused one of these commands: {}\n{commands}", said.trim());
    }
    Ok(())
}

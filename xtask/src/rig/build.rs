//! What a task builds before it measures.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Where all that is built is: the directory that this program was built into.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let itself = std::env::current_exe().context("this program's path")?;
    // target/release/xtask
    let target = itself.ancestors().nth(2).context("the target directory")?;
    Ok(target.to_owned())
}

/// Builds the command `syndic` in release. Gives its path.
pub(crate) fn syndic() -> anyhow::Result<PathBuf> {
    let target = target()?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let options = ["--package", "syndic-cli"].map(OsStr::new);
    cargo(&manifest, &target, options)?;
    Ok(target.join("release/syndic"))
}

/// Builds a package in release.
pub(crate) fn cargo<'a>(
    manifest: &'a Path,
    target: &'a Path,
    more: impl IntoIterator<Item = &'a OsStr>,
) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let options = ["build", "--release", "--quiet"].map(OsStr::new);
    let places = [
        OsStr::new("--target-dir"),
        target.as_os_str(),
        OsStr::new("--manifest-path"),
        manifest.as_os_str(),
    ];
    run(cargo, options.into_iter().chain(places).chain(more))
}

/// Runs a program to its end.
///
/// Errors: it failed; what it had to say, it has said itself.
pub(crate) fn run<'a>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = &'a OsStr>) -> anyhow::Result<()> {
    let name = program.as_ref().to_string_lossy().into_owned();
    let status = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .status()
        .with_context(|| name.clone())?;
    if !status.success() {
        bail!("{name} failed");
    }
    Ok(())
}

//! What has to be there before anything is begun, and what is built for it.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use nix::sched::sched_getaffinity;
use nix::unistd::{Pid, geteuid};

use super::generator::Generator;
use super::subject::Programs;
use crate::args::{Flood, Subject};

/// What is missing, each with what to do about it.
#[derive(Debug)]
pub(crate) struct Missing(Vec<String>);

impl std::error::Error for Missing {}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [one] => write!(f, "{one}"),
            all => write!(f, "{} things are missing\n  - {}", all.len(), all.join("\n  - ")),
        }
    }
}

/// What there is.
pub(super) struct Found {
    pub(super) generator: PathBuf,
    /// The generator's core and that of the receiver.
    pub(super) cores: (usize, usize),
}

/// Errors: [`Missing`], with all that is missing.
pub(super) fn look(flood: &Flood) -> anyhow::Result<Found> {
    let mut missing = Vec::new();
    if !geteuid().is_root() {
        missing.push("it needs root, for BPF and for threaded NAPI: sudo -E cargo xtask flood".to_owned());
    }
    missing.extend(generator_missing(flood.generator.as_deref()));
    let has_bare = flood.subjects.contains(&Subject::Bare);
    let commands = [
        ("ip", "iproute2", true),
        ("ethtool", "ethtool", true),
        ("cc", "gcc", has_bare),
    ];
    for (command, package, _) in commands
        .iter()
        .filter(|(command, _, is_needed)| *is_needed && !has(command))
    {
        missing.push(format!("there is no command {command}: install the package {package}"));
    }
    if !Path::new("/dev/net/tun").exists() {
        missing.push("there is no /dev/net/tun: load the module tun".to_owned());
    }
    if let Some(syndic) = flood.syndic.as_ref().filter(|syndic| !syndic.is_file()) {
        missing.push(format!("there is no {}: give --syndic a file", syndic.display()));
    }
    let cores = cores()?;
    match (cores, &flood.generator) {
        (Some(cores), Some(generator)) if missing.is_empty() => {
            let generator = generator.canonicalize().context("the generator's directory")?;
            Ok(Found { generator, cores })
        }
        (None, _) => {
            missing.push("it needs two processors: one floods, the other receives".to_owned());
            Err(Missing(missing).into())
        }
        _ => Err(Missing(missing).into()),
    }
}

fn generator_missing(directory: Option<&Path>) -> Option<String> {
    let Some(directory) = directory else {
        return Some(
            "it needs a generator, which is no part of this project: name a directory that holds `floodgen` and \
             `flood.bpf.o` by --generator DIR or $FLOODGEN"
                .to_owned(),
        );
    };
    let files: Vec<String> = Generator::missing(directory)
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    (!files.is_empty()).then(|| format!("the generator is not there: no {}", files.join(", no ")))
}

fn has(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(command).is_file())
}

/// The last two that this process may use: the first has most of the machine's interrupts.
fn cores() -> anyhow::Result<Option<(usize, usize)>> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).context("cannot ask which processors there are")?;
    let mut allowed = (0..nix::sched::CpuSet::count())
        .rev()
        .filter(|core| allowed.is_set(*core).unwrap_or(false));
    Ok(allowed.next().and_then(|receiver| Some((allowed.next()?, receiver))))
}

/// Builds what is to be measured.
///
/// Errors: what `cargo` or `cc` say.
pub(super) fn build(flood: &Flood) -> anyhow::Result<Programs> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let itself = std::env::current_exe().context("this program's path")?;
    // target/release/xtask
    let target = itself.ancestors().nth(2).context("the target directory")?;
    let responder = target.join("xtask").join("responder");
    if flood.subjects.contains(&Subject::Bare) {
        std::fs::create_dir_all(target.join("xtask")).context("the target directory")?;
        let file = source.join("responder.c");
        run(
            "cc",
            [
                OsStr::new("-O2"),
                OsStr::new("-o"),
                responder.as_os_str(),
                file.as_os_str(),
            ],
        )?;
    }
    let syndic = match &flood.syndic {
        Some(syndic) => syndic.canonicalize().context("--syndic")?,
        None if flood.subjects.contains(&Subject::Ours) => {
            let manifest = source.join("../Cargo.toml");
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let options = [
                "build",
                "--release",
                "--quiet",
                "--package",
                "syndic-cli",
                "--target-dir",
            ]
            .map(OsStr::new);
            let places = [target.as_os_str(), OsStr::new("--manifest-path"), manifest.as_os_str()];
            run(cargo, options.into_iter().chain(places))?;
            target.join("release/syndic")
        }
        None => PathBuf::new(),
    };
    Ok(Programs {
        syndic,
        serve: flood.serve.clone(),
        responder,
        queue: flood.queue,
    })
}

fn run<'a>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = &'a OsStr>) -> anyhow::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_is_asked_for_by_name() {
        let said = generator_missing(None).unwrap();
        assert!(said.contains("--generator DIR") && said.contains("$FLOODGEN"), "{said}");
        let said = generator_missing(Some(Path::new("/nowhere"))).unwrap();
        assert_eq!(
            said,
            "the generator is not there: no /nowhere/floodgen, no /nowhere/flood.bpf.o"
        );
    }

    #[test]
    fn one_thing_is_said_in_a_line_and_more_in_a_list() {
        let missing = |said: &[&str]| Missing(said.iter().map(ToString::to_string).collect()).to_string();
        assert_eq!(missing(&["no root"]), "no root");
        assert_eq!(
            missing(&["no root", "no ip"]),
            "2 things are missing\n  - no root\n  - no ip"
        );
    }

    #[test]
    fn commands_are_looked_for_on_the_path() {
        assert!(has("sh"));
        assert!(!has("no-such-command-anywhere"));
    }
}

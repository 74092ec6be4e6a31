//! What has to be there before anything is begun, and what is built for it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nix::unistd::geteuid;

use super::generator::Generator;
use super::subject::Programs;
use crate::args::{Flood, Subject};
use crate::rig::build;
use crate::rig::need::{Missing, cores, has};

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

/// Builds what is to be measured.
///
/// Errors: what `cargo` or `cc` say.
pub(super) fn build(flood: &Flood) -> anyhow::Result<Programs> {
    let responder = build::target()?.join("xtask").join("responder");
    if flood.subjects.contains(&Subject::Bare) {
        std::fs::create_dir_all(build::target()?.join("xtask")).context("the target directory")?;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("responder.c");
        build::run(
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
        None if flood.subjects.contains(&Subject::Ours) => build::syndic()?,
        None => PathBuf::new(),
    };
    Ok(Programs {
        syndic,
        serve: flood.serve.clone(),
        responder,
        queue: flood.queue,
    })
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
}

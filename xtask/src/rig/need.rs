//! What a task needs of the machine, and how it says what is missing.

use std::fmt;

use anyhow::Context as _;
use nix::sched::sched_getaffinity;
use nix::unistd::Pid;

/// What is missing, each with what to do about it.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) Vec<String>);

impl std::error::Error for Missing {}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [one] => write!(f, "{one}"),
            all => write!(f, "{} things are missing\n  - {}", all.len(), all.join("\n  - ")),
        }
    }
}

/// Whether there is such a command on the path.
pub(crate) fn has(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(command).is_file())
}

/// The last two that this process may use: the first has most of the machine's interrupts.
pub(crate) fn cores() -> anyhow::Result<Option<(usize, usize)>> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).context("cannot ask which processors there are")?;
    let mut allowed = (0..nix::sched::CpuSet::count())
        .rev()
        .filter(|core| allowed.is_set(*core).unwrap_or(false));
    Ok(allowed.next().and_then(|receiver| Some((allowed.next()?, receiver))))
}

#[cfg(test)]
mod tests {
    use super::*;

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

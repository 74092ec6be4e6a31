//! The flood: a program that is no part of this project, let loose in a namespace that nothing leaves.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::network::{ATTACK, ATTACKED, Network};
use super::subject::PORT;
use crate::args::Rate;
use crate::rig::process::Running;

/// What the directory has to hold.
const PROGRAM: &str = "floodgen";
const OBJECT: &str = "flood.bpf.o";

/// What generators ask of themselves and do not reach, to begin with.
const REACHED: f64 = 0.8;
/// How near to the rate it has to come, and how often that is tried.
const NEAR: f64 = 0.03;
const TRIES: u32 = 4;
/// How long the rate is looked at.
const LOOK: Duration = Duration::from_millis(700);
/// How long it may take to begin.
const BEGIN: Duration = Duration::from_secs(5);

/// Where the generator is, and on which core it may run.
pub(super) struct Generator {
    directory: PathBuf,
    core: usize,
}

impl Generator {
    pub(super) fn new(directory: &Path, core: usize) -> Self {
        Self {
            directory: directory.to_owned(),
            core,
        }
    }

    /// What is missing in a directory for it to be a generator.
    pub(super) fn missing(directory: &Path) -> Vec<PathBuf> {
        [PROGRAM, OBJECT]
            .map(|name| directory.join(name))
            .into_iter()
            .filter(|path| !path.is_file())
            .collect()
    }

    /// Floods at a rate, and comes back when it is reached, or cannot be. The flood ends by itself after `lifetime`.
    ///
    /// `target` is what the generator is told; what it learns here is kept for the next time.
    pub(super) fn start(
        &self,
        network: &Network,
        rate: Rate,
        target: &mut Option<f64>,
        lifetime: Duration,
    ) -> anyhow::Result<Option<Running>> {
        let asked = match rate {
            Rate::Calm => return Ok(None),
            Rate::Unlimited => return self.begin(network, None, lifetime).map(|(running, _)| Some(running)),
            Rate::PerSecond(asked) => f64::from(asked),
        };
        let mut told = target.unwrap_or(asked / REACHED);
        for _ in 1..TRIES {
            let (running, reached) = self.begin(network, Some(told), lifetime)?;
            let share = reached / asked;
            if (share - 1.0).abs() <= NEAR {
                *target = Some(told);
                return Ok(Some(running));
            }
            // Where the receiver takes in no more, asking for more would only make it take in less.
            told = (told / share.clamp(0.5, 2.0)).min(asked * 3.0);
        }
        *target = Some(told);
        self.begin(network, Some(told), lifetime)
            .map(|(running, _)| Some(running))
    }

    /// Starts it, and looks at the rate that it reaches. Units: SYNs per second.
    fn begin(&self, network: &Network, told: Option<f64>, lifetime: Duration) -> anyhow::Result<(Running, f64)> {
        let mut command: Vec<OsString> = vec![
            self.directory.join(PROGRAM).into(),
            ATTACK.into(),
            ATTACKED.into(),
            network.server_address()?.to_string().into(),
            PORT.to_string().into(),
            format!("{}", lifetime.as_secs_f64()).into(),
        ];
        command.extend(told.map(|told| OsString::from(format!("{told:.0}"))));
        let environment = vec![("FLOOD_OBJ", self.directory.join(OBJECT).into())];
        let mut running = Running::start("the generator", &network.attacker, self.core, command, environment)?;

        let before = network.count()?;
        let until = Instant::now() + BEGIN;
        while network.count()?.since(&before).delivered == 0 {
            running.check()?;
            if Instant::now() > until {
                bail!("the generator runs, but no SYN of it arrives");
            }
            sleep(Duration::from_millis(5));
        }
        let began = network.count()?;
        sleep(LOOK);
        let passed = network.count()?.since(&began);
        Ok((running, passed.delivered as f64 / passed.time.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_generator_lacks_is_named() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(
            Generator::missing(here),
            [here.join("floodgen"), here.join("flood.bpf.o")]
        );
    }
}

//! `syndic ss`: the sockets of running commands, as `ss` shows the kernel's.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use lens::socket;
use tokio::runtime;

use crate::control::client::{NoAnswer, ask};
use crate::control::place::Places;
use crate::control::stale::sweep;
use crate::control::{Answer, Reply, Request};
use crate::output::Output;

/// What `syndic ss` is to do.
#[derive(Debug)]
pub(crate) struct Ss {
    pub(crate) request: Request,
    /// All that is known of each socket.
    pub(crate) details: bool,
    pub(crate) json: bool,
    /// `None`: all processes of this user.
    pub(crate) socket: Option<PathBuf>,
}

impl Ss {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot wait for answers")?;
        let (answers, unheard) = runtime.block_on(async {
            match &self.socket {
                Some(path) => self.ask_one(path).await.map(|answer| (vec![answer], Vec::new())),
                None => self.ask_all(&Places::ours()).await,
            }
        })?;
        let mut output = Output::stdout();
        if self.json {
            output.line(serde_json::to_string_pretty(&answers)?)?;
        } else {
            output.line(text(&answers, self.details).trim_end())?;
        }
        match &*unheard {
            [] => Ok(()),
            paths => bail!("not all were heard: {}", paths.join("; ")),
        }
    }

    async fn ask_one(&self, path: &Path) -> anyhow::Result<Answer> {
        let shown = path.display();
        ask(path, self.request).await.map_err(|why| match why {
            NoAnswer::Nothing => {
                anyhow!("{shown}: {why}: does the process run? `syndic ss` without --socket finds all that do")
            }
            NoAnswer::Stale => anyhow!("{shown}: {why}; remove it with `rm {shown}`"),
            NoAnswer::Forbidden => anyhow!("{shown}: {why}: try `sudo syndic ss --socket {shown}`"),
            _ => anyhow::Error::new(why).context(shown.to_string()),
        })
    }

    /// The answers, and what is wrong with processes that gave none.
    async fn ask_all(&self, places: &Places) -> anyhow::Result<(Vec<Answer>, Vec<String>)> {
        let (mut answers, mut unheard) = (Vec::new(), Vec::new());
        for path in places.sockets() {
            match ask(&path, self.request).await {
                Ok(answer) => answers.push(answer),
                // It ended a moment ago.
                Err(NoAnswer::Nothing) => {}
                // It was killed and could not clean up, or has not begun to listen: then its socket stays.
                Err(NoAnswer::Stale) => {
                    sweep(&path);
                }
                Err(why) => unheard.push(format!("{}: {why}", path.display())),
            }
        }
        if answers.is_empty() && unheard.is_empty() {
            return Err(nobody(places));
        }
        Ok((answers, unheard))
    }
}

/// No process was found: where it was looked for, and what to do.
fn nobody(places: &Places) -> anyhow::Error {
    let directories: Vec<String> = places
        .directories()
        .iter()
        .map(|directory| directory.display().to_string())
        .collect();
    let hint = if places.has_others() {
        "other users' are not shown: `sudo syndic ss` shows root's"
    } else {
        "start one, such as `sudo syndic serve .`, or name a socket with --socket PATH"
    };
    anyhow!(
        "no syndic of this user runs (looked in {}): {hint}",
        directories.join(" and ")
    )
}

/// The table of each process; where there are several, under its name.
fn text(answers: &[Answer], details: bool) -> String {
    let mut out = String::new();
    for answer in answers {
        if answers.len() > 1 {
            let command = answer.command.replace(char::is_control, "?");
            out.push_str(&format!("syndic {command}, process {}\n", answer.pid));
        }
        out.push_str(&of_one(&answer.reply, details));
        out.push('\n');
    }
    out
}

fn of_one(reply: &Reply, details: bool) -> String {
    match reply {
        Reply::Sockets(sockets) => {
            let mut text = socket::list(&sockets.list, details);
            if sockets.more > 0 {
                text.push_str(&format!("… and {} more: a larger --limit shows them\n", sockets.more));
            }
            text
        }
        Reply::HalfOpen(half_open) => half_open.text(),
        Reply::Refused(why) => format!("{}\n", why.replace(char::is_control, "?")),
    }
}

#[cfg(test)]
mod tests {
    use lens::HalfOpen;

    use super::*;
    use crate::control::Sockets;

    fn answer(pid: u32, reply: Reply) -> Answer {
        Answer {
            pid,
            command: "serve".to_owned(),
            reply,
        }
    }

    #[test]
    fn one_process_has_no_heading_and_several_have() {
        let none = || Reply::HalfOpen(HalfOpen::of(&[], 1));
        assert_eq!(text(&[answer(1, none())], false), "no half-open entries\n\n");
        let two = text(&[answer(1, none()), answer(2, none())], false);
        assert_eq!(
            two,
            "syndic serve, process 1\nno half-open entries\n\nsyndic serve, process 2\nno half-open entries\n\n"
        );
    }

    #[test]
    fn what_is_left_off_is_said() {
        let sockets = Sockets {
            list: Vec::new(),
            more: 12,
        };
        let text = text(&[answer(1, Reply::Sockets(sockets))], false);
        assert!(text.contains("… and 12 more: a larger --limit shows them\n"), "{text}");
    }
}

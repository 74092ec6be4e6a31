//! Tables that generate scripts: states by segments, states by calls, and what else is told by rows better than by files.

mod backlog;
mod calls;
mod paws;
mod reassembly;
mod segments;
mod way;

use syndic_lab::pkt::{Profile, Script, Verdict, play};

/// A generated script: its name, and its text.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Plays every case; each must pass, and there are at least as many as `least`.
pub(crate) fn all_pass(cases: &[Case], least: usize) {
    let mut failed = String::new();
    for Case { name, text } in cases {
        let script = Script::parse(name, text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let played = play(&script, Profile::Linux);
        if played.verdict != Verdict::Pass {
            failed.push_str(&format!("{played}\n"));
        }
    }
    assert!(failed.is_empty(), "of {} cases:\n{failed}", cases.len());
    assert!(cases.len() >= least, "only {} cases", cases.len());
}

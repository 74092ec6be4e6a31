//! The cases, by what they are about.

mod close;
mod closed;
mod data;
mod open;
mod reset;
mod send;
mod timewait;

use crate::script::Case;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = Case> {
    let lists = [
        closed::CASES,
        open::CASES,
        reset::CASES,
        data::CASES,
        send::CASES,
        close::CASES,
        timewait::CASES,
    ];
    lists.into_iter().flatten().map(|&(name, script)| Case { name, script })
}

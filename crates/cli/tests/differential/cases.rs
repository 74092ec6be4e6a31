//! The cases, by what they are about.

mod close;
mod closed;
mod cookie;
mod damage;
mod data;
mod icmp;
mod listen;
mod open;
mod option;
mod reset;
mod send;
mod timewait;

use crate::script::{Case, Version};

/// Those that are played over either version of IP; what takes long comes first, so that the rest fits into its waits.
const EITHER: [&[(&str, &str)]; 12] = [
    listen::CASES,
    cookie::CASES,
    closed::CASES,
    open::CASES,
    option::CASES,
    reset::CASES,
    data::CASES,
    send::CASES,
    close::CASES,
    timewait::CASES,
    damage::CASES,
    icmp::CASES,
];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = Case> {
    let over = |lists: &'static [&'static [(&'static str, &'static str)]], version| {
        lists
            .iter()
            .copied()
            .flatten()
            .map(move |&(name, script)| Case { name, script, version })
    };
    over(&EITHER, Version::V4)
        .chain(over(&[damage::ONLY_V4, icmp::ONLY_V4], Version::V4))
        .chain(over(&EITHER, Version::V6))
        .chain(over(&[icmp::ONLY_V6], Version::V6))
}

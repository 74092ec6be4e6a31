//! Scripts in packetdrill's language, played against a real stack in virtual time: no network, no clock, no root.
//!
//! A script lists packets that arrive, packets that the stack must send, and system calls with their results. It passes when
//! all of that happens, at its time. What the runner does not know is named, and never counts as a pass. The language as far
//! as it is spoken here: `docs/packetdrill.md`.
//!
//! ```text
//! text ─▶ lexer ─▶ parser ─▶ ast ─▶ run ─┬▶ call     a system call  ─▶ Stack
//!                                        ├▶ flow     script numbers ◀▶ numbers on the wire
//!                                        └▶ segment  packets made, packets compared
//! ```

mod assertion;
pub mod ast;
mod command;
mod constant;
mod lexer;
pub mod option;
mod parser;
pub mod profile;
mod run;
pub mod settings;
pub mod value;
pub mod verdict;

pub use ast::Script;
pub use lexer::SyntaxError;
pub use profile::{Profile, UnknownProfile};
pub use run::play;
pub use settings::{Settings, UnknownSetting};
pub use verdict::{Played, Verdict};

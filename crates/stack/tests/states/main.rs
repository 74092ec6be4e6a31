//! The table of states, RFC 9293 figure 5: every state and arrow in a snapshot, and the figure drawn from the same table.
//!
//! `docs/states.svg` is what [`figure::draw`] draws. Where it is not, the test says so; `UPDATE_SVG=1` writes it anew.

mod figure;
mod layout;

use std::fmt::Write as _;
use std::path::Path;

use syndic_stack::State;
use syndic_stack::tcp::state::{Arrow, next};

/// Columns of the first half of the table, which opens connections; the other half ends them.
const OPENING: usize = 5;

/// One half of the table: a row for each state, a column for each arrow, a dot where the figure has none.
fn table(arrows: &[Arrow]) -> String {
    let mut out = format!("{:<12}", "");
    for arrow in arrows {
        let _ = write!(out, "  {:<12}", format!("{arrow:?}"));
    }
    for state in State::ALL {
        out.truncate(out.trim_end().len());
        let _ = write!(out, "\n{state:<12}");
        for &arrow in arrows {
            let to = next(state, arrow).map_or("·", State::name);
            let _ = write!(out, "  {to:<12}");
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[test]
fn every_state_and_arrow() {
    let (opening, ending) = Arrow::ALL.split_at(OPENING);
    insta::assert_snapshot!("table", format!("{}\n\n{}", table(opening), table(ending)));
}

#[test]
fn every_state_is_reached_from_closed_and_leads_back_to_it() {
    let to = |from: State| Arrow::ALL.into_iter().filter_map(move |arrow| next(from, arrow));
    for start in State::ALL {
        let mut reached = vec![start];
        let mut at = 0;
        while let Some(&state) = reached.get(at) {
            reached.extend(
                to(state)
                    .filter(|s| !reached.contains(s))
                    .collect::<std::collections::BTreeSet<_>>(),
            );
            at += 1;
        }
        assert!(reached.contains(&State::Closed), "from {start} CLOSED is not reached");
        if start == State::Closed {
            assert_eq!(reached.len(), State::ALL.len(), "reached from CLOSED: {reached:?}");
        }
    }
}

#[test]
fn the_figure_is_drawn_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/states.svg");
    let drawn = figure::draw();
    if std::env::var_os("UPDATE_SVG").is_some_and(|v| v == "1") {
        std::fs::write(&path, &drawn).expect("docs can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == drawn,
        "docs/states.svg is not what the table says: draw it anew with UPDATE_SVG=1 cargo test -p syndic-stack --test states"
    );
}

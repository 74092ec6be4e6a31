//! Loss x round trip x queue -> goodput: what recovery and congestion control make of every path.
//!
//! A change there is seen here, and reviewed: `INSTA_UPDATE=always cargo test -p syndic-lab --test grid`.

use syndic_lab::transfer::grid;

#[test]
fn goodput_over_the_grid_of_paths() {
    insta::assert_snapshot!(grid::table(&[1, 2]).unbroken());
}

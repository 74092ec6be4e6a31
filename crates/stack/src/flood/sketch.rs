//! Token buckets for any number of sources in a table that never grows.
//!
//! Two rows of cells; a source has one cell in each, by its keyed hash, and shares them with whoever else falls there. It has
//! a token if *either* of its cells has one, and only the emptier of its buckets is believed: a cell is never moved further on
//! than that one says (the conservative update of a count-min sketch). So a source is never let through more than its rate,
//! and is refused before only when others have emptied both of its cells. There are no names in the table, hence nothing to
//! evict and nothing that ten million sources could fill.
//!
//! How much others disturb, computed by the tests below:
//! - Sources seen once, as a flood from random addresses has them: a token moves the cell that is less far on, so that a row
//!   evens out what the other has. While fewer of them are seen per second than 1.5 x cells x rate, none is refused; at 2 x,
//!   a quarter is; at 3 x, half.
//! - `k` sources that each take all they are given empty `k` of the cells of each row; a stranger is refused when both of his
//!   are among them: (1 - e^(-k / cells))^2.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use super::pace::{Pace, Rate, Refresh};
use super::source::{PLACE_BITS, Spot};
use crate::time::{Duration, Instant};

/// The table. It takes no memory before its first use.
#[derive(Debug)]
pub(crate) struct Sketch {
    pace: Pace,
    /// Per row. Bounds: a power of two, at most 2^20.
    width: usize,
    rows: Option<Arc<Rows>>,
}

/// What the table takes once it is used. One row lies after the other; each cell is one word, changed on its own.
#[derive(Debug)]
struct Rows {
    cells: Vec<AtomicU32>,
    refresh: Refresh,
}

/// A clone has cells of its own.
impl Clone for Sketch {
    fn clone(&self) -> Self {
        let rows = self.rows.as_ref().map(|rows| {
            let cells = rows
                .cells
                .iter()
                .map(|cell| AtomicU32::new(cell.load(Ordering::Relaxed)));
            Arc::new(Rows {
                cells: cells.collect(),
                refresh: rows.refresh.clone(),
            })
        });
        Self { rows, ..*self }
    }
}

/// A token that a source may take, not taken yet.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub(crate) struct Token {
    places: [usize; 2],
    ticks: u32,
    /// How far ahead of `ticks` the source's cells are once it is taken.
    ahead: u32,
}

impl Sketch {
    /// A sketch with so many cells in a row, at least; see [`width`].
    pub(crate) fn new(rate: Rate, cells: usize) -> Self {
        Self {
            pace: Pace::new(rate),
            width: width(cells),
            rows: None,
        }
    }

    /// Another hold on the same cells, which are made for it.
    pub(crate) fn share(&mut self) -> Self {
        let (pace, width) = (self.pace, self.width);
        let rows = self.rows.get_or_insert_with(|| Rows::new(Instant::ZERO, &pace, width));
        Self {
            pace,
            width,
            rows: Some(Arc::clone(rows)),
        }
    }

    /// The token that the source may take now, if there is one.
    pub(crate) fn token(&mut self, now: Instant, spot: Spot) -> Option<Token> {
        let (pace, width) = (self.pace, self.width);
        let ticks = pace.ticks(now);
        let rows = self.rows.get_or_insert_with(|| Rows::new(now, &pace, width));
        rows.keep_fresh(now, &pace);
        let [first, second] = spot.cells().map(|cell| cell & (width - 1));
        let places = [first, width + second];
        let ahead = places.map(|place| rows.ahead(place, ticks));
        let ahead = pace.take(ahead.into_iter().fold(u32::MAX, u32::min))?;
        Some(Token { places, ticks, ahead })
    }

    /// Takes it.
    pub(crate) fn take(&mut self, token: Token) {
        let Some(rows) = &mut self.rows else { return };
        for place in token.places {
            if let Some(cell) = rows.cells.get(place)
                && Pace::ahead(cell.load(Ordering::Relaxed), token.ticks) < token.ahead
            {
                cell.store(token.ticks.wrapping_add(token.ahead), Ordering::Relaxed);
            }
        }
    }

    /// What the table takes now. Units: bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| size_of_val(rows.cells.as_slice()))
    }
}

impl Rows {
    fn new(now: Instant, pace: &Pace, width: usize) -> Arc<Self> {
        let ticks = pace.ticks(now);
        Arc::new(Self {
            cells: (0..2 * width).map(|_| AtomicU32::new(ticks)).collect(),
            refresh: Refresh::new(now, pace, Duration::from_nanos(u64::MAX)),
        })
    }

    fn ahead(&self, place: usize, ticks: u32) -> u32 {
        let cell = self.cells.get(place);
        cell.map_or(0, |cell| Pace::ahead(cell.load(Ordering::Relaxed), ticks))
    }

    /// Sees to it that no cell is read from the wrong side of a wrap-around.
    fn keep_fresh(&self, now: Instant, pace: &Pace) {
        let Some(idle) = self.refresh.due(now) else { return };
        let ticks = pace.ticks(now);
        let all_past = idle >= pace.burst_time();
        for cell in &self.cells {
            let tat = cell.load(Ordering::Relaxed);
            let ahead = if all_past { 0 } else { Pace::ahead(tat, ticks) };
            // A token that another shard takes meanwhile stays taken.
            let _ = cell.compare_exchange(tat, ticks.wrapping_add(ahead), Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

/// How many cells a row has where so many were asked for: a power of two, 64 to 2^20.
pub(crate) const fn width(cells: usize) -> usize {
    match cells {
        0..=64 => 64,
        65..=PLACES_MAX => cells.next_power_of_two(),
        _ => PLACES_MAX,
    }
}

const PLACES_MAX: usize = 1 << PLACE_BITS;

/// What a sketch of so many cells in a row takes at the most. Units: bytes.
pub(crate) const fn bytes_max(cells: usize) -> usize {
    2 * width(cells) * size_of::<u32>()
}

#[cfg(test)]
mod tests;

//! What a blind forger must guess.

/// The two kinds of cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The client offered timestamps: ISS and TSval carry the code.
    Timestamps,
    /// It did not: the ISS carries it alone.
    Bare,
}

/// Bits of code that an acknowledgment of this class must get right: one guess in 2 to this power is taken, for each
/// epoch that it could be of (one, or two within 8 s of an epoch's end).
///
/// A test counts every acknowledgment that would be taken; `docs/flood.md` says what the odds mean for a flood.
pub const fn forgery_bits(class: Class) -> u32 {
    match class {
        Class::Timestamps => 24 + 3 + 26,
        Class::Bare => 24,
    }
}

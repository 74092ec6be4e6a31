//! The input of a fuzz target, byte by byte; zeros when it has come to its end.

pub(crate) struct Choices<'a>(pub(crate) &'a [u8]);

impl Choices<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    pub(crate) fn short(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    /// One of so many; 0 where there are none.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let drawn = if n > 256 { self.short() } else { self.byte().into() };
        drawn % n.max(1)
    }
}

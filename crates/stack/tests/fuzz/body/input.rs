//! The input, byte by byte; zeros when it has come to its end.

/// The rest of it.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl Input<'_> {
    pub(super) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    pub(super) fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// A small step to either side, or nothing, or a large one.
    pub(super) fn delta(&mut self) -> u32 {
        match self.byte() {
            n @ 0..=127 if n % 2 == 0 => 0,
            n @ 0..=191 => u32::from(n).wrapping_sub(96),
            192..=223 => u32::from(self.short()).wrapping_sub(1 << 15),
            _ => u32::from(self.short()) << 16 | u32::from(self.short()),
        }
    }

    pub(super) fn choose<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let n = usize::from(self.byte());
        from.get(n % from.len().max(1)).copied()
    }

    pub(super) fn take(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }
}

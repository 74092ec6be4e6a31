//! Which few sources send most: the frequent items of a stream, with a fixed number of counters.
//!
//! A new source takes a free counter; where none is free, every counter loses one, and with it the newcomer. So a crowd of
//! random sources keeps the counters near zero, while each source that sends more than its share stands out. Read
//! first: Misra and Gries, "Finding repeated elements" (1982).

/// How many sources are followed.
const SOURCES: usize = 4;

/// The sources that still owe an answer to most SYN-ACKs.
///
/// A source that sends S of N SYNs counts at least S - (N - S) / 4, and never more than S. Two sources are taken for one
/// when 16 bits of their hashes are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Loud {
    /// Whose counter it is; means nothing beside a count of 0.
    tags: [u16; SOURCES],
    counts: [u32; SOURCES],
}

impl Loud {
    /// A SYN came.
    pub(super) fn insert(&mut self, source_hash: u64) {
        let tag = tag(source_hash);
        let mut free = None;
        for (held, count) in self.tags.iter_mut().zip(&mut self.counts) {
            if *count == 0 {
                free = Some((held, count));
            } else if *held == tag {
                *count = count.saturating_add(1);
                return;
            }
        }
        match free {
            Some((held, count)) => (*held, *count) = (tag, 1),
            None => self.counts.iter_mut().for_each(|count| *count -= 1),
        }
    }

    /// The source answered one of its SYN-ACKs after all.
    pub(super) fn remove(&mut self, source_hash: u64) {
        let tag = tag(source_hash);
        for (held, count) in self.tags.iter().zip(&mut self.counts) {
            if *held == tag {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// How many SYNs the loudest sources sent and left.
    pub(super) fn weight(&self) -> u32 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// Bits of the hash that [`Spread`](super::spread::Spread) does not use.
const fn tag(source_hash: u64) -> u16 {
    (source_hash >> 48) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flood::gauge::tests::Chance;

    #[test]
    fn one_source_among_any_crowd_keeps_its_weight() {
        for (name, crowd) in [("alone", 0), ("few", 500), ("as many", 2_000), ("more", 6_000)] {
            let mut chance = Chance::new(7);
            let mut loud = Loud::default();
            let (mut one, mut others) = (0, 0);
            while one < 2_000 || others < crowd {
                if chance.below(2_000 + u64::from(crowd)) < 2_000 {
                    loud.insert(42 << 48);
                    one += 1;
                } else {
                    loud.insert(chance.next());
                    others += 1;
                }
            }
            let least = (one - others / 4_u32).max(1);
            assert!(loud.weight() >= least, "{name}: {} of {one}", loud.weight());
        }
    }

    #[test]
    fn random_sources_weigh_next_to_nothing() {
        let mut chance = Chance::new(3);
        let mut loud = Loud::default();
        for _ in 0..100_000 {
            loud.insert(chance.next());
            assert!(loud.weight() < 32, "{}", loud.weight());
        }
    }

    #[test]
    fn an_answer_takes_back_its_syn() {
        let mut loud = Loud::default();
        (0..100).for_each(|_| loud.insert(5 << 48));
        loud.insert(6 << 48);
        (0..100).for_each(|_| loud.remove(5 << 48));
        loud.remove(7 << 48);
        assert_eq!(loud.weight(), 1);
    }
}

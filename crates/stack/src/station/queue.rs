//! The order in which entries make room: a queue that is linked through them.

/// An entry's place in a queue. Links are index + 1; 0: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Link {
    before: u32,
    after: u32,
}

/// Storage of entries that a queue links.
pub(super) trait Linked {
    /// The link of entry `i`; the default where there is none.
    fn link(&self, i: u32) -> Link;

    /// Stores the link of entry `i`.
    fn set_link(&mut self, i: u32, link: Link);
}

/// Who comes first makes room first.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    first: u32,
    last: u32,
}

impl Queue {
    /// The entry that makes room first.
    pub(super) fn first(&self) -> Option<u32> {
        self.first.checked_sub(1)
    }

    /// Adds entry `i`, which must be in no queue, as the last to make room.
    pub(super) fn push(&mut self, entries: &mut impl Linked, i: u32) {
        let link = Link {
            before: self.last,
            after: 0,
        };
        entries.set_link(i, link);
        self.join(entries, link.before, i + 1);
        self.join(entries, i + 1, 0);
    }

    /// Takes out entry `i`, which must be in this queue.
    pub(super) fn remove(&mut self, entries: &mut impl Linked, i: u32) {
        let Link { before, after } = entries.link(i);
        self.join(entries, before, after);
        entries.set_link(i, Link::default());
    }

    /// Makes these two neighbours; 0 is the end on either side.
    fn join(&mut self, entries: &mut impl Linked, before: u32, after: u32) {
        match before.checked_sub(1) {
            Some(i) => {
                let link = entries.link(i);
                entries.set_link(i, Link { after, ..link });
            }
            None => self.first = after,
        }
        match after.checked_sub(1) {
            Some(i) => {
                let link = entries.link(i);
                entries.set_link(i, Link { before, ..link });
            }
            None => self.last = before,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    impl Linked for Vec<Link> {
        fn link(&self, i: u32) -> Link {
            self[i as usize]
        }

        fn set_link(&mut self, i: u32, link: Link) {
            self[i as usize] = link;
        }
    }

    proptest! {
        #[test]
        fn it_is_a_queue_that_lets_go_anywhere(steps in prop::collection::vec(0u32..8, 0..200)) {
            let mut links = std::vec![Link::default(); 8];
            let (mut queue, mut model) = (Queue::default(), Vec::new());
            for i in steps {
                if model.contains(&i) {
                    queue.remove(&mut links, i);
                    model.retain(|other| *other != i);
                } else {
                    queue.push(&mut links, i);
                    model.push(i);
                }
                prop_assert_eq!(queue.first(), model.first().copied());
            }
            for i in model {
                prop_assert_eq!(queue.first(), Some(i));
                queue.remove(&mut links, i);
            }
            prop_assert_eq!(queue.first(), None);
        }
    }
}

//! Small files that are asked for again and again, kept in memory for a moment.
//!
//! To find a file means a dozen system calls and a thread that may block. Under load one of the requests does that, a
//! hundred times a second, and the others are answered from here meanwhile: so nobody sees a file as it was more than
//! [`FRESH`] and the time of one look-up ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::site::Page;

/// How long a page is taken from here without another look at the disk.
const FRESH: Duration = Duration::from_millis(10);

/// What one look-up may take before the next request looks by itself: a disk that hangs keeps no old page alive.
const PATIENCE: Duration = Duration::from_millis(100);

/// All pages together. At the bound all of them make room. Units: bytes.
const BYTES_MAX: usize = 16 << 20;

/// How many pages: an empty file takes memory too. At the bound all of them make room.
const PAGES_MAX: usize = 4_096;

/// Pages by the path of the request that led to them.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    by_path: HashMap<String, Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    page: Arc<Page>,
    bytes: usize,
    found: Instant,
    /// Since when somebody has been looking for it anew.
    sought: Option<Instant>,
}

impl Shelf {
    /// The page for this path; `None`: the caller is to look for it, and to [`put`](Self::put) or
    /// [`remove`](Self::remove) what became of it.
    pub(super) fn take(&self, path: &str, now: Instant) -> Option<Arc<Page>> {
        let mut pages = self.pages();
        let kept = pages.by_path.get_mut(path)?;
        let is_sought = kept.sought.is_some_and(|since| now - since < PATIENCE);
        if now - kept.found >= FRESH && !is_sought {
            kept.sought = Some(now);
            return None;
        }
        Some(Arc::clone(&kept.page))
    }

    /// Keeps a page that was found at `now`.
    pub(super) fn put(&self, path: &str, page: &Arc<Page>, now: Instant) {
        let bytes = page.held() + path.len();
        let mut pages = self.pages();
        pages.remove(path);
        if pages.bytes + bytes > BYTES_MAX || pages.by_path.len() >= PAGES_MAX {
            *pages = Pages::default();
        }
        pages.bytes += bytes;
        let kept = Kept {
            page: Arc::clone(page),
            bytes,
            found: now,
            sought: None,
        };
        pages.by_path.insert(path.to_owned(), kept);
    }

    /// There is no such page any more, or it has grown.
    pub(super) fn remove(&self, path: &str) {
        self.pages().remove(path);
    }

    /// Nothing panics while it holds the lock, so a poisoned shelf is as good as any other.
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn remove(&mut self, path: &str) {
        if let Some(kept) = self.by_path.remove(path) {
            self.bytes -= kept.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(bytes: usize) -> Arc<Page> {
        Arc::new(Page::of(vec![b'x'; bytes]))
    }

    #[test]
    fn one_looks_anew_and_the_others_take_the_old_page_meanwhile() {
        let (shelf, begin) = (Shelf::default(), Instant::now());
        let at = |millis| begin + Duration::from_millis(millis);
        assert!(shelf.take("/a", at(0)).is_none(), "nothing is there");
        shelf.put("/a", &page(3), at(0));
        for (name, millis, is_there) in [
            ("fresh", 9, true),
            ("old: this one looks", 10, false),
            ("another meanwhile", 11, true),
            ("the look-up hangs: the next one looks", 110, false),
            ("and again one does", 111, true),
        ] {
            assert_eq!(shelf.take("/a", at(millis)).is_some(), is_there, "{name}");
        }
        shelf.put("/a", &page(3), at(112));
        assert!(shelf.take("/a", at(121)).is_some(), "fresh again");
        shelf.remove("/a");
        assert!(shelf.take("/a", at(121)).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (shelf, now) = (Shelf::default(), Instant::now());
        for n in 0..1_000 {
            shelf.put(&format!("/{n}"), &page(64 << 10), now);
            assert!(shelf.pages().bytes <= BYTES_MAX);
        }
        assert!(shelf.take("/999", now).is_some(), "the last one is always there");
        for n in 0..10_000 {
            shelf.put(&format!("/{n}"), &page(0), now);
            assert!(shelf.pages().by_path.len() <= PAGES_MAX);
        }
        let counted: usize = shelf.pages().by_path.values().map(|kept| kept.bytes).sum();
        assert_eq!(shelf.pages().bytes, counted);
    }
}

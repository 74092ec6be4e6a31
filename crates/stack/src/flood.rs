//! Pieces that a flood is met with: pure, of a fixed size, and the same for a listener and for whatever stands in front of
//! one.
//!
//! Time and keyed hashes are arguments; nothing here allocates after its first use, and nothing knows of segments. Read
//! first: RFC 4987, which says what a SYN flood is (section 2) and what is done against it (section 3).

//! syndic

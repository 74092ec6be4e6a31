//! Values that stand in JSON under their names.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};
use stack::config::SynCookies;
use stack::flood::Level;
use stack::{CongestionControl, State};

/// What has a name, and which there are.
pub(super) trait Named: Copy + 'static {
    const ALL: &'static [Self];
    /// What kind of value this is, for errors.
    const NOUN: &'static str;

    fn name(self) -> &'static str;
}

impl Named for State {
    const ALL: &'static [Self] = &Self::ALL;
    const NOUN: &'static str = "state";

    fn name(self) -> &'static str {
        self.name()
    }
}

impl Named for SynCookies {
    const ALL: &'static [Self] = &[Self::Auto, Self::Always, Self::Never];
    const NOUN: &'static str = "mode of SYN cookies";

    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

impl Named for Level {
    const ALL: &'static [Self] = &[Self::Calm, Self::Watch, Self::Flood];
    const NOUN: &'static str = "level";

    fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Watch => "watch",
            Self::Flood => "flood",
        }
    }
}

impl Named for CongestionControl {
    const ALL: &'static [Self] = &Self::ALL;
    const NOUN: &'static str = "congestion control";

    fn name(self) -> &'static str {
        self.name()
    }
}

pub(super) fn serialize<T: Named, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(value.name())
}

pub(super) fn deserialize<'de, T: Named, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let name = Cow::<str>::deserialize(from)?;
    let known = T::ALL.iter().find(|value| value.name() == name);
    known
        .copied()
        .ok_or_else(|| D::Error::custom(format_args!("no {} is called {name:?}", T::NOUN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_come_back<T: Named + PartialEq + std::fmt::Debug>() {
        for value in T::ALL {
            let json = serialize(value, serde_json::value::Serializer).unwrap();
            assert_eq!(deserialize::<T, _>(json).unwrap(), *value);
        }
        let error = deserialize::<T, _>(serde_json::json!("x")).unwrap_err().to_string();
        assert_eq!(error, format!("no {} is called \"x\"", T::NOUN));
    }

    #[test]
    fn every_name_is_known_again() {
        all_come_back::<State>();
        all_come_back::<SynCookies>();
        all_come_back::<Level>();
        all_come_back::<CongestionControl>();
    }
}

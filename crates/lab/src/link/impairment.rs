//! How a link treats packets by chance, and the text that says it: `loss=2%,reorder=1%,delay=5ms`.

use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use stack::Duration;

use crate::unit::{Chance, NotAFigure, Rate, Size, Time};

/// How one direction of a link treats packets. The default is a wire of no length that loses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Impairment {
    /// From the last bit sent to the arrival.
    pub delay: Duration,
    /// How far the delay strays to either side. It changes no order.
    pub jitter: Duration,
    /// Packets lost.
    pub loss: Chance,
    /// Packets that arrive twice.
    pub duplicate: Chance,
    /// Packets held back for as long again as the delay (at least 1 ms), so that later ones overtake them.
    pub reorder: Chance,
    /// Packets of which one bit is flipped.
    pub corrupt: Chance,
    /// Bits per second; `None`: no limit.
    pub rate: Option<Rate>,
    /// Bytes that may wait for a link with a rate; `None`: no bound.
    pub queue: Option<Size>,
}

impl Impairment {
    /// How long a packet that is to be overtaken is held back.
    pub(super) fn held_back(&self) -> Duration {
        self.delay.max(Duration::from_millis(1))
    }
}

/// Why text is no impairment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImpairmentError {
    /// A key that there is not.
    #[error(
        "unknown impairment `{0}`: known are delay, jitter, loss, duplicate, reorder, corrupt, rate and queue, as in \
         `loss=2%,reorder=1%,delay=5ms`"
    )]
    UnknownKey(String),
    /// A piece without an equals sign.
    #[error("`{0}` has no value: write key=value, as in `loss=2%,reorder=1%,delay=5ms`")]
    NoValue(String),
    /// A key that stands there twice.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// A value that is no figure of its kind.
    #[error("{key}: {source}")]
    Value {
        /// Whose value.
        key: String,
        /// What is wrong with it.
        source: NotAFigure,
    },
    /// A queue without a rate, where nothing ever waits.
    #[error("a queue needs a rate, or nothing ever waits in it: write `rate=100mbit,queue=64k`")]
    QueueWithoutRate,
}

/// Reads `loss=2%,reorder=1%,delay=5ms,duplicate=0.1%,corrupt=0.1%,rate=100mbit,queue=64k`: any of them, in any order.
impl FromStr for Impairment {
    type Err = ImpairmentError;

    fn from_str(text: &str) -> Result<Self, ImpairmentError> {
        let mut impairment = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for piece in text.split(',').map(str::trim).filter(|piece| !piece.is_empty()) {
            let (key, value) = piece
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()))
                .ok_or_else(|| ImpairmentError::NoValue(piece.to_owned()))?;
            if seen.contains(&key) {
                return Err(ImpairmentError::Twice(key.to_owned()));
            }
            seen.push(key);
            impairment.set(key, value)?;
        }
        impairment.check()
    }
}

impl<'de> Deserialize<'de> for Impairment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl Impairment {
    /// The impairment, if its figures make sense together.
    fn check(self) -> Result<Self, ImpairmentError> {
        if self.queue.is_some() && self.rate.is_none() {
            return Err(ImpairmentError::QueueWithoutRate);
        }
        Ok(self)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), ImpairmentError> {
        match key {
            "delay" => self.delay = read::<Time>(key, value)?.0,
            "jitter" => self.jitter = read::<Time>(key, value)?.0,
            "loss" => self.loss = read(key, value)?,
            "duplicate" => self.duplicate = read(key, value)?,
            "reorder" => self.reorder = read(key, value)?,
            "corrupt" => self.corrupt = read(key, value)?,
            "rate" => self.rate = Some(read(key, value)?),
            "queue" => self.queue = Some(read(key, value)?),
            _ => return Err(ImpairmentError::UnknownKey(key.to_owned())),
        }
        Ok(())
    }
}

fn read<T: FromStr<Err = NotAFigure>>(key: &str, value: &str) -> Result<T, ImpairmentError> {
    value.parse().map_err(|source| ImpairmentError::Value {
        key: key.to_owned(),
        source,
    })
}

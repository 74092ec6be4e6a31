//! TCP options as a script lists them: each for itself, in their order, padding included.
//!
//! A stack's own reader throws the order away; here it is what is asked for.

use std::fmt;

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpOption {
    /// Maximum segment size.
    Mss(u16),
    /// Window scale.
    WindowScale(u8),
    /// SACK permitted.
    SackOk,
    /// SACK blocks.
    Sack(Vec<(u32, u32)>),
    /// TSval and TSecr.
    Timestamps(u32, u32),
    /// Fast Open with its cookie, under the final (34) or the experimental (254) kind.
    FastOpen {
        /// The experimental kind.
        experimental: bool,
        /// The cookie.
        cookie: Vec<u8>,
    },
    /// Padding.
    Nop,
    /// End of the list.
    Eol,
    /// Any other, or one with a length that is not its own.
    Unknown(u8, Vec<u8>),
}

/// The experimental kind's identifier of Fast Open (RFC 7413 section 4.1.1 names the final kind).
const FAST_OPEN_ID: [u8; 2] = [0xf9, 0x89];

impl TcpOption {
    /// Reads the option bytes of a header. What runs out of the header is one unknown option.
    pub fn list(bytes: &[u8]) -> Vec<Self> {
        let mut options = Vec::new();
        let mut rest = bytes;
        while let Some((&kind, after)) = rest.split_first() {
            rest = match kind {
                0 => {
                    options.push(Self::Eol);
                    after
                }
                1 => {
                    options.push(Self::Nop);
                    after
                }
                _ => {
                    let data = after
                        .first()
                        .and_then(|&len| after.get(1..usize::from(len).checked_sub(1)?));
                    let Some(data) = data else {
                        options.push(Self::Unknown(kind, after.to_vec()));
                        break;
                    };
                    options.push(Self::of(kind, data));
                    &after[1 + data.len()..]
                }
            };
        }
        options
    }

    fn of(kind: u8, data: &[u8]) -> Self {
        let word = |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
        match (kind, data.len()) {
            (2, 2) => Self::Mss(u16::from_be_bytes([data[0], data[1]])),
            (3, 1) => Self::WindowScale(data[0]),
            (4, 0) => Self::SackOk,
            (5, len) if len > 0 && len % 8 == 0 => {
                Self::Sack((0..len / 8).map(|i| (word(8 * i), word(8 * i + 4))).collect())
            }
            (8, 8) => Self::Timestamps(word(0), word(4)),
            (34, _) => Self::FastOpen {
                experimental: false,
                cookie: data.to_vec(),
            },
            (254, 2..) if data[..2] == FAST_OPEN_ID => Self::FastOpen {
                experimental: true,
                cookie: data[2..].to_vec(),
            },
            _ => Self::Unknown(kind, data.to_vec()),
        }
    }

    /// Adds its bytes to a header's.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let mut put = |kind: u8, data: &[u8]| {
            out.extend([kind, u8::try_from(data.len() + 2).unwrap_or(u8::MAX)]);
            out.extend_from_slice(data);
        };
        match self {
            Self::Mss(mss) => put(2, &mss.to_be_bytes()),
            Self::WindowScale(shift) => put(3, &[*shift]),
            Self::SackOk => put(4, &[]),
            Self::Sack(blocks) => {
                let words = blocks.iter().flat_map(|&(left, right)| [left, right]);
                put(5, &words.flat_map(u32::to_be_bytes).collect::<Vec<u8>>());
            }
            Self::Timestamps(val, ecr) => put(8, &[val.to_be_bytes(), ecr.to_be_bytes()].concat()),
            Self::FastOpen { experimental, cookie } => match experimental {
                false => put(34, cookie),
                true => put(254, &[&FAST_OPEN_ID[..], cookie].concat()),
            },
            Self::Nop => out.push(1),
            Self::Eol => out.push(0),
            Self::Unknown(kind, data) => put(*kind, data),
        }
    }
}

/// As a script writes it.
impl fmt::Display for TcpOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self {
            Self::Mss(mss) => write!(f, "mss {mss}"),
            Self::WindowScale(shift) => write!(f, "wscale {shift}"),
            Self::SackOk => f.write_str("sackOK"),
            Self::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.iter().try_for_each(|(left, right)| write!(f, " {left}:{right}"))
            }
            Self::Timestamps(val, ecr) => write!(f, "TS val {val} ecr {ecr}"),
            Self::FastOpen { experimental, cookie } => {
                let name = if *experimental { "FOEXP" } else { "FO" };
                write!(f, "{name} {}", hex(cookie))
            }
            Self::Nop => f.write_str("nop"),
            Self::Eol => f.write_str("eol"),
            Self::Unknown(kind, data) => write!(f, "kind {kind} {}", hex(data)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_read_back_as_they_were_written() {
        let list = vec![
            TcpOption::Mss(1460),
            TcpOption::SackOk,
            TcpOption::Timestamps(7, u32::MAX),
            TcpOption::Nop,
            TcpOption::WindowScale(8),
            TcpOption::Eol,
        ];
        let mut bytes = Vec::new();
        list.iter().for_each(|option| option.emit(&mut bytes));
        assert_eq!(bytes.len(), 4 + 2 + 10 + 1 + 3 + 1);
        assert_eq!(TcpOption::list(&bytes), list);

        let list = vec![
            TcpOption::Sack(vec![(1, 2), (u32::MAX, 0)]),
            TcpOption::FastOpen {
                experimental: true,
                cookie: vec![1, 2, 3, 4],
            },
            TcpOption::Unknown(99, vec![9]),
        ];
        let mut bytes = Vec::new();
        list.iter().for_each(|option| option.emit(&mut bytes));
        assert_eq!(TcpOption::list(&bytes), list);
    }

    #[test]
    fn what_runs_out_of_the_header_is_unknown() {
        for bytes in [&[2, 4, 1][..], &[8, 0, 1], &[5, 1], &[3]] {
            assert!(
                matches!(TcpOption::list(bytes)[..], [TcpOption::Unknown(..)]),
                "{bytes:?}"
            );
        }
    }
}

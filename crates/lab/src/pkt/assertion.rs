//! Assertions in `%{ … }%`: comparisons of what TCP_INFO says, answered from the connection's own STATUS.
//!
//! Of the language that these blocks are written in, this is read: `assert condition, message` and `print …`, one after the
//! other; a condition is made of numbers, names, `+ - * / % & |`, comparisons (chains too), `and`, `or`, `not` and parentheses.

use stack::{State, Status};

use super::lexer::{Cursor, SyntaxError};

/// What came of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Holds,
    /// This assertion does not hold.
    Fails(String),
    /// This is not known here.
    Unsupported(String),
}

/// Checks every assertion of a block.
pub(super) fn check(code: &str, status: Option<&Status>) -> Answer {
    let mut at = Cursor::new("code", code);
    loop {
        while at.take(";") {}
        if at.is_at_end() {
            return Answer::Holds;
        }
        if at.take_name("print") {
            at.rest_of_line();
            continue;
        }
        if !at.take_name("assert") {
            return Answer::Unsupported(format!("the code `{}`", at.rest_of_line().trim()));
        }
        let from = at.clone();
        let mut reader = Reader {
            at,
            status,
            seen: Vec::new(),
        };
        let value = match reader.any_of() {
            Ok(value) => value,
            Err(Stop::Syntax(error)) => return Answer::Unsupported(format!("an assertion ({})", error.message)),
            Err(Stop::Unknown(name)) => return Answer::Unsupported(name),
        };
        at = reader.at;
        if value == 0 {
            let text = from.clone().rest_of_line();
            let condition = text.split([',', ';']).next().unwrap_or_default().trim();
            let seen = reader.seen.iter().map(|(name, value)| format!("{name} is {value}"));
            return Answer::Fails(format!(
                "`{condition}` does not hold: {}",
                seen.collect::<Vec<_>>().join(", ")
            ));
        }
        if at.take(",") {
            // A message: it is only for a reader.
            let rest = at.rest_of_line();
            if let Some((_, next)) = rest.split_once(';') {
                match check(next, status) {
                    Answer::Holds => {}
                    other => return other,
                }
            }
        }
    }
}

enum Stop {
    Syntax(SyntaxError),
    Unknown(String),
}

impl From<SyntaxError> for Stop {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

type Comparison = fn(i64, i64) -> bool;

/// Reads and evaluates at once; each function is one level of precedence.
struct Reader<'a> {
    at: Cursor<'a>,
    status: Option<&'a Status>,
    seen: Vec<(String, i64)>,
}

impl Reader<'_> {
    fn any_of(&mut self) -> Result<i64, Stop> {
        let mut value = self.all_of()?;
        while self.at.take_name("or") {
            let other = self.all_of()?;
            value = i64::from(value != 0 || other != 0);
        }
        Ok(value)
    }

    fn all_of(&mut self) -> Result<i64, Stop> {
        let mut value = self.negated()?;
        while self.at.take_name("and") {
            let other = self.negated()?;
            value = i64::from(value != 0 && other != 0);
        }
        Ok(value)
    }

    fn negated(&mut self) -> Result<i64, Stop> {
        if self.at.take_name("not") {
            return Ok(i64::from(self.negated()? == 0));
        }
        self.compared()
    }

    fn compared(&mut self) -> Result<i64, Stop> {
        const COMPARISONS: [(&str, Comparison); 6] = [
            ("==", |a, b| a == b),
            ("!=", |a, b| a != b),
            ("<=", |a, b| a <= b),
            (">=", |a, b| a >= b),
            ("<", |a, b| a < b),
            (">", |a, b| a > b),
        ];
        let mut left = self.sum()?;
        let mut holds = None;
        while let Some((_, compare)) = COMPARISONS.iter().find(|(sign, _)| self.at.take(sign)) {
            let right = self.sum()?;
            holds = Some(holds.unwrap_or(true) && compare(left, right));
            left = right;
        }
        Ok(holds.map_or(left, i64::from))
    }

    fn sum(&mut self) -> Result<i64, Stop> {
        let mut value = self.product()?;
        loop {
            value = if self.at.take("+") {
                value.wrapping_add(self.product()?)
            } else if self.at.take("-") {
                value.wrapping_sub(self.product()?)
            } else if self.at.take("&") {
                value & self.product()?
            } else if self.at.take("|") {
                value | self.product()?
            } else {
                return Ok(value);
            };
        }
    }

    fn product(&mut self) -> Result<i64, Stop> {
        let mut value = self.operand()?;
        loop {
            let divides = |divisor: i64| Stop::Unknown(format!("a division by {divisor}"));
            value = if self.at.take("*") {
                value.wrapping_mul(self.operand()?)
            } else if self.at.take("//") || self.at.take("/") {
                let by = self.operand()?;
                value.checked_div(by).ok_or_else(|| divides(by))?
            } else if self.at.take("%") {
                let by = self.operand()?;
                value.checked_rem(by).ok_or_else(|| divides(by))?
            } else {
                return Ok(value);
            };
        }
    }

    fn operand(&mut self) -> Result<i64, Stop> {
        if self.at.take("(") {
            let value = self.any_of()?;
            self.at.expect(")")?;
            return Ok(value);
        }
        if let Some(number) = self.at.integer()? {
            return Ok(number);
        }
        let here = self.at.clone();
        let name = self
            .at
            .name()
            .ok_or_else(|| here.error("a number or a name is expected"))?;
        let status = self
            .status
            .ok_or_else(|| Stop::Unknown("an assertion without a connection".to_owned()))?;
        let value = match constant(name) {
            Some(value) => value,
            None => {
                let value = field(status, name).ok_or_else(|| Stop::Unknown(format!("the field `{name}`")))?;
                self.seen.push((name.to_owned(), value));
                value
            }
        };
        Ok(value)
    }
}

fn constant(name: &str) -> Option<i64> {
    let states = [
        "TCP_ESTABLISHED",
        "TCP_SYN_SENT",
        "TCP_SYN_RECV",
        "TCP_FIN_WAIT1",
        "TCP_FIN_WAIT2",
        "TCP_TIME_WAIT",
        "TCP_CLOSE",
        "TCP_CLOSE_WAIT",
        "TCP_LAST_ACK",
        "TCP_LISTEN",
        "TCP_CLOSING",
    ];
    if let Some(place) = states.iter().position(|state| *state == name) {
        return i64::try_from(place + 1).ok();
    }
    Some(match name {
        "True" => 1,
        "False" => 0,
        "TCPI_OPT_TIMESTAMPS" => 1,
        "TCPI_OPT_SACK" => 2,
        "TCPI_OPT_WSCALE" => 4,
        "TCPI_OPT_ECN" => 8,
        _ => return None,
    })
}

/// A field of TCP_INFO, in its units: segments for windows, microseconds for times.
pub(super) fn field(s: &Status, name: &str) -> Option<i64> {
    let mss = u32::try_from(s.snd_mss).ok()?.max(1);
    let in_flight = s.snd_nxt.since(s.snd_una);
    let micros = |time: stack::Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    Some(match name {
        "tcpi_state" => state(s.state),
        "tcpi_retransmits" | "tcpi_backoff" => i64::from(s.backoff),
        "tcpi_options" => i64::from(s.timestamps) | i64::from(s.sack) << 1 | i64::from(s.window_scales.is_some()) << 2,
        "tcpi_snd_wscale" => i64::from(s.window_scales.map_or(0, |(_, theirs)| theirs)),
        "tcpi_rcv_wscale" => i64::from(s.window_scales.map_or(0, |(ours, _)| ours)),
        "tcpi_rto" => micros(s.rto),
        "tcpi_rtt" => micros(s.srtt.unwrap_or_default()),
        "tcpi_rttvar" => micros(s.rttvar),
        "tcpi_snd_mss" => i64::from(mss),
        "tcpi_unacked" => i64::from(in_flight.div_ceil(mss)),
        "tcpi_snd_cwnd" => i64::from(s.cwnd / mss),
        // Before the first loss it is without bound, which has a number of its own.
        "tcpi_snd_ssthresh" if s.ssthresh == u32::MAX => 0x7fff_ffff,
        "tcpi_snd_ssthresh" => i64::from(s.ssthresh / mss),
        "tcpi_snd_wnd" => i64::from(s.snd_wnd),
        "tcpi_rcv_wnd" => i64::from(s.rcv_wnd),
        "tcpi_total_retrans" => i64::from(s.retransmitted),
        // Linux counts the SYN's acknowledgment here; RFC 4898 does not count what is no data, and neither does STATUS.
        "tcpi_bytes_acked" => i64::try_from(s.bytes_acked).ok()?,
        "tcpi_bytes_received" => i64::try_from(s.bytes_received).ok()?,
        "tcpi_segs_out" => i64::from(s.segments_out),
        "tcpi_segs_in" => i64::from(s.segments_in),
        "tcpi_notsent_bytes" => i64::try_from(s.unsent).ok()?,
        _ => return None,
    })
}

const fn state(state: State) -> i64 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a connection numbers can still be compared.
    fn check_numbers(code: &str) -> Answer {
        check(code, None)
    }

    #[test]
    fn conditions_of_every_kind() {
        for code in [
            "assert 1 == 1",
            "assert 1 < 2 < 3 and not 2 == 3",
            "assert (1 + 2) * 3 == 9, 'a message'",
            "assert 0 or 5 % 3 == 2; assert 7 // 2 == 3",
            "assert 6 & 3 == 2 | 0",
            "print 'something'\nassert 1 != 2",
            "",
        ] {
            assert_eq!(check_numbers(code), Answer::Holds, "{code}");
        }
        for code in [
            "assert 1 == 2",
            "assert 1 == 1, 'yes'; assert 2 < 1",
            "assert 1 < 2 < 2",
            "assert 0",
        ] {
            assert!(matches!(check_numbers(code), Answer::Fails(_)), "{code}");
        }
        for code in ["assert 1 / 0 == 1", "assert tcpi_rto == 1", "x = 1", "assert ("] {
            assert!(matches!(check_numbers(code), Answer::Unsupported(_)), "{code}");
        }
    }
}

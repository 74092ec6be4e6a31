//! Assertions in `%{ … }%`: comparisons of what TCP_INFO says, answered from the connection's own STATUS.
//!
//! Of the language that these blocks are written in, this is read: `assert condition, message`, `print …`, `pass` and
//! `name = number`, one after the other. A condition is made of numbers, names, `+ - * / // % & | ^ ~ << >>`, comparisons
//! (chains too), `in`, `and`, `or`, `not`, `a if b else c`, parentheses, and `abs`, `int`, `min`, `max`.

use std::collections::BTreeMap;

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

/// Names that assertions have given to numbers.
pub(super) type Variables = BTreeMap<String, i64>;

/// Runs every statement of a block: `assert`, `print`, `pass`, and a name given to a number.
pub(super) fn check(code: &str, status: Option<&Status>, variables: &mut Variables) -> Answer {
    let mut at = Cursor::new("code", code);
    loop {
        while at.take(";") {}
        if at.is_at_end() {
            return Answer::Holds;
        }
        let here = at.clone();
        if at.take_name("print") {
            at.statement_rest();
            continue;
        }
        if at.take_name("pass") {
            continue;
        }
        let is_assertion = at.take_name("assert");
        let assigned = if is_assertion { None } else { assigned(&mut at) };
        if !is_assertion && assigned.is_none() {
            return Answer::Unsupported(format!("the code `{}`", here.clone().rest_of_line().trim()));
        }
        let mut reader = Reader {
            at,
            status,
            variables,
            seen: Vec::new(),
        };
        let value = match reader.chosen() {
            Ok(value) => value,
            Err(Stop::Syntax(error)) => return Answer::Unsupported(format!("an assertion ({})", error.message)),
            Err(Stop::Unknown(name)) => return Answer::Unsupported(name),
        };
        let Reader { at: after, seen, .. } = reader;
        at = after;
        let condition = here.passed_by(&at).trim();
        if let Some(name) = assigned {
            variables.insert(name, value);
        } else if value == 0 {
            let seen = seen.iter().map(|(name, value)| format!("{name} is {value}"));
            return Answer::Fails(format!(
                "`{}` does not hold: {}",
                condition.strip_prefix("assert").unwrap_or(condition).trim(),
                seen.collect::<Vec<_>>().join(", ")
            ));
        } else if at.take(",") {
            // A message: it is only for a reader.
            at.statement_rest();
        }
        if !at.ends_statement() {
            return Answer::Unsupported(format!("the code `{}`", at.rest_of_line().trim()));
        }
    }
}

/// `name =`, passed; `None` where something else stands.
fn assigned(at: &mut Cursor<'_>) -> Option<String> {
    let mut ahead = at.clone();
    let name = ahead.name()?.to_owned();
    if ahead.sees("==") || !ahead.take("=") {
        return None;
    }
    *at = ahead;
    Some(name)
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
struct Reader<'a, 'v> {
    at: Cursor<'a>,
    status: Option<&'v Status>,
    variables: &'v Variables,
    seen: Vec<(String, i64)>,
}

impl Reader<'_, '_> {
    /// `a if condition else b`, or a condition alone.
    fn chosen(&mut self) -> Result<i64, Stop> {
        let value = self.any_of()?;
        if !self.at.take_name("if") {
            return Ok(value);
        }
        let holds = self.any_of()? != 0;
        if !self.at.take_name("else") {
            return Err(self.at.error("`else` is expected here").into());
        }
        let other = self.chosen()?;
        Ok(if holds { value } else { other })
    }

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
        let mut left = self.bits()?;
        let mut holds = None;
        loop {
            let is_negated = {
                let mut ahead = self.at.clone();
                ahead.take_name("not") && ahead.take_name("in") && {
                    self.at = ahead;
                    true
                }
            };
            if is_negated || self.at.take_name("in") {
                let is_in = self.values()?.contains(&left);
                holds = Some(holds.unwrap_or(true) && is_in != is_negated);
                continue;
            }
            let Some((_, compare)) = COMPARISONS.iter().find(|(sign, _)| self.at.take(sign)) else {
                break;
            };
            let right = self.bits()?;
            holds = Some(holds.unwrap_or(true) && compare(left, right));
            left = right;
        }
        Ok(holds.map_or(left, i64::from))
    }

    /// `(a, b)` or `[a, b]`.
    fn values(&mut self) -> Result<Vec<i64>, Stop> {
        let end = if self.at.take("[") {
            "]"
        } else {
            self.at.expect("(")?;
            ")"
        };
        let mut values = Vec::new();
        while !self.at.take(end) {
            values.push(self.chosen()?);
            if !self.at.take(",") && !self.at.sees(end) {
                return Err(self.at.error(format!("`,` or `{end}` is expected here")).into());
            }
        }
        Ok(values)
    }

    fn bits(&mut self) -> Result<i64, Stop> {
        let mut value = self.common_bits()?;
        loop {
            value = if self.at.take("|") {
                value | self.common_bits()?
            } else if self.at.take("^") {
                value ^ self.common_bits()?
            } else {
                return Ok(value);
            };
        }
    }

    fn common_bits(&mut self) -> Result<i64, Stop> {
        let mut value = self.shifted()?;
        while self.at.take("&") {
            value &= self.shifted()?;
        }
        Ok(value)
    }

    fn shifted(&mut self) -> Result<i64, Stop> {
        let mut value = self.sum()?;
        loop {
            let shift: fn(i64, u32) -> Option<i64> = if self.at.take("<<") {
                |value, by| value.checked_mul(1i64.checked_shl(by)?)
            } else if self.at.take(">>") {
                |value, by| Some(value >> by.min(63))
            } else {
                return Ok(value);
            };
            let by = self.sum()?;
            let shifted = u32::try_from(by).ok().and_then(|by| shift(value, by));
            value = shifted.ok_or_else(|| Stop::Unknown(format!("a shift by {by}")))?;
        }
    }

    fn sum(&mut self) -> Result<i64, Stop> {
        let mut value = self.product()?;
        loop {
            value = if self.at.take("+") {
                value.wrapping_add(self.product()?)
            } else if self.at.take("-") {
                value.wrapping_sub(self.product()?)
            } else {
                return Ok(value);
            };
        }
    }

    fn product(&mut self) -> Result<i64, Stop> {
        let mut value = self.signed()?;
        loop {
            let divides = |divisor: i64| Stop::Unknown(format!("a division of {value} by {divisor}"));
            value = if self.at.take("**") {
                return Err(Stop::Unknown("a power".to_owned()));
            } else if self.at.take("*") {
                value.wrapping_mul(self.signed()?)
            } else if self.at.take("//") {
                let by = self.signed()?;
                floor_divided(value, by).ok_or_else(|| divides(by))?
            } else if self.at.take("/") {
                // This gives a fraction there; where it does, that is not known here.
                let by = self.signed()?;
                let is_whole = value.checked_rem(by) == Some(0);
                value.checked_div(by).filter(|_| is_whole).ok_or_else(|| divides(by))?
            } else if self.at.take("%") {
                let by = self.signed()?;
                let whole = floor_divided(value, by).ok_or_else(|| divides(by))?;
                value.wrapping_sub(whole.wrapping_mul(by))
            } else {
                return Ok(value);
            };
        }
    }

    fn signed(&mut self) -> Result<i64, Stop> {
        if self.at.take("-") {
            return Ok(self.signed()?.wrapping_neg());
        }
        if self.at.take("~") {
            return Ok(!self.signed()?);
        }
        self.at.take("+");
        self.operand()
    }

    fn operand(&mut self) -> Result<i64, Stop> {
        if self.at.take("(") {
            let value = self.chosen()?;
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
        if self.at.sees("(") {
            return self.applied(name);
        }
        let known = constant(name).or_else(|| self.variables.get(name).copied());
        if let Some(value) = known {
            return Ok(value);
        }
        let unknown = || Stop::Unknown(format!("the field `{name}`"));
        let status = self
            .status
            .ok_or_else(|| Stop::Unknown("an assertion without a connection".to_owned()))?;
        let value = field(status, name).ok_or_else(unknown)?;
        self.seen.push((name.to_owned(), value));
        Ok(value)
    }

    /// A function of numbers.
    fn applied(&mut self, name: &str) -> Result<i64, Stop> {
        let unknown = || Stop::Unknown(format!("the function `{name}`"));
        if !matches!(name, "abs" | "int" | "min" | "max") {
            return Err(unknown());
        }
        let values = self.values()?;
        match (name, &*values) {
            ("abs", [value]) => Some(value.wrapping_abs()),
            ("int", [value]) => Some(*value),
            ("min", values) => values.iter().min().copied(),
            ("max", values) => values.iter().max().copied(),
            _ => None,
        }
        .ok_or_else(unknown)
    }
}

/// Rounded down, also below zero.
fn floor_divided(value: i64, by: i64) -> Option<i64> {
    let quotient = value.checked_div(by)?;
    let is_above = value.checked_rem(by)? != 0 && (value < 0) != (by < 0);
    Some(quotient - i64::from(is_above))
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
        "tcpi_sacked" => i64::from(s.sacked.div_ceil(mss)),
        "tcpi_lost" => i64::from(s.lost.div_ceil(mss)),
        "tcpi_dsack_dups" => i64::from(s.dsacks),
        "tcpi_min_rtt" => s.min_rtt.map_or(i64::from(u32::MAX), micros),
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
        check(code, None, &mut Variables::new())
    }

    #[test]
    fn conditions_of_every_kind() {
        for code in [
            "assert 1 == 1",
            "assert 1 < 2 < 3 and not 2 == 3",
            "assert (1 + 2) * 3 == 9, 'a message'",
            "assert 0 or 5 % 3 == 2; assert 7 // 2 == 3",
            "assert 6 & 3 == 2",
            "assert 6 & 3 | 8 == 10 and 1 << 4 == 16 and 0xff >> 4 == 15 and 5 ^ 1 == 4 and ~0 == -1",
            "assert -7 // 2 == -4 and -7 % 2 == 1 and 8 / 2 == 4",
            "assert 2 in (1, 2, 3) and 4 not in [1, 2]",
            "assert abs(-3) == 3 and min(4, 2, 3) == 2 and max(1, 5) == 5 and int(7) == 7",
            "assert (1 if 2 > 3 else 4) == 4",
            "x = 3\ny = x * 2 # doubled\nassert y == 6, 'y; is %d' % y",
            "assert 1 == 1, ('a message',\n 'on two lines'); assert True",
            "print('something', 1)\nprint(\"a;b\"); assert 1 != 2",
            "print 'something'\nassert 1 != 2\npass",
            "# nothing but a comment",
            "",
        ] {
            assert_eq!(check_numbers(code), Answer::Holds, "{code}");
        }
        for code in [
            "assert 1 == 2",
            "assert 1 == 1, 'yes'; assert 2 < 1",
            "assert 1 < 2 < 2",
            "assert 0",
            "x = 0\nassert x, 'zero'",
        ] {
            assert!(matches!(check_numbers(code), Answer::Fails(_)), "{code}");
        }
        for code in [
            "assert 1 / 0 == 1",
            "assert 7 / 2 == 3",
            "assert 2 ** 3 == 8",
            "assert tcpi_rto == 1",
            "x += 1",
            "import os",
            "assert len('x') == 1",
            "assert 1 == 1 2",
            "assert (",
        ] {
            assert!(matches!(check_numbers(code), Answer::Unsupported(_)), "{code}");
        }
    }
}

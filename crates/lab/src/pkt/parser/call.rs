//! A system call in strace's notation.

use crate::pkt::ast::Call;
use crate::pkt::lexer::{Cursor, SyntaxError};
use crate::pkt::value::Value;

pub(super) fn call(at: &mut Cursor<'_>) -> Result<Call, SyntaxError> {
    let expected = "a packet, a call, a command or an assertion is expected here";
    let name = at.name().ok_or_else(|| at.error(expected))?.to_owned();
    at.expect("(")?;
    let arguments = values(at, ")")?;
    at.expect("=")?;
    let result = value(at)?;
    let errno = at.name().map(str::to_owned);
    if at.take("(") {
        at.until(")")?;
    }
    Ok(Call {
        name,
        arguments,
        result,
        errno,
    })
}

/// Values up to `end`, with commas between them.
fn values(at: &mut Cursor<'_>, end: &str) -> Result<Vec<Value>, SyntaxError> {
    let mut values = Vec::new();
    while !at.take(end) {
        values.push(value(at)?);
        if !at.take(",") && !at.sees(end) {
            return Err(at.error(format!("`,` or `{end}` is expected here")));
        }
    }
    Ok(values)
}

fn value(at: &mut Cursor<'_>) -> Result<Value, SyntaxError> {
    let first = simple(at)?;
    if !at.sees("|") {
        return Ok(first);
    }
    let mut parts = vec![first];
    while at.take("|") {
        parts.push(simple(at)?);
    }
    Ok(Value::Union(parts))
}

fn simple(at: &mut Cursor<'_>) -> Result<Value, SyntaxError> {
    if at.take("...") {
        return Ok(Value::Any);
    }
    if at.take("[") {
        return Ok(Value::List(values(at, "]")?));
    }
    if at.take("{") {
        return structure(at);
    }
    if at.take("\"") {
        let text = at.quoted()?;
        // strace cuts strings short with three dots behind them.
        at.take("...");
        return Ok(Value::Text(text));
    }
    if let Some(number) = at.integer()? {
        return Ok(Value::Integer(number));
    }
    // The address of something is as good as the thing: nothing here reads memory.
    at.take("&");
    let here = at.clone();
    let name = at
        .name()
        .ok_or_else(|| here.error("a value is expected here"))?
        .to_owned();
    if at.take("(") {
        return Ok(Value::Apply(name, values(at, ")")?));
    }
    Ok(Value::Name(name))
}

/// `{a=1, b(2)=[…], ...}`.
fn structure(at: &mut Cursor<'_>) -> Result<Value, SyntaxError> {
    let mut fields = Vec::new();
    while !at.take("}") {
        let name = field_name(at)?;
        fields.push((name, value(at)?));
        if !at.take(",") && !at.sees("}") {
            return Err(at.error("`,` or `}` is expected here"));
        }
    }
    Ok(Value::Structure(fields))
}

/// `name=` or `name(16)=`, passed; `None` where a bare value stands.
fn field_name(at: &mut Cursor<'_>) -> Result<Option<String>, SyntaxError> {
    let mut ahead = at.clone();
    let Some(name) = ahead.name() else { return Ok(None) };
    if ahead.take("(") {
        ahead.until(")")?;
    }
    if !ahead.take("=") {
        return Ok(None);
    }
    *at = ahead;
    Ok(Some(name.to_owned()))
}

//! What stands between the parentheses of a call: numbers, names, structures, lists, and `...`.

use std::fmt;

use super::constant;

/// A value in strace's notation.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `...`: whatever fits.
    Any,
    /// A number.
    Integer(i64),
    /// A name: a constant, or a word like `NULL`.
    Name(String),
    /// `"text"`, its escapes resolved.
    Text(Vec<u8>),
    /// `a | b`.
    Union(Vec<Value>),
    /// `[a, b]`.
    List(Vec<Value>),
    /// `{a=1, b=2}` or `{..., 100}`: fields, named or not.
    Structure(Vec<(Option<String>, Value)>),
    /// `htons(80)`.
    Apply(String, Vec<Value>),
}

impl Value {
    /// As a number.
    ///
    /// Errors: what in it is no number that is known here, for a verdict.
    pub fn integer(&self) -> Result<i64, String> {
        match self {
            Self::Integer(n) => Ok(*n),
            Self::Name(name) => constant::value(name).ok_or_else(|| format!("the constant `{name}`")),
            Self::Union(parts) => parts.iter().try_fold(0, |all, part| Ok(all | part.integer()?)),
            Self::List(items) if items.len() == 1 => items[0].integer(),
            Self::Apply(name, arguments) if matches!(&**name, "htons" | "htonl") && arguments.len() == 1 => {
                arguments[0].integer()
            }
            other => Err(format!("`{other}` as a number")),
        }
    }

    /// The field of a structure.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Structure(fields) => fields
                .iter()
                .find(|(n, _)| n.as_deref() == Some(name))
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

/// As a script writes it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |values: &[Self], by: &str| values.iter().map(Self::to_string).collect::<Vec<_>>().join(by);
        match self {
            Self::Any => f.write_str("..."),
            Self::Integer(n) => n.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Text(text) => write!(f, "\"{}\"", text.escape_ascii()),
            Self::Union(parts) => f.write_str(&joined(parts, "|")),
            Self::List(items) => write!(f, "[{}]", joined(items, ", ")),
            Self::Structure(fields) => {
                let fields = fields.iter().map(|(name, value)| match name {
                    Some(name) => format!("{name}={value}"),
                    None => value.to_string(),
                });
                write!(f, "{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            Self::Apply(name, arguments) => write!(f, "{name}({})", joined(arguments, ", ")),
        }
    }
}

//! The words of predicates: names, values, signs, each with its place in the text.

use serde_json::{Number, Value};

/// Bytes of a predicate or template at most.
pub(crate) const LONGEST: usize = 4096;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {what}", at + 1)]
pub struct Mistake {
    /// Characters before it.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

impl Mistake {
    /// A mistake at that byte of a text.
    pub(crate) fn new(text: &str, byte: usize, what: impl Into<String>) -> Self {
        let at = text.char_indices().take_while(|(start, _)| *start < byte).count();
        Self { at, what: what.into() }
    }
}

/// A word of a predicate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Word {
    /// A column, or one of the language's own words: `and`, `changed`.
    Name(String),
    /// A column in backquotes, never one of the language's words.
    Quoted(String),
    /// A text or a number.
    Value(Value),
    /// `( ) [ ] , . == != <= >= < >`.
    Sign(&'static str),
}

/// The longer ones first, so that `<=` is not taken for `<`.
const SIGNS: [&str; 12] = ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ",", "."];

/// The words of a text, each with the byte that it begins at.
pub(crate) fn words(text: &str) -> Result<Vec<(usize, Word)>, Mistake> {
    if text.len() > LONGEST {
        return Err(Mistake::new(text, LONGEST, format!("longer than {LONGEST} bytes")));
    }
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        if next.is_whitespace() {
            at += next.len_utf8();
            continue;
        }
        let (word, length) = word(text, at, next)?;
        words.push((at, word));
        at += length;
    }
    Ok(words)
}

fn word(text: &str, at: usize, first: char) -> Result<(Word, usize), Mistake> {
    let rest = &text[at..];
    match first {
        '"' => string(text, at),
        '\'' => quoted(text, at, '\'').map(|(inner, length)| (Word::Value(inner.into()), length)),
        '`' => quoted(text, at, '`').map(|(inner, length)| (Word::Quoted(inner), length)),
        '0'..='9' | '-' | '+' => number(text, at),
        first if is_first(first) => {
            let length = rest.find(|c| !is_first(c) && !c.is_numeric()).unwrap_or(rest.len());
            Ok((Word::Name(rest[..length].into()), length))
        }
        other => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => Ok((Word::Sign(sign), sign.len())),
            None if other == '=' => Err(Mistake::new(text, at, "'=' compares nothing: write '=='")),
            None => Err(Mistake::new(text, at, format!("'{}' says nothing here", other.escape_debug()))),
        },
    }
}

/// Whether a name that needs no quotes may begin with it.
pub(crate) fn is_first(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// A text in double quotes, as JSON has it.
fn string(text: &str, at: usize) -> Result<(Word, usize), Mistake> {
    let mut escaped = false;
    let end = text[at + 1..].find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let Some(end) = end else { return Err(Mistake::new(text, at, "a text without its closing quote")) };
    let json = &text[at..at + end + 2];
    let value =
        serde_json::from_str(json).map_err(|_| Mistake::new(text, at, format!("{json} is no text")))?;
    Ok((Word::Value(value), json.len()))
}

/// What is between two such quotes, of which a doubled one is one.
fn quoted(text: &str, at: usize, quote: char) -> Result<(String, usize), Mistake> {
    let (mut inner, mut chars) = (String::new(), text[at + 1..].char_indices().peekable());
    while let Some((i, c)) = chars.next() {
        if c != quote {
            inner.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            inner.push(quote);
        } else {
            return Ok((inner, i + 2));
        }
    }
    Err(Mistake::new(text, at, format!("{quote} without its closing {quote}")))
}

fn number(text: &str, at: usize) -> Result<(Word, usize), Mistake> {
    let rest = &text[at..];
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    let digits = &rest[..rest.find(|c| !part(c)).unwrap_or(rest.len())];
    let number: Number = serde_json::from_str(digits)
        .map_err(|_| Mistake::new(text, at, format!("'{digits}' is no number")))?;
    Ok((Word::Value(number.into()), digits.len()))
}

/// What is most like `name` among `known`, if any is like it at all: what differs by case alone before all else.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let lower = name.to_lowercase();
    if let Some(same) = known.clone().find(|known| known.to_lowercase() == lower) {
        return Some(same);
    }
    let scored = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.7).then_some(best.1)
}

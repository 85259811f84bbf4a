//! A JSON value as one list of its parts, in the order in which they are written. It takes one allocation, where a `Value`
//! takes one for each part, and what is written as it is meant stays where it is. Schemas ask both the same.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Number;

mod node;

pub(super) use node::{Node, Parts};

/// Members that an object may have: whether a name comes twice is looked at pair by pair.
const MOST_MEMBERS: u32 = 32;
/// Decimal digits that a fraction may have in all, so that it is exactly as near to what is written as any parser's.
const MOST_DIGITS: usize = 15;
const POWERS: [f64; MOST_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Where there is no container around a part.
const NONE: u32 = u32::MAX;

/// See the module's documentation. It is told of its parts by whoever reads the text, and holds only what has one meaning to
/// all readers: no member twice, no number that is rounded.
#[derive(Debug)]
pub struct Flat<'j> {
    json: &'j str,
    parts: Vec<Part<'j>>,
    /// The innermost container that is open.
    open: u32,
    /// Of the part that comes next.
    name: Cow<'j, str>,
    /// Something came that it does not hold.
    gave_up: bool,
}

#[derive(Debug)]
struct Part<'j> {
    /// Where it is a member.
    name: Cow<'j, str>,
    what: What<'j>,
    /// The part that follows on all that is in it; of a container that is open, the one around it.
    behind: u32,
}

#[derive(Debug)]
enum What<'j> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'j, str>),
    /// So many items follow ...
    List(u32),
    /// ... or members.
    Members(u32),
}

impl<'j> Flat<'j> {
    /// Nothing yet of what `json` says.
    pub fn new(json: &'j str) -> Self {
        // Few parts are shorter than this with their names.
        let parts = Vec::with_capacity(json.len() / 12 + 1);
        Self { json, parts, open: NONE, name: Cow::Borrowed(""), gave_up: false }
    }

    /// An object begins, or a list.
    pub fn open(&mut self, is_object: bool) {
        let place = self.parts.len() as u32;
        self.push(if is_object { What::Members(0) } else { What::List(0) });
        self.parts[place as usize].behind = std::mem::replace(&mut self.open, place);
    }

    /// The innermost of them has ended.
    pub fn close(&mut self) {
        let (place, end) = (self.open, self.parts.len() as u32);
        let Some(part) = self.parts.get_mut(place as usize) else { return };
        self.open = std::mem::replace(&mut part.behind, end);
        if let What::Members(count @ 2..) = part.what {
            self.gave_up |= count > MOST_MEMBERS || self.has_twice(place);
        }
    }

    /// Whether an object has a member twice.
    fn has_twice(&self, place: u32) -> bool {
        let mut members = node::inside(&self.parts, place);
        while let Some(member) = members.next() {
            if members.clone().any(|other| *other.name() == *member.name()) {
                return true;
            }
        }
        false
    }

    /// A member's name stands there, between its quotes; plain where nothing in it is escaped.
    pub fn name(&mut self, place: Range<usize>, plain: bool) {
        self.name = self.string(place, plain);
    }

    /// The same of a text.
    pub fn text(&mut self, place: Range<usize>, plain: bool) {
        let text = self.string(place, plain);
        self.push(What::Text(text));
    }

    /// A number stands there, or `null`, `true`, `false`.
    pub fn word(&mut self, place: Range<usize>) {
        let what = match self.at(place) {
            "null" => What::Null,
            "true" => What::Bool(true),
            "false" => What::Bool(false),
            number => match read(number) {
                Some(number) => What::Number(number),
                None => return self.gave_up = true,
            },
        };
        self.push(what);
    }

    /// The value, where it is whole and all of it could be held.
    pub(super) fn whole(&self) -> Option<Node<'_>> {
        (!self.gave_up && self.open == NONE && !self.parts.is_empty()).then(|| Node::new(&self.parts, 0))
    }

    /// What stands there.
    fn at(&mut self, place: Range<usize>) -> &'j str {
        let text = self.json.get(place);
        self.gave_up |= text.is_none();
        text.unwrap_or_default()
    }

    fn string(&mut self, place: Range<usize>, plain: bool) -> Cow<'j, str> {
        if plain {
            return Cow::Borrowed(self.at(place));
        }
        let text = serde_json::from_str(self.at(place.start - 1..place.end + 1)); // with its quotes
        self.gave_up |= text.is_err();
        Cow::Owned(text.unwrap_or_default())
    }

    fn push(&mut self, what: What<'j>) {
        let behind = self.parts.len() as u32 + 1;
        if let Some(Part { what: What::List(count) | What::Members(count), .. }) =
            self.parts.get_mut(self.open as usize)
        {
            *count += 1;
        }
        self.parts.push(Part { name: std::mem::take(&mut self.name), what, behind });
    }
}

/// A number of JSON's, where it is sure to be the same to `serde_json`.
fn read(number: &str) -> Option<Number> {
    let (is_negative, digits) = number.strip_prefix('-').map_or((false, number), |digits| (true, digits));
    let Some((whole, fraction)) = digits.split_once('.') else {
        let count: u64 = digits.parse().ok()?;
        return match is_negative {
            false => Some(count.into()),
            true if count == 0 => None, // which is a fraction to it
            true => Some((-i64::try_from(count).ok()?).into()),
        };
    };
    if whole.len() + fraction.len() > MOST_DIGITS {
        return None;
    }
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let mut digits = whole.bytes().chain(fraction.bytes());
    let digits = digits.try_fold(0, |sum, byte| Some(sum * 10 + digit(byte)?))?;
    let number = digits as f64 / POWERS[fraction.len()];
    Number::from_f64(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests;

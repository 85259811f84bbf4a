//! A part of a flat value as schemas ask for it.

use std::borrow::Cow;

use jsonschema::json::{self, Json, NodeIdentity};
use jsonschema::types::JsonType;
use serde_json::{Number, Value};

use super::{NONE, Part, What};

/// The way in which flat values hold JSON.
#[derive(Debug)]
pub(in super::super) struct Parts;

/// One part with all that is in it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Node<'a> {
    parts: &'a [Part<'a>],
    place: u32,
}

/// What is in a container, in order.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Inside<'a> {
    next: Node<'a>,
    left: u32,
}

/// What is in the container at `place`; nothing where there is none.
pub(super) fn inside<'a>(parts: &'a [Part<'a>], place: u32) -> Inside<'a> {
    let left = match parts[place as usize].what {
        What::List(count) | What::Members(count) => count,
        _ => 0,
    };
    Inside { next: Node::new(parts, place + 1), left }
}

impl<'a> Iterator for Inside<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        self.left = self.left.checked_sub(1)?;
        let node = self.next;
        self.next.place = node.part().behind;
        Some(node)
    }
}

/// Members with their names.
#[derive(Debug)]
pub(in super::super) struct Members<'a>(Inside<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|member| (member.name(), member))
    }
}

impl<'a> Node<'a> {
    pub(super) fn new(parts: &'a [Part<'a>], place: u32) -> Self {
        Self { parts, place }
    }

    fn part(self) -> &'a Part<'a> {
        &self.parts[self.place as usize]
    }

    pub(super) fn name(self) -> &'a str {
        &self.part().name
    }

    fn value(self) -> Value {
        let inside = inside(self.parts, self.place);
        match &self.part().what {
            What::Null => Value::Null,
            What::Bool(value) => Value::Bool(*value),
            What::Number(number) => Value::Number(number.clone()),
            What::Text(text) => Value::String(text.clone().into_owned()),
            What::List(_) => inside.map(Self::value).collect(),
            What::Members(_) => inside.map(|member| (member.name().to_owned(), member.value())).collect(),
        }
    }
}

impl Json for Parts {
    type Node<'a> = Node<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = ();

    /// A look at one member is a look at all before it.
    const KEYS_PER_LOOKUP: usize = 8;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Node<'_>) -> T) -> T {
        let what = What::Text(Cow::Borrowed(string));
        f(Node::new(&[Part { name: Cow::Borrowed(""), what, behind: NONE }], 0))
    }
}

impl<'a> json::Node<'a, Parts> for Node<'a> {
    type Object = Inside<'a>;
    type Array = Inside<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Inside<'a>> {
        matches!(self.part().what, What::Members(_)).then(|| inside(self.parts, self.place))
    }

    fn as_array(&self) -> Option<Inside<'a>> {
        matches!(self.part().what, What::List(_)).then(|| inside(self.parts, self.place))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match &self.part().what {
            What::Text(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<&'a Number> {
        match &self.part().what {
            What::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.part().what {
            What::Bool(value) => Some(value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.part().what, What::Null)
    }

    fn json_type(&self) -> JsonType {
        match self.part().what {
            What::Null => JsonType::Null,
            What::Bool(_) => JsonType::Boolean,
            What::Number(_) => JsonType::Number,
            What::Text(_) => JsonType::String,
            What::List(_) => JsonType::Array,
            What::Members(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (&self.part().what, expected) {
            (What::Text(text), Value::String(expected)) => text == expected,
            (What::Text(_), _) | (_, Value::String(_)) => false,
            _ => json::cmp::equal(&self.value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(self.value())
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.part()) as usize))
    }
}

impl<'a> json::Object<'a, Parts> for Inside<'a> {
    type Node = Node<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.left as usize
    }

    fn get(&self, key: &Box<str>) -> Option<Node<'a>> {
        self.clone().find(|member| *member.name() == **key)
    }

    fn members(&self) -> Members<'a> {
        Members(*self)
    }
}

impl<'a> json::Array<'a, Parts> for Inside<'a> {
    type Node = Node<'a>;
    type ElementsIter = Self;

    fn len(&self) -> usize {
        self.left as usize
    }

    fn elements(&self) -> Self {
        *self
    }
}

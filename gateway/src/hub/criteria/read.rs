//! Reading data: of an event's JSON what the paths lead to is kept, and all else only skipped. One pass, whatever the
//! number of paths; what it keeps is no more than the data are, nor than the paths.

use bytes::Bytes;
use hashbrown::HashMap;

use super::number::Number;
use super::paths::{Node, Paths};
use crate::frame::Tags;

/// A value in data that some path leads to, or through.
pub(super) struct Found {
    pub(super) value: Value,
    /// What is further on.
    parts: Parts,
}

/// By the number of the node.
type Parts = HashMap<u32, Found, foldhash::fast::RandomState>;

/// What a value is.
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    /// A string's bytes, without its quotes and escapes.
    Text(Bytes),
    /// An object or a list; or a string with half of a surrogate pair, which no string of a criterion can be.
    Other,
}

impl Found {
    /// What stands at the end of these nodes.
    pub(super) fn at(&self, nodes: &[u32]) -> Option<&Self> {
        nodes.iter().try_fold(self, |found, node| found.parts.get(node))
    }
}

/// What the paths lead to in `data`; none where those are no JSON.
pub(super) fn read(data: &Bytes, paths: &Paths) -> Option<Found> {
    Reader { data, at: 0, paths }.value(paths.root())
}

/// The same with the tags that the event's publisher has given it: they stand in the place of tags in its data.
pub(super) fn with_tags(found: Option<Found>, tags: &Tags, paths: &Paths) -> Option<Found> {
    let Some(number) = paths.root().named(b"tags") else { return found };
    let node = paths.node(number);
    let part = |(name, value): (&str, &str)| {
        let value = Value::Text(Bytes::copy_from_slice(value.as_bytes()));
        Some((node.named(name.as_bytes())?, Found { value, parts: Parts::default() }))
    };
    let tags = Found { value: Value::Other, parts: tags.iter().filter_map(part).collect() };
    let mut found = found.unwrap_or(Found { value: Value::Other, parts: Parts::default() });
    found.parts.insert(number, tags);
    Some(found)
}

struct Reader<'a> {
    data: &'a Bytes,
    /// Bytes that are read.
    at: usize,
    paths: &'a Paths,
}

/// Where a string stands, without its quotes.
struct Span {
    start: usize,
    end: usize,
    escaped: bool,
}

/// Data are sound JSON, and so nothing is looked at twice; where they are not, it ends with `None` or with whatever.
impl Reader<'_> {
    /// Goes no deeper than the paths do.
    fn value(&mut self, node: &Node) -> Option<Found> {
        let mut parts = Parts::default();
        let value = match self.token()? {
            b'{' => {
                self.object(node, &mut parts)?;
                Value::Other
            }
            b'[' => {
                self.list(node, &mut parts)?;
                Value::Other
            }
            b'"' => {
                let span = self.string()?;
                self.text(&span).map_or(Value::Other, Value::Text)
            }
            _ => {
                self.at -= 1;
                match self.scalar() {
                    b"null" => Value::Null,
                    b"true" => Value::Bool(true),
                    b"false" => Value::Bool(false),
                    number => Value::Number(Number::parse(number)?),
                }
            }
        };
        Some(Found { value, parts })
    }

    /// Behind the bracket that opens it.
    fn object(&mut self, node: &Node, parts: &mut Parts) -> Option<()> {
        if !node.has_names() {
            return self.skip_rest();
        }
        loop {
            match self.token()? {
                b'}' => return Some(()),
                b'"' => {}
                _ => continue, // a comma
            }
            let span = self.string()?;
            let number = match span.escaped {
                true => self.text(&span).and_then(|name| node.named(&name)),
                false => node.named(&self.data[span.start..span.end]),
            };
            self.token()?; // the colon
            match number {
                // Of a name that is there twice the last counts, as it does to most parsers.
                Some(number) => drop(parts.insert(number, self.value(self.paths.node(number))?)),
                None => self.skip()?,
            }
        }
    }

    /// Behind the bracket that opens it.
    fn list(&mut self, node: &Node, parts: &mut Parts) -> Option<()> {
        for index in 0.. {
            if parts.len() == node.indices() {
                return self.skip_rest();
            }
            match self.token()? {
                b']' => break,
                b',' => {}
                _ => self.at -= 1,
            }
            match node.at(index) {
                Some(number) => drop(parts.insert(number, self.value(self.paths.node(number))?)),
                None => self.skip()?,
            }
        }
        Some(())
    }

    /// The next byte behind blanks.
    fn token(&mut self) -> Option<u8> {
        let blanks = self.data[self.at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += blanks + 1;
        self.data.get(self.at - 1).copied()
    }

    /// What follows a string's first quote, with the last one.
    fn string(&mut self) -> Option<Span> {
        let (start, mut escaped) = (self.at, false);
        loop {
            let rest = &self.data[self.at..];
            let stop = find(rest, |byte| (byte == b'"') | (byte == b'\\'))?;
            if rest[stop] == b'"' {
                self.at += stop + 1;
                return Some(Span { start, end: self.at - 1, escaped });
            }
            escaped = true;
            self.at += stop + 2;
            if self.at > self.data.len() {
                return None;
            }
        }
    }

    /// What a string says, where that is Unicode.
    fn text(&self, span: &Span) -> Option<Bytes> {
        if !span.escaped {
            return Some(self.data.slice(span.start..span.end));
        }
        let quoted = &self.data[span.start - 1..=span.end];
        serde_json::from_slice::<String>(quoted).ok().map(Bytes::from)
    }

    /// A value that is no string, list or object.
    fn scalar(&mut self) -> &[u8] {
        let rest = &self.data[self.at..];
        let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Goes over a value.
    fn skip(&mut self) -> Option<()> {
        match self.token()? {
            b'{' | b'[' => self.skip_rest(),
            b'"' => self.string().map(drop),
            _ => {
                self.scalar();
                Some(())
            }
        }
    }

    /// Goes over the rest of an object or list.
    fn skip_rest(&mut self) -> Option<()> {
        let mut depth = 1;
        while depth > 0 {
            let rest = &self.data[self.at..];
            // Without their bit for 0x20, brackets are as braces.
            let stop = find(rest, |byte| (byte == b'"') | (byte | 0x20 == b'{') | (byte | 0x20 == b'}'))?;
            self.at += stop + 1;
            match rest[stop] {
                b'"' => _ = self.string()?,
                b'{' | b'[' => depth += 1,
                _ => depth -= 1,
            }
        }
        Some(())
    }
}

/// Where the first byte is that `stops` is true of: many at a time, by what the compiler can make vectors of.
#[inline(always)]
fn find(bytes: &[u8], stops: impl Fn(u8) -> bool) -> Option<usize> {
    let (chunks, _) = bytes.as_chunks::<32>();
    let is_plain = |chunk: &&[u8; 32]| !chunk.iter().fold(false, |found, byte| found | stops(*byte));
    let plain = chunks.iter().take_while(is_plain).count() * 32;
    let place = bytes[plain..].iter().position(|byte| stops(*byte))?;
    Some(plain + place)
}

//! Whether bytes are JSON, and to who wants to know what stands where: no value is made, nothing is allocated, and no byte
//! is copied.
//!
//! Data of plugins goes into frames as it is, so each event's is looked at, and that look is most of what crossing the
//! ABI costs. `serde_json` answers the same at three times the price, `simd-json` wants to write into what it
//! reads, and
//! `sonic-rs` skips over values without judging all of their escapes and recurses as deep as its input says.

use std::ops::Range;

use super::DEEPEST;

/// Is told of a document's parts, in order, as they are read; what follows may yet be unsound.
pub trait Visit {
    /// An object begins, or a list.
    fn open(&mut self, is_object: bool);
    /// The innermost of them has ended.
    fn close(&mut self);
    /// The name of the next member stands there, between its quotes; plain where nothing in it is escaped.
    fn name(&mut self, place: Range<usize>, plain: bool);
    /// The same of a text.
    fn text(&mut self, place: Range<usize>, plain: bool);
    /// A number stands there, or `null`, `true`, `false`.
    fn word(&mut self, place: Range<usize>);
}

/// Nobody, which costs nothing.
impl Visit for () {
    fn open(&mut self, _: bool) {}
    fn close(&mut self) {}
    fn name(&mut self, _: Range<usize>, _: bool) {}
    fn text(&mut self, _: Range<usize>, _: bool) {}
    fn word(&mut self, _: Range<usize>) {}
}

/// Reads `json` to `visitor`; answers whether it [is sound](is_sound). What it was told of one that is not counts nothing.
pub fn read(json: &str, visitor: &mut impl Visit) -> bool {
    document(json.as_bytes(), &mut 0, visitor).is_some()
}

/// Whether `json` is one JSON value (RFC 8259) in UTF-8 that nests no deeper than [`DEEPEST`] levels. Why one is not
/// has to be asked of a parser.
pub fn is_sound(json: &[u8]) -> bool {
    // Outside strings the grammar is all ASCII; what is inside is looked at once, where there is anything to look at.
    let mut seen = 0;
    document(json, &mut seen, &mut ()).is_some() && (seen & HIGH == 0 || std::str::from_utf8(json).is_ok())
}

/// What is left to read behind a part of the grammar; `None` where that part is not there.
type Rest<'a> = Option<&'a [u8]>;

/// The containers that a place is in, a bit each, the innermost lowest: set where it is an object.
#[derive(Default)]
struct Levels {
    objects: u64,
    depth: usize,
}

const _: () = assert!(DEEPEST <= u64::BITS as usize, "each level has its bit");

impl Levels {
    /// `None` where that is too deep.
    #[inline(always)]
    fn enter(&mut self, is_object: bool) -> Option<()> {
        self.depth += 1;
        self.objects = self.objects << 1 | u64::from(is_object);
        (self.depth <= DEEPEST).then_some(())
    }

    #[inline(always)]
    fn leave(&mut self) {
        self.depth -= 1;
        self.objects >>= 1;
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

/// One value with nothing but blanks around it. Of `seen` the high bits are set if a string has bytes beyond ASCII.
#[inline(always)]
fn document(json: &[u8], seen: &mut u64, visitor: &mut impl Visit) -> Option<()> {
    let mut levels = Levels::default();
    let (mut byte, mut rest) = token(json)?;
    loop {
        // A value begins with `byte`.
        let place = json.len() - rest.len();
        rest = match byte {
            b'"' => {
                let (behind, plain) = string(rest, seen)?;
                visitor.text(place..json.len() - behind.len() - 1, plain);
                behind
            }
            b'{' => {
                levels.enter(true)?;
                visitor.open(true);
                match token(rest)? {
                    (b'"', inside) => {
                        (byte, rest) = token(name(json, inside, seen, visitor)?)?;
                        continue;
                    }
                    (b'}', behind) => {
                        levels.leave();
                        visitor.close();
                        behind
                    }
                    _ => return None,
                }
            }
            b'[' => {
                levels.enter(false)?;
                visitor.open(false);
                match token(rest)? {
                    (b']', behind) => {
                        levels.leave();
                        visitor.close();
                        behind
                    }
                    first => {
                        (byte, rest) = first;
                        continue;
                    }
                }
            }
            _ => {
                let behind = match byte {
                    b'-' | b'0'..=b'9' => number(byte, rest)?,
                    b't' => rest.strip_prefix(b"rue")?,
                    b'f' => rest.strip_prefix(b"alse")?,
                    b'n' => rest.strip_prefix(b"ull")?,
                    _ => return None,
                };
                visitor.word(place - 1..json.len() - behind.len());
                behind
            }
        };
        // It has ended, and with it perhaps the containers that it is the last of.
        while levels.depth > 0 {
            let in_object = levels.in_object();
            match token(rest)? {
                (b',', behind) => {
                    rest = behind;
                    break;
                }
                (b'}', behind) if in_object => rest = behind,
                (b']', behind) if !in_object => rest = behind,
                _ => return None,
            }
            levels.leave();
            visitor.close();
        }
        if levels.depth == 0 {
            return token(rest).is_none().then_some(());
        }
        if levels.in_object() {
            let (b'"', inside) = token(rest)? else { return None };
            rest = name(json, inside, seen, visitor)?;
        }
        (byte, rest) = token(rest)?;
    }
}

/// The next byte behind blanks, and what follows it.
#[inline(always)]
fn token(mut rest: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let (byte, behind) = rest.split_first()?;
        if *byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
            return Some((*byte, behind));
        }
        rest = behind;
    }
}

/// What follows a name's quote, with the colon.
#[inline(always)]
fn name<'a>(json: &[u8], rest: &'a [u8], seen: &mut u64, visitor: &mut impl Visit) -> Rest<'a> {
    let (behind, plain) = string(rest, seen)?;
    visitor.name(json.len() - rest.len()..json.len() - behind.len() - 1, plain);
    match token(behind)? {
        (b':', behind) => Some(behind),
        _ => None,
    }
}

/// What follows a string whose first quote has been read, and whether nothing in it is escaped: eight bytes at a time, as most
/// are short.
#[inline(always)]
fn string<'a>(mut rest: &'a [u8], seen: &mut u64) -> Option<(&'a [u8], bool)> {
    let (mut words, mut plain) = (0, true);
    loop {
        let clear = match rest.first_chunk() {
            Some(chunk) => {
                let word = u64::from_le_bytes(*chunk);
                // With what stands behind the string: it is of the same document.
                *seen |= word;
                (stops(word).trailing_zeros() / 8) as usize
            }
            None => {
                let stop = rest.iter().position(|byte| is_stop(*byte))?;
                *seen |= rest[..stop].iter().fold(0, |seen, byte| seen | u64::from(*byte));
                stop
            }
        };
        rest = &rest[clear..];
        if clear == 8 {
            words += 1;
            if words == 2 {
                rest = long(rest, seen);
            }
            continue;
        }
        let (stop, behind) = rest.split_first()?;
        rest = match stop {
            b'"' => return Some((behind, plain)),
            b'\\' => {
                plain = false;
                escape(behind)?
            }
            _ => return None, // a control character
        };
    }
}

/// Goes over what is plain in a long string, in pieces that the compiler makes vectors of.
fn long<'a>(mut rest: &'a [u8], seen: &mut u64) -> &'a [u8] {
    while let Some((chunk, behind)) = rest.split_first_chunk::<32>() {
        let (mut stop, mut beyond) = (false, false);
        for byte in chunk {
            stop |= is_stop(*byte);
            beyond |= !byte.is_ascii();
        }
        if stop {
            break;
        }
        *seen |= if beyond { HIGH } else { 0 };
        rest = behind;
    }
    rest
}

/// Whether the plain part of a string ends at `byte`.
#[inline(always)]
fn is_stop(byte: u8) -> bool {
    // No branches, so that it goes into vectors.
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// What follows a backslash.
#[inline(never)]
fn escape(rest: &[u8]) -> Rest<'_> {
    let (kind, rest) = rest.split_first()?;
    match kind {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(rest),
        b'u' => {
            let (digits, rest) = rest.split_first_chunk::<4>()?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(rest)
        }
        _ => None,
    }
}

/// What follows the first byte of a number.
#[inline(always)]
fn number(first: u8, mut rest: &[u8]) -> Rest<'_> {
    let mut first = first;
    if first == b'-' {
        let (digit, behind) = rest.split_first()?;
        (first, rest) = (*digit, behind);
    }
    match first {
        b'0' => {}
        b'1'..=b'9' => rest = digits(rest),
        _ => return None,
    }
    if let Some((b'.', fraction)) = rest.split_first() {
        rest = some_digits(fraction)?;
    }
    match rest.split_first() {
        Some((b'e' | b'E', exponent)) => match exponent.split_first() {
            Some((b'+' | b'-', exponent)) => some_digits(exponent),
            _ => some_digits(exponent),
        },
        _ => Some(rest),
    }
}

fn some_digits(rest: &[u8]) -> Rest<'_> {
    let behind = digits(rest);
    (behind.len() < rest.len()).then_some(behind)
}

#[inline(always)]
fn digits(mut rest: &[u8]) -> &[u8] {
    while let Some((b'0'..=b'9', behind)) = rest.split_first() {
        rest = behind;
    }
    rest
}

const LOW: u64 = u64::MAX / 0xff;
const HIGH: u64 = LOW << 7;

/// The high bit of each byte of `word` where the plain part of a string ends. Exact up to the first; behind it there
/// may be more than there are.
#[inline(always)]
fn stops(word: u64) -> u64 {
    // A byte below 0x80 takes the high bit away from what is subtracted from it where it is the smaller one.
    let quotes = (word ^ (LOW * b'"' as u64)).wrapping_sub(LOW);
    let escapes = (word ^ (LOW * b'\\' as u64)).wrapping_sub(LOW);
    let controls = word.wrapping_sub(LOW * 0x20);
    (quotes | escapes | controls) & !word & HIGH
}

#[cfg(test)]
mod tests;

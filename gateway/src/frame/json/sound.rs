//! Whether bytes are JSON, and nothing else of them: no value is made, nothing is allocated, and no byte is copied.
//!
//! Data of plugins goes into frames as it is, so each event's is looked at, and that look is most of what crossing the
//! ABI costs. `serde_json` answers the same at three times the price, `simd-json` wants to write into what it reads, and
//! `sonic-rs` skips over values without judging all of their escapes and recurses as deep as its input says.

use super::DEEPEST;

/// Whether `json` is one JSON value (RFC 8259) in UTF-8 that nests no deeper than [`DEEPEST`] levels. Why one is not
/// has to be asked of a parser.
pub fn is_sound(json: &[u8]) -> bool {
    // Outside strings the grammar is all ASCII; what is inside is looked at once, where there is anything to look at.
    let mut seen = 0;
    document(json, &mut seen).is_some() && (seen & HIGH == 0 || std::str::from_utf8(json).is_ok())
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
fn document(json: &[u8], seen: &mut u64) -> Option<()> {
    let mut levels = Levels::default();
    let (mut byte, mut rest) = token(json)?;
    loop {
        // A value begins with `byte`.
        rest = match byte {
            b'"' => string(rest, seen)?,
            b'{' => {
                levels.enter(true)?;
                match token(rest)? {
                    (b'"', inside) => {
                        (byte, rest) = token(name(inside, seen)?)?;
                        continue;
                    }
                    (b'}', behind) => {
                        levels.leave();
                        behind
                    }
                    _ => return None,
                }
            }
            b'[' => {
                levels.enter(false)?;
                match token(rest)? {
                    (b']', behind) => {
                        levels.leave();
                        behind
                    }
                    first => {
                        (byte, rest) = first;
                        continue;
                    }
                }
            }
            b'-' | b'0'..=b'9' => number(byte, rest)?,
            b't' => rest.strip_prefix(b"rue")?,
            b'f' => rest.strip_prefix(b"alse")?,
            b'n' => rest.strip_prefix(b"ull")?,
            _ => return None,
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
        }
        if levels.depth == 0 {
            return token(rest).is_none().then_some(());
        }
        if levels.in_object() {
            let (b'"', inside) = token(rest)? else { return None };
            rest = name(inside, seen)?;
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
fn name<'a>(rest: &'a [u8], seen: &mut u64) -> Rest<'a> {
    match token(string(rest, seen)?)? {
        (b':', behind) => Some(behind),
        _ => None,
    }
}

/// What follows a string's first quote, with the last one: eight bytes at a time, as most are short.
#[inline(always)]
fn string<'a>(mut rest: &'a [u8], seen: &mut u64) -> Rest<'a> {
    let mut words = 0;
    loop {
        let plain = match rest.first_chunk() {
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
        rest = &rest[plain..];
        if plain == 8 {
            words += 1;
            if words == 2 {
                rest = long(rest, seen);
            }
            continue;
        }
        let (stop, behind) = rest.split_first()?;
        rest = match stop {
            b'"' => return Some(behind),
            b'\\' => escape(behind)?,
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
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::super::is_too_deep;
    use super::*;

    /// The same by a parser that others keep.
    fn by_parser(json: &[u8]) -> bool {
        serde_json::from_slice::<&RawValue>(json).is_ok() && !is_too_deep(json)
    }

    fn nested(levels: usize) -> String {
        "[".repeat(levels) + &"]".repeat(levels)
    }

    #[test]
    fn what_a_parser_takes_is_sound() {
        for good in [
            "null",
            "true",
            "false",
            "0",
            "-0",
            "-1.5e+3",
            "12E9",
            "\"\"",
            "[]",
            "{}",
            " { \"a\" : [ 1 , 2.5e3 ] } ",
            "[[],{},[{}]]",
            "{\"a\":{\"b\":[]},\"c\":\"\"}",
            "\"é🦀 in more than eight bytes\"",
            "\"\u{7f}\"",
            r#""\"\\\/\b\f\n\r\t\u00e9\uD800 and so on""#,
            "\r\n\t 1 \r\n\t",
            "1e999",
            "\"12345678\"",
            "\"1234567\\\"\"",
            nested(DEEPEST).as_str(),
            "[\"[[[[[[[[[[\"]",
        ] {
            assert!(is_sound(good.as_bytes()) && by_parser(good.as_bytes()), "{good}");
        }
    }

    #[test]
    fn what_no_parser_takes_is_not_sound() {
        for bad in [
            "",
            " ",
            "{",
            "[",
            "{}{}",
            "[] 1",
            "nul",
            "nulll",
            "tru",
            "True",
            "{\"a\":}",
            "{\"a\"}",
            "{a:1}",
            "{1:1}",
            "{,}",
            "{\"a\":1,}",
            "[1,]",
            "[,]",
            "[1 2]",
            "[1}",
            "{\"a\":1]",
            "'a'",
            "01",
            "-",
            "-01",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "0x1",
            "NaN",
            "\"",
            "\"abc",
            "\"12345678",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u12\"",
            "\"\n\"",
            "\"12345678\u{1f}\"",
            "\u{feff}1",
            "1\u{0}",
            "\u{b}1",
            "]",
            "}",
            ",",
            ":",
            nested(DEEPEST + 1).as_str(),
        ] {
            assert!(!is_sound(bad.as_bytes()) && !by_parser(bad.as_bytes()), "{bad:?}");
        }
        for bad in
            [&b"\"\xff\""[..], b"\"123456789\xc3\"", b"\xc3\xa9", b"[\"\xed\xa0\x80\"]", b"\"1234567\x80\""]
        {
            assert!(!is_sound(bad) && !by_parser(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_byte_that_ends_a_string_is_found_wherever_it_stands() {
        for special in 0..=u8::MAX {
            for place in 0..24 {
                let mut json = [b'x'; 26];
                (json[0], json[25], json[1 + place]) = (b'"', b'"', special);
                assert_eq!(is_sound(&json), by_parser(&json), "{special} at {place}");
            }
        }
    }

    /// Values as they come, and as they are cut, joined and spoiled.
    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            any::<f64>().prop_map(|number| serde_json::json!(number).to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            any::<String>().prop_map(|text| serde_json::json!(text).to_string()),
            "-?[0-9]{1,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
            "\"(\\\\[\"\\\\/bfnrtux]|\\\\u[0-9a-g]{3,4}|[ -~é\u{1f}]){0,20}\"",
            Just("null".to_owned()),
        ];
        leaf.prop_recursive(6, 40, 5, |inner| {
            let blanks = "[ \n\r\t]{0,2}";
            let entry = (blanks, "[ -!#-\\[\\]-~]{0,10}", blanks, inner.clone());
            prop_oneof![
                (prop::collection::vec(inner, 0..5), blanks)
                    .prop_map(|(all, blank)| format!("[{}{blank}]", all.join(&format!("{blank},")))),
                prop::collection::vec(entry, 0..5).prop_map(|all| {
                    let entry = |(a, name, b, value)| format!("{a}\"{name}\"{b}:{a}{value}{b}");
                    format!("{{{}}}", all.into_iter().map(entry).collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn values_are_judged_as_by_a_parser(json in value()) {
            prop_assert_eq!(is_sound(json.as_bytes()), by_parser(json.as_bytes()));
        }

        #[test]
        fn spoiled_values_are_judged_as_by_a_parser(
            json in value(), place in any::<prop::sample::Index>(), other in any::<u8>(), cut in any::<bool>(),
        ) {
            let mut json = json.into_bytes();
            let place = place.index(json.len());
            if cut {
                json.remove(place);
            } else {
                json[place] = other;
            }
            prop_assert_eq!(is_sound(&json), by_parser(&json));
        }

        #[test]
        fn pieces_of_the_grammar_are_judged_as_by_a_parser(
            json in "([{}\\[\\],:]|\"a\"|\"\\\\|\\\\u00|0|1|-|\\.|e|null|true| |é){0,12}",
        ) {
            prop_assert_eq!(is_sound(json.as_bytes()), by_parser(json.as_bytes()));
        }
    }
}

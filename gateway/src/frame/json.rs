//! What is asked of JSON that comes from outside.

mod sound;

use std::sync::Arc;

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

pub use sound::{Visit, is_sound, read};

/// Levels of nesting that JSON from outside may have: readers in many languages recurse.
pub const DEEPEST: usize = 64;

/// Characters of the client's input that an answer repeats at most.
const LONGEST_ECHO: usize = 200;

/// Whether `json` (well-formed) nests deeper than [`DEEPEST`] levels.
pub fn is_too_deep(json: &[u8]) -> bool {
    // Mostly there are too few brackets in all, which is counted many bytes at a time.
    json.iter().filter(|byte| matches!(byte, b'{' | b'[')).count() > DEEPEST && nests_deeper(json)
}

fn nests_deeper(json: &[u8]) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Writes a text that is JSON as what it says; nothing as null.
///
/// # Errors
/// Where it is none.
pub fn raw<S: Serializer>(json: &Option<Arc<str>>, to: S) -> Result<S::Ok, S::Error> {
    let raw = json.as_deref().map(serde_json::from_str::<&RawValue>).transpose();
    raw.map_err(S::Error::custom)?.serialize(to)
}

/// Appends `text` as a JSON string.
pub fn put_string(out: &mut Vec<u8>, text: &str) {
    // Writing a string to memory does not fail.
    let _infallible = serde_json::to_writer(out, text);
}

/// The beginning of `text`, as much as an answer may repeat.
pub fn shorten(text: &str) -> &str {
    match text.char_indices().nth(LONGEST_ECHO) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(!is_too_deep(nested(DEEPEST).as_bytes()));
        assert!(is_too_deep(nested(DEEPEST + 1).as_bytes()));
        let text = format!(r#"{{"a":"{}\"[","b":[]}}"#, "[".repeat(100));
        assert!(!is_too_deep(text.as_bytes()));
        assert!(!is_too_deep("[],".repeat(100).as_bytes()));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shorten("short"), "short");
        assert_eq!(shorten(&"é".repeat(300)), "é".repeat(200));
    }
}

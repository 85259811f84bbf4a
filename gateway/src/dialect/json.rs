//! What the JSON dialects share: strings, and text that is never repeated at length.

/// Characters of the client's input that an answer repeats at most.
const LONGEST_ECHO: usize = 200;

/// The beginning of `text`, as much as an answer may repeat.
pub(super) fn shorten(text: &str) -> &str {
    match text.char_indices().nth(LONGEST_ECHO) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Appends `text` as a JSON string.
pub(super) fn put_string(out: &mut Vec<u8>, text: &str) {
    // Writing a string to memory does not fail.
    let _infallible = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shorten("short"), "short");
        assert_eq!(shorten(&"é".repeat(300)), "é".repeat(200));
    }
}

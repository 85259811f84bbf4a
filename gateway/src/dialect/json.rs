//! What the JSON dialects share: strings.

/// Appends `text` as a JSON string.
pub(super) fn put_string(out: &mut Vec<u8>, text: &str) {
    // Writing a string to memory does not fail.
    let _infallible = serde_json::to_writer(out, text);
}

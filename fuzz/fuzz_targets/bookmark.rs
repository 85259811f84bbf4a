//! How far a client says that it has got, as `Last-Event-ID` and the cursor of a poll bring it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::frame::Bookmark;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match text.parse::<Bookmark>() {
        Ok(bookmark) => assert_eq!(bookmark.to_string(), text, "it is read in one way only"),
        Err(error) => assert!(error.to_string().len() < 200),
    }
});

//! The lines of `text/event-stream` (the HTML standard, section 9.2). Pure functions.

use std::ops::Range;

/// A line that says nothing, and keeps whatever stands between from taking the stream for dead.
pub const COMMENT: &[u8] = b":\n\n";

/// Appends `name: value`, neither of which has an end of a line in it.
pub fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends what makes an event of the fields before.
pub fn end(out: &mut Vec<u8>) {
    out.push(b'\n');
}

/// Begins a line of data.
pub fn begin_data(out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
}

/// Appends data to a line of such; each end of a line in it begins another one. Answers where in `out` it stands, if it
/// stands there as it was.
pub fn put_data(out: &mut Vec<u8>, data: &[u8]) -> Option<Range<usize>> {
    let begin = out.len();
    if !data.iter().any(|byte| is_end(*byte)) {
        out.extend_from_slice(data);
        return Some(begin..out.len());
    }
    let mut rest = data;
    while let Some(at) = rest.iter().position(|byte| is_end(*byte)) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\n');
        begin_data(out);
        let both = rest[at..].starts_with(b"\r\n");
        rest = &rest[at + 1 + usize::from(both)..];
    }
    out.extend_from_slice(rest);
    None
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        begin_data(&mut out);
        put_data(&mut out, data);
        out
    }

    #[test]
    fn each_end_of_a_line_begins_another_line_of_data() {
        for (data, lines) in [
            ("{}", "data: {}"),
            ("{\n}", "data: {\ndata: }"),
            ("{\r\n\r}\n", "data: {\ndata: \ndata: }\ndata: "),
        ] {
            assert_eq!(String::from_utf8(written(data.as_bytes())).unwrap(), lines);
        }
        let mut out = b"x".to_vec();
        assert_eq!(put_data(&mut out, b"whole"), Some(1..6));
        assert_eq!(put_data(&mut out, b"in\npieces"), None);
    }

    proptest! {
        #[test]
        fn a_reader_gets_the_same_lines(data in "[a\r\n]{0,12}") {
            let text = String::from_utf8(written(data.as_bytes())).unwrap();
            let read: Vec<_> = text.split('\n').map(|line| line.strip_prefix("data: ").unwrap()).collect();
            prop_assert_eq!(read.join("\n"), data.replace("\r\n", "\n").replace('\r', "\n"));
        }
    }
}

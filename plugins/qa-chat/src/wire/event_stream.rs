//! The event stream of HTML's standard, read: what is in the `data` of its events. Names, ids and retry times say nothing that
//! an answer needs.

use std::collections::VecDeque;

use super::lines::{Ends, Lines, TooLong};

/// Puts events together, each bounded.
#[derive(Debug)]
pub(crate) struct EventStream {
    lines: Lines,
    longest: usize,
    /// The data of the event that is not ended; none: it has no data.
    data: Option<Vec<u8>>,
    begun: bool,
}

impl EventStream {
    /// For events whose data has at most `longest` bytes.
    pub(crate) fn new(longest: usize) -> Self {
        let line = longest + "data: ".len();
        Self { lines: Lines::new(Ends::Any, line), longest, data: None, begun: false }
    }

    /// Takes a part of the stream; what the events have as data that it ends goes to `events`.
    ///
    /// # Errors
    /// [`TooLong`], also before an event has ended.
    pub(crate) fn feed(&mut self, part: &[u8], events: &mut VecDeque<Vec<u8>>) -> Result<(), TooLong> {
        let Self { lines, longest, data, begun } = self;
        let mut kept = Ok(());
        lines.feed(part, |line| {
            let line = match std::mem::replace(begun, true) {
                false => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
                true => line,
            };
            if line.is_empty() {
                events.extend(data.take());
                return;
            }
            let Some(value) = field(line, b"data") else { return };
            let data = match data {
                Some(data) => {
                    data.push(b'\n');
                    data
                }
                None => data.insert(Vec::new()),
            };
            data.extend_from_slice(value);
            if data.len() > *longest {
                kept = Err(TooLong);
                data.clear();
            }
        })?;
        kept
    }
}

/// The value of the line's field, where it has that name.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    match rest {
        [] => Some(rest),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(parts: &[&[u8]]) -> Vec<String> {
        let (mut stream, mut events) = (EventStream::new(1000), VecDeque::new());
        for part in parts {
            stream.feed(part, &mut events).unwrap();
        }
        events.into_iter().map(|event| String::from_utf8(event).unwrap()).collect()
    }

    #[test]
    fn data_is_read_as_the_standard_has_it() {
        let text = "\u{feff}data: a\r\ndata:b\r\n\r\n: comment\nevent: x\ndata\ndata:  c\n\nid: 7\n\ndatax: d\n\ndata: unfinished\n";
        assert_eq!(events(&[text.as_bytes()]), ["a\nb", "\n c"]);
    }

    #[test]
    fn what_is_too_long_is_told_though_it_comes_in_small_lines() {
        let (mut stream, mut events) = (EventStream::new(10), VecDeque::new());
        assert_eq!(stream.feed(b"data: 01234\n", &mut events), Ok(()));
        assert_eq!(stream.feed(b"data: 56789\n", &mut events), Err(TooLong));
        assert_eq!(EventStream::new(10).feed(&[b'x'; 50], &mut events), Err(TooLong));
    }

    proptest! {
        /// However it is cut into parts, the same events come out: those that a plain reading of the whole has.
        #[test]
        fn parts_make_no_difference(
            lines in proptest::collection::vec("(data: ?[a-c]{0,3}|data|:x|event: y|)", 0..20),
            end in "(\n|\r|\r\n)",
            cuts in proptest::collection::vec(0usize..200, 0..8),
        ) {
            let text: String = lines.iter().map(|line| format!("{line}{end}")).collect();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]).collect();
            let (mut plain, mut open) = (Vec::new(), Vec::new());
            for line in &lines {
                match line.strip_prefix("data") {
                    Some(data) => open.push(data.strip_prefix(": ").or(data.strip_prefix(":")).unwrap_or(data)),
                    None if line.is_empty() && !open.is_empty() => plain.push(std::mem::take(&mut open).join("\n")),
                    None => {}
                }
            }
            prop_assert_eq!(events(&parts), plain);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _either = EventStream::new(50).feed(&bytes, &mut VecDeque::new());
        }
    }
}

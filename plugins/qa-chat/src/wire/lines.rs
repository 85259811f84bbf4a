//! Lines of bytes that come in arbitrary parts.

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// LF; a CR before it belongs to neither.
    Lf,
    /// CR, LF, or both, as the event stream has it.
    Any,
}

/// A line is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Puts lines together, each bounded.
#[derive(Debug)]
pub(crate) struct Lines {
    ends: Ends,
    longest: usize,
    line: Vec<u8>,
    /// The last byte ended a line as CR: an LF behind it is part of that end.
    after_cr: bool,
}

impl Lines {
    /// For lines of at most `longest` bytes.
    pub(crate) fn new(ends: Ends, longest: usize) -> Self {
        Self { ends, longest, line: Vec::new(), after_cr: false }
    }

    /// Whether all that came so far are whole lines.
    pub(crate) fn is_between(&self) -> bool {
        self.line.is_empty()
    }

    /// Takes a part; `each` gets the lines that it ends, without their ends.
    ///
    /// # Errors
    /// [`TooLong`], also before a line has ended.
    pub(crate) fn feed(&mut self, part: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), TooLong> {
        if part.is_empty() {
            return Ok(());
        }
        let mut rest = part;
        if std::mem::take(&mut self.after_cr) && rest.first() == Some(&b'\n') {
            rest = &rest[1..];
        }
        let is_end = |byte: &u8| *byte == b'\n' || (self.ends == Ends::Any && *byte == b'\r');
        while let Some(end) = rest.iter().position(is_end) {
            let (line, behind) = rest.split_at(end);
            rest = match behind {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
            self.line.extend_from_slice(line);
            if self.line.len() > self.longest {
                return Err(TooLong);
            }
            let whole = match (self.ends, &*self.line) {
                (Ends::Lf, [line @ .., b'\r']) => line,
                (_, line) => line,
            };
            each(whole);
            self.line.clear();
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > self.longest { Err(TooLong) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(ends: Ends, parts: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut got) = (Lines::new(ends, 1000), Vec::new());
        for part in parts {
            lines.feed(part, |line| got.push(String::from_utf8_lossy(line).into_owned())).unwrap();
        }
        got
    }

    #[test]
    fn lines_end_as_they_may() {
        assert_eq!(lines(Ends::Lf, &[b"a\r\nb\rc\nd"]), ["a", "b\rc"]);
        assert_eq!(lines(Ends::Any, &[b"a\r", b"\nb\rc\n\nd"]), ["a", "b", "c", ""]);
        assert_eq!(lines(Ends::Any, &[b"a\r", b"", b"\n\n"]), ["a", ""]);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_before_it_ends() {
        let mut lines = Lines::new(Ends::Lf, 4);
        assert_eq!(lines.feed(b"abcd\nab", |_| {}), Ok(()));
        assert_eq!(lines.feed(b"cde", |_| {}), Err(TooLong));
    }

    proptest! {
        /// However it is cut into parts, the same lines come out: those that the whole text has.
        #[test]
        fn parts_make_no_difference(text in "[ab\r\n]{0,60}", cuts in proptest::collection::vec(0usize..60, 0..8)) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]).collect();
            let plain: Vec<String> = text.replace("\r\n", "\n").replace('\r', "\n").split('\n').map(str::to_owned).collect();
            prop_assert_eq!(lines(Ends::Any, &parts), &plain[..plain.len() - 1]);
            let plain: Vec<String> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned()).collect();
            prop_assert_eq!(lines(Ends::Lf, &parts), &plain[..plain.len() - 1]);
        }
    }
}

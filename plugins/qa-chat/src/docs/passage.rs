//! Passages: what a document is cut into, along its headings, so that an answer can name a place.

use std::borrow::Cow;
use std::sync::Arc;

/// Bytes of a passage about which it is cut at the next empty line or row of a table.
const LONG: usize = 900;
/// Bytes of a passage at most, but for its line breaks; a single line that is longer is cut between words, or else within one.
const LONGEST: usize = 1800;

/// What begins and ends code in Markdown.
const FENCES: [&str; 2] = ["```", "~~~"];

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// The document's path.
    pub(crate) file: Arc<str>,
    /// The headings that it stands under, the outermost first: `Run it › On a server`; empty: none.
    pub(crate) heading: String,
    /// The line of the document that it begins in, from 1.
    pub(crate) line: usize,
    /// Its text, without headings, as it stands there.
    pub(crate) text: String,
}

impl Passage {
    /// Its text without the lines that only say that code begins or ends: `rust,ignore` is no word of anybody's.
    pub(crate) fn prose(&self) -> Cow<'_, str> {
        let is_fence = |line: &&str| FENCES.iter().any(|fence| line.trim_start().starts_with(fence));
        if self.text.lines().any(|line| is_fence(&line)) {
            self.text.lines().filter(|line| !is_fence(line)).collect::<Vec<_>>().join("\n").into()
        } else {
            self.text.as_str().into()
        }
    }
}

/// How a document says what its headings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Markdown,
    /// Its tables are its headings.
    Toml,
    Plain,
}

/// Cuts a document into passages. `file` is its path, whose ending says what form it has.
pub(crate) fn split(file: &str, text: &str) -> Vec<Passage> {
    let mut cutter = Cutter {
        file: file.into(),
        form: Form::of(file),
        headings: Vec::new(),
        fence: None,
        passages: Vec::new(),
        text: String::new(),
        line: 0,
        in_paragraph: false,
    };
    let mut lines = (1..).zip(text.lines()).peekable();
    while let Some((number, line)) = lines.next() {
        let below = lines.peek().map_or("", |(_, below)| below);
        if cutter.is_title(line, below) {
            cutter.begin(underlined(below).unwrap_or(1), line.trim());
            lines.next();
        } else {
            cutter.take(number, line);
        }
    }
    cutter.cut();
    cutter.passages
}

impl Form {
    fn of(file: &str) -> Self {
        match file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).as_deref() {
            Some("md" | "markdown") => Self::Markdown,
            Some("toml") => Self::Toml,
            _ => Self::Plain,
        }
    }
}

struct Cutter {
    file: Arc<str>,
    form: Form,
    /// Each with its level.
    headings: Vec<(usize, String)>,
    /// What ends the block of code that we are in.
    fence: Option<&'static str>,
    passages: Vec<Passage>,
    text: String,
    line: usize,
    /// The line before is not empty, and no heading.
    in_paragraph: bool,
}

impl Cutter {
    /// Whether a line is a heading by what is below it: a line of `=` or `-`. Of a longer paragraph none is made.
    fn is_title(&self, line: &str, below: &str) -> bool {
        let is_text = line.starts_with(char::is_alphanumeric) || line.starts_with(['`', '*', '_', '"', '(']);
        let is_open = self.form == Form::Markdown && self.fence.is_none() && !self.in_paragraph;
        is_open
            && is_text
            && !is_item(line)
            && underlined(below).is_some()
            && !FENCES.iter().any(|fence| line.starts_with(fence))
    }

    fn begin(&mut self, level: usize, name: &str) {
        self.cut();
        self.headings.retain(|(outer, _)| *outer < level);
        self.headings.push((level, name.to_owned()));
        self.in_paragraph = false;
    }

    fn take(&mut self, number: usize, line: &str) {
        let heading = if self.fence.is_none() { self.form.heading(line) } else { None };
        if let Some((level, name)) = heading {
            self.begin(level, name);
            return;
        }
        self.in_paragraph = !line.trim().is_empty();
        let opened = self.fence.is_some();
        self.follow_fence(line);
        let boundary = !opened && (line.trim().is_empty() || line.starts_with('|'));
        let (mut part, mut rest) = head(line);
        self.put(number, part, boundary);
        while !rest.is_empty() {
            (part, rest) = head(rest);
            self.put(number, part, false);
        }
    }

    fn put(&mut self, number: usize, line: &str, boundary: bool) {
        let long = self.text.len() + line.len() > LONGEST || (boundary && self.text.len() > LONG);
        if long {
            self.cut();
        }
        if self.text.is_empty() {
            if line.trim().is_empty() {
                return;
            }
            self.line = number;
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn follow_fence(&mut self, line: &str) {
        let line = line.trim_start();
        match self.fence {
            Some(fence) if line.starts_with(fence) => self.fence = None,
            None if self.form == Form::Markdown => {
                self.fence = FENCES.into_iter().find(|fence| line.starts_with(fence));
            }
            _ => {}
        }
    }

    fn cut(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim_end();
        if !text.is_empty() {
            let names: Vec<_> = self.headings.iter().map(|(_, name)| name.as_str()).collect();
            let (file, heading) = (Arc::clone(&self.file), names.join(" › "));
            self.passages.push(Passage { file, heading, line: self.line, text: text.to_owned() });
        }
    }
}

/// The level of the heading that a line underlines.
fn underlined(line: &str) -> Option<usize> {
    let rule = line.trim_end();
    let is_rule = |sign: char| !rule.is_empty() && rule.chars().all(|c| c == sign);
    if is_rule('=') { Some(1) } else { is_rule('-').then_some(2) }
}

/// Whether a line is one of a list: `* a`, `1. a`.
fn is_item(line: &str) -> bool {
    let mark = line.split_once(' ').map_or(line, |(mark, _)| mark);
    mark == "*"
        || mark.strip_suffix(['.', ')']).is_some_and(|mark| mark.bytes().all(|byte| byte.is_ascii_digit()))
}

/// As much of a line as a passage may have, and the rest.
fn head(line: &str) -> (&str, &str) {
    if line.len() <= LONGEST {
        return (line, "");
    }
    let end = (0..=LONGEST).rfind(|at| line.is_char_boundary(*at)).unwrap_or(line.len());
    let word = line[..end].rfind(' ').filter(|at| *at > 0);
    line.split_at(word.unwrap_or(end))
}

impl Form {
    /// The level, from 1, and the text of a heading.
    fn heading(self, line: &str) -> Option<(usize, &str)> {
        match self {
            Self::Markdown => {
                let level = line.bytes().take_while(|byte| *byte == b'#').count();
                let name = line.get(level..)?;
                let is_heading =
                    (1..=6).contains(&level) && (name.is_empty() || name.starts_with([' ', '\t']));
                is_heading.then(|| (level, name.trim().trim_end_matches('#').trim_end()))
            }
            Self::Toml => {
                let line = line.trim_start_matches(['#', ' ']);
                let name = line.strip_prefix('[')?;
                let (name, _) = name.trim_start_matches('[').split_once(']')?;
                let is_table = !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-\"".contains(&byte));
                is_table.then_some((1, name))
            }
            Self::Plain => None,
        }
    }
}

#[cfg(test)]
#[path = "passage/tests.rs"]
mod tests;

//! Patterns of rooms' names, as tokens and API keys have them.

use std::fmt;
use std::sync::Arc;

/// A room's exact name, or how names start, with `*` at its end: `project:7`, `news:*`, `*`.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern(Arc<str>);

impl Pattern {
    /// The pattern as it is written.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether it takes in the room `name`.
    pub fn matches(&self, name: &str) -> bool {
        Self::fits(&self.0, name)
    }

    /// The same for a pattern that is text still.
    pub(super) fn fits(pattern: &str, name: &str) -> bool {
        match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => pattern == name,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_star_at_the_end_stands_for_more() {
        for (pattern, name, fits) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "a", true),
            ("a:*", "a:b:c", true),
            ("a:*", "a", false),
            ("*", "x", true),
            ("*:b", "a:b", false),
            ("", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), fits, "{pattern} {name}");
        }
    }
}

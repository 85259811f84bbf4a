//! Where a setting stands: the names from the root down to it.

use std::fmt;

/// The place of a setting in the configuration, as `limits.message` or `endpoint.0.path`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Key(Vec<String>);

impl Key {
    /// The place of a top-level setting.
    pub fn of(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// The place of the setting `name` in the table here.
    #[must_use]
    pub fn then(&self, name: &str) -> Self {
        let mut key = self.clone();
        key.0.push(name.to_owned());
        key
    }

    /// The place of an entry of the list here.
    #[must_use]
    pub fn at(&self, index: usize) -> Self {
        self.then(&index.to_string())
    }

    /// The names from the root down.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// The table or list that it stands in, and its name there; nothing for the root.
    pub fn split_last(&self) -> Option<(Self, &str)> {
        self.0.split_last().map(|(last, parent)| (Self(parent.to_vec()), last.as_str()))
    }

    /// Whether `other` is this place or lies below it.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Reads a key as an operator types it: names between dots, in double quotes where a name holds a dot.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or("a quote is not closed")?,
                None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
            };
            if segment.is_empty() {
                return Err("a name is missing".into());
            }
            segments.push(segment.to_owned());
            if after.is_empty() {
                return Ok(Self(segments));
            }
            rest = after.strip_prefix('.').ok_or("after a quote comes a dot")?;
        }
    }
}

impl From<Vec<String>> for Key {
    fn from(segments: Vec<String>) -> Self {
        Self(segments)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            if segment.contains(['.', '=', ' ']) {
                write!(f, "\"{segment}\"")?
            } else {
                f.write_str(segment)?
            }
        }
        Ok(())
    }
}

/// The name of `candidates` that is most like `name`, where one is like it enough to be meant.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&lower, candidate), candidate))
        .filter(|(likeness, candidate)| *likeness >= 0.5 || candidate.starts_with(&lower))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_is_read_back_as_it_is_shown(segments in prop::collection::vec("[a-z_.= -]{1,8}", 1..5)) {
            let key = Key::from(segments);
            prop_assert_eq!(Key::parse(&key.to_string()), Ok(key));
        }
    }

    #[test]
    fn the_nearest_name_is_one_that_may_be_meant() {
        let names = ["rooms_per_session", "message", "fragments"];
        assert_eq!(nearest("room_per_session", names), Some("rooms_per_session"));
        assert_eq!(nearest("mesage", names), Some("message"));
        assert_eq!(nearest("frag", names), Some("fragments"));
        assert_eq!(nearest("zzz", names), None);
    }
}

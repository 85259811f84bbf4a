//! Where an endpoint is: a path, or any; at all listeners, or at one.

use std::sync::Arc;

use super::trim;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The name of its listener; none: any that serves endpoints.
    pub listener: Option<Arc<str>>,
    /// From its slash; [`Location::ANY`] is any path.
    pub path: Arc<str>,
}

impl Location {
    /// The path that stands for any.
    pub const ANY: &'static str = "*";

    /// Whether it is the only place of its listener for paths that nobody has.
    pub fn is_any(&self) -> bool {
        &*self.path == Self::ANY
    }

    /// Whether a request for `path` at `listener` is for this place. A slash at the end makes no difference.
    fn has(&self, listener: &str, path: &str) -> bool {
        let here = self.listener.as_deref().is_none_or(|own| own == listener);
        here && (self.is_any() || trim(&self.path) == trim(path))
    }
}

/// What there is at places: few, so that they are looked through.
#[derive(Clone, Debug)]
pub struct Located<T>(Vec<(Location, T)>);

impl<T> Located<T> {
    /// Of all of these.
    pub fn new(all: impl IntoIterator<Item = (Location, T)>) -> Self {
        let mut all: Vec<_> = all.into_iter().collect();
        // The narrower first: a path before any path, and the listener's own before that of all.
        all.sort_by_key(|(location, _)| (location.is_any(), location.listener.is_none()));
        Self(all)
    }

    /// What a request for `path` at `listener` is for.
    pub fn find(&self, listener: &str, path: &str) -> Option<&T> {
        self.0.iter().find(|(location, _)| location.has(listener, path)).map(|(_, at)| at)
    }

    /// What is at exactly this place.
    pub fn at(&self, location: &Location) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == location).map(|(_, at)| at)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &(Location, T)> {
        self.0.iter()
    }
}

impl<T> Default for Located<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(listener: Option<&str>, path: &str) -> Location {
        Location { listener: listener.map(Into::into), path: path.into() }
    }

    #[test]
    fn the_narrower_place_has_the_request() {
        let places =
            [at(None, "/ws"), at(Some("chat"), "*"), at(Some("chat"), "/ws"), at(Some("b"), "/own/")];
        let located = Located::new(places.clone().into_iter().zip(0..));
        for (listener, path, number) in [
            ("main", "/ws", Some(0)),
            ("main", "/ws/", Some(0)),
            ("main", "/", None),
            ("main", "/own", None),
            ("chat", "/ws", Some(2)),
            ("chat", "/", Some(1)),
            ("chat", "/whatever/it/is", Some(1)),
            ("b", "/own", Some(3)),
            ("b", "/ws", Some(0)),
        ] {
            assert_eq!(located.find(listener, path).copied(), number, "{listener} {path}");
        }
        assert_eq!(located.at(&places[1]), Some(&1));
    }
}

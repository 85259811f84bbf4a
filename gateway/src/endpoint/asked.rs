//! What a request asks for that opens no upgrade: rooms, event types, and how far its client has got.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use http::StatusCode;

use super::Entrance;
use super::admission::Refused;
use crate::hub::{Hub, check_name};
use crate::identity::Principal;
use crate::web::{Invalid, Problem, query_pairs};

/// Rooms that one request may name.
pub(super) const MOST_ROOMS: usize = 32;
/// Event types and patterns that one may.
const MOST_TYPES: usize = 100;

/// See the module's documentation.
pub(super) struct Asked {
    pairs: Vec<(String, String)>,
    /// What is wrong with it.
    errors: Vec<Invalid>,
}

impl Asked {
    pub(super) fn new(query: Option<&str>) -> Self {
        Self { pairs: query_pairs(query), errors: Vec::new() }
    }

    /// The last value of that name, if there is one and it is not empty.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A number of that name within bounds, if there is one.
    pub(super) fn number<T: FromStr + PartialOrd>(
        &mut self,
        name: &str,
        bounds: RangeInclusive<T>,
        expected: &str,
    ) -> Option<T> {
        let number = self.value(name)?.parse().ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            self.wrong(name, format!("expected {expected}"), "number");
        }
        number
    }

    /// Notes what is wrong with the value of that name.
    pub(super) fn wrong(&mut self, name: &str, msg: String, kind: &'static str) {
        self.errors.push(Invalid::at("query", name, msg, kind));
    }

    /// What stands in the lists of that name, with commas between the entries, each once.
    fn list(&self, name: &str) -> Vec<Arc<str>> {
        let mut list: Vec<Arc<str>> = Vec::new();
        let values = self.pairs.iter().filter(|(key, _)| key == name);
        for entry in values.flat_map(|(_, value)| value.split(',')).filter(|entry| !entry.is_empty()) {
            if list.iter().all(|known| **known != *entry) {
                list.push(entry.into());
            }
        }
        list
    }

    /// The rooms.
    pub(super) fn rooms(&mut self) -> Vec<Arc<str>> {
        let rooms = self.list("rooms");
        if rooms.len() > MOST_ROOMS {
            self.wrong("rooms", format!("at most {MOST_ROOMS} rooms, not {}", rooms.len()), "too_long");
        }
        for (room, error) in rooms.iter().filter_map(|room| Some((room, check_name(room).err()?))) {
            let room = crate::frame::json::shorten(room).escape_debug();
            self.wrong("rooms", format!("'{room}': {error}"), "room_name");
        }
        rooms
    }

    /// The event types.
    pub(super) fn types(&mut self, hub: &Hub) -> Vec<Arc<str>> {
        let types = self.list("types");
        if types.len() > MOST_TYPES {
            self.wrong("types", format!("at most {MOST_TYPES} event types, not {}", types.len()), "too_long");
        }
        for unknown in types.iter().filter(|name| !hub.types().accepts(name)) {
            let unknown = crate::frame::json::shorten(unknown).escape_debug();
            self.wrong("types", format!("'{unknown}' is not a known event type"), "unknown_event_type");
        }
        types
    }

    /// 400 with all that is wrong.
    pub(super) fn checked(&mut self) -> Result<(), Refused> {
        match std::mem::take(&mut self.errors) {
            errors if errors.is_empty() => Ok(()),
            errors => {
                let mut problem = Problem::invalid(errors);
                problem.status = StatusCode::BAD_REQUEST;
                Err(Refused("query", problem))
            }
        }
    }
}

impl Entrance {
    /// Whether `principal` may be in all of these rooms.
    pub(super) async fn check_rooms(&self, principal: &Principal, rooms: &[Arc<str>]) -> Result<(), Refused> {
        let hub = self.common.shard.hub();
        let rules = Arc::clone(&hub.rules());
        for room in rooms {
            if !self.endpoint.lets_join(&rules, principal, room).await {
                hub.metrics().answers.forbidden.add(1);
                let detail = format!("not allowed to join the room '{room}'");
                let problem =
                    Problem::new(StatusCode::FORBIDDEN, detail).because("room").with("room", &**room);
                return Err(Refused("room", problem));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rooms(query: &str) -> (Vec<String>, Vec<String>) {
        let mut asked = Asked::new(Some(query));
        let rooms = asked.rooms().iter().map(ToString::to_string).collect();
        (rooms, asked.errors.iter().map(|error| error.msg.to_string()).collect())
    }

    #[test]
    fn rooms_are_named_in_lists_and_each_counts_once() {
        for (query, wanted) in [
            ("", &[][..]),
            ("rooms=", &[]),
            ("rooms=a", &["a"]),
            ("rooms=a,b,,a&rooms=c&other=d", &["a", "b", "c"]),
            ("rooms=a%2Cb+c", &["a", "b c"]),
            ("rooms=user:%C3%A9", &["user:é"]),
        ] {
            assert_eq!(rooms(query), (wanted.iter().map(ToString::to_string).collect(), vec![]), "{query}");
        }
    }

    #[test]
    fn what_is_no_name_or_too_much_is_said() {
        let (_, errors) = rooms("rooms=a%0A,b");
        assert_eq!(errors, ["'a\\n': a room's name is 1 to 200 bytes without control characters"]);
        let many: Vec<_> = (0..33).map(|room| room.to_string()).collect();
        assert_eq!(rooms(&format!("rooms={}", many.join(","))).1, ["at most 32 rooms, not 33"]);
        assert_eq!(rooms(&format!("rooms={}", many[1..].join(","))).1, Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_query_is_rooms_that_can_be_or_says_what_is_wrong(query in "\\PC{0,60}|(rooms=[a%,0-9A-F&+]{0,30}){0,3}") {
            let mut asked = Asked::new(Some(&query));
            let rooms = asked.rooms();
            if asked.checked().is_ok() {
                prop_assert!(rooms.len() <= MOST_ROOMS && rooms.iter().all(|room| check_name(room).is_ok()));
            }
        }
    }
}

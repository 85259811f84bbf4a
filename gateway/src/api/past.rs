//! What rooms keep of their events.

use http::StatusCode;
use schemars::JsonSchema;

use super::answer::Good;
use super::fields::number;
use super::{Api, Request};
use crate::documents::{Content, Operation, Tag};
use crate::frame::shown::{self, Events};
use crate::frame::{Cursor, Epoch};
use crate::hub::{MOST_BYTES, Page, PastError, Wanted};
use crate::web::{self, Invalid, Problem, Response, query_pairs};

/// Which of a room's events are wanted.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "read by hand")]
struct Query {
    /// In which life of the room `offset` counts; left out: in the present one.
    epoch: Option<String>,
    /// The events after this one. Left out, and `epoch` too: all that are kept.
    offset: Option<u64>,
    /// How many to show. An answer whose events are large may end before.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 1000))]
    limit: usize,
    /// Whether the newest come first, and the oldest are left out where there are too many.
    #[serde(default)]
    reverse: bool,
}

fn hundred() -> usize {
    100
}

/// A page of a room's events.
pub(super) struct History(Page);

impl Good for History {
    fn into_response(self) -> Response {
        let Page { cursor, recovered, events, more } = self.0;
        web::answer(StatusCode::OK, "application/json", shown::page(cursor, recovered, &events, more))
    }

    fn tell(operation: Operation) -> Operation {
        operation.first(StatusCode::OK, Content::json::<Events>())
    }
}

pub(super) fn told_history() -> Operation {
    Operation::new("roomHistory", Tag::Rooms, "Show events that a room keeps")
        .more(
            "The oldest first. Where there are `more`, the next page is that of the last event's `epoch` and `offset`. A \
             room that is not there has had no event yet. Where events after the place are not kept any more, there are \
             none in the answer, and `recovered` is false.",
        )
        .path("room", "The room's exact name", "agents")
        .query::<Query>()
        .good("A page of its events")
        .problem(StatusCode::NOT_FOUND, "The room keeps no history, or that is no room's name")
}

pub(super) async fn history(api: &Api, request: &Request) -> Result<History, Problem> {
    let name = request.params.first().map_or("", String::as_str);
    request.reads(name)?;
    let present = || api.hub.room(name).map_or(Epoch(0), |room| room.cursor.epoch);
    let wanted = wanted(request.query.as_deref(), present)?;
    api.hub.history(name, wanted).await.map(History).map_err(refused)
}

pub(super) fn told_state() -> Operation {
    Operation::new("roomState", Tag::Rooms, "Show the last event of each key of a room")
        .more("In the order in which they were published; one whose data is null takes its key out. Where the room's rule \
               says `cache = \"last\"` it is the last event of all.")
        .path("room", "The room's exact name", "agents")
        .good("The events")
        .problem(StatusCode::NOT_FOUND, "The room keeps no state, or that is no room's name")
}

pub(super) async fn state(api: &Api, request: &Request) -> Result<History, Problem> {
    let name = request.params.first().map_or("", String::as_str);
    request.reads(name)?;
    api.hub.state(name).map(History).map_err(refused)
}

fn refused(error: PastError) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, error.to_string())
}

/// What a query asks for, or everything that is wrong with it. `present` tells the room's epoch.
fn wanted(query: Option<&str>, present: impl FnOnce() -> Epoch) -> Result<Wanted, Problem> {
    let pairs = query_pairs(query);
    let find = |name: &str| pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let mut errors = Vec::new();
    let limit = number(&pairs, "limit", hundred(), 1..=1000, &mut errors);
    let reverse = match find("reverse") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            errors.push(Invalid::at("query", "reverse", "expected true or false", "bool_parsing"));
            false
        }
    };
    let offset = number(&pairs, "offset", 0, 0..=usize::MAX, &mut errors) as u64;
    let since = (find("epoch").is_some() || find("offset").is_some()).then(|| Cursor {
        // An epoch that we never gave is one that is gone: the answer says that nothing was recovered.
        epoch: find("epoch").map_or_else(present, |epoch| epoch.parse().unwrap_or(Epoch(0))),
        offset,
    });
    match errors.is_empty() {
        true => Ok(Wanted { since, limit, reverse, bytes: MOST_BYTES }),
        false => Err(Problem::invalid(errors)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str) -> Result<Wanted, Problem> {
        wanted(Some(query), || Epoch(7))
    }

    fn places(query: &str) -> Vec<String> {
        let errors = ask(query).map_or_else(|problem| problem.errors, |_| Vec::new());
        errors.iter().map(|error| error.loc[1].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_query_says_which_events() {
        let all = Wanted { since: None, limit: 100, reverse: false, bytes: MOST_BYTES };
        assert_eq!(ask("").unwrap(), all);
        for (query, epoch, offset) in [
            ("epoch=0000000000000010&offset=4", 16, 4),
            ("epoch=0000000000000010", 16, 0),
            ("epoch=another's&offset=4", 0, 4),
            ("offset=4", 7, 4),
        ] {
            let since = Some(Cursor { epoch: Epoch(epoch), offset });
            assert_eq!(ask(query).unwrap(), Wanted { since, ..all }, "{query}");
        }
        let some = ask("limit=7&reverse=true").unwrap();
        assert_eq!(some, Wanted { limit: 7, reverse: true, ..all });
    }

    #[test]
    fn everything_that_is_wrong_with_it_is_said_at_once() {
        assert_eq!(places("limit=0&reverse=yes&offset=-1"), ["limit", "reverse", "offset"]);
        assert_eq!(places("limit=1001"), ["limit"]);
    }
}

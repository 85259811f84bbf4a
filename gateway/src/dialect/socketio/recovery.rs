//! Connection state recovery: what a client shows when it comes back, and gives back as it was given.
//!
//! Socket.IO's clients keep the last argument of the last event, where that is a text, and show it as `offset` beside the `pid`
//! of their first connection. Here it is a JSON list: how far the client has got in the rooms that keep history, and then the rooms
//! that it has asked for. So nothing of a client is kept where it has been: it may come back to another node.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::super::Before;
use crate::frame::Bookmark;

/// Rooms that a client goes on in at most, beside its own; with more it begins anew.
const MOST: usize = 64;
/// Characters of a `pid` at most.
const LONGEST: usize = 64;

#[derive(Deserialize)]
struct Shown<'a> {
    #[serde(borrow)]
    pid: Cow<'a, str>,
    #[serde(borrow)]
    offset: Cow<'a, str>,
}

/// The `pid`, and where it was, of who says so when it enters.
pub(super) fn read(said: &str) -> Option<(Box<str>, Before)> {
    let Shown { pid, offset } = serde_json::from_str(said).ok()?;
    let mut parts: Vec<Arc<str>> = serde_json::from_str(&offset).ok()?;
    if pid.len() > LONGEST || parts.is_empty() || parts.len() > 1 + MOST {
        return None;
    }
    let reached = match &*parts.remove(0) {
        "" => Bookmark::default(),
        text => text.parse().ok()?,
    };
    Some((pid.into(), Before { rooms: parts, reached }))
}

/// What it is to show; nothing that could be read where it is in too many rooms.
pub(super) fn write(reached: &Bookmark, rooms: &[Arc<str>]) -> String {
    if rooms.len() > MOST {
        return String::new();
    }
    let reached = reached.to_string();
    let parts: Vec<&str> = std::iter::once(&*reached).chain(rooms.iter().map(|room| &**room)).collect();
    serde_json::to_string(&parts).unwrap_or_default() // texts, whose writing does not fail
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::frame::{Cursor, Epoch};

    fn shown(offset: &str) -> String {
        json!({ "token": "t", "pid": "p", "offset": offset }).to_string()
    }

    #[test]
    fn what_is_no_such_list_is_as_if_it_had_not_been_shown() {
        for bad in ["", "x", "[]", "{}", "[1]", r#"["x"]"#, r#"["",1]"#, "null"] {
            assert_eq!(read(&shown(bad)), None, "{bad}");
        }
        for bad in
            ["", "{}", "[]", r#"{"pid":"p"}"#, r#"{"offset":"[\"\"]"}"#, r#"{"pid":1,"offset":"[\"\"]"}"#]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        let many: Vec<String> = (0..=MOST + 1).map(|_| String::new()).collect();
        assert_eq!(read(&shown(&json!(many).to_string())), None);
        let long = json!({ "pid": "p".repeat(LONGEST + 1), "offset": r#"[""]"# }).to_string();
        assert_eq!(read(&long), None);
    }

    #[test]
    fn who_is_in_too_many_rooms_begins_anew() {
        let rooms: Vec<Arc<str>> = (0..=MOST).map(|room| room.to_string().into()).collect();
        assert!(read(&shown(&write(&Bookmark::default(), &rooms[1..]))).is_some());
        assert_eq!(read(&shown(&write(&Bookmark::default(), &rooms))), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            rooms in prop::collection::vec("\\PC{1,20}", 0..=MOST),
            reached in prop::collection::vec(("\\PC{0,20}", any::<u64>(), any::<u64>()), 0..8),
        ) {
            let rooms: Vec<Arc<str>> = rooms.into_iter().map(Arc::from).collect();
            let mut bookmark = Bookmark::default();
            reached.iter().for_each(|(room, epoch, offset)| {
                bookmark.put(room, Cursor { epoch: Epoch(*epoch), offset: *offset });
            });
            let before = Before { rooms: rooms.clone(), reached: bookmark.clone() };
            prop_assert_eq!(read(&shown(&write(&bookmark, &rooms))), Some(("p".into(), before)));
        }

        #[test]
        fn whatever_is_shown_is_read_or_passed_over(said in "\\PC{0,80}") {
            let _any = read(&said);
            let _any = read(&shown(&said));
        }
    }
}

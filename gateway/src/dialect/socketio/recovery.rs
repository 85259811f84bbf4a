//! Connection state recovery: what a client shows when it comes back, and gives back as it was given.
//!
//! Socket.IO's clients are given a `pid` when they enter. They keep the last argument of the last event, where that is a text, and
//! show both when they come back, the latter as `offset`. Here the pid tells how far the client had got when it was
//! given: `ID.BOOKMARK`. The offset is a JSON list: the pid's id, as a client may still have the offset of one that it had before;
//! how far it has got in the rooms that keep history; and the rooms that it has asked for. So nothing of a client is kept
//! where it has been: it may come back to another node.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::super::Before;
use crate::frame::Bookmark;

/// Rooms that a client goes on in at most, beside its own; with more it begins anew.
const MOST: usize = 64;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pid(Box<str>);

impl Pid {
    /// For a client that has got so far.
    pub(super) fn new(reached: &Bookmark) -> Self {
        Self(format!("{}.{reached}", uuid::Uuid::new_v4().simple()).into())
    }

    /// As the client is given it.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// What its client is to show beside it; nothing that could be read where it is in too many rooms.
    pub(super) fn offset(&self, reached: &Bookmark, rooms: &[Arc<str>]) -> String {
        if rooms.len() > MOST {
            return String::new();
        }
        let (id, reached) = (self.0.split('.').next().unwrap_or_default(), reached.to_string());
        let parts: Vec<&str> = [id, &*reached].into_iter().chain(rooms.iter().map(|room| &**room)).collect();
        serde_json::to_string(&parts).unwrap_or_default() // texts, whose writing does not fail
    }
}

#[derive(Deserialize)]
struct Shown<'a> {
    #[serde(borrow)]
    pid: Cow<'a, str>,
    #[serde(borrow, default)]
    offset: Option<Cow<'a, str>>,
}

/// The pid, and where it was, of who says so when it enters.
pub(super) fn read(said: &str) -> Option<(Pid, Before)> {
    let Shown { pid, offset } = serde_json::from_str(said).ok()?;
    let (id, begun) = pid.split_once('.')?;
    let mut parts: Vec<Arc<str>> = match offset {
        Some(offset) => serde_json::from_str(&offset).ok()?,
        None => Vec::new(),
    };
    if parts.len() > 2 + MOST {
        return None;
    }
    let before = match &*parts {
        [of, reached, ..] if **of == *id => Before { reached: bookmark(reached)?, rooms: parts.split_off(2) },
        _ => Before { reached: bookmark(begun)?, rooms: Vec::new() },
    };
    Some((Pid((&*pid).into()), before))
}

fn bookmark(text: &str) -> Option<Bookmark> {
    if text.is_empty() { Some(Bookmark::default()) } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::frame::{Cursor, Epoch};

    fn at(room: &str, offset: u64) -> Bookmark {
        let mut bookmark = Bookmark::default();
        bookmark.put(room, Cursor { epoch: Epoch(7), offset });
        bookmark
    }

    fn shown(pid: &Pid, offset: &str) -> String {
        json!({ "token": "t", "pid": pid.text(), "offset": offset }).to_string()
    }

    #[test]
    fn who_has_had_nothing_yet_goes_on_where_it_began() {
        let pid = Pid::new(&at("a", 3));
        let begun = Some((pid.clone(), Before { rooms: Vec::new(), reached: at("a", 3) }));
        assert_eq!(read(&json!({ "pid": pid.text() }).to_string()), begun);
        let of_another = Pid::new(&Bookmark::default()).offset(&at("a", 1), &["b".into()]);
        assert_eq!(read(&shown(&pid, &of_another)), begun, "what it kept of its life before");
        assert_eq!(read(&shown(&pid, "[]")), begun);
    }

    #[test]
    fn what_was_never_given_is_as_if_it_had_not_been_shown() {
        let pid = Pid::new(&Bookmark::default());
        let id = pid.text().trim_end_matches('.');
        for bad in ["", "x", "{}", "[1]", &format!(r#"["{id}","x"]"#), &format!(r#"["{id}","",1]"#), "null"] {
            assert_eq!(read(&shown(&pid, bad)), None, "{bad}");
        }
        for bad in
            ["", "{}", "[]", r#"{"pid":"p"}"#, r#"{"pid":"p.x"}"#, r#"{"offset":"[]"}"#, r#"{"pid":1}"#]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn who_is_in_too_many_rooms_begins_anew() {
        let pid = Pid::new(&Bookmark::default());
        let rooms: Vec<Arc<str>> = (0..=MOST).map(|room| room.to_string().into()).collect();
        assert!(read(&shown(&pid, &pid.offset(&Bookmark::default(), &rooms[1..]))).is_some());
        assert_eq!(read(&shown(&pid, &pid.offset(&Bookmark::default(), &rooms))), None);
        let many: Vec<String> = (0..=MOST + 2).map(|_| String::new()).collect();
        assert_eq!(read(&shown(&pid, &json!(many).to_string())), None);
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
            let (pid, before) = (Pid::new(&at("a", 1)), Before { rooms, reached: bookmark });
            let offset = pid.offset(&before.reached, &before.rooms);
            prop_assert_eq!(read(&shown(&pid, &offset)), Some((pid, before)));
        }

        #[test]
        fn whatever_is_shown_is_read_or_passed_over(said in "\\PC{0,80}") {
            let _any = read(&said);
            let _any = read(&shown(&Pid::new(&Bookmark::default()), &said));
        }
    }
}

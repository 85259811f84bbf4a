//! Requests for what a room keeps.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Decoded, Request, data, from, shape, text};
use crate::frame::{Cursor, Since};

/// Events in one answer, where the request does not say, and at most.
const EVENTS: usize = 100;
const MOST_EVENTS: usize = 1000;

/// `data{since?, limit?, reverse?}`.
pub(super) fn history<'a>(room: Option<Cow<'a, str>>, value: Option<&'a RawValue>) -> Decoded<Request<'a>> {
    #[derive(Default, Deserialize)]
    struct Asked<'a> {
        #[serde(borrow, default)]
        since: Option<&'a RawValue>,
        #[serde(borrow, default)]
        limit: Option<&'a RawValue>,
        #[serde(borrow, default)]
        reverse: Option<&'a RawValue>,
    }

    let asked: Asked<'_> = data(value)?;
    let since = match asked.since.map(from).transpose()? {
        Some(Since::After(cursor)) => Some(cursor),
        _ => None, // from the start, which is what is told where nothing is said
    };
    let limit = asked.limit.map_or(Some(EVENTS), |limit| limit.get().parse().ok());
    let limit = limit.filter(|limit| (1..=MOST_EVENTS).contains(limit));
    let limit =
        limit.ok_or_else(|| shape(format!("data.limit: expected a whole number from 1 to {MOST_EVENTS}")))?;
    let reverse = match asked.reverse.map(RawValue::get) {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(shape("data.reverse: expected true or false")),
    };
    Ok(Request::History { room, since, limit, reverse })
}

/// `data{epoch, offset}`.
pub(super) fn ack<'a>(room: Option<Cow<'a, str>>, value: Option<&'a RawValue>) -> Decoded<Request<'a>> {
    #[derive(Default, Deserialize)]
    struct At<'a> {
        #[serde(borrow, default)]
        epoch: Option<&'a RawValue>,
        #[serde(borrow, default)]
        offset: Option<&'a RawValue>,
    }

    let at: At<'_> = data(value)?;
    let epoch = text(at.epoch, "data.epoch")?.and_then(|epoch| epoch.parse().ok());
    let epoch = epoch.ok_or_else(|| shape("data.epoch: expected the epoch of an event"))?;
    let offset = at.offset.and_then(|offset| offset.get().parse().ok());
    let offset = offset.ok_or_else(|| shape("data.offset: expected the offset of an event"))?;
    Ok(Request::Ack { room, cursor: Cursor { epoch, offset } })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Epoch;

    fn ask(data: &str) -> Result<(Option<Cursor>, usize, bool), String> {
        let data: &RawValue = serde_json::from_str(data).unwrap();
        match history(Some("r".into()), Some(data)) {
            Ok(Request::History { since, limit, reverse, .. }) => Ok((since, limit, reverse)),
            Ok(other) => panic!("{other:?}"),
            Err(malformed) => Err(malformed.to_string()),
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let at = Cursor { epoch: Epoch(16), offset: 4 };
        for (data, expected) in [
            ("{}", (None, 100, false)),
            (r#"{"since":null,"limit":null,"reverse":null}"#, (None, 100, false)),
            (r#"{"since":"start","limit":1}"#, (None, 1, false)),
            (
                r#"{"since":{"epoch":"0000000000000010","offset":4},"limit":1000,"reverse":true}"#,
                (Some(at), 1000, true),
            ),
        ] {
            assert_eq!(ask(data), Ok(expected), "{data}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (data, field) in [
            (r#"{"since":4}"#, "data.since"),
            (r#"{"since":{"epoch":"a"}}"#, "data.since"),
            (r#"{"since":{"epoch":"a","offset":-1}}"#, "data.since"),
            (r#"{"limit":0}"#, "data.limit"),
            (r#"{"limit":1001}"#, "data.limit"),
            (r#"{"limit":"5"}"#, "data.limit"),
            (r#"{"reverse":1}"#, "data.reverse"),
            (r#"{"reverse":"true"}"#, "data.reverse"),
        ] {
            let error = ask(data).expect_err(data);
            assert!(error.starts_with(&format!("Error processing message: {field}: expected ")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_json_makes_it_panic_or_asks_for_too_much(
            field in "(since|limit|reverse)",
            value in "(-?(0|[1-9][0-9]{0,29})|true|null|\"start\"|\\{\"epoch\":\"[0-9a-f]{0,20}\",\"offset\":-?(0|[1-9][0-9]{0,24})\\})",
        ) {
            if let Ok((_, limit, _)) = ask(&format!(r#"{{"{field}":{value}}}"#)) {
                prop_assert!((1..=MOST_EVENTS).contains(&limit));
            }
        }
    }
}

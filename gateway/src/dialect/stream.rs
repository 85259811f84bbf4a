//! The `stream` dialect: events of the types that a client names, and nothing else.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Answer, Asked, Dialect, Malformed, Message, Notice, Request, Undecoded, Warning, Welcome};
use crate::frame::json::put_string;
use crate::frame::{Encode, Form, Posted, Timestamp};
use crate::transport::Framing;
use crate::transport::close::CloseReason;

/// Names that a session may have at most; what stands behind them is ignored.
const MOST_NAMES: usize = 100;
/// What a text begins with that names others.
const SUBSCRIBE: &str = "subscribe:";

/// `{"event","data"}` in this order.
pub struct StreamFrame(pub Framing);

impl Encode for StreamFrame {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        let before = |out: &mut Vec<u8>| before_data(out, &posted.kind.name);
        self.0.around(out, before, payload, |out| out.push(b'}'))
    }

    fn names_room(&self) -> bool {
        false
    }
}

fn before_data(out: &mut Vec<u8>, event: &str) {
    out.extend_from_slice(br#"{"event":"#);
    put_string(out, event);
    out.extend_from_slice(br#","data":"#);
}

/// See the module's documentation.
pub struct Stream {
    form: Form,
    framing: Framing,
    /// The types of who names none.
    usual: Box<[Arc<str>]>,
}

/// The data of `connected`.
#[derive(Serialize)]
struct Greeted<'a> {
    message: &'a str,
    subscriptions: &'a [Arc<str>],
    timestamp: Timestamp,
}

/// The data of `subscription_updated`.
#[derive(Serialize)]
struct Updated<'a> {
    subscriptions: &'a [Cow<'a, str>],
    message: &'static str,
}

impl Stream {
    /// With the form of [`StreamFrame`] in `framing`; who names no types gets those of `usual`.
    pub fn new(form: Form, framing: Framing, usual: impl IntoIterator<Item = String>) -> Self {
        Self { form, framing, usual: usual.into_iter().map(Into::into).collect() }
    }

    fn frame(&self, event: &str, data: &impl Serialize) -> Vec<u8> {
        let mut text = Vec::with_capacity(256);
        before_data(&mut text, event);
        // Plain data, whose writing does not fail.
        let _infallible = serde_json::to_writer(&mut text, data);
        text.push(b'}');
        let mut out = Vec::with_capacity(text.len() + 4);
        self.framing.text(&mut out, &text);
        out
    }
}

impl Dialect for Stream {
    fn name(&self) -> &'static str {
        "stream"
    }

    fn form(&self) -> Option<Form> {
        Some(self.form)
    }

    fn takes_tokens(&self) -> bool {
        false
    }

    fn first_types(&self, query: Option<&str>) -> Option<Vec<Arc<str>>> {
        let said = subscriptions(query.unwrap_or_default()).unwrap_or_default();
        let named: Vec<Arc<str>> = names(&said).into_iter().map(Into::into).collect();
        Some(if named.is_empty() { self.usual.to_vec() } else { named })
    }

    fn decode<'a>(&self, message: Message<'a>) -> Result<Asked<'a>, Undecoded<'a>> {
        let text = std::str::from_utf8(message.payload).ok().filter(|_| message.text);
        let request = match text.and_then(|text| text.strip_prefix(SUBSCRIBE)) {
            Some(list) => Request::Only(names(list).into_iter().map(Cow::Borrowed).collect()),
            None => Request::Nothing,
        };
        Ok(Asked { id: None, request })
    }

    fn welcome(&self, welcome: &Welcome<'_>) -> Option<Notice> {
        let greeted = Greeted {
            message: welcome.message,
            subscriptions: welcome.only.unwrap_or_default(),
            timestamp: welcome.timestamp,
        };
        Some(Notice::Frame(self.frame("connected", &greeted)))
    }

    /// It gets what it has named, and nothing else.
    fn farewell(&self, _: &CloseReason) -> Warning {
        Warning::None
    }

    fn answer(&self, _: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
        if let Answer::Only(subscriptions) = answer {
            let message = "Subscriptions updated successfully";
            out.extend_from_slice(&self.frame("subscription_updated", &Updated { subscriptions, message }));
        }
    }

    fn malformed(&self, _: Option<&RawValue>, _: &Malformed, _: &mut Vec<u8>) {
        // Every text is a request here, or none.
    }
}

/// An event as its frame shows it.
pub fn shown(event: &str, data: &serde_json::Value) -> serde_json::Value {
    let mut text = Vec::new();
    before_data(&mut text, event);
    text.extend_from_slice(data.to_string().as_bytes());
    text.push(b'}');
    serde_json::from_slice(&text).unwrap_or_default()
}

/// The list in a query, decoded; the last where there are several.
fn subscriptions(query: &str) -> Option<Cow<'_, str>> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut pairs = pairs.rev();
    let (_, list) = pairs.find(|(name, _)| percent_decode_str(name).eq(*b"subscriptions"))?;
    let spaced = list.replace('+', " ");
    Some(Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned()))
}

/// Names between commas, trimmed, each once.
fn names(list: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if names.len() == MOST_NAMES {
            break;
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Forms;

    fn stream() -> Stream {
        let form = Forms::default().add(StreamFrame(Framing::WebSocket));
        Stream::new(form, Framing::WebSocket, ["a".to_owned(), "b".to_owned()])
    }

    fn first(query: &str) -> String {
        stream().first_types(Some(query)).unwrap().join(" ")
    }

    #[test]
    fn a_query_names_types_or_it_is_the_usual_ones() {
        for query in ["", "subscriptions=", "subscriptions=%20,%20", "other=x", "subscriptions"] {
            assert_eq!(first(query), "a b", "{query}");
        }
        assert_eq!(first("x=1&subscriptions=c,+d%20,c"), "c d");
        assert_eq!(first("subscriptions=c&subscriptions=d"), "d");
        assert_eq!(stream().first_types(None).unwrap().join(" "), "a b");
    }

    fn asked(text: &str) -> Option<Vec<String>> {
        let message = Message { payload: text.as_bytes(), text: true };
        match stream().decode(message).unwrap().request {
            Request::Only(names) => Some(names.into_iter().map(Cow::into_owned).collect()),
            Request::Nothing => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_replaces_the_types_and_any_other_is_ignored() {
        assert_eq!(asked("subscribe: x ,y,,x,é"), Some(vec!["x".into(), "y".into(), "é".into()]));
        assert_eq!(asked("subscribe:"), Some(Vec::new()));
        assert_eq!(asked("subscribe: , "), Some(Vec::new()));
        for other in ["", "hello", "Subscribe:x", " subscribe:x", r#"{"subscribe":"x"}"#] {
            assert_eq!(asked(other), None, "{other}");
        }
        let binary = Message { payload: b"subscribe:x", text: false };
        assert!(matches!(stream().decode(binary).unwrap().request, Request::Nothing));
    }

    #[test]
    fn no_more_names_than_a_session_may_have() {
        let many: Vec<String> = (0..500).map(|n| n.to_string()).collect();
        assert_eq!(asked(&format!("subscribe:{}", many.join(","))).unwrap(), many[..MOST_NAMES]);
    }

    proptest! {
        #[test]
        fn no_frame_makes_it_panic(frame in proptest::collection::vec(any::<u8>(), 0..100), text: bool) {
            let _either = stream().decode(Message { payload: &frame, text }).is_ok();
        }

        #[test]
        fn no_query_makes_it_panic(query in "\\PC{0,40}") {
            prop_assert!(!first(&query).is_empty());
        }
    }
}

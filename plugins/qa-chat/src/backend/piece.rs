//! Pieces of answers, and how services and programs say them: each a JSON object.
//!
//! `{"delta": "text"}` is a piece of text. `{"content": "text", …}` is all of it, and the end; `{"done": true, …}` is the end of what
//! came in pieces. `{"error": "text"}` says that there is no answer.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Failure;
use crate::docs::Citation;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    End(Whole),
}

/// What an answer says of itself at its end.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(crate) struct Whole {
    /// All of the text; none: what came in pieces.
    #[serde(default)]
    pub(crate) content: Option<String>,
    #[serde(default)]
    pub(crate) response_type: Option<String>,
    #[serde(default, deserialize_with = "value_or_null")]
    pub(crate) tools_used: Vec<String>,
    /// 0–1; none: not known.
    #[serde(default)]
    pub(crate) confidence: Option<f64>,
    #[serde(default, deserialize_with = "value_or_null")]
    pub(crate) metadata: Map<String, Value>,
}

/// The members by which pieces are told apart.
#[derive(Deserialize)]
struct Members {
    delta: Option<Value>,
    error: Option<Value>,
    #[serde(default, deserialize_with = "value_or_null")]
    done: bool,
}

impl Whole {
    /// Takes citations out that are not what answers promise, so that an answer is not lost for them; tells how many there were.
    pub(crate) fn drop_wrong_citations(&mut self) -> usize {
        let is_right = |citation: &Value| Citation::deserialize(citation).is_ok_and(|place| place.line > 0);
        match self.metadata.get_mut("citations") {
            None => 0,
            Some(Value::Array(citations)) => {
                let before = citations.len();
                citations.retain(is_right);
                before - citations.len()
            }
            Some(_) => usize::from(self.metadata.remove("citations").is_some()),
        }
    }
}

impl Piece {
    /// Reads one.
    pub(crate) fn read(json: &[u8]) -> Result<Self, Failure> {
        let wrong = |error: serde_json::Error| Failure::Wrong(error.to_string());
        let members: Members = serde_json::from_slice(json).map_err(wrong)?;
        match members {
            Members { error: Some(Value::String(error)), .. } => Err(Failure::Told(brief(&error))),
            Members { error: Some(error), .. } => Err(Failure::Told(brief(&error.to_string()))),
            Members { delta: Some(Value::String(text)), .. } => Ok(Self::Text(text)),
            Members { delta: Some(_), .. } => Err(Failure::Wrong("delta is no text".into())),
            Members { done, .. } => {
                let whole: Whole = serde_json::from_slice(json).map_err(wrong)?;
                if whole.confidence.is_some_and(|confidence| !(0.0..=1.0).contains(&confidence)) {
                    return Err(Failure::Wrong("confidence is not within 0 and 1".into()));
                }
                match done || whole.content.is_some() {
                    true => Ok(Self::End(whole)),
                    false => Err(Failure::Wrong("it has none of delta, content, done, error".into())),
                }
            }
        }
    }
}

/// As much of a foreign text as a log or an answer should have.
pub(crate) fn brief(text: &str) -> String {
    const MOST: usize = 300;
    let mut brief: String = text.chars().filter(|c| !c.is_control()).take(MOST).collect();
    if brief.len() < text.len() && brief.chars().count() == MOST {
        brief.push('…');
    }
    brief
}

/// Null is as good as nothing.
fn value_or_null<'de, T, D>(input: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: serde::Deserializer<'de>,
{
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_form_of_a_piece_is_read() {
        let end = |whole| Piece::End(whole);
        assert_eq!(Piece::read(br#"{"delta": "a"}"#).unwrap(), Piece::Text("a".into()));
        let done = Piece::read(br#"{"done": true, "tools_used": ["x"], "metadata": null}"#).unwrap();
        assert_eq!(done, end(Whole { tools_used: vec!["x".into()], ..Whole::default() }));
        let nulls =
            br#"{"content": "a", "delta": null, "done": null, "tools_used": null, "confidence": null}"#;
        assert_eq!(Piece::read(nulls).unwrap(), end(Whole { content: Some("a".into()), ..Whole::default() }));
        let whole = Piece::read(br#"{"content": "a", "confidence": 0.5, "execution_time": 3}"#).unwrap();
        assert_eq!(
            whole,
            end(Whole { content: Some("a".into()), confidence: Some(0.5), ..Whole::default() })
        );
    }

    #[test]
    fn what_is_no_piece_is_told_with_the_reason() {
        for (wrong, why) in [
            (r#"{"delta": 7}"#, "delta"),
            (r#"{"content": 7}"#, "string"),
            (r#"{"content": "a", "confidence": 2}"#, "confidence"),
            (r#"{}"#, "none of"),
            (r#"["a"]"#, "invalid"),
            (r#"{"error": "no \u0007 idea"}"#, "it says: no  idea"),
            (r#"{"error": {"code": 7}}"#, "7"),
        ] {
            let failure = Piece::read(wrong.as_bytes()).unwrap_err().to_string();
            assert!(failure.contains(why), "{wrong}: {failure}");
        }
    }

    #[test]
    fn citations_that_are_none_go_and_the_others_stay() {
        let right = json!({"file": "a.md", "heading": "", "line": 1, "page": 7});
        for (citations, dropped, left) in [
            (json!([right]), 0, json!([right])),
            (json!([]), 0, json!([])),
            (
                json!([right, {"file": "b.md"}, "c.md", {"file": "d.md", "heading": "x", "line": 0}]),
                3,
                json!([right]),
            ),
            (
                json!([{"file": 7, "heading": "x", "line": 1}, {"file": "e", "heading": "x", "line": "1"}]),
                2,
                json!([]),
            ),
            (json!("a.md"), 1, Value::Null),
            (Value::Null, 1, Value::Null),
        ] {
            let piece = json!({"content": "a", "metadata": {"citations": citations, "k": 1}}).to_string();
            let Piece::End(mut whole) = Piece::read(piece.as_bytes()).unwrap() else {
                unreachable!("it is all of it")
            };
            assert_eq!(whole.drop_wrong_citations(), dropped, "{citations}");
            assert_eq!(json!(whole.metadata)["citations"], left, "{citations}");
            assert_eq!(whole.metadata["k"], 1);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _either = Piece::read(text.as_bytes());
        }
    }
}

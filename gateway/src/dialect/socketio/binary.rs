//! Binary arguments. In JSON, which is what plugins see, one is `{"$bytes": "<base64>"}`; on the wire it is a message of its own, and
//! a placeholder says where it belongs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

/// The key of a binary argument in JSON.
const BYTES: &str = "$bytes";
/// What there is in the text of JSON that has one.
const MARK: &[u8] = br#""$bytes""#;
/// The keys of a placeholder.
const PLACEHOLDER: &str = "_placeholder";
const NUMBER: &str = "num";

/// Puts `attachments` in the place of their placeholders; none where one is missing.
pub(super) fn join(payload: &str, attachments: &[Bytes]) -> Option<String> {
    let mut value: Value = serde_json::from_str(payload).ok()?;
    fill(&mut value, attachments).then(|| value.to_string())
}

fn fill(value: &mut Value, attachments: &[Bytes]) -> bool {
    match value {
        Value::Object(fields) if fields.get(PLACEHOLDER) == Some(&Value::Bool(true)) => {
            let number =
                fields.get(NUMBER).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
            let Some(bytes) = number.and_then(|number| attachments.get(number)) else { return false };
            *value = json!({ BYTES: STANDARD.encode(bytes) });
            true
        }
        Value::Object(fields) => fields.values_mut().all(|value| fill(value, attachments)),
        Value::Array(items) => items.iter_mut().all(|value| fill(value, attachments)),
        _ => true,
    }
}

/// Takes what is binary out of JSON, where there is any: what is left, with placeholders, and the attachments.
pub(super) fn split(json: &[u8]) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    if !json.windows(MARK.len()).any(|window| window == MARK) {
        return None;
    }
    let mut value: Value = serde_json::from_slice(json).ok()?;
    let mut attachments = Vec::new();
    take(&mut value, &mut attachments);
    if attachments.is_empty() { None } else { Some((value.to_string().into_bytes(), attachments)) }
}

fn take(value: &mut Value, attachments: &mut Vec<Vec<u8>>) {
    match value {
        Value::Object(fields) if fields.len() == 1 => {
            let bytes = fields.get(BYTES).and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
            match bytes {
                Some(bytes) => {
                    *value = json!({ PLACEHOLDER: true, NUMBER: attachments.len() });
                    attachments.push(bytes);
                }
                None => fields.values_mut().for_each(|value| take(value, attachments)),
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(|value| take(value, attachments)),
        Value::Array(items) => items.iter_mut().for_each(|value| take(value, attachments)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let text = r#"["x",{"_placeholder":true,"num":1},{"a":[{"_placeholder":true,"num":0}]}]"#;
        let attachments = [Bytes::from_static(&[1, 2]), Bytes::from_static(&[3])];
        let joined = join(text, &attachments).unwrap();
        assert_eq!(joined, r#"["x",{"$bytes":"Aw=="},{"a":[{"$bytes":"AQI="}]}]"#);
        let (left, taken) = split(joined.as_bytes()).unwrap();
        assert_eq!(taken, [vec![3], vec![1, 2]]);
        assert_eq!(left, br#"["x",{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1}]}]"#);
    }

    #[test]
    fn a_placeholder_without_its_attachment_is_refused_and_text_without_bytes_left_alone() {
        assert_eq!(join(r#"["x",{"_placeholder":true,"num":1}]"#, &[Bytes::new()]), None);
        assert_eq!(split(br#"{"a":"$bytes"}"#), None);
        assert_eq!(split(br#"{"$bytes":"no base64!"}"#), None);
    }
}

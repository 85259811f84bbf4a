//! What a client may keep: it is named by a tag, and not sent again to who has it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::web::{self, Response};

/// Bytes with their name.
pub(super) struct Kept {
    /// Their media type.
    content: &'static str,
    bytes: Bytes,
    /// Names these bytes and no others.
    tag: HeaderValue,
}

impl Kept {
    /// Names `bytes`, which are of the media type `content`.
    pub(super) fn new(content: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = Sha256::digest(&bytes);
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        // Hexadecimal digits are a header's value.
        let tag =
            HeaderValue::try_from(format!("\"{name}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self { content, bytes, tag }
    }

    /// Answers a request with these headers.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| matches(known, &self.tag));
        let mut response = match known {
            true => web::empty(StatusCode::NOT_MODIFIED),
            false => web::answer(StatusCode::OK, self.content, self.bytes.clone()),
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.tag.clone());
        // It may be another at any time: kept by all who like, asked for again each time.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

/// Whether a header `If-None-Match` names the tag; weakly compared, as RFC 9110, 13.1.2 wants it.
fn matches(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    known
        .split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_and_when_it_is_weak() {
        let tag = HeaderValue::from_static("\"a\"");
        for known in ["\"a\"", "*", "W/\"a\"", "\"b\", \"a\""] {
            assert!(matches(&HeaderValue::from_static(known), &tag), "{known}");
        }
        for other in ["\"b\"", "a", ""] {
            assert!(!matches(&HeaderValue::from_static(other), &tag), "{other}");
        }
    }
}

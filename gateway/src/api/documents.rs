//! `/openapi.json` and `/asyncapi.json`: made when they are asked for and what they tell of has changed.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Answered, Api, Request, routes};
use crate::documents::{self, Content, Operation, Subject, Tag};
use crate::web::{self, Declaration};

/// The documents as they were last made.
#[derive(Default)]
pub struct Documents(Mutex<Option<Arc<Made>>>);

/// Both documents, and what they were made of.
struct Made {
    plugins: Vec<Arc<Declaration>>,
    types: Vec<Arc<str>>,
    openapi: Document,
    asyncapi: Document,
}

/// A document as it is sent.
struct Document {
    text: Bytes,
    /// Names this text and no other.
    tag: HeaderValue,
}

pub(super) fn told_openapi() -> Operation {
    told("openapi", "Show this document")
        .more("OpenAPI 3.1: the HTTP API of the gateway and of the plugins that run.")
}

pub(super) async fn openapi(api: &Api, request: &Request) -> Answered {
    Ok(answer(&made(api).openapi, request))
}

pub(super) fn told_asyncapi() -> Operation {
    told("asyncapi", "Show what clients send and get over WebSocket")
        .more("AsyncAPI 3.0: the requests, replies and events of the gateway and of the plugins that run.")
}

pub(super) async fn asyncapi(api: &Api, request: &Request) -> Answered {
    Ok(answer(&made(api).asyncapi, request))
}

fn told(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, Tag::Gateway, summary)
        .answer(StatusCode::OK, "The document", Content::json::<Value>())
        .answer(StatusCode::NOT_MODIFIED, "It is still the one of `If-None-Match`", Content::Empty)
}

fn answer(document: &Document, request: &Request) -> web::Response {
    let known =
        request.headers.get_all(header::IF_NONE_MATCH).iter().any(|known| matches(known, &document.tag));
    let mut response = match known {
        true => web::empty(StatusCode::NOT_MODIFIED),
        false => web::answer(StatusCode::OK, "application/json", document.text.clone()),
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, document.tag.clone());
    // It may change at any time, as plugins do: kept by all who like, asked for again each time.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Whether a header `If-None-Match` names the tag; weakly compared, as RFC 9110, 13.1.2 wants it.
fn matches(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    known
        .split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// The documents of what there is now.
fn made(api: &Api) -> Arc<Made> {
    let (plugins, types) = (api.plugins.declared(), api.hub.types().known());
    let mut last = api.documents.0.lock();
    if let Some(made) = last.as_ref().filter(|made| made.is_of(&plugins, &types)) {
        return Arc::clone(made);
    }
    let subject = Subject { face: &api.face, routes: told_routes(api), plugins: &plugins, types: &types };
    let openapi = Document::of(&documents::openapi(&subject));
    let asyncapi = Document::of(&documents::asyncapi(&subject));
    let made = Arc::new(Made { plugins, types, openapi, asyncapi });
    *last = Some(Arc::clone(&made));
    made
}

fn told_routes(api: &Api) -> Vec<documents::Route> {
    let route = |route: super::Route| documents::Route {
        method: route.method,
        path: route.path,
        scope: route.scope,
        operation: route.operation,
    };
    routes(api.production).into_iter().map(route).collect()
}

impl Made {
    fn is_of(&self, plugins: &[Arc<Declaration>], types: &[Arc<str>]) -> bool {
        let same = |(a, b): (&Arc<Declaration>, &Arc<Declaration>)| Arc::ptr_eq(a, b);
        self.plugins.len() == plugins.len()
            && self.plugins.iter().zip(plugins).all(same)
            && self.types == types
    }
}

impl Document {
    fn of(document: &Value) -> Self {
        let text = document.to_string();
        let digest = Sha256::digest(text.as_bytes());
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        // Hexadecimal digits are a header's value.
        let tag =
            HeaderValue::try_from(format!("\"{name}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self { text: text.into(), tag }
    }
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

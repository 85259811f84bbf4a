//! `/openapi.json` and `/asyncapi.json`: made when they are asked for and what they tell of has changed.

use std::sync::Arc;

use http::StatusCode;
use parking_lot::Mutex;
use serde_json::Value;

use super::kept::Kept;
use super::{Answered, Api, Request, routes};
use crate::documents::{self, Content, Operation, Subject, Tag};
use crate::web::Declaration;

/// The documents as they were last made.
#[derive(Default)]
pub struct Documents(Mutex<Option<Arc<Made>>>);

/// Both documents, and what they were made of.
struct Made {
    plugins: Vec<Arc<Declaration>>,
    types: Vec<Arc<str>>,
    openapi: Kept,
    asyncapi: Kept,
}

pub(super) fn told_openapi() -> Operation {
    told("openapi", "Show this document")
        .more("OpenAPI 3.1: the HTTP API of the gateway and of the plugins that run.")
}

pub(super) async fn openapi(api: &Api, request: &Request) -> Answered {
    Ok(made(api).openapi.answer(&request.headers))
}

pub(super) fn told_asyncapi() -> Operation {
    told("asyncapi", "Show what clients send and get over WebSocket")
        .more("AsyncAPI 3.0: the requests, replies and events of the gateway and of the plugins that run.")
}

pub(super) async fn asyncapi(api: &Api, request: &Request) -> Answered {
    Ok(made(api).asyncapi.answer(&request.headers))
}

fn told(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, Tag::Gateway, summary)
        .answer(StatusCode::OK, "The document", Content::json::<Value>())
        .answer(StatusCode::NOT_MODIFIED, "It is still the one of `If-None-Match`", Content::Empty)
}

/// The documents of what there is now.
fn made(api: &Api) -> Arc<Made> {
    let (plugins, types) = (api.plugins.declared(), api.hub.types().known());
    let mut last = api.documents.0.lock();
    if let Some(made) = last.as_ref().filter(|made| made.is_of(&plugins, &types)) {
        return Arc::clone(made);
    }
    let subject = Subject { face: &api.face, routes: told_routes(api), plugins: &plugins, types: &types };
    let openapi = Kept::new("application/json", documents::openapi(&subject).to_string());
    let asyncapi = Kept::new("application/json", documents::asyncapi(&subject).to_string());
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

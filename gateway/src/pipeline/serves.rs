//! What a listener does not serve is not there: the same answer as to a path that nobody serves.

use std::rc::Rc;

use http::Request;

use super::Pipeline;
use crate::router::Router;
use crate::web::{Part, Problem, nothing_here, trim};

pub(super) fn check<B>(pipeline: Rc<Pipeline>) -> impl Fn(&mut Request<B>) -> Result<(), Problem> + Clone {
    move |request| if has(&pipeline, request.uri().path()) { Ok(()) } else { Err(nothing_here()) }
}

fn has(pipeline: &Pipeline, path: &str) -> bool {
    let parts = pipeline.listener.serves;
    if parts == Default::default() {
        true
    } else if pipeline.config.endpoints.iter().any(|endpoint| trim(&endpoint.path) == trim(path)) {
        parts.have(Part::Endpoints)
    } else if Router::is_core(path) {
        parts.have_core(path)
    } else {
        parts.have(Part::Plugins)
    }
}

//! What a listener does not serve is not there: the same answer as to a path that nobody serves.

use std::rc::Rc;

use http::Request;

use super::Pipeline;
use crate::router::Router;
use crate::web::{Part, Parts, Problem, nothing_here};

pub(super) fn check<B>(pipeline: Rc<Pipeline>) -> impl Fn(&mut Request<B>) -> Result<(), Problem> + Clone {
    move |request| if has(&pipeline, request.uri().path()) { Ok(()) } else { Err(nothing_here()) }
}

fn has(pipeline: &Pipeline, path: &str) -> bool {
    let rules = pipeline.rules();
    let parts = rules.listener().map_or(Parts::new(&[]), |listener| listener.serves);
    if parts == Parts::default() {
        true
    } else if rules.any_endpoint(path).is_some() {
        parts.have(Part::Endpoints)
    } else if Router::is_core(path) {
        parts.have_core(path)
    } else {
        parts.have(Part::Plugins)
    }
}

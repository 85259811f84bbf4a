//! What handlers answer with when all is well: types that say by themselves how they are sent and what the
//! documents tell of them, so that both are one.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Api, Request};
use crate::documents::{Content, Operation};
use crate::web::{self, Problem, Response};

/// A good answer.
pub(super) trait Good {
    /// As it is sent.
    fn into_response(self) -> Response;

    /// Adds what the documents tell of it.
    fn tell(operation: Operation) -> Operation;
}

/// 200, and JSON.
pub(super) struct Json<T>(pub(super) T);

/// 204.
pub(super) struct Done;

impl<T: Serialize + JsonSchema> Good for Json<T> {
    fn into_response(self) -> Response {
        web::json(StatusCode::OK, &self.0)
    }

    fn tell(operation: Operation) -> Operation {
        operation.first(StatusCode::OK, Content::json::<T>())
    }
}

impl Good for Done {
    fn into_response(self) -> Response {
        web::empty(StatusCode::NO_CONTENT)
    }

    fn tell(operation: Operation) -> Operation {
        operation.first(StatusCode::NO_CONTENT, Content::Empty)
    }
}

/// Made by hand, and told of by hand.
impl Good for Response {
    fn into_response(self) -> Response {
        self
    }

    fn tell(operation: Operation) -> Operation {
        operation
    }
}

/// Adds to `operation` what its handler answers.
pub(super) fn described<G: Good>(
    operation: Operation,
    _handler: impl AsyncFn(&Api, &Request) -> Result<G, Problem>,
) -> Operation {
    G::tell(operation)
}

//! Plugins: lists, and starting and stopping them.

use http::StatusCode;
use serde_json::json;

use super::{Answered, Api, Request};
use crate::web::{self, AdminError, PluginInfo, Problem};

pub(super) async fn list(api: &Api, _: &Request) -> Answered {
    let plugins = api.plugins.list();
    Ok(web::json(StatusCode::OK, &json!({ "total": plugins.len(), "plugins": plugins })))
}

pub(super) async fn start(api: &Api, request: &Request) -> Answered {
    answer(api.plugins.start(name(request)).await)
}

pub(super) async fn stop(api: &Api, request: &Request) -> Answered {
    answer(api.plugins.stop(name(request)).await)
}

fn name(request: &Request) -> &str {
    request.params.first().map_or("", String::as_str)
}

fn answer(outcome: Result<PluginInfo, AdminError>) -> Answered {
    match outcome {
        Ok(plugin) => Ok(web::json(StatusCode::OK, &plugin)),
        Err(error) => {
            let status = match error {
                AdminError::NotFound(_) => StatusCode::NOT_FOUND,
                AdminError::State { .. } => StatusCode::CONFLICT,
                AdminError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            Err(Problem::new(status, error.to_string()))
        }
    }
}

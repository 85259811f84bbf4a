//! A manifest's `$defs`, lent to each of its schemas that refers to them: a schema is complete by itself then.

use serde_json::{Map, Value};
use tidegate_plugin::schema::lend as lend_one;

use crate::web::{CallSpec, EventSpec, RouteSpec};

/// Lends `defs` to every schema of these.
pub(super) fn lend(
    defs: &Map<String, Value>,
    events: &mut [EventSpec],
    routes: &mut [RouteSpec],
    calls: &mut [CallSpec],
) {
    for event in events {
        lend_some(defs, &mut event.schema);
    }
    for route in routes {
        lend_some(defs, &mut route.query);
        lend_some(defs, &mut route.request);
        route.params.values_mut().chain(route.responses.values_mut()).for_each(|s| lend_one(defs, s));
    }
    for call in calls {
        lend_some(defs, &mut call.request);
        lend_some(defs, &mut call.response);
    }
}

fn lend_some(defs: &Map<String, Value>, schema: &mut Option<Value>) {
    if let Some(schema) = schema {
        lend_one(defs, schema);
    }
}

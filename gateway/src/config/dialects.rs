//! What an endpoint's dialect says of settings that nobody has given: what its clients expect.

use figment::value::{Dict, Value};

/// Lays the defaults of each endpoint's dialect under what was given.
pub(super) fn lay_under(settings: &mut Value) {
    let Value::Dict(_, all) = settings else { return };
    let Some(Value::Array(_, endpoints)) = all.get_mut("endpoint") else { return };
    for endpoint in endpoints {
        if let Value::Dict(_, endpoint) = endpoint
            && endpoint.get("dialect").and_then(Value::as_str) == Some("envelope")
        {
            envelope(endpoint);
        }
    }
}

fn envelope(endpoint: &mut Dict) {
    let mut lay = |name: &str, value: Value| {
        endpoint.entry(name.to_owned()).or_insert(value);
    };
    lay("welcome", Value::from("Connected to QA Intelligence WebSocket"));
    lay("message", Value::from("1 MiB"));
    lay("heartbeat", Value::from(Dict::new()));
    if let Some(Value::Dict(_, heartbeat)) = endpoint.get_mut("heartbeat") {
        // A ping each 20 seconds, and as long for its answer.
        for (name, time) in [("interval", "20s"), ("timeout", "40s")] {
            heartbeat.entry(name.to_owned()).or_insert(Value::from(time));
        }
    }
}

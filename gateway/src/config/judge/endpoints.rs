//! Endpoints, and the profiles that they and the API name.

use crate::config::Config;
use crate::config::finding::Findings;
use crate::config::key::{Key, nearest};
use crate::config::model::session::{self, Dialect, Refuse, Transport};
use crate::frame::MAX_FORMS;
use crate::router::Router;
use crate::units::Size;
use crate::web::{Host, Part};

/// Bytes of a role at most, so that its room has a name.
const LONGEST_ROLE: usize = 190;
/// Bytes of an event type's name at most.
const LONGEST_TYPE: usize = 200;
/// Bytes of a namespace's name at most.
const LONGEST_NAMESPACE: usize = 64;

/// Judges the endpoints, and the API's profile.
pub(super) fn settings(config: &Config, findings: &mut Findings<'_>) {
    profile(config, &config.api.auth, Key::of("api").then("auth"), findings);
    let list = Key::of("endpoint");
    for (i, endpoint) in config.endpoint.iter().enumerate() {
        let key = list.at(i);
        match endpoint.any {
            true => any_path(endpoint, &key, findings),
            false => path(endpoint, &config.endpoint[..i], &key, findings),
        }
        listener(config, endpoint, &key, findings);
        profile(config, &endpoint.auth, key.then("auth"), findings);
        origins(&endpoint.origins, &key.then("origins"), findings);
        wire(endpoint, &key, findings);
        one_way(endpoint, &key, findings);
        heartbeat(config, endpoint, &key, findings);
        rooms(config, endpoint, &key, findings);
        dialect(endpoint, &key, findings);
        envelope(endpoint, &key.then("envelope"), findings);
        if let Some(message) = endpoint.message {
            message_fits(config, message, &key.then("message"), findings);
        }
    }
    forms(config, list, findings);
    let cors = Key::of("cors");
    origins(&config.cors.origins, &cors.then("origins"), findings);
    if config.cors.credentials && config.cors.origins.iter().any(|origin| origin == "*") {
        let message =
            "cannot hold beside the origin \"*\": any web page could act as the user; name the origins";
        findings.error(cors.then("credentials"), message);
    }
}

fn path(endpoint: &session::Config, before: &[session::Config], key: &Key, findings: &mut Findings<'_>) {
    let (path, key) = (endpoint.path.as_str(), key.then("path"));
    let bare = path.trim_end_matches('/');
    if path.is_empty() {
        findings.error(key, "is missing: an endpoint needs a path, such as \"/ws\"");
    } else if !path.starts_with('/') || path.contains(['{', '}', '?', '#', '*', ' ']) || !path.is_ascii() {
        findings.error(
            key,
            format!("{path:?} is no path: it starts with a slash and holds no pattern and no query"),
        );
    } else if before.iter().any(|other| other.path.trim_end_matches('/') == bare && meet(other, endpoint)) {
        findings.error(key, format!("two endpoints have the path {path:?}"));
    } else if bare.is_empty() || Router::is_core(path) {
        findings.error(key, format!("{path:?} is a path of the gateway's own API"));
    }
}

/// Whether there is a listener that both are at.
fn meet(one: &session::Config, other: &session::Config) -> bool {
    one.listener == other.listener || one.listener.is_none() || other.listener.is_none()
}

/// An endpoint that has any path leaves nothing of its listener to others.
fn any_path(endpoint: &session::Config, key: &Key, findings: &mut Findings<'_>) {
    findings.require(
        endpoint.listener.is_some(),
        key.then("listener"),
        "is missing: an endpoint with any path needs a listener of its own",
    );
    findings.require(
        endpoint.path.is_empty(),
        key.then("path"),
        "cannot stand beside `any`, which is each path",
    );
}

fn listener(config: &Config, endpoint: &session::Config, key: &Key, findings: &mut Findings<'_>) {
    let Some(name) = &endpoint.listener else { return };
    let unreadable = findings.has_error(&Key::of("listener"));
    let key = key.then("listener");
    match config.listener.iter().find(|listener| listener.name == *name) {
        None if !unreadable => {
            let near = nearest(name, config.listener.iter().map(|listener| listener.name.as_str()));
            let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            findings.error(key, format!("there is no listener named {name:?}{near}"));
        }
        Some(listener) if endpoint.any && listener.serves.iter().any(|part| *part != Part::Endpoints) => {
            let message =
                format!("the listener {name:?} serves more than endpoints, and `any` would take all of it");
            findings.error(key, message);
        }
        Some(listener) if !listener.serves(Part::Endpoints) => {
            findings.error(key, format!("the listener {name:?} does not serve endpoints"));
        }
        _ => {}
    }
}

fn profile(config: &Config, name: &str, key: Key, findings: &mut Findings<'_>) {
    let unreadable = findings.has_error(&Key::of("auth").then(name));
    if !config.auth.contains_key(name) && !unreadable {
        let near = nearest(name, config.auth.keys().map(String::as_str));
        let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        findings.error(key, format!("there is no profile [auth.{name}]{near}"));
    }
}

/// An origin is compared exactly with what a browser sends, so one that no browser sends is a mistake.
fn origins(origins: &[String], key: &Key, findings: &mut Findings<'_>) {
    for (i, origin) in origins.iter().enumerate() {
        let message = "expected \"*\", or an origin as browsers send it: scheme and host, the port where it is not \
                       the scheme's own, no path and no slash at the end, such as \"https://app.example.com\"";
        findings.require(origin == "*" || is_origin(origin), key.at(i), message);
    }
}

fn is_origin(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let Ok(uri) = origin.parse::<http::Uri>() else { return false };
    let usual_port = matches!((scheme, uri.port_u16()), ("http", Some(80)) | ("https", Some(443)));
    Host::parse(host).is_some() && !usual_port && origin.chars().all(|c| !c.is_ascii_uppercase())
}

/// Which dialects which transports carry.
fn wire(endpoint: &session::Config, key: &Key, findings: &mut Findings<'_>) {
    findings.require(
        !endpoint.compression || matches!(endpoint.transport, Transport::WebSocket | Transport::EngineIo),
        key.then("compression"),
        "is of WebSockets: transport = \"websocket\" or \"engineio\"",
    );
    if endpoint.dialect != session::Dialect::SocketIo {
        return;
    }
    findings.require(
        endpoint.transport == session::Transport::EngineIo,
        key.then("transport"),
        "must be \"engineio\" where dialect = \"socketio\"",
    );
    let key = key.then("socketio").then("namespaces");
    findings.require(
        !endpoint.socketio.namespaces.is_empty(),
        key.clone(),
        "is empty: no client could enter any",
    );
    for (i, name) in endpoint.socketio.namespaces.iter().enumerate() {
        let is_name =
            name.starts_with('/') && !name.contains([',', '?', '"', '\\']) && name.len() <= LONGEST_NAMESPACE;
        let message =
            "a namespace begins with a slash and has no comma, quote or question mark, and 64 bytes at most";
        findings.require(is_name, key.at(i), message);
        findings.require(!endpoint.socketio.namespaces[..i].contains(name), key.at(i), "is there twice");
    }
}

/// Events are encoded in so many ways at most, of which those count that endpoints have in common once for each.
fn forms(config: &Config, list: Key, findings: &mut Findings<'_>) {
    let of = |endpoint: &session::Config| {
        let looks = match endpoint.dialect {
            Dialect::SocketIo => endpoint.socketio.namespaces.len(),
            _ if endpoint.transport == Transport::Sse => 2,
            _ => 1,
        };
        if endpoint.compression { 3 * looks } else { looks }
    };
    let forms = 1 + config.endpoint.iter().map(of).sum::<usize>();
    if forms > MAX_FORMS {
        let message = format!(
            "endpoints whose events look different {forms} times, where {MAX_FORMS} are the most: each namespace counts, \
             and three times with `compression`"
        );
        findings.error(list, message);
    }
}

fn heartbeat(config: &Config, endpoint: &session::Config, key: &Key, findings: &mut Findings<'_>) {
    let (beat, key) = (endpoint.heartbeat, key.then("heartbeat"));
    findings.require(
        !beat.interval.is_zero(),
        key.then("interval"),
        "must be above zero: a client that is gone would never be found",
    );
    if endpoint.transport == session::Transport::EngineIo {
        findings.require(!beat.timeout.is_zero(), key.then("timeout"), "must be above zero");
        // A poll waits for the next ping at most.
        let answer = config.http.answer_timeout;
        if !answer.is_zero() && answer <= beat.interval {
            let message =
                format!("{} is not below http.answer_timeout ({answer}): polls would be cut", beat.interval);
            findings.error(key.then("interval"), message);
        }
    } else if beat.timeout <= beat.interval {
        let message = format!(
            "{} is not longer than heartbeat.interval ({}): clients that answer every ping would be closed",
            beat.timeout, beat.interval
        );
        findings.error(key.then("timeout"), message);
    }
}

/// Messages of one user that can be remembered, each by its moment.
const MOST_REMEMBERED: u32 = 10_000;

fn envelope(endpoint: &session::Config, key: &Key, findings: &mut Findings<'_>) {
    let Some(settings) = &endpoint.envelope else { return };
    findings.require(
        endpoint.dialect == session::Dialect::Envelope,
        key.clone(),
        "is for endpoints with `dialect = \"envelope\"`",
    );
    if let Some((count, _)) = settings.rate.get().filter(|(count, _)| *count > MOST_REMEMBERED) {
        let message = format!("{count} is more than can be remembered of each user ({MOST_REMEMBERED})");
        findings.error(key.then("rate"), message);
    }
}

/// Where clients only listen, what others may say or are told behind an upgrade is nothing.
fn one_way(endpoint: &session::Config, key: &Key, findings: &mut Findings<'_>) {
    let name = match endpoint.transport {
        Transport::WebSocket | Transport::EngineIo => return,
        Transport::Sse => "sse",
        Transport::Poll => "poll",
    };
    findings.require(
        endpoint.dialect == Dialect::Rooms,
        key.then("dialect"),
        &format!("cannot be carried by the transport {name:?}, which has \"rooms\" alone"),
    );
    findings.require(
        endpoint.refuse == Refuse::Status,
        key.then("refuse"),
        &format!("the transport {name:?} has no close: clients are refused by \"status\" alone"),
    );
    findings.require(
        endpoint.idle_timeout.is_zero(),
        key.then("idle_timeout"),
        &format!("clients of the transport {name:?} send no requests: it would end each of their sessions"),
    );
}

fn rooms(config: &Config, endpoint: &session::Config, key: &Key, findings: &mut Findings<'_>) {
    let key = key.then("auto_join");
    for (i, room) in endpoint.auto_join.iter().enumerate() {
        let name = room.replace("{user_id}", "u");
        if name.contains(['{', '}']) {
            findings.error(key.at(i), format!("{room:?}: only `{{user_id}}` can be filled in"));
        } else if let Err(error) = crate::hub::check_name(&name) {
            findings.error(key.at(i), format!("{room:?}: {error}"));
        }
    }
    let most = config.limits.rooms_per_session;
    if endpoint.auto_join.len() > usize::try_from(most).unwrap_or(usize::MAX) {
        findings.error(key, format!("names more rooms than limits.rooms_per_session allows ({most})"));
    }
}

/// What concerns one dialect alone.
fn dialect(endpoint: &session::Config, key: &Key, findings: &mut Findings<'_>) {
    let role = &endpoint.topics.role;
    let fits = role.len() <= LONGEST_ROLE && !role.chars().any(char::is_control);
    let message = format!("expected at most {LONGEST_ROLE} bytes without control characters");
    findings.require(fits, key.then("topics").then("role"), &message);
    let (events, key) = (&endpoint.stream.events, key.then("stream").then("events"));
    let message = "is empty: clients that name no type would get nothing";
    findings.require(!events.is_empty(), key.clone(), message);
    for (i, name) in events.iter().enumerate() {
        let is_known = |c: char| c.is_ascii_alphanumeric() || "_.-:".contains(c);
        let right = (1..=LONGEST_TYPE).contains(&name.len()) && name.chars().all(is_known);
        let message = "expected the name of an event type: letters, digits, '_', '.', '-' and ':'";
        findings.require(right, key.at(i), message);
    }
}

/// A message that is allowed in must find its way out again: as an echo into one session's backlog, and published
/// into a room's share of the mailbox.
pub(super) fn message_fits(config: &Config, message: Size, key: &Key, findings: &mut Findings<'_>) {
    let (backlog, share) = (config.limits.backlog_per_session, Size(config.hub.mailbox.bytes() / 4));
    if message.is_empty() {
        findings.error(key.clone(), "must be above zero: no client could send anything");
    } else if message > backlog {
        let message = format!(
            "{message} is more than limits.backlog_per_session ({backlog}): a session that gets one would be closed"
        );
        findings.error(key.clone(), message);
    } else if message > share {
        let message = format!(
            "{message} is more than a room's share of hub.mailbox (a quarter: {share}): it could never be published"
        );
        findings.error(key.clone(), message);
    }
}

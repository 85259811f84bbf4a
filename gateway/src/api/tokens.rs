//! `POST /api/v1/tokens/revoke`: tokens that are called back.

use std::borrow::Cow;
use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::Json;
use super::fields::{Fields, LAST_SECOND};
use super::{Api, Request};
use crate::audit::Deed;
use crate::documents::{Operation, Tag};
use crate::frame::Timestamp;
use crate::identity::{Revocation, RevokeError, Revoked};
use crate::web::Problem;

/// Bytes of a token's id or a user's at most: no token is let in that has longer ones.
const LONGEST: usize = 190;

/// Which tokens are to be called back: one of `jti`, `user` and `before`, or `user` with `before`.
#[derive(JsonSchema)]
#[schemars(extend("examples" = [{ "user": "u-17" }], "anyOf" = [
    { "required": ["jti"], "properties": { "jti": { "type": "string" }, "user": { "type": "null" } } },
    { "required": ["user"], "properties": { "user": { "type": ["string", "integer"] }, "jti": { "type": "null" } } },
    { "required": ["before"], "properties": {
        "before": { "type": ["string", "number"] }, "jti": { "type": "null" }, "user": { "type": "null" }
    } }
]))]
#[expect(dead_code, reason = "read by hand")]
struct RevokeBody {
    /// The token with this id.
    #[schemars(length(min = 1, max = 190))]
    jti: Option<String>,
    /// The tokens of this user.
    user: Option<User>,
    /// Only those that were issued then or before: RFC 3339, or seconds since 1970. Without it, by now.
    before: Option<Moment>,
    /// When the last of them expires: until then it must be known. Without it, or where it is past, as long as
    /// tokens can live: see
    /// `revocations.keep`.
    expires_at: Option<Moment>,
}

/// A user's id.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "read by hand")]
enum User {
    /// As text.
    Text(#[schemars(length(min = 1, max = 190))] String),
    /// As a whole number.
    Number(u64),
}

/// A moment.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "read by hand")]
enum Moment {
    /// RFC 3339, from 1970 on.
    Text(#[schemars(regex(pattern = "^(19[7-9]|[2-9][0-9])[0-9]"), extend("format" = "date-time"))] String),
    /// Seconds since 1970.
    Seconds(#[schemars(range(min = 0, max = LAST_SECOND))] f64),
}

/// What is called back from here on.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Revocation", extend("examples" = [{
    "success": true, "user": "u-17", "before": "2026-01-01T12:00:00.000Z", "expires_at": "2026-01-31T12:00:00.000Z"
}]))]
pub(super) struct Made {
    /// It holds now.
    success: bool,
    /// The token with this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<Arc<str>>,
    /// The tokens of this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Arc<str>>,
    /// Those that were issued then or before.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Timestamp>,
    /// When it can be forgotten, as far as is known; the end of the year 9999: never.
    expires_at: Timestamp,
}

pub(super) fn told() -> Operation {
    Operation::new("revokeTokens", Tag::Sessions, "Call tokens back: a token, a user's, or everybody's")
        .more("Sessions under them are closed within a second, and they open none. It holds over a restart.")
        .body::<RevokeBody>()
        .good("They hold no longer")
        .problem(StatusCode::INSUFFICIENT_STORAGE, "There are as many revocations as may be")
}

pub(super) async fn revoke(api: &Api, request: &Request) -> Result<Json<Made>, Problem> {
    let revocation = wanted(api, &request.body)?;
    let ledger = Arc::clone(&api.ledger);
    // The store may wait for a disk.
    let revoked = tokio::task::spawn_blocking(move || ledger.revoke(revocation)).await;
    let inforce =
        revoked.map_err(|_| failed("the revocation was broken off"))?.map_err(|error| match error {
            RevokeError::TooMany(many) => Problem::new(StatusCode::INSUFFICIENT_STORAGE, many.to_string()),
            RevokeError::NotKept(_) => failed(error.to_string()),
        })?;
    request.record(api, Deed::Revoked, |entry| match &inforce.what {
        Revoked::Token(id) => entry.target(&format!("token:{id}")),
        Revoked::User(user) => entry.target(&format!("user:{user}")),
        Revoked::All => entry.target("all"),
    });
    let (jti, user, before) = match inforce.what {
        Revoked::Token(id) => (Some(id), None, None),
        Revoked::User(user) => (None, Some(user), Some(inforce.before)),
        Revoked::All => (None, None, Some(inforce.before)),
    };
    Ok(Json(Made { success: true, jti, user, before, expires_at: inforce.until }))
}

fn failed(why: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why)
}

fn wanted(api: &Api, body: &[u8]) -> Result<Revocation, Problem> {
    let mut body = Fields::of_body(body)?;
    let now = Timestamp::now();
    let (id, user) = (body.string("jti").map(Cow::into_owned), body.person("user"));
    for (name, given) in [("jti", &id), ("user", &user)] {
        if given.as_ref().is_some_and(|text| text.is_empty() || text.len() > LONGEST) {
            body.wrong(name, format!("expected 1 to {LONGEST} bytes"), "string_length");
        }
    }
    let before = body.moment("before");
    let expires_at = body.moment("expires_at");
    let what = match (id, user) {
        (Some(_), Some(_)) => {
            body.wrong("user", "'jti' says already which token", "one_target");
            None
        }
        (Some(id), None) => Some(Revoked::Token(id.into())),
        (None, Some(user)) => Some(Revoked::User(user.into())),
        (None, None) if before.is_some() => Some(Revoked::All),
        (None, None) => {
            body.wrong("jti", "one of 'jti', 'user' and 'before' is required", "missing");
            None
        }
    };
    body.check()?;
    let what = what.ok_or_else(|| failed("nothing is revoked"))?;
    let until =
        expires_at.filter(|at| *at > now).unwrap_or_else(|| api.ledger.revocations().forgotten_at(now));
    Ok(Revocation { what, before: before.unwrap_or(now), until })
}

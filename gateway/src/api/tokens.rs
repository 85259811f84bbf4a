//! `POST /api/v1/tokens/revoke`: tokens that are called back.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;

use super::fields::Fields;
use super::{Answered, Api, Request};
use crate::frame::Timestamp;
use crate::identity::{Revocation, RevokeError, Revoked};
use crate::web::{self, Problem};

/// Bytes of a token's id or a user's at most: no token is let in that has longer ones.
const LONGEST: usize = 190;

/// By `jti`: that token. By `user`: the user's tokens that were issued by now, or by `before`. By `before` alone:
/// everybody's. Live sessions are closed within a second.
pub(super) async fn revoke(api: &Api, request: &Request) -> Answered {
    let revocation = wanted(api, &request.body)?;
    let ledger = Arc::clone(&api.ledger);
    // The store may wait for a disk.
    let revoked = tokio::task::spawn_blocking(move || ledger.revoke(revocation)).await;
    let inforce =
        revoked.map_err(|_| failed("the revocation was broken off"))?.map_err(|error| match error {
            RevokeError::TooMany(many) => Problem::new(StatusCode::INSUFFICIENT_STORAGE, many.to_string()),
            RevokeError::NotKept(_) => failed(error.to_string()),
        })?;
    let mut answer = json!({ "success": true, "expires_at": inforce.until.to_string() });
    match &inforce.what {
        Revoked::Token(id) => answer["jti"] = (**id).into(),
        Revoked::User(user) => answer["user"] = (**user).into(),
        Revoked::All => {}
    }
    if !matches!(inforce.what, Revoked::Token(_)) {
        answer["before"] = inforce.before.to_string().into();
    }
    Ok(web::json(StatusCode::OK, &answer))
}

fn failed(why: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why)
}

fn wanted(api: &Api, body: &[u8]) -> Result<Revocation, Problem> {
    let mut body = Fields::of_body(body)?;
    let now = Timestamp::now();
    let (id, user) = (body.string("jti"), body.text_or_number("user"));
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
        (Some(id), None) => Some(Revoked::Token(id.as_ref().into())),
        (None, Some(user)) => Some(Revoked::User(user.as_ref().into())),
        (None, None) if before.is_some() => Some(Revoked::All),
        (None, None) => {
            body.wrong("jti", "one of 'jti', 'user' and 'before' is required", "missing");
            None
        }
    };
    body.check()?;
    let what = what.ok_or_else(|| failed("nothing is revoked"))?;
    let until = expires_at.unwrap_or_else(|| api.ledger.revocations().forgotten_at(now));
    Ok(Revocation { what, before: before.unwrap_or(now), until })
}

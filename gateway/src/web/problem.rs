//! Errors on the wire: RFC 9457 problem details.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Response, answer};
use crate::identity::Refusal;

/// An error as a client gets it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// What went wrong this time, for the reader.
    pub detail: Cow<'static, str>,
    /// What of the body or query does not validate.
    pub errors: Vec<Invalid>,
    /// Boxed, as problems travel in results and most have none of it.
    extra: Box<Extra>,
}

#[derive(Clone, Debug, Default)]
struct Extra {
    /// Beside those of RFC 9457.
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    why: Option<&'static str>,
}

/// Why a request was refused, in a word: an answer may bear it as an extension, for the audit log.
#[derive(Clone, Copy, Debug)]
pub struct Why(pub &'static str);

/// One thing in a body or query that does not validate.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, JsonSchema)]
pub struct Invalid {
    /// Where: `["body", "field"]` or `["query", "name"]`, with indices into arrays as numbers.
    #[schemars(with = "Vec<Step>")]
    pub loc: Vec<Value>,
    /// What was expected.
    pub msg: Cow<'static, str>,
    /// A word for programs, as `missing`.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// A step on the way to a value: a name, or an index.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "says what `loc` holds")]
enum Step {
    /// Of a field.
    Name(String),
    /// In an array.
    Index(u64),
}

impl Invalid {
    /// Something wrong at `name` in the `place` (`body`, `query`).
    pub fn at(place: &str, name: &str, msg: impl Into<Cow<'static, str>>, kind: &'static str) -> Self {
        Self { loc: vec![place.into(), name.into()], msg: msg.into(), kind }
    }
}

/// Problem details (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem", extend("examples" = [{
    "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "body.room: field required",
    "errors": [{ "loc": ["body", "room"], "msg": "field required", "type": "missing" }]
}]))]
pub struct ProblemDetails<'a> {
    /// Which kind of problem; `about:blank`: what the status says.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'a str,
    /// The status of the answer.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What went wrong this time, for the reader.
    detail: &'a str,
    /// What of the body or query does not validate.
    #[serde(skip_serializing_if = "<[Invalid]>::is_empty")]
    errors: &'a [Invalid],
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

impl Problem {
    /// A problem that its status and one sentence say all about.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), extra: Box::default() }
    }

    /// 422 with all that does not validate.
    pub fn invalid(errors: Vec<Invalid>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", path(&one.loc), one.msg).into(),
            _ => Cow::Borrowed("the request does not validate"),
        };
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// 503 for a moment: the same request may pass after so many seconds.
    pub fn busy(detail: impl Into<Cow<'static, str>>, seconds: u16) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).header(header::RETRY_AFTER, seconds.into())
    }

    /// Adds a member beside those of RFC 9457.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds the fields of `members` beside those of RFC 9457.
    #[must_use]
    pub fn with_all(mut self, members: &impl Serialize) -> Self {
        if let Ok(Value::Object(members)) = serde_json::to_value(members) {
            self.extra.members.extend(members);
        }
        self
    }

    /// Says in a word why, for the audit log.
    #[must_use]
    pub fn because(mut self, why: &'static str) -> Self {
        self.extra.why = Some(why);
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.extra.headers.push((name, value));
        self
    }
}

/// RFC 6750, section 3: who has shown nothing is told what to show, and whose token does not hold, that it does not.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let challenge = match refusal {
            Refusal::Unavailable => return Self::busy(refusal.to_string(), 5),
            Refusal::Denied => {
                return Self::new(StatusCode::FORBIDDEN, refusal.to_string()).because(refusal.name());
            }
            Refusal::Missing => HeaderValue::from_static("Bearer"),
            refusal => {
                let text = format!("Bearer error=\"invalid_token\", error_description=\"{refusal}\"");
                HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
            }
        };
        let problem = Self::new(StatusCode::UNAUTHORIZED, refusal.to_string()).because(refusal.name());
        problem.header(header::WWW_AUTHENTICATE, challenge)
    }
}

fn path(loc: &[Value]) -> String {
    let word = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    loc.iter().map(word).collect::<Vec<_>>().join(".")
}

/// A status in words. 422 has another name in RFC 9110 than when `http` learnt it, and plugins use the new one, too.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        status => status.canonical_reason().unwrap_or("Error"),
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let wire = ProblemDetails {
            kind: "about:blank",
            title: title(problem.status),
            status: problem.status.as_u16(),
            detail: &problem.detail,
            errors: &problem.errors,
            extra: &problem.extra.members,
        };
        let bytes = serde_json::to_vec(&wire).unwrap_or_default();
        let mut response = answer(problem.status, "application/problem+json", bytes);
        response.headers_mut().extend(problem.extra.headers);
        if let Some(why) = problem.extra.why {
            response.extensions_mut().insert(Why(why));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_those_of_rfc_9110() {
        assert_eq!(title(StatusCode::UNPROCESSABLE_ENTITY), "Unprocessable Content");
        assert_eq!(title(StatusCode::NOT_FOUND), "Not Found");
    }
}

//! Who may have a session.

use std::sync::Arc;

use http::{HeaderValue, Request, StatusCode, header};

use super::{Entrance, Refusing};
use crate::drain::Phase;
use crate::identity::{Principal, Refusal};
use crate::session::{self, Place, Shown, Visitor, bad_client_id};
use crate::transport::close::CloseReason;
use crate::web::{self, Client, Problem, query_pairs};

/// Seconds that whoever has too many sessions should wait before it asks for one more.
const FULL_FOR: u16 = 5;

/// No session, counted by this word.
pub(super) struct Refused(pub(super) &'static str, pub(super) Problem);

/// Why a client that asks properly is not let in.
pub(super) enum No {
    /// Its credentials do not hold.
    Refused(Refusal),
    /// Its user has as many sessions as may be.
    Full,
    /// The endpoint has, or too many clients are there of whom nobody knows who they are.
    AtCapacity,
}

impl No {
    /// Its name in metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Refused(Refusal::Missing) => "unauthenticated",
            Self::Refused(refusal) => refusal.name(),
            Self::Full => "max_per_user",
            Self::AtCapacity => "at_capacity",
        }
    }

    /// What a session is closed with that was opened only for that, and what of its client's proof is wrong.
    pub(super) fn reason(&self) -> (CloseReason, Option<Refusal>) {
        let refusal = match self {
            Self::Refused(refusal) => Some(*refusal),
            Self::Full | Self::AtCapacity => None,
        };
        let reason = match self {
            Self::Refused(Refusal::Missing) => CloseReason::Policy("Authentication required".into()),
            Self::Refused(Refusal::Denied) => CloseReason::Policy("Not allowed".into()),
            Self::Refused(_) => CloseReason::Policy("Invalid token".into()),
            Self::Full => CloseReason::Policy(session::TOO_MANY.into()),
            Self::AtCapacity => CloseReason::AtCapacity,
        };
        (reason, refusal)
    }
}

impl From<No> for Problem {
    fn from(no: No) -> Self {
        match no {
            No::Refused(refusal) => refusal.into(),
            No::Full => Self::new(StatusCode::TOO_MANY_REQUESTS, session::TOO_MANY)
                .because("max_per_user")
                .header(header::RETRY_AFTER, HeaderValue::from(FULL_FOR)),
            No::AtCapacity => Self::busy("as many sessions are there as may be", 1).because("at_capacity"),
        }
    }
}

impl From<No> for Refused {
    fn from(no: No) -> Self {
        Self(no.label(), no.into())
    }
}

/// Who is let in.
pub(super) struct Admitted {
    principal: Arc<Principal>,
    shown: Option<Box<Shown>>,
    unknown: Option<Place>,
    place: Place,
}

impl Admitted {
    /// By whom the session would be.
    pub(super) fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }
}

impl Entrance {
    /// Whether sessions begin at all.
    pub(super) fn check_open(&self) -> Result<(), Refused> {
        match self.phase.phase() >= Phase::Closing {
            true => Err(Refused("draining", Problem::busy("the gateway is shutting down", 1))),
            false => Ok(()),
        }
    }

    /// Counts a request that became no session.
    pub(super) fn refuse(&self, Refused(why, problem): Refused) -> web::Response {
        self.common.shard.hub().metrics().handshakes.count(why);
        problem.into()
    }

    /// What a client is told that is not let in.
    pub(super) fn refused(&self, no: No) -> Refused {
        match no {
            No::Refused(refusal)
                if self.refusing == Refusing::Forbidden && refusal != Refusal::Unavailable =>
            {
                let problem = Problem::new(StatusCode::FORBIDDEN, refusal.to_string());
                Refused(no.label(), problem.because(refusal.name()))
            }
            no => no.into(),
        }
    }

    /// Lets in who may have a session, and takes its place.
    pub(super) fn admit<B>(&self, request: &Request<B>) -> Result<Admitted, No> {
        let (principal, shown) = match self.endpoint.dialect.is_entered() {
            true => (Arc::default(), Some(Box::new(shown(request)))),
            false => (self.who(request)?, None),
        };
        let unknown = principal.is_nobody().then(|| self.endpoint.unknown.take().ok_or(No::AtCapacity));
        let unknown = unknown.transpose()?;
        let place = self.endpoint.places.take().ok_or(No::AtCapacity)?;
        Ok(Admitted { principal, shown, unknown, place })
    }

    /// Who the client is, if it may come in.
    fn who<B>(&self, request: &Request<B>) -> Result<Arc<Principal>, No> {
        let extensions = request.extensions();
        if let Some(refusal) = extensions.get::<Refusal>() {
            return Err(No::Refused(*refusal));
        }
        let hub = self.common.shard.hub();
        let principal = extensions.get::<Arc<Principal>>().filter(|principal| !principal.is_nobody());
        let Some(principal) = principal else {
            if self.endpoint.waits_for_tokens() {
                return Ok(Arc::default());
            }
            hub.metrics().answers.unauthenticated.add(1);
            return Err(No::Refused(Refusal::Missing));
        };
        match &principal.user {
            None if principal.is_authenticated() && self.endpoint.dialect.needs_user() => {
                hub.metrics().refusals.count(Refusal::Nameless);
                Err(No::Refused(Refusal::Nameless))
            }
            Some(user) if hub.directory().is_full(user, self.endpoint.user_limit()) => Err(No::Full),
            _ => Ok(self.with_role(principal)),
        }
    }

    /// The same, in the usual role where it is in none.
    fn with_role(&self, principal: &Arc<Principal>) -> Arc<Principal> {
        match &self.usual_role {
            Some(role) if principal.is_authenticated() && principal.roles.is_empty() => {
                Arc::new(Principal { roles: vec![Arc::clone(role)], ..Principal::clone(principal) })
            }
            _ => Arc::clone(principal),
        }
    }

    /// Who wants the session that the request is for.
    pub(super) fn visitor<B>(&self, request: &Request<B>, admitted: Admitted) -> Result<Visitor, Refused> {
        let Admitted { principal, shown, unknown, place } = admitted;
        let id = client_id(request.uri().query()).map_err(|problem| Refused("client_id", problem))?;
        let audited = self.common.shard.hub().audit().is_on();
        let source = audited.then(|| Box::new(web::source(request.extensions())));
        let only = self.endpoint.dialect.first_types(request.uri().query());
        Ok(Visitor { principal, id, only, client: client(request), source, shown, place, unknown })
    }
}

/// What the pipeline has found of who a request is by.
fn shown<B>(request: &Request<B>) -> Shown {
    let extensions = request.extensions();
    match (extensions.get::<Refusal>(), extensions.get::<Arc<Principal>>()) {
        (Some(refusal), _) => Err(*refusal),
        (None, Some(principal)) if !principal.is_nobody() => Ok(Arc::clone(principal)),
        _ => Err(Refusal::Missing),
    }
}

/// Where the client is, as the pipeline has noted it.
fn client<B>(request: &Request<B>) -> Client {
    let noted = request.extensions().get::<Client>();
    *noted.unwrap_or_else(|| unreachable!("a request reaches no endpoint but through the pipeline"))
}

fn client_id(query: Option<&str>) -> Result<Option<Arc<str>>, Problem> {
    let pairs = query_pairs(query);
    let asked = pairs.into_iter().rev().find(|(key, value)| key == "client_id" && !value.is_empty());
    let Some((_, id)) = asked else { return Ok(None) };
    match bad_client_id(&id) {
        Some(why) => Err(Problem::new(StatusCode::BAD_REQUEST, why)),
        None => Ok(Some(id.into())),
    }
}

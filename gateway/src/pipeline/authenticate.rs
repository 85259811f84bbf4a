//! Who asks, by the profile of the endpoint or of the API. A token or key that does not hold leaves a request without
//! rights and with the [`Refusal`], also where the profile is anonymous; whoever answers tells it.
//!
//! A profile that is anonymous gives every scope to who shows nothing, but only under a host that is loopback or
//! configured: any page can have its own name lead to this address (DNS rebinding), and is of the "same origin" then.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::{Either, LocalBoxFuture};
use http::{HeaderMap, HeaderName, Request};
use tower::Service;

use super::{EndpointRules, Pipeline, origin};
use crate::identity::credentials::{self, Shown};
use crate::identity::{Principal, Profile, Refusal, ShownCertificate};
use crate::web::{ConnectionInfo, Response};

/// Where a program may show its key, besides `Authorization: Bearer`.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

#[derive(Clone)]
pub(super) struct Authenticate<S> {
    pub(super) pipeline: Rc<Pipeline>,
    pub(super) inner: S,
}

type Verdict = Result<Arc<Principal>, Refusal>;

impl<B, S> Service<Request<B>> for Authenticate<S>
where
    B: 'static,
    S: Service<Request<B>, Response = Response> + Clone + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, LocalBoxFuture<'static, Result<Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let pipeline = &self.pipeline;
        let rules = pipeline.rules();
        let endpoint = rules.endpoint(request.uri().path());
        let profile = endpoint.map_or(&rules.config.profile, |endpoint| &endpoint.profile);
        let shown = pipeline.shown(profile, endpoint.is_none(), &request);
        let verdict = match &shown {
            Ok(None) => pipeline.silent(profile, &request),
            Ok(Some(token)) => pipeline.known(profile, endpoint.is_none().then(|| request.headers()), token),
            Err(refusal) => Err(*refusal),
        };
        let forgives = endpoint.is_some_and(|endpoint| endpoint.forgives);
        let verdict = match verdict {
            Err(refusal) if forgives && !profile.may_turn(refusal) => {
                pipeline.forgiven(profile, &request, refusal)
            }
            verdict => verdict,
        };
        let later = match (&verdict, shown) {
            (Err(refusal), Ok(Some(token))) if profile.may_turn(*refusal) => {
                Some(Later::Keys(token.into_owned()))
            }
            (Ok(principal), _) if asks(profile, principal, endpoint, &request) => Some(Later::Authoriser),
            _ => None,
        };
        let Some(later) = later else {
            pipeline.mark(&mut request, verdict, profile);
            return Either::Left(self.inner.call(request));
        };
        let profile = Arc::clone(profile);
        let endpoint = endpoint.cloned();
        let (pipeline, mut inner) = (Rc::clone(pipeline), self.inner.clone());
        Either::Right(Box::pin(async move {
            let verdict = match later.looked_up(&profile, verdict).await {
                Err(refusal) if forgives => pipeline.forgiven(&profile, &request, refusal),
                verdict => verdict,
            };
            let verdict = match (verdict, &endpoint) {
                (Ok(principal), Some(at)) if asks(&profile, &principal, Some(at), &request) => {
                    profile.admit(principal, &at.path).await
                }
                (verdict, _) => verdict,
            };
            pipeline.mark(&mut request, verdict, &profile);
            inner.call(request).await
        }))
    }
}

/// What has to be waited for.
enum Later {
    /// Rare: a key that was not there a moment ago, for this token.
    Keys(String),
    /// What the profile's authoriser says.
    Authoriser,
}

impl Later {
    /// Who the client is, with the keys of now.
    async fn looked_up(self, profile: &Profile, verdict: Verdict) -> Verdict {
        match (self, verdict) {
            (Self::Keys(token), Err(refusal)) => profile.authenticate_anew(&token, refusal).await,
            (_, verdict) => verdict,
        }
    }
}

/// Whether somebody else is asked before this request may become a session.
fn asks<B>(
    profile: &Profile,
    principal: &Principal,
    endpoint: Option<&EndpointRules>,
    request: &Request<B>,
) -> bool {
    profile.asks() && !principal.is_nobody() && endpoint.is_some_and(|endpoint| endpoint.opens(request))
}

impl Pipeline {
    /// The token that a request shows, or the key: programs have such for the API and the plugins, not for endpoints.
    fn shown<'a, B>(
        &self,
        profile: &Profile,
        takes_keys: bool,
        request: &'a Request<B>,
    ) -> Result<Option<Cow<'a, str>>, Refusal> {
        let origin_matches = origin::matches(self, request);
        let shown = Shown { headers: request.headers(), query: request.uri().query(), origin_matches };
        let token = profile.token(&shown)?;
        if token.is_some() || !takes_keys || self.rules().config.api_keys.is_empty() {
            return Ok(token);
        }
        Ok(credentials::only(request.headers(), API_KEY)?.map(Cow::Borrowed))
    }

    /// Who has shown this. `headers`: where a key may stand, if there may be one.
    fn known(&self, profile: &Profile, headers: Option<&HeaderMap>, token: &str) -> Verdict {
        let program = headers.and_then(|headers| self.program(headers, token));
        program.map_or_else(|| profile.authenticate(token), Ok)
    }

    /// The program whose key this is. Keys live long, so one counts only where a header for keys bears it: an address
    /// gets into logs, and a cookie comes from whatever page asks.
    fn program(&self, headers: &HeaderMap, key: &str) -> Option<Arc<Principal>> {
        let bears = |shown: Result<Option<&str>, Refusal>| shown == Ok(Some(key));
        let borne = bears(credentials::only(headers, API_KEY)) || bears(credentials::bearer(headers));
        self.rules().config.api_keys.find(key).filter(|_| borne).cloned()
    }

    /// Who shows neither token nor key: whoever its connection's certificate names, where the profile knows that, or
    /// else a stranger. A token comes first, as it is of this request: a service may ask for one user after the other
    /// over connections that are its own.
    fn silent<B>(&self, profile: &Profile, request: &Request<B>) -> Verdict {
        let known = certificate(request).map(|shown| profile.certified(&shown)).transpose()?.flatten();
        Ok(known.unwrap_or_else(|| self.stranger(profile, request)))
    }

    /// Who shows nothing at all.
    fn stranger<B>(&self, profile: &Profile, request: &Request<B>) -> Arc<Principal> {
        let rules = self.rules();
        let configured = rules.listener().map_or(&[][..], |listener| &listener.hosts);
        let holds = profile.settings().anonymous && is_own(request, configured);
        Arc::clone(if holds { &self.anonymous } else { &self.nobody })
    }

    /// Who shows something that does not hold, where that is as good as nothing: a stranger, if strangers have rights.
    fn forgiven<B>(&self, profile: &Profile, request: &Request<B>, refusal: Refusal) -> Verdict {
        let stranger = self.stranger(profile, request);
        if stranger.is_nobody() {
            return Err(refusal);
        }
        self.metrics.refusals.count(refusal);
        Ok(stranger)
    }

    fn mark<B>(&self, request: &mut Request<B>, verdict: Verdict, profile: &Arc<Profile>) {
        if let Ok(principal) = &verdict
            && !principal.is_nobody()
        {
            self.metrics.proofs.count(principal.proof.name());
        }
        let principal = verdict.unwrap_or_else(|refusal| {
            self.metrics.refusals.count(refusal);
            request.extensions_mut().insert(refusal);
            Arc::clone(&self.nobody)
        });
        if principal.profile().is_some() {
            request.extensions_mut().insert(Arc::clone(profile));
        }
        request.extensions_mut().insert(principal);
    }
}

/// The certificate that the client has shown, where that has a name.
fn certificate<B>(request: &Request<B>) -> Option<ShownCertificate<'_>> {
    let connection = request.extensions().get::<Arc<ConnectionInfo>>()?;
    let shown = connection.tls.as_ref()?.client.as_ref()?;
    Some(ShownCertificate {
        listener: &connection.listener,
        name: shown.name.as_ref()?,
        not_before: shown.not_before,
        not_after: shown.not_after,
    })
}

fn is_own<B>(request: &Request<B>, configured: &[String]) -> bool {
    let Some(host) = origin::host(request) else { return false };
    let listed = |name: &String| name == "*" || name.eq_ignore_ascii_case(host.name);
    host.is_loopback() || configured.iter().any(listed)
}

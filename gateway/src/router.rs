//! From a path to an endpoint, a route of the API or a plugin's route. A path with a slash at its end is the
//! same one without it. What needs a scope is refused here, before any body is read.

mod body;

use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use futures_util::future::LocalBoxFuture;
use http::{HeaderValue, Method, StatusCode, header};
use percent_encoding::percent_decode_str;

pub use body::{Bodies, Held};

use crate::api::{self, Api};
use crate::identity::{self, Principal, Profile};
use crate::web::{
    self, Client, ConnectionInfo, Found, Handoff, Located, PluginRequest, Problem, Refusal, RequestBody,
    RequestId, Response, Route, Routes, trim,
};

/// A path where sessions begin.
pub trait Endpoint {
    /// Answers a request for it: 101, with what goes on left in `handoff`, what its transport says, or a refusal.
    fn answer(
        self: Rc<Self>,
        request: http::Request<RequestBody>,
        handoff: Handoff,
    ) -> LocalBoxFuture<'static, Response>;
}

/// Where requests go; one for each shard.
pub struct Router {
    endpoints: Located<Rc<dyn Endpoint>>,
    api: Arc<Api>,
    paths: matchit::Router<usize>,
    /// By path: its methods.
    methods: Vec<Vec<api::Route>>,
    plugins: Arc<Routes>,
    bodies: Bodies,
}

impl Router {
    /// With `endpoints`.
    ///
    /// # Panics
    /// If the API's own table is wrong, which a test would find.
    pub fn new(
        api: Arc<Api>,
        plugins: Arc<Routes>,
        endpoints: Located<Rc<dyn Endpoint>>,
        bodies: Bodies,
    ) -> Self {
        let (paths, methods) = table(api.production);
        Self { endpoints, api, paths, methods, plugins, bodies }
    }

    /// Whether the gateway itself serves `path` among its API.
    pub fn is_core(path: &str) -> bool {
        static PATHS: LazyLock<matchit::Router<usize>> = LazyLock::new(|| table(false).0);
        PATHS.at(trim(path)).is_ok()
    }

    /// Answers a request.
    pub async fn answer(&self, request: http::Request<RequestBody>, handoff: Handoff) -> Response {
        // Who was refused, for the audit log.
        let who = self.api.hub.audit().is_on().then(|| principal(&request));
        let path = trim(request.uri().path()).to_owned();
        let connection = request.extensions().get::<Arc<ConnectionInfo>>();
        let listener = connection.map_or("", |connection| &connection.listener);
        let mut answer = match self.endpoints.find(listener, &path) {
            Some(endpoint) => Rc::clone(endpoint).answer(request, handoff).await,
            None => self.answer_path(&path, request).await,
        };
        if let Some(who) = who {
            answer.extensions_mut().insert(who);
        }
        answer
    }

    async fn answer_path(&self, path: &str, request: http::Request<RequestBody>) -> Response {
        let answered = match self.paths.at(path) {
            Ok(found) => {
                let params = found.params.iter().map(|(_, value)| value.to_owned()).collect();
                self.answer_api(&self.methods[*found.value], params, request).await
            }
            Err(_) => self.answer_plugin(path, request).await,
        };
        answered.unwrap_or_else(Response::from)
    }

    async fn answer_api(
        &self,
        routes: &[api::Route],
        params: Vec<String>,
        request: http::Request<RequestBody>,
    ) -> Result<Response, Problem> {
        let wanted = if *request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let Some(route) = routes.iter().find(|route| route.method == *wanted) else {
            return Err(wrong_method(routes.iter().map(|route| route.method.clone()).collect()));
        };
        let principal = principal(&request);
        if let Some(scope) = route.scope {
            check_token(&request)?;
            // To which rooms it is narrowed, the route's own function looks at; administration has no rooms.
            let may = match scope {
                "publish" | "read" => principal.may_somewhere(scope),
                _ => principal.may(scope),
            };
            self.check_scope(&principal, scope, may)?;
        }
        let params = params.iter().map(|param| decode(param)).collect::<Result<_, _>>()?;
        let query = request.uri().query().map(str::to_owned);
        let source = web::source(request.extensions());
        let profile = request.extensions().get::<Arc<Profile>>().cloned();
        let (head, body) = request.into_parts();
        let held = self.bodies.collect(&head.method, body).await?;
        let (headers, body) = (head.headers, held.bytes().clone());
        (route.handler)(&self.api, &api::Request { principal, profile, source, params, query, headers, body })
            .await
    }

    /// Counts whom it refuses.
    fn check_scope(&self, principal: &Principal, scope: &str, may: bool) -> Result<(), Problem> {
        let answers = &self.api.hub.metrics().answers;
        check_scope(principal, scope, may).inspect_err(|problem| {
            let unknown = problem.status == StatusCode::UNAUTHORIZED;
            let counter = if unknown { &answers.unauthenticated } else { &answers.forbidden };
            counter.add(1);
        })
    }

    async fn answer_plugin(
        &self,
        path: &str,
        request: http::Request<RequestBody>,
    ) -> Result<Response, Problem> {
        let Route { target, params } = match self.plugins.find(request.method(), path) {
            Found::Route(route) => route,
            Found::Methods(methods) => return Err(wrong_method(methods)),
            Found::Nothing => {
                return Err(web::nothing_here());
            }
        };
        check_token(&request)?;
        let principal = principal(&request);
        if let Some(scope) = target.scope.as_deref() {
            self.check_scope(&principal, scope, principal.may(scope))?;
        }
        let params = params
            .into_iter()
            .map(|(name, value)| Ok((name, decode(&value)?)))
            .collect::<Result<_, Problem>>()?;
        let request_id = request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned());
        let client = request.extensions().get::<Client>();
        let address = client.map_or_else(String::new, |client| client.address.to_string());
        let (head, body) = request.into_parts();
        let held = self.bodies.collect(&head.method, body).await?;
        let request = PluginRequest {
            index: target.index,
            method: if head.method == Method::HEAD { Method::GET } else { head.method },
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            params,
            headers: head.headers,
            body: held.bytes().clone(),
            principal,
            request_id: request_id.unwrap_or_default(),
            address,
        };
        target.serve.serve(request).await.map_err(refused)
    }
}

fn table(production: bool) -> (matchit::Router<usize>, Vec<Vec<api::Route>>) {
    let mut by_path: Vec<(&'static str, Vec<api::Route>)> = Vec::new();
    for route in api::routes(production) {
        match by_path.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, routes)) => routes.push(route),
            None => by_path.push((route.path, vec![route])),
        }
    }
    let mut paths = matchit::Router::new();
    for (index, (path, _)) in by_path.iter().enumerate() {
        if let Err(error) = paths.insert(*path, index) {
            unreachable!("the API's path {path}: {error}");
        }
    }
    (paths, by_path.into_iter().map(|(_, routes)| routes).collect())
}

fn principal<B>(request: &http::Request<B>) -> Arc<Principal> {
    request.extensions().get::<Arc<Principal>>().cloned().unwrap_or_default()
}

/// A token that does not hold is refused, also where none is needed.
fn check_token<B>(request: &http::Request<B>) -> Result<(), Problem> {
    request.extensions().get::<identity::Refusal>().map_or(Ok(()), |refusal| Err(Problem::from(*refusal)))
}

/// 401 for who has not shown who it is, 403 for who has too few rights.
fn check_scope(principal: &Principal, scope: &str, may: bool) -> Result<(), Problem> {
    match may {
        true => Ok(()),
        false if principal.is_nobody() => Err(identity::Refusal::Missing.into()),
        false => Err(web::lacks_scope(scope)),
    }
}

fn wrong_method(mut methods: Vec<Method>) -> Problem {
    if methods.contains(&Method::GET) {
        methods.push(Method::HEAD);
    }
    let allowed = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("this path takes {allowed}"));
    match HeaderValue::from_str(&allowed) {
        Ok(allowed) => problem.header(header::ALLOW, allowed),
        Err(_) => problem,
    }
}

fn decode(param: &str) -> Result<String, Problem> {
    let text = percent_decode_str(param).decode_utf8();
    let malformed = || Problem::new(StatusCode::BAD_REQUEST, "the path is not UTF-8 when it is decoded");
    text.map(|text| text.into_owned()).map_err(|_| malformed())
}

fn refused(refusal: Refusal) -> Problem {
    let text = refusal.to_string();
    match refusal {
        Refusal::Busy(_) => Problem::busy(text, 1),
        Refusal::Unavailable(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, text),
        Refusal::TimedOut(_) => Problem::new(StatusCode::GATEWAY_TIMEOUT, text),
        Refusal::Failed(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Proof;

    #[test]
    fn the_api_has_a_table_without_clashes() {
        assert!(Router::is_core("/health/live/"));
        assert!(Router::is_core("/api/v1/sessions/x/rooms/y"));
        assert!(!Router::is_core("/agents"));
    }

    #[test]
    fn a_scope_tells_who_is_unknown_from_who_may_not() {
        let status = |principal: &Principal| {
            check_scope(principal, "admin", principal.may("admin")).map_err(|problem| problem.status.as_u16())
        };
        assert_eq!(status(&Principal::anonymous()), Ok(()));
        assert_eq!(status(&Principal::default()), Err(401));
        let reader = Principal { proof: Proof::Key("k".into()), ..Principal::default() };
        assert_eq!(status(&reader), Err(403));
    }
}

//! Routes of plugins, from the socket to what a plugin host would answer: scopes, bounds, busy plugins, late
//! ones, streams.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Method, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::json;
use testkit::{Answer, exchange, request};
use tidegate::api::{Api, Documents, Playground};
use tidegate::audit::Audit;
use tidegate::documents::Face;
use tidegate::drain::Drain;
use tidegate::frame::Forms;
use tidegate::health::Health;
use tidegate::hub::{self, Hub, Rules};
use tidegate::identity::credentials::{Source, Taking};
use tidegate::identity::{ClaimRules, Keyring, Ledger, Profile, Revocations, Settings};
use tidegate::limits::{self, Limits};
use tidegate::listener::{Bounds, Http, Listener, Most, Permits, lanes};
use tidegate::metrics::{Family, Metrics};
use tidegate::pipeline::{self, ListenerRules, Origins, Pipelines, Sizes};
use tidegate::router::{Bodies, Router};
use tidegate::store::{Durability, Embedded};
use tidegate::web::{
    self, Answering, ConnectionInfo, Declaration, Handoff, Outcome, PluginAdmin, PluginInfo, PluginRequest,
    Refusal, Routes, Serve, Spec,
};
use tokio::task::{LocalSet, spawn_local};

/// Bytes of a body at most.
const BODY: usize = 1 << 20;

/// No plugin to administrate: here are only routes.
struct Nobody;

impl PluginAdmin for Nobody {
    fn list(&self) -> Vec<PluginInfo> {
        Vec::new()
    }

    fn metrics(&self) -> Vec<Family> {
        Vec::new()
    }

    fn declared(&self) -> Vec<Arc<Declaration>> {
        Vec::new()
    }

    fn start(&self, name: &str) -> Outcome {
        self.stop(name)
    }

    fn stop(&self, name: &str) -> Outcome {
        let missing = web::AdminError::NotFound(name.to_owned());
        Box::pin(async { Err(missing) })
    }
}

/// A plugin host that answers by the route's number.
struct Host;

/// What it does, by number.
const ROUTES: [(Method, &str, Option<&str>); 8] = [
    (Method::GET, "/p/echo/{id}", None),
    (Method::POST, "/p/echo/{id}", Some("publish")),
    (Method::GET, "/p/busy", None),
    (Method::GET, "/p/stopped", None),
    (Method::GET, "/p/late", None),
    (Method::GET, "/p/gave-up", None),
    (Method::GET, "/p/stream", None),
    (Method::GET, "/p/broken-stream", None),
];

impl Serve for Host {
    fn serve(&self, request: PluginRequest) -> Answering {
        Box::pin(async move {
            match request.index {
                2 => Err(Refusal::Busy("p".into())),
                3 => Err(Refusal::Unavailable("p".into())),
                4 => Err(Refusal::TimedOut("p".into())),
                5 => Err(Refusal::Failed("p".into())),
                6 => Ok(streamed(vec![Ok("one "), Ok("two")])),
                7 => Ok(streamed(vec![Ok("one "), Err("broken")])),
                _ => Ok(web::json(StatusCode::OK, &echo(&request))),
            }
        })
    }
}

fn echo(request: &PluginRequest) -> serde_json::Value {
    json!({
        "method": request.method.as_str(), "path": request.path, "query": request.query,
        "id": request.params[0].1, "body": String::from_utf8_lossy(&request.body),
        "admin": request.principal.may("admin"), "request_id": request.request_id,
    })
}

fn streamed(parts: Vec<Result<&'static str, &'static str>>) -> web::Response {
    let frame = |part: Result<&'static str, &'static str>| match part {
        Ok(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
        Err(text) => Err(web::BoxError::from(text)),
    };
    http::Response::new(StreamBody::new(stream::iter(parts.into_iter().map(frame))).boxed_unsync())
}

/// Serves [`ROUTES`] while `test` runs with what sends a request.
async fn serve<T: AsyncFn(&dyn Fn(Vec<u8>) -> Sending)>(anonymous: bool, test: T) {
    LocalSet::new().run_until(async move { test(&house(anonymous)).await }).await;
}

type Sending = std::pin::Pin<Box<dyn Future<Output = Answer>>>;

fn house(anonymous: bool) -> impl Fn(Vec<u8>) -> Sending {
    let (metrics, drain) = (Metrics::new(1), Drain::default());
    let config = hub::Config { shards: 1, mailbox: 1 << 20, rooms_per_session: 10 };
    let hub = Arc::new(Hub::new(config, Rules::new([]), Forms::default(), Arc::clone(&metrics)));
    let data = tempfile::tempdir().unwrap();
    let store = Embedded::open(data.path(), Durability::Os).unwrap();
    let revocations = Arc::new(Revocations::new(1, Duration::ZERO));
    let ledger = Arc::new(Ledger::open(Arc::clone(&revocations), Arc::new(store)).unwrap());
    let limits = Arc::new(Limits::new(limits::Settings::default(), &metrics));
    let api = Arc::new(Api {
        hub,
        drain: drain.clone(),
        plugins: Arc::new(Nobody),
        ledger,
        limits: Arc::clone(&limits),
        health: Health::new([], Box::new(|_| {})),
        views: Arc::default(),
        face: Face::default(),
        documents: Documents::default(),
        playground: Playground::default(),
        reloads: tokio::sync::mpsc::channel(1).0,
        production: false,
        heartbeat: Duration::ZERO,
    });
    let routes = Arc::new(Routes::new(Router::is_core));
    let spec = |(index, (method, path, scope)): (usize, &(Method, &str, Option<&str>))| {
        let (scope, path) = (scope.map(Into::into), (*path).to_owned());
        Spec { method: method.clone(), path, index: index as u32, scope }
    };
    routes.declare("p", ROUTES.iter().enumerate().map(spec).collect(), Arc::new(Host)).unwrap();
    let patience = Duration::from_secs(30);
    let bodies = Bodies::new(BODY, 10 * BODY, patience);
    let router = Rc::new(Router::new(api, routes, Default::default(), bodies));
    let config = pipeline::Config {
        origins: Origins::default(),
        credentials: false,
        profile: Arc::new(profile(anonymous, revocations)),
        api_keys: Arc::default(),
        endpoints: Default::default(),
        sizes: Sizes { target: 8192, header: 8192, body: BODY },
        answer_timeout: Duration::from_secs(60),
        listeners: vec![ListenerRules { name: "main".into(), ..ListenerRules::default() }],
    };
    let rules = pipeline::Rules::new(config).unwrap().live();
    let pipelines = Rc::new(Pipelines::new(&rules, &limits, &metrics, &Audit::off()));
    let listener = Listener::bind("main", "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address();
    let (lanes, intakes) = lanes(1);
    spawn_local(listener.accept(
        lanes,
        Permits::new(Most { connections: 100, per_address: 0, exempt: vec![] }),
        metrics,
        drain.clone(),
    ));
    for intake in intakes {
        let (pipelines, router) = (Rc::clone(&pipelines), Rc::clone(&router));
        spawn_local(intake.serve(
            Http::new(Bounds { head: 65_536, patience, write_patience: patience, streams: 100 }),
            drain.clone(),
            move |info: Arc<ConnectionInfo>, handoff: Handoff| {
                let router = Rc::clone(&router);
                pipelines.of(&info.listener).stack(info, move |request| {
                    let (router, handoff) = (Rc::clone(&router), handoff.clone());
                    async move { router.answer(request, handoff).await }
                })
            },
        ));
    }
    move |bytes| {
        let _until_then = &data;
        Box::pin(async move { exchange(address, &bytes).await })
    }
}

/// A profile that knows no token.
fn profile(anonymous: bool, revocations: Arc<Revocations>) -> Profile {
    Profile::new(Settings {
        name: "p".into(),
        anonymous,
        taking: Taking { order: vec![Source::Header], cookie: "token".into() },
        max_per_user: 0,
        close_oldest: false,
        keyring: Arc::new(Keyring::fixed(Vec::new(), Vec::new())),
        claims: ClaimRules::default(),
        certificates: Vec::new(),
        revocations,
        authoriser: None,
    })
}

fn get(path: &str) -> Vec<u8> {
    request("GET", path, &[], None)
}

#[tokio::test]
async fn a_plugin_gets_the_request_whole_and_decoded() {
    serve(true, async |send| {
        let bytes = request("POST", "/p/echo/a%2Fb%20c/?q=1", &[("X-Request-Id", "r1")], Some("body"));
        assert_eq!(
            send(bytes).await.json(),
            json!({ "method": "POST", "path": "/p/echo/a%2Fb%20c/", "query": "q=1", "id": "a/b c", "body": "body",
                "admin": true, "request_id": "r1" })
        );
        let head = send(request("HEAD", "/p/echo/x", &[], None)).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert_eq!(send(get("/p/echo/%FF")).await.status, 400);
        assert_eq!(send(request("PUT", "/p/echo/x", &[], None)).await.header("allow"), Some("GET, POST, HEAD"));
        assert_eq!(send(get("/p/nothing")).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_route_without_rights_is_401_before_the_plugin_sees_anything() {
    serve(false, async |send| {
        let refused = send(request("POST", "/p/echo/x", &[], Some("body"))).await;
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
        assert_eq!(send(get("/p/echo/x")).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_body_over_the_bound_never_reaches_the_plugin() {
    serve(true, async |send| {
        let long = "x".repeat(BODY + 1);
        let answer = send(request("POST", "/p/echo/x", &[], Some(&long))).await;
        assert!(answer.status == 413 || answer.status == 0, "{}", answer.status);
        let fits = "x".repeat(BODY);
        assert_eq!(send(request("POST", "/p/echo/x", &[], Some(&fits))).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn what_keeps_a_plugin_from_answering_has_a_status_each() {
    serve(true, async |send| {
        for (path, status) in [("busy", 503), ("stopped", 503), ("late", 504), ("gave-up", 500)] {
            let answer = send(get(&format!("/p/{path}"))).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert!(answer.json()["detail"].as_str().unwrap().contains("'p'"));
            assert_eq!(answer.header("retry-after").is_some(), path == "busy");
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_may_be_streamed_and_one_that_breaks_off_is_not_taken_for_whole() {
    serve(true, async |send| {
        let answer = send(get("/p/stream")).await;
        assert_eq!((answer.status, answer.header("transfer-encoding")), (200, Some("chunked")));
        assert_eq!(answer.body, "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
        assert!(!send(get("/p/broken-stream")).await.body.ends_with("0\r\n\r\n"));
    })
    .await;
}

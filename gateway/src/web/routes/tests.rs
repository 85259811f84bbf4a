use http::StatusCode;

use super::*;
use crate::web::empty;

struct Answers;

impl Serve for Answers {
    fn serve(&self, _: PluginRequest) -> Answering {
        Box::pin(async { Ok(empty(StatusCode::OK)) })
    }
}

fn spec(method: Method, path: &str) -> Spec {
    Spec { method, path: path.into(), index: 7, scope: None }
}

fn routes() -> Routes {
    Routes::new(|path| path == "/health").beside(["/ws/".to_owned()])
}

fn declare(routes: &Routes, plugin: &str, specs: &[(Method, &str)]) -> Result<(), Clash> {
    let specs = specs.iter().map(|(method, path)| spec(method.clone(), path)).collect();
    routes.declare(plugin, specs, Arc::new(Answers))
}

#[test]
fn a_route_is_found_with_its_parameters_whatever_they_are_called() {
    let routes = routes();
    let agents = [
        (Method::GET, "/agents/"),
        (Method::GET, "/agents/{id}"),
        (Method::PATCH, "/agents/{agent}"),
        (Method::GET, "/agents/types/available"),
    ];
    declare(&routes, "agents", &agents).unwrap();
    let Found::Route(route) = routes.find(&Method::PATCH, "/agents/a%2Fb/") else { panic!("no route") };
    assert_eq!(route.params, [("agent".into(), "a%2Fb".to_owned())]);
    assert_eq!((&*route.target.plugin, route.target.index), ("agents", 7));
    assert!(matches!(routes.find(&Method::HEAD, "/agents"), Found::Route(_)));
    assert!(matches!(routes.find(&Method::GET, "/agents/types/available"), Found::Route(_)));
    assert!(
        matches!(routes.find(&Method::PUT, "/agents/x"), Found::Methods(m) if m == [Method::GET, Method::PATCH])
    );
    assert!(matches!(routes.find(&Method::GET, "/agents/x/y"), Found::Nothing));
}

#[test]
fn a_clash_names_both_and_changes_nothing() {
    let routes = routes();
    declare(&routes, "a", &[(Method::GET, "/x/{id}")]).unwrap();
    let clash = declare(&routes, "b", &[(Method::GET, "/y"), (Method::GET, "/x/{other}/")]).unwrap_err();
    assert_eq!(clash.to_string(), "plugins 'b' and 'a' both declare the route 'GET /x/{other}/'");
    assert!(matches!(routes.find(&Method::GET, "/y"), Found::Nothing));
    let clash = declare(&routes, "b", &[(Method::GET, "/health/")]).unwrap_err();
    assert_eq!(clash.to_string(), "plugin 'b': the route '/health/' is the gateway's own");
    let clash = declare(&routes, "b", &[(Method::GET, "/ws")]).unwrap_err();
    assert_eq!(clash.to_string(), "plugin 'b': the route 'GET /ws' is at the path of the endpoint '/ws/'");
    for bad in ["x", "/a{b}", "/{a}/{a}", "/{*rest}", "/{}"] {
        assert!(matches!(declare(&routes, "b", &[(Method::GET, bad)]), Err(Clash::Pattern { .. })), "{bad}");
    }
}

#[test]
fn routes_come_and_go_with_their_plugin() {
    let routes = routes();
    declare(&routes, "a", &[(Method::GET, "/x")]).unwrap();
    declare(&routes, "a", &[(Method::GET, "/y")]).unwrap();
    assert!(matches!(routes.find(&Method::GET, "/x"), Found::Nothing));
    routes.withdraw("a");
    assert!(matches!(routes.find(&Method::GET, "/y"), Found::Nothing));
}

#[test]
fn what_changes_something_needs_a_scope_unless_it_is_opened() {
    assert_eq!(Spec::scope(&Method::POST, None, false).as_deref(), Some("publish"));
    assert_eq!(Spec::scope(&Method::POST, Some("admin"), false).as_deref(), Some("admin"));
    assert_eq!(Spec::scope(&Method::POST, Some("admin"), true), None);
    assert_eq!(Spec::scope(&Method::GET, None, false), None);
}

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What is wrong, as `loc:type`.
fn flaws<T: std::fmt::Debug>(result: Result<T>) -> Vec<String> {
    let error = result.unwrap_err();
    assert_eq!(error.http_status(), 422);
    error.fields().iter().map(|f| format!("{}:{}", f.loc.join("."), f.kind)).collect()
}

fn create(body: &str) -> Result<Create> {
    Create::parse(body.as_bytes(), &Settings::default())
}

#[test]
fn the_least_agent_is_its_type_in_any_case() {
    let wanted = create(r#"{"agent_type":"Neutrofilo","config":null,"agent_id":null,"more":1}"#).unwrap();
    assert_eq!(wanted, Create { agent_type: "neutrofilo".into(), agent_id: None, config: Map::new() });
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    assert_eq!(
        flaws(create(r#"{"agent_type":5,"agent_id":"a/b","config":[]}"#)),
        ["body.agent_type:string_type", "body.agent_id:string_pattern", "body.config:dict_type"]
    );
    assert_eq!(
        flaws(Patch::parse(br#"{"status":"dead","health":2,"load":"x","config":1}"#)),
        [
            "body.status:enum",
            "body.health:less_than_equal",
            "body.load:float_parsing",
            "body.config:dict_type"
        ]
    );
}

#[test]
fn a_body_that_is_no_object_is_one_flaw_of_the_body() {
    for (body, kind) in [("", "missing"), (" \n", "missing"), ("[]", "dict_type"), ("{", "json_invalid")] {
        assert_eq!(flaws(create(body)), [format!("body:{kind}")]);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(flaws(create(&deep)), ["body:json_invalid"]);
    assert_eq!(flaws(Patch::parse(b"{\"status\":\"\xff\"}")), ["body:json_invalid"]);
}

#[test]
fn types_and_required_fields_are_judged() {
    assert_eq!(flaws(create("{}")), ["body.agent_type:missing"]);
    assert_eq!(flaws(create(r#"{"agent_type":null}"#)), ["body.agent_type:missing"]);
    assert_eq!(flaws(create(r#"{"agent_type":"dragon"}"#)), ["body.agent_type:enum"]);
    assert_eq!(flaws(create(r#"{"agent_type":""}"#)), ["body.agent_type:enum"]);
    assert_eq!(flaws(action(b"{}")), ["body.action:missing"]);
    assert_eq!(
        flaws(action(br#"{"action":1,"parameters":"x"}"#)),
        ["body.action:string_type", "body.parameters:dict_type"]
    );
    assert_eq!(action(br#"{"action":"explode","parameters":{}}"#).unwrap(), "explode");
}

#[test]
fn ids_fit_into_paths_and_rooms() {
    let with = |id: &str| create(&json!({"agent_type": "b_cell", "agent_id": id}).to_string());
    for id in ["a", "agent:7", "ação 1", "%2e", &"x".repeat(LONGEST_ID)] {
        assert_eq!(with(id).unwrap().agent_id.as_deref(), Some(id));
    }
    for id in ["", &"x".repeat(LONGEST_ID + 1)] {
        assert_eq!(flaws(with(id)), ["body.agent_id:string_length"]);
    }
    for id in ["a/b", "/", "a\nb", "\u{7f}", "\u{0}", ".", ".."] {
        assert_eq!(flaws(with(id)), ["body.agent_id:string_pattern"], "{id:?}");
    }
}

#[test]
fn a_configuration_is_bounded_in_size_and_depth() {
    let with = |config: Value| create(&json!({"agent_type": "b_cell", "config": config}).to_string());
    assert_eq!(flaws(with(json!({"x": "y".repeat(LARGEST_CONFIG)}))), ["body.config:too_long"]);
    let deep = |levels| (1..levels).fold(json!({}), |inner, _| json!({ "x": inner }));
    assert!(with(deep(DEEPEST_CONFIG)).is_ok());
    assert_eq!(flaws(with(deep(DEEPEST_CONFIG + 1))), ["body.config:too_deep"]);
}

#[test]
fn a_patch_takes_the_ends_of_its_ranges_and_may_be_empty() {
    assert_eq!(Patch::parse(b"{}").unwrap(), Patch::default());
    let patch = Patch::parse(br#"{"health":0,"load":1,"status":"lost","config":{"a":null}}"#).unwrap();
    assert_eq!((patch.health, patch.load, patch.status), (Some(0.0), Some(1.0), Some(Status::Lost)));
    assert_eq!(patch.config["a"], Value::Null);
    assert_eq!(flaws(Patch::parse(br#"{"health":-0.1}"#)), ["body.health:greater_than_equal"]);
}

#[test]
fn a_heartbeat_may_say_nothing_and_tells_which_counter_is_wrong() {
    for nothing in ["", " ", "null", "{}"] {
        assert_eq!(Heartbeat::parse(nothing.as_bytes()).unwrap(), Heartbeat::default());
    }
    let beat =
        Heartbeat::parse(br#"{"load":3,"energia":"50","counters":{"deteccoes_total":"5.0"}}"#).unwrap();
    assert_eq!((beat.load, beat.energia, beat.deteccoes_total), (Some(3.0), Some(50.0), Some(5)));
    assert_eq!(
        flaws(Heartbeat::parse(
            br#"{"energia":101,"counters":{"deteccoes_total":-1,"falsos_positivos":1.5}}"#
        )),
        [
            "body.energia:less_than_equal",
            "body.counters.deteccoes_total:greater_than_equal",
            "body.counters.falsos_positivos:int_parsing"
        ]
    );
}

#[test]
fn clones_have_defaults_and_bounds() {
    let wanted = Clone::parse(br#"{"agent_id":"p"}"#).unwrap();
    let expected =
        Clone { agent_id: "p".into(), especializacao: None, num_clones: 1, mutation_rate: Some(0.1) };
    assert_eq!(wanted, expected);
    let wanted = Clone::parse(br#"{"agent_id":"p","num_clones":"10","mutate":false}"#).unwrap();
    assert_eq!((wanted.num_clones, wanted.mutation_rate), (10, None));
    for (n, kind) in
        [(json!(0), "greater_than_equal"), (json!(11), "less_than_equal"), (json!(1.5), "int_parsing")]
    {
        let body =
            json!({"agent_id": "p", "num_clones": n, "mutate": "no", "mutation_rate": 1.1}).to_string();
        let n = format!("body.num_clones:{kind}");
        assert_eq!(
            flaws(Clone::parse(body.as_bytes())),
            [n.as_str(), "body.mutate:bool_type", "body.mutation_rate:less_than_equal"]
        );
    }
}

#[test]
fn lists_have_defaults_bounds_and_filters_that_may_be_empty() {
    let parse = |query: &str| {
        let query = Query::parse(query);
        List::parse(&query).map(|list| (list.skip, list.limit, list.status.map(str::to_owned)))
    };
    assert_eq!(parse("").unwrap(), (0, 100, None));
    assert_eq!(parse("skip=5.0&limit=1000&status=").unwrap(), (5, 1000, None));
    assert_eq!(parse("status=no%20such").unwrap().2.as_deref(), Some("no such"));
    assert_eq!(parse("skip=99999999999999999999").unwrap().0, usize::MAX / 2);
    assert_eq!(
        flaws(parse("skip=-1&limit=0")),
        ["query.skip:greater_than_equal", "query.limit:greater_than_equal"]
    );
    assert_eq!(flaws(parse("skip=x&limit=1001")), ["query.skip:int_parsing", "query.limit:less_than_equal"]);
    assert_eq!(flaws(parse("skip=&limit=1.5")), ["query.skip:int_parsing", "query.limit:int_parsing"]);
}

proptest! {
    #[test]
    fn no_body_is_too_strange(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Create::parse(&body, &Settings::default());
        let _ = Patch::parse(&body);
        let _ = Heartbeat::parse(&body);
        let _ = Clone::parse(&body);
        let _ = action(&body);
    }
}

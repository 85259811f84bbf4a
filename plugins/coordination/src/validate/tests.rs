use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What is wrong, as `loc:type`.
fn flaws<T: std::fmt::Debug>(result: Result<T>) -> Vec<String> {
    let error = result.unwrap_err();
    assert_eq!(error.http_status(), 422);
    error.fields().iter().map(|f| format!("{}:{}", f.loc.join("."), f.kind)).collect()
}

fn task(body: &str) -> Result<NewTask> {
    NewTask::parse(body.as_bytes())
}

fn action(body: &str) -> Result<Action> {
    Action::parse(body.as_bytes())
}

#[test]
fn the_least_task_is_its_type() {
    let least = NewTask {
        task_type: "scan".into(),
        priority: 5,
        target: None,
        parameters: Map::new(),
        timeout: None,
    };
    assert_eq!(task(r#"{"task_type":"scan"}"#).unwrap(), least);
    let nulls =
        r#"{"task_type":"scan","priority":null,"target":null,"parameters":null,"timeout":null,"more":1}"#;
    assert_eq!(task(nulls).unwrap(), least);
}

#[test]
fn numbers_come_in_all_their_forms() {
    for priority in ["7", "7.0", "\"7\"", "\"7.0\""] {
        let body = format!(r#"{{"task_type":"t","priority":{priority},"timeout":"2.5"}}"#);
        let task = task(&body).unwrap();
        assert_eq!((task.priority, task.timeout), (7, Some(2.5)), "{body}");
    }
}

#[test]
fn everything_that_is_wrong_with_a_task_is_told_at_once() {
    let body = r#"{"task_type":5,"priority":11,"target":[],"parameters":"x","timeout":0}"#;
    let expected = [
        "body.task_type:string_type",
        "body.priority:less_than_equal",
        "body.target:string_type",
        "body.parameters:dict_type",
        "body.timeout:greater_than",
    ];
    assert_eq!(flaws(task(body)), expected);
    assert_eq!(flaws(task("{}")), ["body.task_type:missing"]);
    assert_eq!(
        flaws(task(r#"{"task_type":null,"priority":0.5}"#)),
        ["body.task_type:missing", "body.priority:int_parsing"]
    );
}

#[test]
fn a_type_can_be_part_of_a_path() {
    for (task_type, kind) in [("", "string_length"), ("a/b", "string_pattern"), ("a\u{7}", "string_pattern")]
    {
        let body = json!({"task_type": task_type}).to_string();
        assert_eq!(flaws(task(&body)), [format!("body.task_type:{kind}")]);
    }
    let body = |length| json!({"task_type": "é".repeat(length)}).to_string();
    assert!(task(&body(50)).is_ok());
    assert_eq!(flaws(task(&body(51))), ["body.task_type:string_length"]);
    assert!(task(r#"{"task_type":"Ünïcode _ %"}"#).is_ok());
}

#[test]
fn values_that_are_too_large_or_too_deep_are_refused() {
    let long = "x".repeat(LARGEST);
    let nest = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let with = |parameters: String| format!(r#"{{"task_type":"t","parameters":{parameters}}}"#);
    assert_eq!(flaws(task(&with(json!({"a": long}).to_string()))), ["body.parameters:too_long"]);
    assert!(task(&with(nest(DEEPEST))).is_ok());
    assert_eq!(flaws(task(&with(nest(DEEPEST + 1)))), ["body.parameters:too_deep"]);
    let target = json!({"task_type": "t", "target": long}).to_string();
    assert_eq!(flaws(task(&target)), ["body.target:too_long"]);
    let result = json!({"action": "complete", "result": [long]}).to_string();
    assert_eq!(flaws(action(&result)), ["body.result:too_long"]);
}

#[test]
fn a_body_that_is_no_object_is_one_flaw_of_the_body() {
    for (body, kind) in [("", "missing"), (" \n", "missing"), ("[]", "dict_type"), ("{", "json_invalid")] {
        assert_eq!(flaws(task(body)), [format!("body:{kind}")]);
        assert_eq!(flaws(action(body)), [format!("body:{kind}")]);
        assert_eq!(flaws(NewProposal::parse(body.as_bytes())), [format!("body:{kind}")]);
        assert_eq!(flaws(Ballot::parse(body.as_bytes())), [format!("body:{kind}")]);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(flaws(task(&deep)), ["body:json_invalid"]);
}

#[test]
fn an_action_takes_what_is_its_own_and_no_more() {
    assert_eq!(action(r#"{"action":"assign"}"#).unwrap(), Action::Assign(None));
    assert_eq!(action(r#"{"action":"assign","agent_id":"a"}"#).unwrap(), Action::Assign(Some("a".into())));
    assert_eq!(action(r#"{"action":"start","agent_id":5,"result":1}"#).unwrap(), Action::Start);
    assert_eq!(action(r#"{"action":"complete"}"#).unwrap(), Action::Complete(Value::Null));
    assert_eq!(action(r#"{"action":"complete","result":[1]}"#).unwrap(), Action::Complete(json!([1])));
    assert_eq!(action(r#"{"action":"fail","error":null}"#).unwrap(), Action::Fail(None));
    assert_eq!(action(r#"{"action":"fail","error":"e"}"#).unwrap(), Action::Fail(Some("e".into())));
    assert_eq!(action(r#"{"action":"retry"}"#).unwrap(), Action::Retry);
    assert_eq!(action(r#"{"action":"cancel"}"#).unwrap(), Action::Cancel);
}

#[test]
fn an_action_that_is_wrong_says_how() {
    assert_eq!(flaws(action("{}")), ["body.action:missing"]);
    assert_eq!(flaws(action(r#"{"action":"Start"}"#)), ["body.action:enum"]);
    assert_eq!(flaws(action(r#"{"action":1}"#)), ["body.action:string_type"]);
    assert_eq!(flaws(action(r#"{"action":"assign","agent_id":5}"#)), ["body.agent_id:string_type"]);
    assert_eq!(flaws(action(r#"{"action":"fail","error":{}}"#)), ["body.error:string_type"]);
    let error = action(r#"{"action":"fly"}"#).unwrap_err();
    assert_eq!(error.fields()[0].msg, "Input should be one of: assign, start, complete, fail, retry, cancel");
}

#[test]
fn a_proposal_needs_three_things_and_has_half_a_minute() {
    let whole = r#"{"proposal_type":"t","proposal_data":{"n":1},"proposer_id":"p"}"#;
    assert_eq!(NewProposal::parse(whole.as_bytes()).unwrap().timeout, 30.0);
    let expected = ["body.proposal_type:missing", "body.proposal_data:missing", "body.proposer_id:missing"];
    assert_eq!(flaws(NewProposal::parse(b"{}")), expected);
    let wrong = r#"{"proposal_type":"","proposal_data":"x","proposer_id":1,"timeout":-1}"#;
    let expected = [
        "body.proposal_type:string_length",
        "body.proposal_data:dict_type",
        "body.proposer_id:string_type",
        "body.timeout:greater_than",
    ];
    assert_eq!(flaws(NewProposal::parse(wrong.as_bytes())), expected);
}

#[test]
fn a_ballot_is_a_voter_and_one_of_three_votes() {
    for (text, vote) in [("for", Vote::For), ("against", Vote::Against), ("abstain", Vote::Abstain)] {
        let body = json!({"voter_id": "v", "vote": text}).to_string();
        assert_eq!(Ballot::parse(body.as_bytes()).unwrap(), Ballot { voter_id: "v".into(), vote });
    }
    assert_eq!(flaws(Ballot::parse(b"{}")), ["body.voter_id:missing", "body.vote:missing"]);
    assert_eq!(flaws(Ballot::parse(br#"{"voter_id":"v","vote":"yes"}"#)), ["body.vote:enum"]);
}

#[test]
fn a_page_has_its_bounds() {
    let page = |query: &str| Page::parse(&Query::parse(query));
    assert_eq!(page("").unwrap(), Page { skip: 0, limit: 100 });
    assert_eq!(page("skip=2.0&limit=1000").unwrap(), Page { skip: 2, limit: 1000 });
    let wrong = ["query.skip:greater_than_equal", "query.limit:less_than_equal"];
    assert_eq!(flaws(page("skip=-1&limit=1001")), wrong);
    assert_eq!(flaws(page("skip=x&limit=0")), ["query.skip:int_parsing", "query.limit:greater_than_equal"]);
}

proptest! {
    #[test]
    fn a_page_holds_what_is_on_it(skip in 0_usize..50, limit in 1_usize..50, count in 0_usize..100) {
        let held: Vec<_> = (0..count).filter(|place| Page { skip, limit }.holds(*place)).collect();
        prop_assert_eq!(held, (0..count).skip(skip).take(limit).collect::<Vec<_>>());
    }

    #[test]
    fn no_body_is_too_strange(body in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:0-9a-z_ ]{0,80}") {
        for body in [body.as_slice(), text.as_bytes()] {
            let _ = NewTask::parse(body);
            let _ = Action::parse(body);
            let _ = NewProposal::parse(body);
            let _ = Ballot::parse(body);
        }
    }
}

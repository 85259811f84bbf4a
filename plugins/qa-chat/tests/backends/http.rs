//! A service that takes questions as they are.

use serde_json::json;
use tidegate_plugin::Principal;

use crate::server::Server;
use crate::{ask, ask_for_pieces, start};

#[test]
fn it_gets_the_question_and_answers_whole() {
    let body = r#"{"content": "so it is", "confidence": 0.5, "tools_used": ["t"], "metadata": {"k": 1}}"#;
    let server = Server::answering(move |_, connection| {
        connection.answer(200, "application/json; charset=utf-8", body)
    });
    let host = start(server.http());
    host.set_principal(Principal { user: Some("ada".into()), ..Principal::default() });
    let question = json!({"content": "hi", "attachments": [{"content": "x"}], "metadata": {"a": 1}, "conversation": "c"});
    let answer = host.call("chat", &question).data;
    assert_eq!((&answer["content"], &answer["confidence"]), (&json!("so it is"), &json!(0.5)));
    assert_eq!((&answer["tools_used"], &answer["metadata"]["k"]), (&json!(["t"]), &json!(1)));
    let request = server.request();
    assert!(
        request.head.starts_with("post /ask?x=1 ")
            && request.head.contains("authorization: bearer secret-token")
    );
    assert_eq!(
        request.body,
        json!({"content": "hi", "attachments": [{"content": "x"}], "metadata": {"a": 1},
        "user": "ada", "conversation": "c", "turns": []})
    );
    host.stop();
}

#[test]
fn it_answers_in_pieces() {
    for end in [r#"{"content": "ab", "confidence": 1}"#, r#"{"done": true}"#, "[DONE]"] {
        let server = Server::answering(move |_, mut connection| {
            connection.stream();
            connection.event(r#"{"delta": "a"}"#);
            connection.event(r#"{"delta": "b"}"#);
            connection.event(end);
        });
        let host = start(server.http());
        let answer = ask_for_pieces(&host, "hi");
        assert_eq!(
            (answer.pieces.as_slice(), &answer.data["content"]),
            (&[json!("a"), json!("b")][..], &json!("ab"))
        );
        host.stop();
    }
}

#[test]
fn what_is_no_answer_is_told() {
    for (status, body, told) in [
        (200, "[]", "no answer"),
        (200, r#"{"content": ""}"#, "no answer"),
        (200, r#"{"error": "I will not"}"#, "it says: I will not"),
        (404, "", "status 404"),
    ] {
        let server =
            Server::answering(move |_, connection| connection.answer(status, "application/json", body));
        let host = start(server.http());
        let answer = ask(&host, "hi");
        assert!(!answer.success && answer.message.contains(told), "{told}: {}", answer.message);
        host.stop();
    }
}

#[test]
fn an_answer_is_not_lost_for_citations_that_are_none() {
    let body = r#"{"content": "so", "metadata": {"citations": [{"file": "a.md", "heading": "A", "line": 3}, "b.md", {"file": 7}]}}"#;
    let server = Server::answering(move |_, connection| connection.answer(200, "application/json", body));
    let host = start(server.http());
    host.set_principal(Principal { user: Some("ada".into()), ..Principal::default() });
    let answer = ask(&host, "hi");
    let right = json!([{"file": "a.md", "heading": "A", "line": 3}]);
    assert_eq!((&answer.data["content"], &answer.data["metadata"]["citations"]), (&json!("so"), &right));
    assert!(
        host.log().iter().any(|line| line.message.contains("2 of metadata.citations")),
        "{:?}",
        host.log()
    );
    let events = host.stop().events;
    assert_eq!(
        (events[1].kind.as_str(), &events[1].data),
        ("agent_response", &answer.data),
        "the event is told"
    );
}

#[test]
fn settings_that_cannot_be_are_refused_at_the_start() {
    for (settings, told) in [
        (json!({"backend": "http"}), "http.url"),
        (
            json!({"backend": "http", "http": {"url": "ftp://x/"}}),
            "http.url: 'ftp://x/' is no http or https address",
        ),
        (
            json!({"backend": "http", "http": {"url": "http://x/", "token": "a", "token_file": "b"}}),
            "http.token_file",
        ),
        (json!({"backend": "openai", "openai": {"url": "http://x/"}}), "openai.model"),
        (
            json!({"backend": "openai", "openai": {"url": "http://x/", "model": "m", "api_key_file": "/nowhere"}}),
            "openai.api_key_file: /nowhere",
        ),
        (
            json!({"backend": "openai", "openai": {"url": "https://x/", "model": "m", "ca_file": "/nowhere"}}),
            "ca_file: /nowhere",
        ),
        (json!({"backend": "command"}), "command.program"),
        (json!({"docs": {"path": "/nowhere"}}), "docs.path: /nowhere"),
        (json!({"timeout": "soon"}), "'soon' is no time"),
    ] {
        let error = tidegate_plugin::testing::TestHost::of::<tidegate_qa_chat::QaChat>()
            .config(settings)
            .start()
            .unwrap_err();
        assert!(error.contains(told), "{told}: {error}");
    }
}

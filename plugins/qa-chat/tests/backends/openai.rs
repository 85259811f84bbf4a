//! An endpoint that speaks as OpenAI's does.

use serde_json::{Value, json};
use tidegate_plugin::Principal;

use crate::server::{Connection, Server};
use crate::{ask, ask_for_pieces, questions, start};

fn streams(mut connection: Connection, pieces: &[&str]) {
    connection.stream();
    connection.send(": hello\r\n\r\n");
    connection.event(r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#);
    for piece in pieces {
        connection.delta(piece);
    }
    connection.event(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#);
    connection.event(r#"{"choices":[],"usage":{"total_tokens":3}}"#);
    connection.event("[DONE]");
}

#[test]
fn an_answer_is_streamed_and_then_whole() {
    let server = Server::answering(|_, connection| streams(connection, &["Hel", "lo ", "tú"]));
    let host = start(server.openai());
    let answer = ask_for_pieces(&host, "hi");
    assert_eq!(answer.pieces, ["Hel", "lo ", "tú"]);
    assert_eq!((&answer.data["content"], &answer.data["confidence"]), (&json!("Hello tú"), &Value::Null));
    let metadata = &answer.data["metadata"];
    assert_eq!((&metadata["model"], &metadata["finish_reason"]), (&json!("small-1"), &json!("stop")));
    let request = server.request();
    assert!(request.head.starts_with("post /v1/chat/completions http/1.1"), "{}", request.head);
    assert!(request.head.contains("authorization: bearer secret-key"), "{}", request.head);
    assert_eq!((&request.body["model"], &request.body["stream"]), (&json!("small"), &json!(true)));
    let whole = ask(&host, "hi");
    assert!(whole.pieces.is_empty() && whole.data["content"] == "Hello tú");
    host.set_headers(&[("accept", "text/event-stream")]);
    let streamed = host.http_json("POST", "/chat", &json!({"content": "hi"}));
    let text = String::from_utf8(streamed.body.to_vec()).unwrap();
    assert!(text.starts_with("data: {\"delta\":\"Hel\"}\n\ndata: {\"delta\":\"lo \"}\n\n"), "{text}");
    assert!(text.contains("data: {\"content\":\"Hello tú\""), "{text}");
    assert_eq!((questions(&host, "answered"), host.metric("chat_seconds")), (3, Some(3)));
    host.stop();
}

#[test]
fn an_endpoint_that_does_not_know_of_streams_answers_all_at_once() {
    let server = Server::answering(|_, connection| {
        let choice = json!({"index": 0, "message": {"role": "assistant", "content": "Hello tú"}, "finish_reason": "stop"});
        let answer = json!({"model": "small-1", "choices": [choice], "usage": {"total_tokens": 3}});
        connection.answer(200, "application/json; charset=utf-8", &answer.to_string());
    });
    let host = start(server.openai());
    let answer = ask_for_pieces(&host, "hi");
    assert_eq!((&answer.pieces[..], &answer.data["content"]), (&[json!("Hello tú")][..], &json!("Hello tú")));
    let metadata = &answer.data["metadata"];
    assert_eq!((&metadata["model"], &metadata["finish_reason"]), (&json!("small-1"), &json!("stop")));
    host.stop();
}

#[test]
fn what_was_said_before_goes_with_a_question_and_stays_over_a_restart() {
    let server = Server::answering(|request, connection| {
        streams(connection, &[&format!("answer {}", request.number)])
    });
    let host = start(server.openai());
    let ada = Principal { user: Some("ada/1".into()), ..Principal::default() };
    host.set_principal(ada.clone());
    ask(&host, "one");
    let in_another = json!({"content": "apart", "conversation": "other"});
    assert!(host.call("chat", &in_another).success);
    let store = host.stop().store;
    let settings = server.openai();
    let host = tidegate_plugin::testing::TestHost::of::<tidegate_qa_chat::QaChat>()
        .config(settings)
        .store(store)
        .start()
        .unwrap();
    host.set_principal(ada);
    ask(&host, "two");
    let said = |request: crate::server::Request| {
        let messages = request.body["messages"].as_array().unwrap().clone();
        messages[1..]
            .iter()
            .map(|m| format!("{}: {}", m["role"].as_str().unwrap(), m["content"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(said(server.request()), ["user: one"]);
    assert_eq!(said(server.request()), ["user: apart"]);
    assert_eq!(said(server.request()), ["user: one", "assistant: answer 0", "user: two"]);
    let keys: Vec<_> = host.stored().keys().map(str::to_owned).collect();
    assert_eq!(keys, ["conversation/ada%2F1/default", "conversation/ada%2F1/other"]);
    host.stop();
}

#[test]
fn passages_of_the_documents_go_with_a_question_where_that_is_wanted() {
    let server = Server::answering(|_, connection| streams(connection, &["so"]));
    let mut settings = server.openai();
    settings["openai"]["passages"] = json!(2);
    let host = start(settings);
    let answer = ask(&host, "How do I begin a new plugin?");
    let citations = answer.data["metadata"]["citations"].as_array().unwrap().clone();
    assert!(citations.iter().any(|place| place["file"] == "plugin-api/README.md"), "{citations:?}");
    assert_eq!(answer.data["tools_used"], json!(["docs"]));
    let context = server.request().body["messages"][1].clone();
    assert!(
        context["role"] == "system"
            && context["content"].as_str().unwrap().contains("plugin-api/README.md, line ")
    );
    host.stop();
}

#[test]
fn attachments_that_it_can_read_go_with_the_question() {
    let server = Server::answering(|_, connection| streams(connection, &["so"]));
    let host = start(server.openai());
    let question = json!({"content": "see", "attachments": [
        {"name": "a.txt", "content": "the text"}, {"content_type": "image/png", "data": "aGk="}, {"url": "https://x/y.zip", "name": "y.zip"},
    ]});
    assert!(host.call("chat", &question).success);
    let content = server.request().body["messages"][1]["content"].clone();
    let text = content[0]["text"].as_str().unwrap();
    assert!(
        text.contains("a.txt:\nthe text") && text.contains("y.zip: an attachment that cannot be read"),
        "{text}"
    );
    assert_eq!(content[1]["image_url"]["url"], "data:image/png;base64,aGk=");
    host.stop();
}

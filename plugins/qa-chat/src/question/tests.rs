use proptest::prelude::*;
use serde_json::json;

use super::*;

fn places(question: &Value) -> Vec<String> {
    let error = Question::read(question.to_string().as_bytes(), From::Body).unwrap_err();
    assert_eq!(error.http_status(), 422);
    error.fields().iter().map(|field| field.loc.join(".")).collect()
}

#[test]
fn what_is_asked_is_read() {
    let json = json!({
        "content": "hi", "attachments": [{"name": "a.txt", "content": "text"}, {"url": "https://x/y"}, {"data": "aGk="}],
        "metadata": {"stream": true, "conversation": "m"}, "language": "es",
    });
    let question = Question::read(json.to_string().as_bytes(), From::Call).unwrap();
    assert_eq!((question.content.as_str(), question.attachments.len()), ("hi", 3));
    assert_eq!((question.conversation.as_str(), question.streams()), ("m", true));
    let plain =
        Question::read(br#"{"content": "hi", "attachments": null, "metadata": null}"#, From::Call).unwrap();
    assert_eq!((plain.conversation.as_str(), plain.streams()), ("default", false));
}

#[test]
fn each_mistake_is_named_with_its_place() {
    let long = "é".repeat(10_001);
    for (wrong, place) in [
        (json!({}), "body.content"),
        (json!({"content": " "}), "body.content"),
        (json!({"content": 7}), "body.content"),
        (json!({"content": long}), "body.content"),
        (json!([]), "body"),
        (json!({"content": "x", "metadata": []}), "body.metadata"),
        (json!({"content": "x", "metadata": {"a": "b".repeat(20_000)}}), "body.metadata"),
        (json!({"content": "x", "conversation": "a/b"}), "body.conversation"),
        (json!({"content": "x", "conversation": 7}), "body.conversation"),
        (json!({"content": "x", "metadata": {"conversation": ""}}), "body.metadata.conversation"),
        (json!({"content": "x", "attachments": {}}), "body.attachments"),
        (json!({"content": "x", "attachments": vec![json!({"content": "a"}); 11]}), "body.attachments"),
        (json!({"content": "x", "attachments": [{"content": "a".repeat(600_000)}]}), "body.attachments"),
        (json!({"content": "x", "attachments": [{"content": "a"}, 7]}), "body.attachments.1"),
        (json!({"content": "x", "attachments": [{}]}), "body.attachments.0"),
        (json!({"content": "x", "attachments": [{"content": 7}]}), "body.attachments.0.content"),
        (json!({"content": "x", "attachments": [{"data": "%"}]}), "body.attachments.0.data"),
        (json!({"content": "x", "attachments": [{"content": "a", "data": "aGk="}]}), "body.attachments.0"),
        (
            json!({"content": "x", "attachments": [{"data": "aGk=", "url": "https://x/", "content": ""}]}),
            "body.attachments.0",
        ),
        (json!({"content": "x", "attachments": [{"content": null, "url": null}]}), "body.attachments.0"),
    ] {
        assert_eq!(places(&wrong), [place], "{place}");
    }
    assert_eq!(
        places(&json!({"metadata": 1, "attachments": [1]})),
        ["body.content", "body.attachments.0", "body.metadata"]
    );
}

#[test]
fn an_address_is_one_of_http_with_a_host_in_whatever_letters() {
    for right in [
        "http://x",
        "HTTP://x/",
        "Https://user@x.example:8443/a?b#c",
        "http://[::1]:80/",
        "https://münchen.example/ü",
    ] {
        assert!(is_address(right), "{right}");
    }
    for wrong in [
        "file:///etc/passwd",
        "http://",
        "https://",
        "http:///x",
        "http:x",
        "http://:80/",
        "http://?x",
        "x",
        "//x",
        "http://a b/",
        "ftp://x",
        "",
    ] {
        assert!(!is_address(wrong), "{wrong}");
        assert_eq!(
            places(&json!({"content": "x", "attachments": [{"url": wrong}]})),
            ["body.attachments.0.url"],
            "{wrong}"
        );
    }
}

#[test]
fn what_is_no_json_says_where() {
    for wrong in [&b""[..], b" ", b"{", b"\xff"] {
        let error = Question::read(wrong, From::Body).unwrap_err();
        assert_eq!(error.fields()[0].loc, ["body"]);
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        let _either = Question::read(text.as_bytes(), From::Call);
    }
}

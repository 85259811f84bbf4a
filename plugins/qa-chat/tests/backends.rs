//! The back ends that are somebody else's, against servers and programs that stream, stall, fail, flood and break off.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

#[path = "backends/command.rs"]
mod command;
#[path = "backends/http.rs"]
mod http;
#[path = "backends/openai.rs"]
mod openai;
#[path = "backends/server.rs"]
mod server;
#[path = "backends/tls.rs"]
mod tls;
#[path = "backends/trouble.rs"]
mod trouble;

use serde_json::{Value, json};
use tidegate_plugin::testing::{CallAnswer, TestHost};
use tidegate_qa_chat::QaChat;

/// With short times, so that trouble is soon over.
fn start(settings: Value) -> TestHost {
    let mut config = json!({
        "timeout": "5s",
        "retries": {"first": "1ms", "longest": "2ms"},
        "limits": {"first": "400ms", "next": "400ms"},
    });
    merge(&mut config, settings);
    TestHost::of::<QaChat>().name("qa-chat").config(config).start().unwrap()
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            more.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, more) => *into = more,
    }
}

fn ask(host: &TestHost, content: &str) -> CallAnswer {
    host.call("chat", &json!({ "content": content }))
}

fn ask_for_pieces(host: &TestHost, content: &str) -> CallAnswer {
    host.call("chat", &json!({ "content": content, "metadata": { "stream": true } }))
}

fn questions(host: &TestHost, outcome: &str) -> i64 {
    host.metric(&format!("chat_questions{{outcome=\"{outcome}\"}}")).unwrap()
}

//! The call `chat` of an assistant that says what it is told: what a chat's clients can be tried against without one that
//! thinks.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_plugin::{Call, Error, Reply, Result};

use crate::LONGEST_PAUSE;

/// What is said to it.
#[derive(Debug, Deserialize)]
struct Said {
    content: String,
    #[serde(default)]
    metadata: Option<Manner>,
}

/// How it is to answer; what else a client's metadata hold is its own affair.
#[derive(Debug, Default, Deserialize)]
struct Manner {
    /// In pieces: word by word, and then whole.
    #[serde(default)]
    stream: bool,
    /// How long to take for the answer, or for each piece of it, in milliseconds.
    #[serde(default)]
    every_ms: u64,
    /// What to answer in place of what was said.
    #[serde(default)]
    answer: Option<String>,
}

/// What the manifest says of it.
pub(crate) fn declared() -> Value {
    json!({
        "name": "chat",
        "summary": "Says what it is told, whole or, where `metadata.stream` is true, word by word.",
        "streams": true,
        "request": {
            "type": "object",
            "required": ["content"],
            "properties": {
                "content": { "type": "string", "minLength": 1 },
                "attachments": { "type": "array", "items": { "type": "object" } },
                "metadata": {
                    "type": "object",
                    "properties": {
                        "stream": { "type": "boolean", "default": false },
                        "every_ms": { "type": "integer", "minimum": 0, "maximum": LONGEST_PAUSE, "default": 0 },
                        "answer": { "type": "string", "description": "What to answer instead." },
                    },
                },
            },
            "examples": [{ "content": "Hello there", "metadata": { "stream": true } }],
        },
        "response": {
            "type": "object",
            "required": ["content"],
            "properties": {
                "content": { "type": "string" },
                "response_type": { "const": "text" },
                "tools_used": { "type": "array", "items": { "type": "string" } },
                "execution_time": { "type": "number", "description": "Seconds." },
                "confidence": { "type": "number" },
                "metadata": { "type": "null" },
            },
            "examples": [{
                "content": "Hello there", "response_type": "text", "tools_used": [], "execution_time": 0.1,
                "confidence": 1.0, "metadata": null,
            }],
        },
    })
}

/// Answers.
pub(crate) async fn answer(call: Call) -> Result<Reply> {
    let Said { content, metadata } = call.parse()?;
    let Manner { stream, every_ms, answer } = metadata.unwrap_or_default();
    if every_ms > LONGEST_PAUSE {
        return Err(Error::invalid(format!("data: metadata.every_ms: at most {LONGEST_PAUSE}")));
    }
    let (content, begun) = (answer.unwrap_or(content), Instant::now());
    let pause = move || tokio::time::sleep(Duration::from_millis(every_ms));
    if !(stream && call.streams) {
        let mut cancelled = call.cancelled();
        tokio::select! { () = pause() => {}, () = cancelled.wait() => {} }
        return whole(&content, begun);
    }
    Ok(Reply::stream(move |mut stream| async move {
        let mut cancelled = stream.cancelled();
        for word in content.split_inclusive(' ') {
            stream.json(word).await?;
            tokio::select! { () = pause() => {}, () = cancelled.wait() => {} }
        }
        whole(&content, begun)
    }))
}

fn whole(content: &str, begun: Instant) -> Result<Reply> {
    Reply::json(&json!({
        "content": content,
        "response_type": "text",
        "tools_used": [],
        "execution_time": begun.elapsed().as_secs_f64(),
        "confidence": 1.0,
        "metadata": null,
    }))
}

//! An assistant that says what it is told: what a chat's clients can be tried against without one that thinks.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use tidegate_plugin::{Call, Error, Host, Manifest, Plugin, Reply, Result, export, manifest};

/// Milliseconds to wait for an answer, or after a piece of it, at most.
const LONGEST_PAUSE: u64 = 60_000;

/// It has no settings.
#[derive(Debug, Deserialize)]
pub struct Config {}

/// An instance.
#[derive(Debug)]
pub struct Parrot;

impl Plugin for Parrot {
    type Config = Config;

    fn manifest() -> Manifest {
        manifest!("parrot.json")
    }

    async fn start(_: Host, Config {}: Config) -> Result<Self> {
        Ok(Self)
    }

    async fn call(&self, call: Call) -> Result<Reply> {
        answer(call).await
    }
}

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

async fn answer(call: Call) -> Result<Reply> {
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

export!(Parrot);

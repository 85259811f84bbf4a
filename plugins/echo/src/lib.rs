//! The smallest plugin, and the reference for authors: it publishes what it is sent, and answers what it is asked. The same in C
//! is in `plugins/echo-c`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tidegate_plugin::{
    Bytes, Call, Command, Declared, Error, Event, Host, HttpRequest, HttpResponse, Manifest, Plugin, Reply,
    Result, export, manifest,
};

/// Milliseconds to wait after a piece at most.
const LONGEST_PAUSE: u64 = 60_000;
/// How often the command `say` says it again.
const AGAIN: Duration = Duration::from_millis(100);

/// The settings.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// More names for the call `echo`.
    #[serde(default)]
    calls: Vec<String>,
}

/// An instance.
#[derive(Debug)]
pub struct Echo {
    host: Host,
}

impl Plugin for Echo {
    type Config = Config;

    fn manifest() -> Manifest {
        manifest!("echo.json")
    }

    fn declare(config: &Config) -> Result<Declared> {
        let more = config.calls.iter().map(|name| json!({"name": name, "summary": "As `echo`."}));
        Ok(Declared { calls: more.collect(), ..Declared::default() })
    }

    async fn command(_: Config, command: Command) -> Result<()> {
        let again = command.arguments.first().is_some_and(|first| first == "--again");
        let words = &command.arguments[usize::from(again)..];
        if words.is_empty() {
            return Err(Error::invalid("say what?"));
        }
        command.print_line(words.join(" "))?;
        while again && tokio::time::timeout(AGAIN, command.interrupted()).await.is_err() {
            command.print_line(words.join(" "))?;
        }
        Ok(())
    }

    async fn start(host: Host, _: Config) -> Result<Self> {
        Ok(Self { host })
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        let event = Event::new("echoed").room(request.param("room").to_owned()).raw(request.body.clone());
        let receipt = self.host.publish(event).await?;
        let cursor = receipt.cursors.first().ok_or(Error::internal("no cursor"))?;
        HttpResponse::json(200, &json!({"epoch": cursor.epoch, "offset": cursor.offset}))
    }

    async fn call(&self, call: Call) -> Result<Reply> {
        match call.name.as_str() {
            "echo_stream" => stream(call.parse()?),
            _ => Ok(Reply::raw(call.data)),
        }
    }
}

/// What `echo_stream` is asked for.
#[derive(Debug, Deserialize)]
struct Pieces {
    /// What to say; null if not given.
    data: Option<Box<RawValue>>,
    /// How often before the last time; 0: until it is cancelled.
    #[serde(default = "three")]
    pieces: u64,
    /// How long to wait after each piece, in milliseconds.
    #[serde(default)]
    every_ms: u64,
}

fn three() -> u64 {
    3
}

/// Says it again and again.
fn stream(asked: Pieces) -> Result<Reply> {
    if asked.every_ms > LONGEST_PAUSE {
        return Err(Error::invalid(format!("data: every_ms: at most {LONGEST_PAUSE}")));
    }
    Ok(Reply::stream(move |mut stream| async move {
        let data = asked
            .data
            .map_or(Bytes::from_static(b"null"), |data| String::from(Box::<str>::from(data)).into());
        let mut cancelled = stream.cancelled();
        let mut said = 0;
        while asked.pieces == 0 || said < asked.pieces {
            stream.send(data.clone()).await?;
            said += 1;
            if asked.every_ms > 0 {
                // A send says by itself that nobody reads any more; a long wait must not keep it from being seen.
                let pause = tokio::time::sleep(Duration::from_millis(asked.every_ms));
                tokio::select! { () = pause => {}, () = cancelled.wait() => {} }
            } else {
                // Others want to be served too.
                tokio::task::yield_now().await;
            }
        }
        Ok(Reply::raw(data))
    }))
}

export!(Echo);

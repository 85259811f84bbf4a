//! The plugin `qa-chat`: an assistant that answers from documentation, a language model, a service or a program.
//!
//! In the order of flow: a `question` comes from an `asker`, who says what answers it will `accept`, and becomes an `exchange`. That waits for `admission` and for what the
//! `breaker` says, asks a `backend` (of which `docs` is one, and `wire` what others are spoken to with), and gives an `answer`,
//! which is remembered in the `conversation` and told by `notice`. What all exchanges share is the `assistant`.

mod settings;
mod question;
mod accept;
mod asker;
mod exchange;
mod admission;
mod breaker;
mod backend;
mod docs;
mod wire;
mod answer;
mod conversation;
mod notice;
mod figures;
mod assistant;

use std::rc::Rc;

use serde_json::json;
use tidegate_plugin::{
    Call, Declared, Error, Health, Host, HttpRequest, HttpResponse, Manifest, Plugin, Reply, Result, Stream,
    export, manifest,
};

pub use settings::Settings;

use asker::Asker;
use assistant::Assistant;
use exchange::Exchange;
use question::{From, Question};

/// An instance of the plugin.
#[derive(Debug)]
pub struct QaChat(Rc<Assistant>);

impl Plugin for QaChat {
    type Config = Settings;

    fn manifest() -> Manifest {
        manifest!("manifest.json")
    }

    fn declare(settings: &Settings) -> Result<Declared> {
        settings.check()?;
        Ok(Declared::default())
    }

    async fn start(host: Host, settings: Settings) -> Result<Self> {
        Assistant::open(host, settings).await.map(Rc::new).map(Self)
    }

    async fn stop(&self) -> Result<()> {
        self.0.close().await;
        Ok(())
    }

    async fn call(&self, call: Call) -> Result<Reply> {
        let question = Question::read(&call.data, From::Call)?;
        let streams = call.streams && question.streams();
        let mut exchange = Exchange::open(Rc::clone(&self.0), Asker::of_call(&call), question).await?;
        if !streams {
            return Reply::json(&exchange.finish().await?);
        }
        Ok(Reply::stream(move |mut stream| async move {
            while let Some(text) = exchange.next().await? {
                stream.json(&text).await?;
            }
            Reply::json(&exchange.finish().await?)
        }))
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        if request.route != 0 {
            return Err(Error::internal(format!("there is no route {}", request.route)));
        }
        let question = Question::read(&request.body, From::Body)?;
        let exchange = Exchange::open(Rc::clone(&self.0), Asker::of_request(&request), question).await?;
        if !accept::wants_events(request.header("accept").unwrap_or_default()) {
            return HttpResponse::json(200, &exchange.finish().await?);
        }
        Ok(HttpResponse::stream(200, "text/event-stream", |stream| tell(exchange, stream))
            .header("cache-control", "no-store"))
    }

    async fn health(&self) -> Result<Health> {
        Ok(self.0.health())
    }
}

/// Sends an answer as an event stream: its pieces, then the whole; or, where it breaks off, why.
async fn tell(mut exchange: Exchange, mut stream: Stream) -> Result<()> {
    let whole = async {
        while let Some(text) = exchange.next().await? {
            stream.sse(&json!({ "delta": text })).await?;
        }
        exchange.finish().await
    };
    match whole.await {
        Ok(answer) => stream.sse(&answer).await,
        Err(error) => stream.sse(&json!({ "error": error.to_string() })).await,
    }
}

export!(QaChat);

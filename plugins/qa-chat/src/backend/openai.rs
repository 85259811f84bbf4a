//! The back end `openai`: any endpoint that speaks as OpenAI's chat completions do: streaming, or all at once where it does not
//! know of streams.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidegate_plugin::{Error, Result};

use super::events::Events;
use super::piece::brief;
use super::{Failure, Piece, Prompt, Whole};
use crate::conversation::Role;
use crate::docs::{Found, Library};
use crate::settings;
use crate::wire::{Client, Response};

/// What it may answer with.
const ACCEPT: &str = "text/event-stream, application/json;q=0.9";
/// Bytes of what the endpoint says of an error.
const LONGEST_ERROR: usize = 16 * 1024;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct OpenAi {
    client: Client,
    settings: settings::OpenAi,
    longest: usize,
    /// Whose passages are given to it with a question.
    library: Option<Library>,
}

/// An answer that is being given.
#[derive(Debug)]
pub(crate) struct Reading {
    events: Events,
    heard: Heard,
}

/// What it has said so far.
#[derive(Debug)]
struct Heard {
    /// The last choice said why it ended: what may still come is figures.
    finished: bool,
    whole: Whole,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Value,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    error: Option<Value>,
    model: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    /// A piece; in an answer that comes at once, all of it.
    #[serde(default, alias = "message")]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

impl OpenAi {
    /// # Errors
    /// What is wrong with the settings, for the operator.
    pub(crate) fn new(
        settings: &settings::OpenAi,
        limits: &settings::Limits,
        library: Option<Library>,
    ) -> Result<Self> {
        let url = format!("{}/chat/completions", settings.url.trim_end_matches('/'));
        let client = Client::new("openai.url", &url, settings.ca_file.as_deref(), limits.connect)?;
        let key = settings.key()?.map(|key| key.bearer("openai.api_key")).transpose()?;
        if settings.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return Err(Error::invalid("openai.temperature: is not within 0 and 2"));
        }
        Ok(Self { client: client.showing(key), settings: settings.clone(), longest: limits.answer, library })
    }

    /// The documents whose passages it gets.
    pub(crate) fn library(&self) -> Option<&Library> {
        self.library.as_ref()
    }

    pub(crate) async fn ask(&self, prompt: &Prompt) -> Result<super::Reading, Failure> {
        let found = match &self.library {
            Some(library) => library.find(&prompt.content).await?,
            None => None,
        };
        let mut request = json!({ "model": self.settings.model, "stream": true, "messages": self.messages(prompt, found.as_ref()) });
        if let Some(temperature) = self.settings.temperature {
            request["temperature"] = json!(temperature);
        }
        if let Some(tokens) = self.settings.max_tokens {
            request["max_tokens"] = json!(tokens);
        }
        let response = self.client.post(request.to_string().into_bytes(), ACCEPT).await?;
        if !response.status.is_success() {
            return Err(refused(response).await);
        }
        let whole =
            Whole { tools_used: tools(found.as_ref()), metadata: citations(found), ..Whole::default() };
        let mut heard = Heard { finished: false, whole };
        let (body, longest) = (response.body, self.longest);
        match response.content_type.as_str() {
            "text/event-stream" => {
                Ok(super::Reading::OpenAi(Reading { events: Events::of(body, longest), heard }))
            }
            "application/json" => {
                let text = heard.take(&body.whole(longest).await?)?;
                Ok(super::Reading::Ready(text.into_iter().chain([heard.end()]).collect()))
            }
            other => {
                Err(Failure::Wrong(format!("it is '{}' and neither an event stream nor JSON", brief(other))))
            }
        }
    }

    fn messages(&self, prompt: &Prompt, found: Option<&Found>) -> Vec<Message> {
        let mut messages = vec![Message { role: "system", content: self.settings.system.clone().into() }];
        if let (Some(found), Some(library)) = (found, &self.library) {
            messages.push(Message { role: "system", content: context(library.title(), found).into() });
        }
        messages.extend(prompt.turns.iter().map(|turn| Message {
            role: match turn.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: turn.content.clone().into(),
        }));
        messages.push(Message { role: "user", content: question(prompt) });
        messages
    }
}

impl Reading {
    pub(crate) async fn next(&mut self) -> Result<Piece, Failure> {
        while let Some(event) = self.events.next().await? {
            if event == *b"[DONE]" {
                return Ok(self.heard.end());
            }
            if let Some(piece) = self.heard.take(&event)? {
                return Ok(piece);
            }
        }
        if self.heard.finished { Ok(self.heard.end()) } else { Err(Events::broken_off()) }
    }
}

impl Heard {
    /// What a chunk says; none: nothing for who asked.
    fn take(&mut self, chunk: &[u8]) -> Result<Option<Piece>, Failure> {
        let chunk: Chunk =
            serde_json::from_slice(chunk).map_err(|error| Failure::Wrong(error.to_string()))?;
        if let Some(error) = chunk.error {
            return Err(Failure::Told(said(&error)));
        }
        if let Some(model) = chunk.model {
            self.whole.metadata.insert("model".into(), model.into());
        }
        let Some(choice) = chunk.choices.into_iter().flatten().next() else { return Ok(None) };
        if let Some(reason) = choice.finish_reason {
            self.finished = true;
            self.whole.metadata.insert("finish_reason".into(), reason.into());
        }
        Ok(choice.delta.content.filter(|text| !text.is_empty()).map(Piece::Text))
    }

    fn end(&mut self) -> Piece {
        Piece::End(std::mem::take(&mut self.whole))
    }
}

/// What an answer that is none says: the status, and for those who asked wrongly why.
async fn refused(response: Response) -> Failure {
    let Response { status, retry_after, body, .. } = response;
    let status = status.as_u16();
    let refused = Failure::Refused(status, retry_after);
    if refused.may_pass() {
        return refused;
    }
    match body.whole(LONGEST_ERROR).await.ok().and_then(|body| serde_json::from_slice::<Value>(&body).ok()) {
        // Of a key that is wrong nobody but the operator should know more than this.
        Some(told) if !matches!(status, 401 | 403) => Failure::Told(said(&told["error"])),
        _ => refused,
    }
}

fn said(error: &Value) -> String {
    let text = error["message"].as_str().or(error.as_str());
    text.map_or_else(|| "an error without a message".into(), brief)
}

/// What the user says, with attachments that the endpoint can read.
fn question(prompt: &Prompt) -> Value {
    let mut text = prompt.content.clone();
    let mut images = Vec::new();
    for attachment in &prompt.attachments {
        let member = |name: &str| attachment.get(name).and_then(Value::as_str);
        let name = member("name").unwrap_or("attachment");
        let kind = member("content_type").unwrap_or_default();
        match (member("content"), member("url"), member("data")) {
            (Some(content), _, _) => text.push_str(&format!("\n\n{name}:\n{content}")),
            (_, Some(url), _) if kind.starts_with("image/") => images.push(url.to_owned()),
            (_, _, Some(data)) if kind.starts_with("image/") => {
                images.push(format!("data:{kind};base64,{data}"))
            }
            _ => text.push_str(&format!("\n\n{name}: an attachment that cannot be read here")),
        }
    }
    if images.is_empty() {
        return text.into();
    }
    let images = images.into_iter().map(|url| json!({ "type": "image_url", "image_url": { "url": url } }));
    [json!({ "type": "text", "text": text })].into_iter().chain(images).collect()
}

fn context(title: &str, found: &Found) -> String {
    let mut text =
        format!("Passages of {title} that may help. Answer from them where they do, and name the file.\n");
    for (place, passage) in &found.passages {
        text.push_str(&format!("\n[{}, line {}] {}\n{passage}\n", place.file, place.line, place.heading));
    }
    text
}

fn tools(found: Option<&Found>) -> Vec<String> {
    found.map(|_| "docs".to_owned()).into_iter().collect()
}

fn citations(found: Option<Found>) -> Map<String, Value> {
    let places: Option<Vec<_>> =
        found.map(|found| found.passages.into_iter().map(|(place, _)| place).collect());
    places.map(|places| ("citations".to_owned(), json!(places))).into_iter().collect()
}

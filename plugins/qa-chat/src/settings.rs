//! The plugin's settings, each with its default.

mod secret;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use tidegate_plugin::{Error, Result};

pub(crate) use secret::Secret;

/// The plugin's settings, as its README lists them.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What answers.
    pub(crate) backend: Kind,
    /// How long an answer may take as a whole, with waiting and trying again.
    #[serde(deserialize_with = "duration")]
    pub(crate) timeout: Duration,
    /// Who is told of a user's questions and answers, besides who asked.
    pub(crate) tell: Tell,
    pub(crate) docs: Docs,
    pub(crate) openai: OpenAi,
    pub(crate) http: Http,
    pub(crate) command: Command,
    pub(crate) limits: Limits,
    pub(crate) retries: Retries,
    pub(crate) breaker: Breaker,
    pub(crate) conversations: Conversations,
}

/// What answers.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Docs,
    OpenAi,
    Http,
    Command,
}

/// Who is told of a user's questions and answers.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tell {
    /// The room `user:<id>`.
    #[default]
    Room,
    /// The user's sessions at this gateway, but the one that asked.
    Others,
    Nobody,
}

/// Documents to answer from.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Docs {
    /// A folder of them; none: Tidegate's own.
    pub(crate) path: Option<PathBuf>,
    /// What answers call them.
    title: Option<String>,
    /// How many passages an answer has at most.
    pub(crate) passages: usize,
    /// How much of a question passages must speak of, 0–1, so that something counts as found.
    pub(crate) threshold: f64,
    /// How often the folder is looked at.
    #[serde(deserialize_with = "duration")]
    pub(crate) poll: Duration,
}

/// An endpoint that speaks as OpenAI's does.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct OpenAi {
    /// Its base, to which `/chat/completions` is added.
    pub(crate) url: String,
    pub(crate) model: String,
    api_key: Option<Secret>,
    api_key_file: Option<PathBuf>,
    /// What stands before each conversation.
    pub(crate) system: String,
    /// How many passages of the documents are given to it with a question; 0: none.
    pub(crate) passages: usize,
    pub(crate) temperature: Option<f64>,
    pub(crate) max_tokens: Option<u32>,
    /// Whom to trust besides those that the system trusts.
    pub(crate) ca_file: Option<PathBuf>,
}

/// A service that takes questions as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Http {
    pub(crate) url: String,
    token: Option<Secret>,
    token_file: Option<PathBuf>,
    /// Whom to trust besides those that the system trusts.
    pub(crate) ca_file: Option<PathBuf>,
}

/// A program that answers lines.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Command {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    /// Where it runs; none: where the gateway does.
    pub(crate) folder: Option<PathBuf>,
    /// What is in its environment besides `PATH`, `HOME`, `LANG` and `TZ`.
    pub(crate) env: BTreeMap<String, String>,
}

/// How much at once, and how long.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// Questions that are being answered at one time.
    pub(crate) concurrent: usize,
    /// Questions that wait for their turn; one more is refused.
    pub(crate) waiting: usize,
    /// Bytes of an answer at most.
    pub(crate) answer: usize,
    /// How long it may take to connect.
    #[serde(deserialize_with = "duration")]
    pub(crate) connect: Duration,
    /// How long the first piece of an answer may take.
    #[serde(deserialize_with = "duration")]
    pub(crate) first: Duration,
    /// How long each other piece may take.
    #[serde(deserialize_with = "duration")]
    pub(crate) next: Duration,
}

/// How often, and when, a back end that failed is asked again.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Retries {
    /// How often again, at most.
    pub(crate) most: u32,
    /// About how long is waited before the first time; twice as long before each other.
    #[serde(deserialize_with = "duration")]
    pub(crate) first: Duration,
    /// How long at most.
    #[serde(deserialize_with = "duration")]
    pub(crate) longest: Duration,
}

/// When a back end counts as down.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Breaker {
    /// After how many failures in a row.
    pub(crate) failures: u32,
    /// How long it is left alone then.
    #[serde(deserialize_with = "duration")]
    pub(crate) open: Duration,
}

/// What is remembered of conversations.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Conversations {
    /// Turns, a question or an answer each, at most; 0: nothing is remembered.
    pub(crate) turns: usize,
    /// Bytes of the turns at most.
    pub(crate) bytes: usize,
    /// For how long after the last one.
    #[serde(deserialize_with = "duration")]
    pub(crate) ttl: Duration,
    /// How many of one user: with one more, the oldest is forgotten.
    pub(crate) per_user: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            backend: Kind::default(),
            timeout: Duration::from_secs(60),
            tell: Tell::default(),
            docs: Docs::default(),
            openai: OpenAi::default(),
            http: Http::default(),
            command: Command::default(),
            limits: Limits::default(),
            retries: Retries::default(),
            breaker: Breaker::default(),
            conversations: Conversations::default(),
        }
    }
}

impl Default for Docs {
    fn default() -> Self {
        Self { path: None, title: None, passages: 3, threshold: 0.52, poll: Duration::from_secs(2) }
    }
}

impl Default for OpenAi {
    fn default() -> Self {
        Self {
            url: String::new(),
            model: String::new(),
            api_key: None,
            api_key_file: None,
            system: "You are a helpful assistant. Answer briefly and exactly; say so where you do not know."
                .into(),
            passages: 0,
            temperature: None,
            max_tokens: None,
            ca_file: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent: 8,
            waiting: 32,
            answer: 256 * 1024,
            connect: Duration::from_secs(5),
            first: Duration::from_secs(30),
            next: Duration::from_secs(15),
        }
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self { most: 2, first: Duration::from_millis(250), longest: Duration::from_secs(5) }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 5, open: Duration::from_secs(10) }
    }
}

impl Default for Conversations {
    fn default() -> Self {
        Self { turns: 20, bytes: 32 * 1024, ttl: Duration::from_secs(7 * 24 * 3600), per_user: 20 }
    }
}

impl Settings {
    /// What the schema of the manifest cannot say.
    ///
    /// # Errors
    /// For the operator.
    pub(crate) fn check(&self) -> Result<()> {
        let missing = match self.backend {
            Kind::OpenAi if self.openai.url.is_empty() => "openai.url",
            Kind::OpenAi if self.openai.model.is_empty() => "openai.model",
            Kind::Http if self.http.url.is_empty() => "http.url",
            Kind::Command if self.command.program.is_empty() => "command.program",
            _ => return self.check_secrets(),
        };
        Err(Error::invalid(format!("{missing}: the chosen back end needs it")))
    }

    fn check_secrets(&self) -> Result<()> {
        secret::check("openai.api_key", self.openai.api_key.as_ref(), self.openai.api_key_file.as_ref())?;
        secret::check("http.token", self.http.token.as_ref(), self.http.token_file.as_ref())
    }
}

impl Docs {
    /// What answers call the documents.
    pub(crate) fn title(&self) -> String {
        // Where the folder lies is no concern of who asks.
        let folder = self.path.as_ref().and_then(|path| path.file_name());
        self.title
            .clone()
            .or_else(|| Some(folder?.to_string_lossy().into_owned()))
            .unwrap_or_else(|| "Tidegate's documentation".into())
    }
}

impl OpenAi {
    /// The key, from wherever it is.
    ///
    /// # Errors
    /// Where its file cannot be read, or is empty.
    pub(crate) fn key(&self) -> Result<Option<Secret>> {
        secret::read("openai.api_key", self.api_key.as_ref(), self.api_key_file.as_ref())
    }
}

impl Http {
    /// The token, from wherever it is.
    ///
    /// # Errors
    /// Where its file cannot be read, or is empty.
    pub(crate) fn token(&self) -> Result<Option<Secret>> {
        secret::read("http.token", self.token.as_ref(), self.token_file.as_ref())
    }
}

/// A time with its unit, of a millisecond at least.
fn duration<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(input)?;
    match humantime::parse_duration(&text) {
        Ok(time) if time >= Duration::from_millis(1) => Ok(time),
        Ok(_) => Err(de::Error::custom(format!("'{text}' is too short: it is at least 1ms"))),
        Err(error) => Err(de::Error::custom(format!("'{text}' is no time such as \"30s\": {error}"))),
    }
}

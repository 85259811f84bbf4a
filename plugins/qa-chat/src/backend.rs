//! Back ends: what answers. Each gives an answer piece by piece, at the pace at which the pieces are asked for; whoever does not
//! want the rest drops the [`Reading`], which ends what goes on behind it.

mod command;
mod events;
mod http;
mod openai;
mod piece;

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use tidegate_plugin::{Host, Result};

pub(crate) use piece::{Piece, Whole};

use crate::conversation::Turn;
use crate::docs::Library;
use crate::settings::{Kind, Settings};

/// What answers.
#[derive(Debug)]
pub(crate) enum Backend {
    Docs(Library),
    OpenAi(openai::OpenAi),
    Http(http::Service),
    Command(command::Pool),
}

/// What a back end is asked, as services and programs get it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Prompt {
    pub(crate) content: String,
    pub(crate) attachments: Vec<Map<String, Value>>,
    pub(crate) metadata: Map<String, Value>,
    /// Who asks; null: nobody that is known.
    pub(crate) user: Option<String>,
    pub(crate) conversation: String,
    /// What was said before, the oldest first.
    pub(crate) turns: Vec<Turn>,
}

/// An answer that is being given.
#[derive(Debug)]
pub(crate) enum Reading {
    /// All of it is there.
    Ready(VecDeque<Piece>),
    OpenAi(openai::Reading),
    Http(http::Reading),
    Command(command::Reading),
}

/// Why a back end gave no answer, or not all of one.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("nothing came within {}", humantime::format_duration(*.0))]
    Slow(Duration),
    /// With a status, and what it says of when to come again.
    #[error("it answered with status {0}")]
    Refused(u16, Option<Duration>),
    #[error("it broke off: {0}")]
    Broken(String),
    #[error("what it sent is no answer: {0}")]
    Wrong(String),
    #[error("its answer is longer than {0} bytes")]
    TooLong(usize),
    /// In its own words.
    #[error("it says: {0}")]
    Told(String),
}

impl Failure {
    /// Whether it may go well another time.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Slow(_) | Self::Broken(_) | Self::Wrong(_) => true,
            Self::Refused(status, _) => matches!(status, 408 | 425 | 429 | 500..),
            Self::TooLong(_) | Self::Told(_) => false,
        }
    }

    /// For how long it wants to be left alone.
    pub(crate) fn pause(&self) -> Duration {
        match self {
            Self::Refused(_, Some(pause)) => *pause,
            _ => Duration::ZERO,
        }
    }

    /// Whether it says that the back end does not work, and not that it did not like the question.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Told(_) | Self::TooLong(_) => false,
            other => other.may_pass(),
        }
    }

    /// For who asked, to whom addresses and the like are no concern.
    pub(crate) fn public(&self) -> String {
        match self {
            Self::Unreachable(_) => "its back end cannot be reached".into(),
            Self::Broken(_) => "its back end broke off".into(),
            Self::Wrong(_) => "what its back end sent is no answer".into(),
            other => format!("its back end failed: {other}"),
        }
    }
}

impl Backend {
    /// The back end of these settings. `library` is open where it is needed.
    ///
    /// # Errors
    /// What is wrong with the settings, for the operator.
    pub(crate) async fn open(host: &Host, settings: &Settings) -> Result<Self> {
        let library = async || Library::open(host, settings.docs.clone()).await;
        let limits = &settings.limits;
        Ok(match settings.backend {
            Kind::Docs => Self::Docs(library().await?),
            Kind::OpenAi => {
                let passages = if settings.openai.passages > 0 { Some(library().await?) } else { None };
                Self::OpenAi(openai::OpenAi::new(&settings.openai, limits, passages)?)
            }
            Kind::Http => Self::Http(http::Service::new(&settings.http, limits)?),
            Kind::Command => Self::Command(command::Pool::new(&settings.command, limits)),
        })
    }

    /// Its name, as in the settings.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Docs(_) => "docs",
            Self::OpenAi(_) => "openai",
            Self::Http(_) => "http",
            Self::Command(_) => "command",
        }
    }

    /// The documents that it answers from.
    pub(crate) fn library(&self) -> Option<&Library> {
        match self {
            Self::Docs(library) => Some(library),
            Self::OpenAi(openai) => openai.library(),
            Self::Http(_) | Self::Command(_) => None,
        }
    }

    /// Asks it. It has begun to answer, or will, when this is done.
    pub(crate) async fn ask(&self, prompt: &Prompt) -> Result<Reading, Failure> {
        Ok(match self {
            Self::Docs(library) => Reading::Ready(library.answer(&prompt.content).await?.into()),
            Self::OpenAi(openai) => openai.ask(prompt).await?,
            Self::Http(service) => service.ask(prompt).await?,
            Self::Command(pool) => Reading::Command(pool.ask(prompt).await?),
        })
    }

    /// Ends all that it keeps running.
    pub(crate) async fn close(&self) {
        if let Self::Command(pool) = self {
            pool.close().await;
        }
    }
}

impl Reading {
    /// The next piece. Behind [`Piece::End`] nothing comes.
    pub(crate) async fn next(&mut self) -> Result<Piece, Failure> {
        match self {
            Self::Ready(pieces) => {
                pieces.pop_front().ok_or_else(|| Failure::Broken("there is no more".into()))
            }
            Self::OpenAi(reading) => reading.next().await,
            Self::Http(reading) => reading.next().await,
            Self::Command(reading) => reading.next().await,
        }
    }
}

//! The back end `http`: a service that gets the question as it is, and answers with JSON or an event stream of pieces.

use tidegate_plugin::Result;

use super::events::Events;
use super::{Failure, Piece, Prompt};
use crate::settings;
use crate::wire::Client;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Service {
    client: Client,
    longest: usize,
}

/// An answer that is being given.
#[derive(Debug)]
pub(crate) struct Reading(Events);

impl Service {
    /// # Errors
    /// What is wrong with the settings, for the operator.
    pub(crate) fn new(settings: &settings::Http, limits: &settings::Limits) -> Result<Self> {
        let client = Client::new("http.url", &settings.url, settings.ca_file.as_deref(), limits.connect)?;
        let token = settings.token()?.map(|token| token.bearer("http.token")).transpose()?;
        Ok(Self { client: client.showing(token), longest: limits.answer })
    }

    pub(crate) async fn ask(&self, prompt: &Prompt) -> Result<super::Reading, Failure> {
        let json = serde_json::to_vec(prompt).map_err(|error| Failure::Wrong(error.to_string()))?;
        let response = self.client.post(json, "text/event-stream, application/json;q=0.9").await?;
        if !response.status.is_success() {
            return Err(Failure::Refused(response.status.as_u16(), response.retry_after));
        }
        if response.content_type == "text/event-stream" {
            let events = Events::of(response.body, self.longest);
            return Ok(super::Reading::Http(Reading(events)));
        }
        let body = response.body.whole(self.longest).await?;
        Ok(super::Reading::Ready([Piece::read(&body)?].into()))
    }
}

impl Reading {
    pub(crate) async fn next(&mut self) -> Result<Piece, Failure> {
        match self.0.next().await?.as_deref() {
            Some(b"[DONE]") => Ok(Piece::End(super::Whole::default())),
            Some(event) => Piece::read(event),
            None => Err(Events::broken_off()),
        }
    }
}

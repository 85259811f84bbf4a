//! What `POST /projects/webhooks/github` takes: a signed delivery, once.

use std::borrow::Cow;

use serde::Serialize;
use tidegate_plugin::{Error, FieldError, Host, HttpRequest, HttpResponse, Query, Result};

use crate::deliveries::Deliveries;
use crate::github::Repositories;
use crate::publish::{Placed, publish};
use crate::settings;
use crate::signature::Verifier;

/// Bytes of a delivery's id at most; GitHub's have 36.
const LONGEST_ID: usize = 100;

/// What takes webhooks.
#[derive(Debug)]
pub(crate) struct Webhooks {
    /// None: there is no secret, so nothing can be signed.
    verifier: Option<Verifier>,
    repositories: Repositories,
    deliveries: Deliveries,
}

/// The answer to a delivery that was taken.
#[derive(Debug, Serialize)]
struct Taken<'a> {
    delivery: &'a str,
    /// What was published for it; may be nothing.
    events: Vec<Placed>,
}

impl Webhooks {
    pub(crate) async fn open(host: &Host, settings: &settings::Github) -> Result<Self> {
        let verifier = settings.secret()?.map(|secret| Verifier::new(&secret));
        if verifier.is_none() {
            host.log().info("no github.secret: no webhook is taken");
        }
        let deliveries = Deliveries::open(host, settings.deliveries).await?;
        Ok(Self { verifier, repositories: Repositories::new(&settings.repositories), deliveries })
    }

    /// Whether there is a secret.
    pub(crate) fn are_taken(&self) -> bool {
        self.verifier.is_some()
    }

    /// How many deliveries are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.deliveries.len()
    }

    /// Takes a delivery: before its signature has held, nothing of it is looked at.
    pub(crate) async fn take(&self, host: &Host, request: &HttpRequest) -> Result<HttpResponse> {
        self.verify(request)?;
        let id = header(request, "x-github-delivery")?;
        if id.len() > LONGEST_ID || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::problem(400, "X-GitHub-Delivery is no id of a delivery"));
        }
        let kind = header(request, "x-github-event")?;
        let taking = self.deliveries.take(id)?;
        let now = host.clock().now_ms();
        // What was refused or could not be done may be delivered again. Its events have ids: none is published twice.
        let events = self.publish(host, kind, id, request).await?;
        taking.remember(now).await?;
        HttpResponse::json(202, &Taken { delivery: id, events })
    }

    fn verify(&self, request: &HttpRequest) -> Result<()> {
        let refuse = |why: &str| Err(Error::problem(401, why));
        let Some(verifier) = &self.verifier else {
            return refuse("There is no secret, so no webhook is taken");
        };
        match request.header("x-hub-signature-256") {
            None => refuse("X-Hub-Signature-256 is missing"),
            Some(signature) if verifier.holds(signature, &request.body) => Ok(()),
            Some(_) => refuse("X-Hub-Signature-256 is not the signature of this body"),
        }
    }

    async fn publish(&self, host: &Host, kind: &str, id: &str, request: &HttpRequest) -> Result<Vec<Placed>> {
        let payload = payload(request)?;
        let events = self.repositories.events(kind, &payload, host.clock().now_ms())?;
        publish(host, &events, Some(&format!("github:{id}"))).await
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Result<&'a str> {
    let found = request.header(name).filter(|value| !value.is_empty());
    found.ok_or_else(|| Error::problem(400, format!("{name} is missing")))
}

/// The JSON of a delivery: its body, or the field `payload` of a form, as the webhook's settings at GitHub have it.
fn payload(request: &HttpRequest) -> Result<Cow<'_, [u8]>> {
    let content_type = request.header("content-type").unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        return Ok(Cow::Borrowed(&request.body));
    }
    let form = Query::parse(&String::from_utf8_lossy(&request.body));
    let payload = form.get("payload").map(|payload| Cow::Owned(payload.as_bytes().to_vec()));
    payload.ok_or_else(|| Error::unprocessable([FieldError::body("payload", "Field required", "missing")]))
}

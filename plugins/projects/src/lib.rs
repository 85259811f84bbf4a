//! The plugin `projects`: the typed events of a development platform, published by REST and by webhooks of GitHub.
//!
//! In the order of flow: what REST sends is read by `publish`, what GitHub sends by `webhook` (whose signature it is says
//! `signature`, whether it came before `deliveries`, and what it means `github`). Both are held against the table of `types` by
//! `check`, and go out the same way.

mod settings;
mod types;
mod time;
mod check;
mod publish;
mod signature;
mod deliveries;
mod github;
mod webhook;

use serde_json::json;
use tidegate_plugin::{
    Declared, Error, Health, Host, HttpRequest, HttpResponse, Manifest, Plugin, Result, export, manifest,
};

pub use settings::Settings;

use publish::Wanted;
use webhook::Webhooks;

/// An instance of the plugin.
#[derive(Debug)]
pub struct Projects {
    host: Host,
    webhooks: Webhooks,
}

impl Plugin for Projects {
    type Config = Settings;

    fn manifest() -> Manifest {
        manifest!("manifest.json")
    }

    fn declare(settings: &Settings) -> Result<Declared> {
        settings.github.check()?;
        Ok(Declared::default())
    }

    async fn start(host: Host, settings: Settings) -> Result<Self> {
        let webhooks = Webhooks::open(&host, &settings.github).await?;
        Ok(Self { host, webhooks })
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        match request.route {
            0 => self.publish(&request).await,
            1 => self.webhooks.take(&self.host, &request).await,
            route => Err(Error::internal(format!("there is no route {route}"))),
        }
    }

    async fn health(&self) -> Result<Health> {
        let details = json!({
            "github": if self.webhooks.are_taken() { "taken" } else { "no secret" },
            "deliveries": self.webhooks.remembered(),
        });
        Ok(Health { details, ..Health::healthy() })
    }
}

impl Projects {
    async fn publish(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let wanted = Wanted::read(&request.body, self.host.clock().now_ms())?;
        let mut placed = publish::publish(&self.host, &wanted.events, None).await?;
        match placed.pop() {
            Some(one) if !wanted.several => HttpResponse::json(202, &one),
            last => {
                placed.extend(last);
                HttpResponse::json(202, &placed)
            }
        }
    }
}

export!(Projects);

//! This machine's load, every second: a plugin to begin with.

use std::{fs, time::Duration};
use tidegate_plugin::{Error, Event, Host, Manifest, Plugin, Result, export};

struct HostLoad;

impl Plugin for HostLoad {
    type Config = serde_json::Value;

    fn manifest() -> Manifest {
        Manifest::from_json(
            r#"{
            "manifest": 1, "name": "hostload", "version": "0.1.0", "license": "Apache-2.0",
            "description": "This machine's load, every second.",
            "events": [{ "type": "load_measured", "summary": "How busy the machine is.", "schema": {
                "type": "object", "required": ["load"], "properties": { "load": { "type": "number" } } } }],
            "routes": [], "calls": []
        }"#,
        )
    }

    async fn start(host: Host, _: Self::Config) -> Result<Self> {
        tokio::task::spawn_local(async move {
            loop {
                if let Err(error) = measure(&host).await {
                    host.log().warn(error);
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        Ok(Self)
    }
}

async fn measure(host: &Host) -> Result<()> {
    let text = fs::read_to_string("/proc/loadavg").map_err(Error::internal)?;
    let load: Option<f64> = text.split(' ').next().and_then(|load| load.parse().ok());
    let event = Event::new("load_measured").room("machine").data(&serde_json::json!({ "load": load }))?;
    host.publish(event).await?;
    Ok(())
}

export!(HostLoad);

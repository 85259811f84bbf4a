//! A plugin in C that publishes, behind a real plugin host.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate::hub::Hub;
use tidegate::hub::calls::{Answer, Call};
use tidegate::identity::Principal;
use tidegate::plugin::{Plugins, Services, Settings, Validate};
use tidegate::store::{Durability, Embedded};
use tidegate::web::Routes;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::PAYLOAD;

/// What an event of some two hundred bytes is held against: nine fields, one of them nested.
pub fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["agent_id", "status", "health", "load", "created_at", "config"],
        "properties": {
            "agent_id": { "type": "string", "minLength": 1 },
            "status": { "enum": ["inactive", "active", "paused", "lost"] },
            "health": { "type": "number", "minimum": 0, "maximum": 1 },
            "load": { "type": "number", "minimum": 0 },
            "energia": { "type": "number", "minimum": 0, "maximum": 100 },
            "detected": { "type": "integer", "minimum": 0 },
            "created_at": { "type": "string", "format": "date-time" },
            "config": {
                "type": "object",
                "properties": { "area": { "type": "string" }, "tags": { "items": { "type": "string" } } }
            }
        }
    })
}

/// What the plugin publishes.
#[derive(Clone, Copy, Debug)]
pub enum Payload {
    /// Nine fields, 191 bytes, of type `measured`, which has the [`schema`].
    Fields = 0,
    /// One text, 200 bytes, of type `plain`, of which nothing is promised.
    Text = 1,
}

impl Payload {
    /// Its type.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Fields => "measured",
            Self::Text => "plain",
        }
    }

    /// As the plugin has it.
    pub fn data(self) -> String {
        match self {
            Self::Fields => fields().to_string(),
            Self::Text => json!({ "text": "x".repeat(PAYLOAD - 11) }).to_string(),
        }
    }
}

/// Nine fields, as the plugin has them.
pub(crate) fn fields() -> Value {
    json!({
        "agent_id": "scout", "status": "active", "health": 0.93, "load": 0.4, "energia": 99.5, "detected": 12,
        "created_at": "2026-01-01T12:00:00.000Z",
        "config": { "area": "north", "mode": "patrol", "tags": ["a", "b"] }
    })
}

/// Where it publishes.
#[derive(Clone, Copy, Debug)]
pub enum Into {
    /// A room that nobody is in.
    Nobodys = 0,
    /// The room of the house.
    Bench = 1,
}

/// The room that [`Into::Bench`] is.
pub const ROOM: &str = "bench";

/// The plugin, beside a hub.
pub struct Publisher {
    runtime: Runtime,
    hub: Arc<Hub>,
    plugins: Arc<Plugins>,
    _folder: TempDir,
}

impl Publisher {
    /// Builds, loads and starts it.
    pub fn start(hub: &Arc<Hub>, validate: Validate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let hub = Arc::clone(hub);
        let store = Arc::new(Embedded::open(&folder.path().join("store"), Durability::Os).unwrap());
        let control = runtime.handle().clone();
        let services = Services { hub: Arc::clone(&hub), store, control, changed: Arc::default() };
        let settings = Settings {
            name: "publisher".into(),
            candidates: vec![build(folder.path())],
            sha256: None,
            open: Vec::new(),
            validate,
            config: json!({}),
        };
        let routes = Arc::new(Routes::new(|_| false));
        let plugins = runtime.block_on(Plugins::start(vec![settings], services, routes, vec![])).unwrap();
        Self { runtime, hub, plugins, _folder: folder }
    }

    /// Has it publish so many events, so many at a time, and waits until they are.
    pub fn publish(&self, events: usize, at_a_time: usize, payload: Payload, into: Into) {
        let (answers, mut receiver) = mpsc::channel(4);
        let call = Call {
            name: "publish".into(),
            data: json!([events, at_a_time, payload as u8, into as u8]).to_string().into(),
            room: None,
            session: "bench".into(),
            principal: Arc::new(Principal::anonymous()),
            streams: false,
            answers,
        };
        self.hub.calls().route(call).unwrap().unwrap();
        let answer = self.runtime.block_on(receiver.recv());
        assert!(matches!(answer, Some(Answer::Done { .. })), "{answer:?}");
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.runtime.block_on(self.plugins.stop(std::time::Duration::from_secs(5)));
    }
}

fn build(folder: &Path) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = folder.join("publisher.so");
    let literal = Value::from(schema().to_string()).to_string();
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]);
    cc.arg("-I").arg(root.join("../plugin-api/include")).arg(format!("-DSCHEMA={literal}"));
    assert!(cc.arg("-o").arg(&library).arg(root.join("src/publisher.c")).status().unwrap().success());
    library
}

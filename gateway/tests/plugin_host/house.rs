//! A hub, a store and a plugin host, without sockets: requests are put where the router would put them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate::frame::Forms;
use tidegate::hub::calls::{Answer, Call, CallError};
use tidegate::hub::{Config, Hub, Rules};
use tidegate::identity::Principal;
use tidegate::metrics::Metrics;
use tidegate::metrics::page::{Format, write};
use tidegate::plugin::{PluginError, Plugins, Services, Settings, Validate};
use tidegate::store::{Durability, Embedded};
use tidegate::web::{AdminError, Found, PluginAdmin, PluginInfo, PluginRequest, Refusal, Routes};
use tokio::sync::mpsc;

/// For how long a test waits before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct House {
    pub(crate) hub: Arc<Hub>,
    pub(crate) plugins: Arc<Plugins>,
    routes: Arc<Routes>,
    _folder: TempDir,
}

/// An instance with these settings, from one library.
pub(crate) fn instance(name: &str, library: impl Into<PathBuf>, config: Value) -> Settings {
    Settings {
        name: name.into(),
        candidates: vec![library.into()],
        sha256: None,
        open: Vec::new(),
        validate: Validate::Always,
        config,
    }
}

/// A Rust plugin that these tests depend on: its library lies beside their program.
pub(crate) fn built(plugin: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().unwrap().join(format!("libtidegate_{plugin}.so"))
}

/// An instance of the plugin that misbehaves: what, and in which hook.
pub(crate) fn hostile(name: &str, place: &str, deed: &str) -> Settings {
    hostile_for(name, place, deed, 100)
}

/// The same, for so many milliseconds.
pub(crate) fn hostile_for(name: &str, place: &str, deed: &str, millis: u64) -> Settings {
    instance(name, built("hostile"), json!({ "place": place, "deed": deed, "millis": millis }))
}

/// Builds a C fixture, with these definitions, as `folder/name.so`.
pub(crate) fn compile(folder: &Path, name: &str, source: &str, defines: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = folder.join(format!("{name}.so"));
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-pthread", "-O1"]);
    cc.arg("-I").arg(root.join("../plugin-api/include")).arg("-o").arg(&out);
    cc.args(defines.iter().map(|define| format!("-D{define}")));
    assert!(cc.arg(root.join("tests/plugin_host").join(source)).status().unwrap().success());
    out
}

impl House {
    pub(crate) async fn try_start(settings: Vec<Settings>) -> Result<Self, PluginError> {
        let config = Config { shards: 1, mailbox: 1 << 20, rooms_per_session: 10 };
        let hub = Arc::new(Hub::new(config, Rules::new([]), Forms::default(), Metrics::new(1)));
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Embedded::open(&folder.path().join("store"), Durability::Os).unwrap());
        let routes = Arc::new(Routes::new(|path| path == "/health"));
        let services = Services {
            hub: Arc::clone(&hub),
            store,
            control: tokio::runtime::Handle::current(),
            changed: Arc::default(),
        };
        let plugins = Plugins::start(settings, services, Arc::clone(&routes), vec!["ping"]).await?;
        Ok(Self { hub, plugins, routes, _folder: folder })
    }

    pub(crate) async fn start(settings: Vec<Settings>) -> Self {
        Self::try_start(settings).await.unwrap()
    }

    pub(crate) fn info(&self, plugin: &str) -> PluginInfo {
        self.plugins.list().into_iter().find(|info| &*info.name == plugin).unwrap()
    }

    /// Where a plugin stands, and what went wrong last.
    pub(crate) fn state(&self, plugin: &str) -> (&'static str, String) {
        let info = self.info(plugin);
        (info.state, info.last_error.unwrap_or_default())
    }

    /// The plugins' part of the Prometheus page.
    pub(crate) fn page(&self) -> String {
        write(&self.plugins.families(), Format::Text)
    }

    /// Stops a plugin by order of the API.
    pub(crate) async fn stop(&self, plugin: &str) {
        PluginAdmin::stop(&*self.plugins, plugin).await.unwrap();
    }

    /// Starts a plugin by order of the API.
    pub(crate) async fn start_again(&self, plugin: &str) -> Result<PluginInfo, AdminError> {
        PluginAdmin::start(&*self.plugins, plugin).await
    }

    /// Stops all, as at the end of the gateway.
    pub(crate) async fn stop_all(&self, within: Duration) {
        self.plugins.stop(within).await;
    }

    /// Sends a request to a route that is there.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<(StatusCode, Bytes), Refusal> {
        let Found::Route(route) = self.routes.find(&method, path) else { panic!("no route {method} {path}") };
        let request = PluginRequest {
            index: route.target.index,
            method,
            path: path.into(),
            query: String::new(),
            params: route.params,
            headers: HeaderMap::new(),
            body: body.to_owned().into(),
            principal: Arc::new(Principal::anonymous()),
            request_id: "test".into(),
            address: "127.0.0.1".into(),
        };
        let answering = route.target.serve.serve(request);
        let response = tokio::time::timeout(PATIENCE, answering).await.unwrap()?;
        let status = response.status();
        Ok((status, response.into_body().collect().await.unwrap_or_default().to_bytes()))
    }

    /// The same for `POST`, with JSON back.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.ask(Method::POST, path, &body.to_string()).await.unwrap();
        (status.as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Begins a call; dropping the receiver cancels it.
    pub(crate) fn begin(&self, name: &str, data: &Value) -> mpsc::Receiver<Answer> {
        self.try_begin(name, data).unwrap()
    }

    /// The same, for a plugin that may be busy.
    pub(crate) fn try_begin(&self, name: &str, data: &Value) -> Result<mpsc::Receiver<Answer>, CallError> {
        let (answers, receiver) = mpsc::channel(16);
        let call = Call {
            name: name.into(),
            data: data.to_string().into(),
            room: None,
            session: "nobody".into(),
            streams: true,
            principal: Arc::new(Principal::anonymous()),
            answers,
        };
        self.hub.calls().route(call).unwrap().map(|()| receiver)
    }

    /// Calls, and answers the end: whether it succeeded, and its data, or its message where there is none.
    pub(crate) async fn call(&self, name: &str, data: &Value) -> (bool, Value) {
        let mut answers = self.begin(name, data);
        loop {
            let answer = tokio::time::timeout(PATIENCE, answers.recv()).await.unwrap();
            let (success, message, data) = match answer.unwrap() {
                Answer::Part(_) => continue,
                Answer::Done { message, data } => (true, message, data),
                Answer::Failed { message, data } => (false, message, data),
            };
            let data = if data.is_empty() { message.into() } else { serde_json::from_slice(&data).unwrap() };
            return (success, data);
        }
    }

    /// Waits until `seen` holds.
    pub(crate) async fn until(&self, what: &str, seen: impl AsyncFn() -> bool) {
        let wait = async {
            while !seen().await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
    }
}

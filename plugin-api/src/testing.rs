//! A miniature gateway for plain tests: it drives a plugin through the same table of pointers as the real one, in the same
//! process, so that the debugger and Miri reach both sides. With the feature `testing`.
//!
//! Store, published events, log and answers are in memory; what is published is held against the manifest's types and
//! their schemas as the gateway does it (but not under Miri, which is too slow for that). What is wrong panics, as a test should.
//!
//! ```no_run
//! # use tidegate_plugin::{testing::TestHost, *};
//! # #[derive(serde::Deserialize)] struct Config {}
//! # struct Hello;
//! # impl Plugin for Hello {
//! #     type Config = Config;
//! #     fn manifest() -> Manifest { Manifest::from_json("{}") }
//! #     async fn start(host: Host, config: Config) -> Result<Self> { Ok(Hello) }
//! # }
//! let host = TestHost::of::<Hello>().config(serde_json::json!({"greeting": "hi"})).start().unwrap();
//! let answer = host.call("greet", &serde_json::json!({"name": "you"}));
//! assert!(answer.success);
//! assert_eq!(host.events()[0].kind, "greeted");
//! host.stop();
//! ```

mod answers;
mod callbacks;
mod drive;
mod hooks;
mod state;
mod store;
mod terminal;

pub use answers::{CallAnswer, HttpAnswer};
pub use drive::Pending;
pub use state::{LogLine, Published};
pub use store::StoreContent;
pub use terminal::Ran;

use std::any::TypeId;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use crate::abi::{self, Status};
use crate::host::lock;
use crate::{Plugin, Principal};
use hooks::HookThread;
use state::{Inner, Phase};

/// How long anything is waited for before the test has failed.
const PATIENCE: Duration = Duration::from_secs(if cfg!(miri) { 120 } else { 10 });

/// What a plugin is started with.
#[derive(Debug)]
pub struct Setup {
    table: &'static abi::Plugin,
    name: String,
    config: Value,
    store: StoreContent,
    restored: Option<Bytes>,
    missing: Vec<String>,
    interrupt_after: Option<usize>,
}

/// A plugin that was started, and the gateway that it sees.
#[derive(Debug)]
pub struct TestHost {
    inner: Arc<Inner>,
    hooks: HookThread,
    routes: Vec<drive::Route>,
    calls: Vec<String>,
}

/// What is left of a plugin that was stopped.
#[derive(Debug)]
pub struct Stopped {
    /// What it keeps in the store: start another with it.
    pub store: StoreContent,
    /// What it published.
    pub events: Vec<Published>,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// The panics that it told of.
    pub panics: Vec<String>,
}

impl TestHost {
    /// A plugin that is to be started.
    #[must_use]
    pub fn of<P: Plugin>() -> Setup {
        /// A table lives as long as the process, as a library would; one for each type, however often it is started.
        static TABLES: Mutex<Vec<(TypeId, &'static abi::Plugin)>> = Mutex::new(Vec::new());
        let mut tables = lock(&TABLES);
        let known = tables.iter().find(|(id, _)| *id == TypeId::of::<P>()).map(|(_, table)| *table);
        Self::of_table(known.unwrap_or_else(|| {
            let table = Box::leak(Box::new(crate::table::<P>()));
            tables.push((TypeId::of::<P>(), table));
            table
        }))
    }

    /// A plugin behind any table: a library that was loaded, or one that was made by hand.
    #[must_use]
    pub fn of_table(table: &'static abi::Plugin) -> Setup {
        let config = Value::Object(serde_json::Map::new());
        Setup {
            table,
            name: "test".into(),
            config,
            store: StoreContent::default(),
            restored: None,
            missing: Vec::new(),
            interrupt_after: None,
        }
    }
}

impl Setup {
    /// Its configuration, `{}` if not given.
    #[must_use]
    pub fn config(self, config: Value) -> Self {
        Self { config, ..self }
    }

    /// The instance's name, `test` if not given.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// What is in the store.
    #[must_use]
    pub fn store(self, store: StoreContent) -> Self {
        Self { store, ..self }
    }

    /// The state that a predecessor left.
    #[must_use]
    pub fn restore(self, state: impl Into<Bytes>) -> Self {
        Self { restored: Some(state.into()), ..self }
    }

    /// A gateway that has not got the extension of that id.
    #[must_use]
    pub fn without(mut self, id: &str) -> Self {
        self.missing.push(id.into());
        self
    }

    /// Creates and starts it.
    ///
    /// # Errors
    /// The first thing that is refused: by us (the table, the manifest), or by the plugin.
    pub fn start(self) -> Result<TestHost, String> {
        drive::start(self)
    }
}

impl TestHost {
    /// Who asks from here on; anonymous if not given.
    pub fn set_principal(&self, principal: Principal) {
        self.inner.state().principal = principal;
    }

    /// The headers of requests from here on, names in lower case; none if not given.
    pub fn set_headers(&self, headers: &[(&str, &str)]) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.inner.state().headers = headers.iter().map(owned).collect();
    }

    /// What was published so far.
    #[must_use]
    pub fn events(&self) -> Vec<Published> {
        self.inner.state().published.clone()
    }

    /// Waits until at least `n` events were published, and gives all.
    #[must_use]
    pub fn wait_for_events(&self, n: usize) -> Vec<Published> {
        self.inner.wait(&format!("{n} events"), |state| {
            (state.published.len() >= n).then(|| state.published.clone())
        })
    }

    /// What was logged so far.
    #[must_use]
    pub fn log(&self) -> Vec<LogLine> {
        self.inner.state().log.clone()
    }

    /// The panics that the plugin told of, as `place: text`.
    #[must_use]
    pub fn panics(&self) -> Vec<String> {
        self.inner.state().panics.clone()
    }

    /// What is in the store.
    #[must_use]
    pub fn stored(&self) -> StoreContent {
        self.inner.state().store.clone()
    }

    /// The value of a series, by name and labels as in the Prometheus text: `made{kind="a"}`. A histogram's is how many it has
    /// seen.
    #[must_use]
    pub fn metric(&self, series: &str) -> Option<i64> {
        self.inner.state().metrics.iter().find(|m| m.series == series).map(|m| m.value)
    }

    /// Sets the gateway's clock ahead.
    pub fn advance_clock(&self, by: Duration) {
        self.inner.state().ahead += by;
    }

    /// Has the next `n` publishes take at most `taken` events each and then answer `BUSY`. `resume` may cross it.
    pub fn refuse_publishes(&self, n: usize, taken: usize) {
        self.inner.state().busy_publishes = (n, taken);
    }

    /// Has the next `n` pieces of a streamed answer, or whole answers, be `BUSY`. `resume` may cross it.
    pub fn refuse_answers(&self, n: usize) {
        self.inner.state().busy_answers = n;
    }

    /// Holds back that events are safe, until told otherwise.
    pub fn hold_commits(&self, hold: bool) {
        let waiting = {
            let mut state = self.inner.state();
            state.hold_commits = hold;
            if hold { Vec::new() } else { std::mem::take(&mut state.held_commits) }
        };
        waiting.into_iter().for_each(|commit| self.hooks.queue(commit.into_job()));
    }

    /// Has events that are published from here on be lost after they were taken.
    pub fn lose_commits(&self, status: Status) {
        self.inner.state().commit_status = status;
    }

    /// Tells the plugin that it has lost all its leases.
    pub fn lose_leases(&self) {
        let lost = self.inner.state().leases.lose_all();
        lost.into_iter().for_each(|(hook, lease)| self.hooks.lease_lost(hook, lease));
    }

    /// Makes a session that the plugin can find and send to.
    pub fn open_session(&self, connection_id: &str, user: Option<&str>) -> crate::Session {
        crate::Session(self.inner.state().sessions.open(connection_id, user))
    }

    /// What was done to a session: `join R`, `leave R`, `send TYPE DATA`, `close CODE REASON`.
    #[must_use]
    pub fn commands(&self, session: crate::Session) -> Vec<String> {
        self.inner.state().sessions.commands(session.0)
    }

    /// How many buffers one side gave the other and were not released yet: the plugin's, ours.
    #[must_use]
    pub fn unreleased(&self) -> (usize, usize) {
        let state = self.inner.state();
        (state.unreleased, state.lent_out)
    }

    /// Stops and destroys the plugin, as the contract has it, and gives what is left.
    ///
    /// # Panics
    /// Where the plugin does not stop in time, leaves a request unanswered or a buffer unreleased.
    pub fn stop(mut self) -> Stopped {
        self.finish();
        let mut state = self.inner.state();
        Stopped {
            store: std::mem::take(&mut state.store),
            events: std::mem::take(&mut state.published),
            log: std::mem::take(&mut state.log),
            panics: std::mem::take(&mut state.panics),
        }
    }

    fn finish(&mut self) {
        if !self.hooks.is_alive() {
            return;
        }
        self.hooks.stop(PATIENCE / 2);
        self.inner.wait("the plugin to stop", |state| (state.phase == Phase::Stopped).then_some(()));
        self.inner.wait("each request to be answered", |state| {
            state.requests.values().all(|r| r.is_over()).then_some(())
        });
        self.inner.wait("each buffer to be released", |state| {
            (state.unreleased == 0 && state.lent_out == 0).then_some(())
        });
        self.hooks.destroy();
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        // A test that fails already has said what is wrong.
        if !std::thread::panicking() {
            self.finish();
        }
    }
}

impl Inner {
    /// Waits until `ready` gives something.
    fn wait<T>(&self, what: &str, mut ready: impl FnMut(&mut state::State) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            if let Some(value) = ready(&mut state) {
                return value;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited in vain for {what}; log: {:#?}; panics: {:?}",
                state.log,
                state.panics
            );
            state = self.wait_change(state, left);
        }
    }
}

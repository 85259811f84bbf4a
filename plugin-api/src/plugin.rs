//! The trait that a plugin's author implements.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::call::{Call, Reply};
use crate::command::Command;
use crate::event::{FollowedEvent, Gap};
use crate::http::{HttpRequest, HttpResponse};
use crate::manifest::{Declared, Health, Manifest, Watches};
use crate::request::SessionEvent;
use crate::{Error, Host, Result};

/// A plugin. One value is one configured instance; several may live in one process, so nothing is kept in globals.
///
/// All of it runs on one thread of the instance's own, in a current-thread tokio runtime with a `LocalSet`: nothing need be
/// `Send`, `Rc` and `RefCell` are fine, `tokio::task::spawn_local` starts background work, and what blocks belongs into
/// `spawn_blocking`. Requests run concurrently with each other ([`Plugin::ORDERED`]); a followed event, a gap and a session's
/// moment are handled to their end before anything that came after them is begun. A panic in any of them is caught, told to
/// the host, and answered as an internal error.
#[allow(
    async_fn_in_trait,
    reason = "the futures stay on the instance's thread, so no caller needs them to be Send"
)]
pub trait Plugin: Sized + 'static {
    /// The plugin's settings. Checked against the manifest's schema before, then deserialized.
    type Config: DeserializeOwned + Send + 'static;

    /// Whether each request is handled to its end before the next is begun.
    const ORDERED: bool = false;

    /// Whether [`pause`](Plugin::pause) and [`unpause`](Plugin::unpause) are implemented: a plugin with a source, or with background
    /// work that must not run twice, has them.
    const CHECKPOINT: bool = false;

    /// The manifest, mostly `manifest!("name.json")`.
    fn manifest() -> Manifest;

    /// What this configuration adds to the manifest; also the place to refuse a configuration before anything is started.
    ///
    /// # Errors
    /// What is wrong with the configuration, for the operator.
    fn declare(config: &Self::Config) -> Result<Declared> {
        let _ = config;
        Ok(Declared::default())
    }

    /// Which moments in the life of sessions [`watch`](Plugin::watch) is to be told; none if not implemented.
    fn watches(config: &Self::Config) -> Watches {
        let _ = config;
        Watches::default()
    }

    /// Carries out a command of an operator's at a terminal, one of the manifest's `commands`, in the place of
    /// [`start`](Plugin::start): in a process that serves nobody, with this configuration, for as long as it takes. It runs in the
    /// same kind of runtime; what it has to say goes to [`Command::print`].
    ///
    /// # Errors
    /// Why it failed, for the operator; [`Error::invalid`] where the arguments are wrong.
    async fn command(config: Self::Config, command: Command) -> Result<()> {
        let _ = config;
        Err(Error::unsupported(format!("the command '{}' is not implemented", command.name)))
    }

    /// Starts an instance. The state that a predecessor left is in [`Host::restored`]. Awaiting [`Host::publish`] in here fails:
    /// its confirmation is a hook, and hooks come after this one; spawn a task for it, or use [`Host::try_publish`].
    ///
    /// # Errors
    /// Why it cannot run, for the operator.
    async fn start(host: Host, config: Self::Config) -> Result<Self>;

    /// Stops: requests that came before are answered by now, tasks that still run are dropped after.
    ///
    /// # Errors
    /// What went wrong, for the log.
    async fn stop(&self) -> Result<()> {
        Ok(())
    }

    /// Answers a call of a client.
    ///
    /// # Errors
    /// The answer, with `success` false.
    async fn call(&self, call: Call) -> Result<Reply> {
        Err(Error::unsupported(format!("the call '{}' is not implemented", call.name)))
    }

    /// Answers a request to a route.
    ///
    /// # Errors
    /// The answer, as problem details.
    async fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        Err(Error::unsupported(format!("the route '{} {}' is not implemented", request.method, request.path)))
    }

    /// Takes an event of a followed room.
    ///
    /// # Errors
    /// What went wrong, for the log.
    async fn follow(&self, event: FollowedEvent) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// Learns that events of a followed room were left out.
    ///
    /// # Errors
    /// What went wrong, for the log.
    async fn gap(&self, gap: Gap) -> Result<()> {
        let _ = gap;
        Ok(())
    }

    /// Learns of a moment in the life of a session that [`watches`](Plugin::watches) asked for.
    ///
    /// # Errors
    /// What went wrong, for the log.
    async fn watch(&self, event: SessionEvent) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// Says how it is. Asked from time to time; an error is as good as unhealthy.
    ///
    /// # Errors
    /// Why it is unhealthy.
    async fn health(&self) -> Result<Health> {
        Ok(Health::healthy())
    }

    /// Rests for a successor: takes no more from its source, has everything committed, gives up its leases and its state. Called
    /// where [`Plugin::CHECKPOINT`] is set.
    ///
    /// # Errors
    /// Why it cannot; the swap fails.
    async fn pause(&self) -> Result<Bytes> {
        Ok(Bytes::new())
    }

    /// Goes on: the swap failed.
    ///
    /// # Errors
    /// Why it cannot.
    async fn unpause(&self) -> Result<()> {
        Ok(())
    }
}

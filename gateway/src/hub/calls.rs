//! Calls: requests of sessions that plugins answer.

use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::RwLock;
use tokio::sync::mpsc;

use crate::identity::Principal;

/// A request to a plugin.
#[derive(Debug)]
pub struct Call {
    /// The declared name, as `chat`.
    pub name: Arc<str>,
    /// The request's `data`: JSON, `null` where there was none.
    pub data: Bytes,
    /// The session that asks.
    pub session: Arc<str>,
    /// The request's room, where it named one.
    pub room: Option<Box<str>>,
    /// Who asks.
    pub principal: Arc<Principal>,
    /// Whether its answer may come in parts.
    pub streams: bool,
    /// Where the answer goes: any number of parts, then its end. Bounded: a plugin whose reader is slow is
    /// told so. That the receiver is gone means that the call was cancelled.
    pub answers: mpsc::Sender<Answer>,
}

/// A piece of an answer to a call, or its end.
#[derive(Clone, Debug)]
pub enum Answer {
    /// One of a stream's pieces: JSON.
    Part(Bytes),
    /// The answer, after all parts.
    Done {
        /// For people; may be empty.
        message: String,
        /// JSON; may be empty.
        data: Bytes,
    },
    /// It failed.
    Failed {
        /// Why, for the client.
        message: String,
        /// JSON; may be empty.
        data: Bytes,
    },
}

/// Why a call was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// What waits for the plugin fills its queue.
    #[error("the plugin that answers '{0}' is busy; try again")]
    Busy(Arc<str>),
    /// The plugin is stopped or failed.
    #[error("the plugin that answers '{0}' is not available")]
    Unavailable(Arc<str>),
    /// The principal lacks the scope that the call needs.
    #[error("not allowed: '{0}' needs the scope '{1}'")]
    Denied(Arc<str>, Arc<str>),
}

/// Takes calls; never waits.
pub trait Callee: Send + Sync {
    /// Hands a call over, or says why not.
    ///
    /// # Errors
    /// [`CallError`]; nothing will come through `call.answers` then.
    fn call(&self, call: Call) -> Result<(), CallError>;
}

/// The calls that are declared, by name.
#[derive(Default)]
pub struct Calls(RwLock<HashMap<Arc<str>, Entry, foldhash::fast::RandomState>>);

struct Entry {
    owner: Arc<str>,
    callee: Arc<dyn Callee>,
    scope: Option<Arc<str>>,
}

impl Calls {
    /// Declares a call for `owner`, or again with another callee; `scope` is what a principal needs for it.
    ///
    /// # Errors
    /// The other owner, where one has declared it.
    pub fn declare(
        &self,
        name: &str,
        owner: &Arc<str>,
        scope: Option<&str>,
        callee: Arc<dyn Callee>,
    ) -> Result<(), Arc<str>> {
        let mut calls = self.0.write();
        if let Some(other) = calls.get(name).filter(|entry| entry.owner != *owner) {
            return Err(Arc::clone(&other.owner));
        }
        let entry = Entry { owner: Arc::clone(owner), callee, scope: scope.map(Into::into) };
        calls.insert(name.into(), entry);
        Ok(())
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.0.read().keys().cloned().collect();
        names.sort();
        names
    }

    /// Routes a call to who declared it; `None` where nobody did.
    pub fn route(&self, call: Call) -> Option<Result<(), CallError>> {
        let calls = self.0.read();
        let entry = calls.get(&call.name)?;
        if let Some(scope) = entry.scope.as_ref().filter(|scope| !call.principal.may(scope)) {
            return Some(Err(CallError::Denied(call.name, Arc::clone(scope))));
        }
        let callee = Arc::clone(&entry.callee);
        drop(calls);
        Some(callee.call(call))
    }
}

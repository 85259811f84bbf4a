//! What the miniature gateway remembers.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::hooks::{Commit, Job};
use super::store::StoreContent;
use crate::abi::{self, Status};
use crate::host::lock;
use crate::schema::Schema;
use crate::{Cursor, Principal};

/// An event that the plugin published.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// The rooms it went to; none: everyone.
    pub rooms: Vec<String>,
    /// Its type.
    pub kind: String,
    /// Who says so; the instance's name where the plugin named nobody.
    pub source: String,
    /// What it is about; empty: not said.
    pub key: String,
    /// Its idempotence id; empty: none.
    pub id: String,
    /// For filters.
    pub tags: Vec<(String, String)>,
    /// Its data.
    pub data: serde_json::Value,
    /// Milliseconds since 1970; 0: not said.
    pub time: i64,
    /// The source's own position; empty: none.
    pub origin: String,
}

/// A line that the plugin logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// From 1, trace, to 5, error.
    pub level: u32,
    /// The text.
    pub message: String,
    /// Its fields.
    pub fields: Vec<(String, String)>,
}

/// Where the instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Created,
    Started,
    Stopped,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Route,
    Call,
    /// Health or pause.
    Bytes,
}

/// A request that the plugin was given.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) head: Option<(u32, Vec<(String, String)>)>,
    pub(super) pieces: Vec<Bytes>,
    pub(super) end: Option<Ended>,
    pub(super) cancelled: bool,
}

impl Asked {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, head: None, pieces: Vec::new(), end: None, cancelled: false }
    }

    pub(super) fn is_over(&self) -> bool {
        self.end.is_some() || self.cancelled
    }
}

/// How a request was answered.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    Responded { status: u32, headers: Vec<(String, String)>, body: Bytes },
    Finished { message: String, data: Bytes },
    Failed { status: Status, message: String, data: Bytes },
}

/// A time series.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) series: String,
    pub(super) kind: u32,
    pub(super) value: i64,
}

/// Sessions that tests have made.
#[derive(Debug, Default)]
pub(super) struct SessionBook(Vec<FakeSession>);

#[derive(Debug)]
pub(super) struct FakeSession {
    pub(super) connection_id: String,
    pub(super) user: Option<String>,
    pub(super) commands: Vec<String>,
    pub(super) open: bool,
}

impl SessionBook {
    pub(super) fn open(&mut self, connection_id: &str, user: Option<&str>) -> abi::Session {
        let (connection_id, user) = (connection_id.to_owned(), user.map(str::to_owned));
        self.0.push(FakeSession { connection_id, user, commands: Vec::new(), open: true });
        self.0.len() as u64
    }

    pub(super) fn commands(&self, session: abi::Session) -> Vec<String> {
        self.0.get(session as usize - 1).map(|s| s.commands.clone()).unwrap_or_default()
    }

    pub(super) fn get(&mut self, session: abi::Session) -> Option<&mut FakeSession> {
        self.0.get_mut((session as usize).wrapping_sub(1)).filter(|s| s.open)
    }

    pub(super) fn find(&self, is: impl Fn(&FakeSession) -> bool) -> Vec<abi::Session> {
        (1..).zip(&self.0).filter(|(_, s)| s.open && is(s)).map(|(number, _)| number).collect()
    }
}

/// Leases that are held.
#[derive(Debug, Default)]
pub(super) struct LeaseBook {
    held: HashMap<abi::Lease, (String, abi::LeaseLost)>,
    given: u64,
}

impl LeaseBook {
    pub(super) fn take(&mut self, name: &str, lost: abi::LeaseLost) -> Option<abi::Lease> {
        if self.held.values().any(|(held, _)| held == name) {
            return None;
        }
        self.given += 1;
        self.held.insert(self.given, (name.into(), lost));
        Some(self.given)
    }

    pub(super) fn is_held(&self, lease: abi::Lease) -> bool {
        self.held.contains_key(&lease)
    }

    pub(super) fn give_up(&mut self, lease: abi::Lease) -> bool {
        self.held.remove(&lease).is_some()
    }

    pub(super) fn lose_all(&mut self) -> Vec<(abi::LeaseLost, abi::Lease)> {
        self.held.drain().map(|(lease, (_, lost))| (lost, lease)).collect()
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    /// The schemas of the event types that are declared.
    pub(super) types: HashMap<String, Schema>,
    pub(super) principal: Principal,
    /// Of requests to routes: names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) requests: HashMap<abi::Request, Asked>,
    pub(super) published: Vec<Published>,
    pub(super) offsets: HashMap<String, u64>,
    pub(super) ids: HashMap<(String, String), Cursor>,
    pub(super) log: Vec<LogLine>,
    pub(super) panics: Vec<String>,
    pub(super) store: StoreContent,
    pub(super) sessions: SessionBook,
    pub(super) leases: LeaseBook,
    pub(super) metrics: Vec<Series>,
    pub(super) ahead: Duration,
    pub(super) busy_publishes: (usize, usize),
    pub(super) busy_answers: usize,
    pub(super) hold_commits: bool,
    pub(super) held_commits: Vec<Commit>,
    pub(super) commit_status: Status,
    /// Buffers of the plugin's that we have not released.
    pub(super) unreleased: usize,
    /// Buffers of ours that the plugin has not released.
    pub(super) lent_out: usize,
}

/// What callbacks and tests share.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) name: String,
    pub(super) started: Instant,
    /// The extensions that we have not got.
    pub(super) missing: Vec<String>,
    state: Mutex<State>,
    changed: Condvar,
    jobs: Mutex<Option<std::sync::mpsc::Sender<Job>>>,
}

impl Inner {
    pub(super) fn new(
        name: String,
        types: HashMap<String, Schema>,
        store: StoreContent,
        missing: Vec<String>,
        jobs: std::sync::mpsc::Sender<Job>,
    ) -> Self {
        let state = State {
            phase: Phase::Created,
            types,
            principal: Principal::default(),
            headers: Vec::new(),
            requests: HashMap::new(),
            published: Vec::new(),
            offsets: HashMap::new(),
            ids: HashMap::new(),
            log: Vec::new(),
            panics: Vec::new(),
            store,
            sessions: SessionBook::default(),
            leases: LeaseBook::default(),
            metrics: Vec::new(),
            ahead: Duration::ZERO,
            busy_publishes: (0, 0),
            busy_answers: 0,
            hold_commits: false,
            held_commits: Vec::new(),
            commit_status: Status::OK,
            unreleased: 0,
            lent_out: 0,
        };
        Self {
            name,
            started: Instant::now(),
            missing,
            state: Mutex::new(state),
            changed: Condvar::new(),
            jobs: Mutex::new(Some(jobs)),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Changes something that tests may wait for.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let value = change(&mut self.state());
        self.changed.notify_all();
        value
    }

    pub(super) fn wait_change<'a>(
        &self,
        state: MutexGuard<'a, State>,
        at_most: Duration,
    ) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Puts something into the hook thread's queue. After `destroy` there is nobody to do it.
    pub(super) fn queue(&self, job: Job) {
        if let Some(jobs) = &*lock(&self.jobs) {
            let _ = jobs.send(job);
        }
    }

    /// Nothing more is queued.
    pub(super) fn close_queue(&self) {
        *lock(&self.jobs) = None;
    }
}

//! Who is connected to the gateway, counted by what it tells of sessions.

use std::cell::RefCell;
use std::collections::HashMap;

use tidegate_plugin::{Moment, Session, SessionEvent};

/// Sessions and their users, since the instance started.
#[derive(Debug, Default)]
pub struct Usage(RefCell<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// The user of each session; `None`: anonymous.
    sessions: HashMap<Session, Option<String>>,
    /// How many sessions each user has.
    users: HashMap<String, usize>,
    peak_sessions: usize,
    peak_users: usize,
}

impl Usage {
    /// Takes in what happened to a session.
    pub fn note(&self, event: SessionEvent) {
        let counts = &mut *self.0.borrow_mut();
        match event.moment {
            Moment::Open => counts.open(event.session, event.principal.user),
            Moment::Close { .. } => counts.close(event.session),
            Moment::Join(_) | Moment::Leave(_) => {}
        }
    }

    /// Sessions now.
    pub fn sessions(&self) -> usize {
        self.0.borrow().sessions.len()
    }

    /// Users that have a session now.
    pub fn users(&self) -> usize {
        self.0.borrow().users.len()
    }

    /// Sessions at once at most.
    pub fn peak_sessions(&self) -> usize {
        self.0.borrow().peak_sessions
    }

    /// Users at once at most.
    pub fn peak_users(&self) -> usize {
        self.0.borrow().peak_users
    }
}

impl Counts {
    fn open(&mut self, session: Session, user: Option<String>) {
        if let Some(user) = &user {
            *self.users.entry(user.clone()).or_default() += 1;
        }
        self.sessions.insert(session, user);
        self.peak_sessions = self.peak_sessions.max(self.sessions.len());
        self.peak_users = self.peak_users.max(self.users.len());
    }

    fn close(&mut self, session: Session) {
        let Some(Some(user)) = self.sessions.remove(&session) else { return };
        if let Some(count) = self.users.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                self.users.remove(&user);
            }
        }
    }
}

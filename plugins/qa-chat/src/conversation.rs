//! What was said before: a bounded number of turns per user and conversation, in the store; of sessions without a user, in memory.

mod passing;

use std::cell::RefCell;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use tidegate_plugin::{Entry, Expect, Host, Result, Status, Store};

use crate::settings;
use passing::Passing;

/// What in a user's id stands for itself in a key.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'@');
/// Bytes of a key that the user takes, at most: conversations of one whose id is longer are not kept.
const LONGEST_USER: usize = 300;
/// How often a turn is written anew because somebody else has written.
const TRIES: usize = 5;

/// Who says something.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    User,
    Assistant,
}

/// Something that was said.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) role: Role,
    pub(crate) content: String,
}

impl Turn {
    /// With so many bytes at most.
    fn shortened(&self, bytes: usize) -> Self {
        let end = self.content.floor_char_boundary(bytes);
        Self { role: self.role, content: self.content[..end].to_owned() }
    }
}

/// A conversation, as it is kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Conversation {
    pub(crate) turns: Vec<Turn>,
    /// When something was said last, milliseconds since 1970.
    at: i64,
}

/// Whose conversation it is.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    User(String),
    /// A session without a user, by its connection id.
    Session(String),
    /// Somebody of whom nothing is known: nothing is kept.
    Nobody,
}

/// All conversations.
#[derive(Debug)]
pub(crate) struct Conversations {
    store: Store,
    settings: settings::Conversations,
    passing: RefCell<Passing>,
}

/// Where one is kept.
enum Place {
    /// The store: the beginning of the keys of its user, and its key.
    Store {
        prefix: String,
        key: String,
    },
    Memory(String),
    Nowhere,
}

impl Conversation {
    /// Takes turns in, and forgets the oldest of what is too much.
    fn add(&mut self, turns: &[Turn], now: i64, bounds: &settings::Conversations) {
        self.turns.extend(turns.iter().map(|turn| turn.shortened(bounds.bytes / turns.len())));
        self.at = now;
        let mut bytes: usize = self.turns.iter().map(|turn| turn.content.len()).sum();
        let mut count = self.turns.len();
        self.turns.retain(|turn| {
            let keep = count <= bounds.turns && bytes <= bounds.bytes;
            if !keep {
                count -= 1;
                bytes -= turn.content.len();
            }
            keep
        });
    }
}

impl Conversations {
    pub(crate) fn new(host: &Host, settings: &settings::Conversations) -> Self {
        Self { store: host.store(), settings: settings.clone(), passing: RefCell::default() }
    }

    /// What was said before.
    pub(crate) async fn turns(&self, owner: &Owner, name: &str) -> Result<Vec<Turn>> {
        Ok(match self.place(owner, name) {
            Place::Store { key, .. } => self.read(&key).await?.1.turns,
            Place::Memory(key) => self.passing.borrow_mut().get(&key).turns,
            Place::Nowhere => Vec::new(),
        })
    }

    /// Adds what was said at `now`, milliseconds since 1970.
    pub(crate) async fn add(&self, owner: &Owner, name: &str, turns: &[Turn], now: i64) -> Result<()> {
        match self.place(owner, name) {
            Place::Store { prefix, key } => self.write(&prefix, &key, turns, now).await,
            Place::Memory(key) => {
                let mut passing = self.passing.borrow_mut();
                let mut conversation = passing.get(&key);
                conversation.add(turns, now, &self.settings);
                passing.put(key, conversation);
                Ok(())
            }
            Place::Nowhere => Ok(()),
        }
    }

    fn place(&self, owner: &Owner, name: &str) -> Place {
        if self.settings.turns == 0 {
            return Place::Nowhere;
        }
        match owner {
            Owner::User(user) => {
                let user = utf8_percent_encode(user, PLAIN).to_string();
                let prefix = format!("conversation/{user}/");
                let key = format!("{prefix}{name}");
                if user.len() <= LONGEST_USER { Place::Store { prefix, key } } else { Place::Nowhere }
            }
            Owner::Session(session) => Place::Memory(format!("{session}/{name}")),
            Owner::Nobody => Place::Nowhere,
        }
    }

    async fn read(&self, key: &str) -> Result<(Expect, Conversation)> {
        Ok(match self.store.get(key).await? {
            Some(entry) => (Expect::Revision(entry.revision), entry.parse()?),
            None => (Expect::Absent, Conversation::default()),
        })
    }

    async fn write(&self, prefix: &str, key: &str, turns: &[Turn], now: i64) -> Result<()> {
        let mut tries = 0;
        loop {
            let (expect, mut conversation) = self.read(key).await?;
            if expect == Expect::Absent {
                self.make_room(prefix).await?;
            }
            conversation.add(turns, now, &self.settings);
            let value = serde_json::to_vec(&conversation)?;
            tries += 1;
            match self.store.put_for(key, value, expect, self.settings.ttl).await {
                // Somebody else has spoken, or forgotten it, meanwhile.
                Err(error) if error.status() == Status::CONFLICT && tries < TRIES => {}
                written => return written.map(|_| ()),
            }
        }
    }

    /// Forgets the oldest conversations of a user, so that there is room for one more.
    async fn make_room(&self, prefix: &str) -> Result<()> {
        let mut others = self.store.scan(prefix).await?;
        // One that cannot be read is as old as can be.
        others.sort_by_key(|entry: &Entry| entry.parse::<Conversation>().map_or(0, |other| other.at));
        let over = (others.len() + 1).saturating_sub(self.settings.per_user);
        for entry in others.into_iter().take(over) {
            self.store.delete(entry.key, Expect::Any).await?;
        }
        Ok(())
    }
}

/// Whether a conversation may be called that: it is part of a key.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte))
}

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
/// What stands at the end of a turn that is kept in part.
const CUT_OFF: &str = " […]";
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
    /// With so many bytes at most; who reads it sees where something is missing.
    fn shortened(&self, bytes: usize) -> Self {
        if self.content.len() <= bytes {
            return self.clone();
        }
        let end = self.content.floor_char_boundary(bytes.saturating_sub(CUT_OFF.len()));
        Self { role: self.role, content: format!("{}{CUT_OFF}", &self.content[..end]) }
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
    /// Takes turns in, and forgets the oldest of what is too much: what is left begins with a question. None of the new ones takes the
    /// other's half of the space, where that needs it.
    fn add(&mut self, turns: &[Turn; 2], now: i64, bounds: &settings::Conversations) {
        let [question, answer] = turns;
        let space = |other: &Turn| (bounds.bytes / 2).max(bounds.bytes.saturating_sub(other.content.len()));
        self.turns.extend([question.shortened(space(answer)), answer.shortened(space(question))]);
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
        let answers = self.turns.iter().take_while(|turn| turn.role == Role::Assistant).count();
        self.turns.drain(..answers);
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
    pub(crate) async fn add(&self, owner: &Owner, name: &str, turns: &[Turn; 2], now: i64) -> Result<()> {
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

    async fn write(&self, prefix: &str, key: &str, turns: &[Turn; 2], now: i64) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn turns(question: &str, answer: &str) -> [Turn; 2] {
        [(Role::User, question), (Role::Assistant, answer)]
            .map(|(role, content)| Turn { role, content: content.to_owned() })
    }

    fn bounds(turns: usize, bytes: usize) -> settings::Conversations {
        settings::Conversations { turns, bytes, ..settings::Conversations::default() }
    }

    #[test]
    fn what_is_too_long_is_kept_in_part_and_says_so() {
        let mut kept = Conversation::default();
        kept.add(&turns(&"é".repeat(400), "yes"), 1, &bounds(20, 103));
        assert_eq!(kept.turns[0].content, format!("{} […]", "é".repeat(47)), "all that the answer leaves");
        kept.add(&turns(&"q".repeat(400), &"a".repeat(400)), 2, &bounds(20, 103));
        let lengths: Vec<_> = kept.turns.iter().map(|turn| turn.content.len()).collect();
        assert_eq!(lengths, [51, 51]);
    }

    proptest! {
        /// Whatever is said: it stays within its bounds, begins with a question, and ends with what was said last.
        #[test]
        fn what_is_kept_is_a_conversation(
            said in proptest::collection::vec(("[a-zü]{1,60}", "[a-zü]{1,60}"), 1..12),
            most in 1usize..9,
            bytes in 20usize..200,
        ) {
            let mut kept = Conversation::default();
            for (question, answer) in &said {
                kept.add(&turns(question, answer), 1, &bounds(most, bytes));
                prop_assert!(kept.turns.len() <= most);
                prop_assert!(kept.turns.iter().map(|turn| turn.content.len()).sum::<usize>() <= bytes);
                prop_assert!(kept.turns.chunks(2).all(|pair| pair.len() == 2 && pair[0].role == Role::User));
                prop_assert_eq!(kept.turns.is_empty(), most == 1);
            }
        }
    }
}

//! Conversations of sessions without a user: nobody can come back to them, so they are in memory, and the oldest goes first.

use std::collections::HashMap;

use super::Conversation;

/// How many there are at most.
const MOST: usize = 500;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Passing {
    /// By session and name, each with when it was written last.
    conversations: HashMap<String, (u64, Conversation)>,
    writes: u64,
}

impl Passing {
    pub(super) fn get(&self, key: &str) -> Conversation {
        self.conversations.get(key).map(|(_, conversation)| conversation.clone()).unwrap_or_default()
    }

    pub(super) fn put(&mut self, key: String, conversation: Conversation) {
        self.writes += 1;
        self.conversations.insert(key, (self.writes, conversation));
        if self.conversations.len() > MOST {
            let oldest = self.conversations.iter().min_by_key(|(_, (write, _))| *write);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.conversations.remove(&key);
            }
        }
    }
}

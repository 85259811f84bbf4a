//! Tokens that were verified a while ago: a client that comes back, and an API client with each request, shows the same
//! one again. Only hashes are kept.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::Principal;
use super::generations::Generations;
use super::keys::Keys;
use crate::frame::Timestamp;

/// Tokens of a profile that are remembered at least; twice as many at most.
const REMEMBERED: usize = 8192;

/// A token's SHA-256.
pub(super) type Hash = [u8; 32];

/// Hashes a token, or an API key.
pub(super) fn hash(secret: &str) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

/// What a token was found to be.
#[derive(Clone)]
struct Verified {
    principal: Arc<Principal>,
    /// When that ceases to be so.
    until: Timestamp,
    /// The keys by which it was so: others may not hold it to be.
    keys: Arc<Keys>,
}

/// The tokens of a profile.
pub(super) struct Cache(Generations<Verified>);

impl Default for Cache {
    fn default() -> Self {
        Self(Generations::new(REMEMBERED))
    }
}

impl Cache {
    /// What the token with this hash was found to be, if that still holds.
    pub(super) fn find(&self, hash: &Hash, keys: &Arc<Keys>, now: Timestamp) -> Option<Arc<Principal>> {
        let holds = |found: &Verified| now < found.until && Arc::ptr_eq(&found.keys, keys);
        self.0.find(hash, holds).map(|found| found.principal)
    }

    /// Remembers a token until then.
    pub(super) fn put(&self, hash: Hash, principal: &Arc<Principal>, keys: &Arc<Keys>, until: Timestamp) {
        self.0.put(hash, Verified { principal: Arc::clone(principal), until, keys: Arc::clone(keys) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp(100);

    fn filled(count: usize) -> (Cache, Arc<Keys>) {
        let (cache, keys) = (Cache::default(), Arc::default());
        for number in 0..count {
            cache.put(hash(&number.to_string()), &Arc::default(), &keys, LATER);
        }
        (cache, keys)
    }

    #[test]
    fn what_was_verified_holds_until_its_time_and_by_its_keys() {
        let (cache, keys) = filled(1);
        let found = |keys: &Arc<Keys>, now| cache.find(&hash("0"), keys, Timestamp(now)).is_some();
        assert!(found(&keys, 99) && found(&keys, 99));
        assert!(cache.find(&hash("1"), &keys, Timestamp(0)).is_none());
        assert!(!found(&Arc::default(), 0), "other keys");
        let (cache, keys) = filled(1);
        assert!(cache.find(&hash("0"), &keys, LATER).is_none());
        assert!(cache.find(&hash("0"), &keys, Timestamp(0)).is_none(), "and is forgotten then");
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        let (cache, keys) = filled(REMEMBERED);
        let used = hash("7");
        for number in 0..REMEMBERED * 3 {
            cache.put(hash(&format!("x{number}")), &Arc::default(), &keys, LATER);
            assert!(cache.find(&used, &keys, Timestamp(0)).is_some(), "{number}");
        }
        let all: usize = cache.0.lengths().iter().sum();
        assert!(all <= 2 * REMEMBERED, "{all}");
    }
}

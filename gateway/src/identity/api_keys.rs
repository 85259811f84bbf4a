//! Keys of programs that use the API: long random texts, of which the configuration holds hashes.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::cache::{self, Hash};
use super::{Principal, Proof, Scopes};

/// How hashes are written.
const PREFIX: &str = "sha256:";

/// The configuration's hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected \"sha256:\" and 64 hexadecimal digits, as `tidegate token key` prints them")]
pub struct BadHash;

/// A key as the configuration knows it.
pub struct ApiKey {
    hash: Hash,
    principal: Arc<Principal>,
}

impl ApiKey {
    /// The key of which this is the hash, with what it may do.
    ///
    /// # Errors
    /// [`BadHash`].
    pub fn new(name: &str, hash: &str, scopes: &[String]) -> Result<Self, BadHash> {
        let scopes = Scopes::Some(scopes.iter().map(|scope| scope.as_str().into()).collect());
        let principal = Principal { scopes, proof: Proof::Key(name.into()), ..Principal::default() };
        Ok(Self { hash: parse(hash).ok_or(BadHash)?, principal: Arc::new(principal) })
    }
}

/// The hash of a key, as the configuration holds it.
pub fn hash_of(key: &str) -> String {
    let digits = cache::hash(key).map(|byte| format!("{byte:02x}"));
    format!("{PREFIX}{}", digits.concat())
}

fn parse(text: &str) -> Option<Hash> {
    let digits = text.strip_prefix(PREFIX)?;
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = Hash::default();
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// All keys of the configuration.
#[derive(Default)]
pub struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    /// These.
    pub fn new(keys: Vec<ApiKey>) -> Self {
        Self(keys)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose key this is. Every hash is compared, each in constant time.
    pub fn find(&self, key: &str) -> Option<&Arc<Principal>> {
        if self.is_empty() {
            return None;
        }
        let shown = cache::hash(key);
        self.0.iter().fold(None, |found, known| {
            let same = verify_slices_are_equal(&known.hash, &shown).is_ok();
            if same { Some(&known.principal) } else { found }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_hash() {
        let key = |name: &str, key: &str| ApiKey::new(name, &hash_of(key), &["read".into()]).unwrap();
        let keys = ApiKeys::new(vec![key("a", "one"), key("b", "two")]);
        let found = keys.find("two").unwrap();
        assert!(found.proof == Proof::Key("b".into()) && found.may("read") && !found.may("publish"));
        for wrong in ["", "tw", "two ", "Two", &hash_of("two")] {
            assert!(keys.find(wrong).is_none(), "{wrong}");
        }
        assert!(ApiKeys::default().find("").is_none());
    }

    #[test]
    fn a_hash_is_read_or_refused() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash_of(""), empty);
        assert!(ApiKey::new("a", &empty.to_uppercase().replace("SHA", "sha"), &[]).is_ok());
        for bad in ["", "sha256:", &empty[7..], &empty[..70], &format!("{empty}0"), "sha512:ab"] {
            assert!(ApiKey::new("a", bad, &[]).is_err(), "{bad}");
        }
    }
}

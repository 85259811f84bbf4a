//! Who a session or request is, and what it may do.
//!
//! A request shows [credentials] (a token, taken from where its [`Profile`] says, an API key, or the
//! certificate of its connection) and becomes a [`Principal`], or is [refused](Refusal). Keys are at hand when a token is looked at: they are read and
//! fetched beside the requests ([`Keyring`]), and what was verified once is remembered ([`Profile`]). What was
//! [revoked](Revocations) holds from the moment on at which it was, for sessions that live too.

mod api_keys;
mod authoriser;
mod cache;
mod certificate;
mod claims;
pub mod credentials;
mod generations;
mod jwks;
mod keyring;
mod keys;
mod pattern;
mod principal;
mod profile;
mod refusal;
mod revocation;
mod signer;
mod token;

pub use api_keys::{ApiKey, ApiKeys, BadHash, hash_of};
pub use authoriser::{Authoriser, Question, Wish};
pub use certificate::{Certificate, CertificateRule, ShownCertificate};
pub use claims::ClaimRules;
pub use jwks::{BadKeySet, secrets};
pub use keyring::Keyring;
pub use keys::{Algorithm, BadKey, Key};
pub use pattern::Pattern;
pub use principal::{Principal, Proof, Scopes, Token};
pub use profile::{Profile, Settings};
pub use refusal::Refusal;
pub use revocation::{Ledger, Revocation, Revocations, RevokeError, Revoked, TooMany};
pub use signer::{SignError, Signer};
pub use token::unverified;

//! What feeds keyrings: sets of keys are read again every so often, and when they are wanted.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, Uri};
use tokio::task::AbortHandle;

use super::{IdentityError, Reader, is_strict};
use crate::config::{Weakness, shown_url, weakness};
use crate::identity::{self, BadKeySet, Keyring, Ledger};
use crate::outgoing::{self, OutgoingError};

/// For how long an issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Until the next attempt after one that failed.
const AGAIN: Duration = Duration::from_secs(5);
/// Between two looks at what of the revocations has had its time.
const SWEEP: Duration = Duration::from_secs(1);

/// Where a set of keys is.
enum Place {
    File(String),
    Address(Uri),
}

/// Why there is no new set; the one before stays.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("is not UTF-8")]
    Text,
    #[error(transparent)]
    Set(#[from] BadKeySet),
    #[error("a secret (oct) {0}; take a long random one, or set allow = [\"development-secret\"]")]
    Weak(Weakness),
}

/// A set of keys somewhere, and the keyring that has it.
pub(super) struct Feed {
    profile: String,
    jwks: String,
    place: Place,
    every: Duration,
    keyring: Arc<Keyring>,
    /// Secrets that anybody could guess are refused.
    is_strict: bool,
}

impl Feed {
    /// Of the profile of this name, where it has a set of keys. A file is read at once, so that it is known whether it
    /// holds one.
    ///
    /// # Errors
    /// Where the file cannot be used.
    pub(super) fn open(
        Reader { config, name, settings }: &Reader<'_>,
        keyring: &Arc<Keyring>,
    ) -> Result<Option<Self>, IdentityError> {
        let Some(jwks) = &settings.jwks else { return Ok(None) };
        let feed = Self {
            profile: (*name).to_owned(),
            jwks: shown_url(jwks),
            place: Place::of(jwks),
            every: settings.refresh.get(),
            keyring: Arc::clone(keyring),
            is_strict: is_strict(config),
        };
        if let Place::File(path) = &feed.place {
            feed.keyring.begin();
            read(path).and_then(|set| feed.put(&set)).map_err(|error| feed.failed(&error))?;
        }
        Ok(Some(feed))
    }

    /// Has the set fetched now.
    ///
    /// # Errors
    /// Where it cannot be had, or used.
    pub(super) async fn fetch(&self) -> Result<(), IdentityError> {
        self.feed().await.map_err(|error| self.failed(&error))
    }

    async fn feed(&self) -> Result<(), FetchError> {
        self.keyring.begin();
        self.put(&fetch(&self.place).await?)
    }

    /// Secrets are judged like those of the configuration: in files, as they count nowhere else.
    fn put(&self, set: &str) -> Result<(), FetchError> {
        if self.is_strict && matches!(self.place, Place::File(_)) {
            let weak = identity::secrets(set)?.iter().find_map(weakness);
            weak.map_or(Ok(()), |weakness| Err(FetchError::Weak(weakness)))?;
        }
        Ok(self.keyring.put(set)?)
    }

    /// In place of a `former` one: what is at an address is as that had it until it is fetched anew. Without such it is
    /// fetched now, so that nobody is shut out.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub(super) async fn begin(&self, former: Option<&Keyring>) -> Result<(), IdentityError> {
        match (&self.place, former) {
            (Place::File(_), _) => Ok(()), // it was read
            (Place::Address(_), Some(former)) => {
                self.keyring.take_over(former);
                Ok(())
            }
            (Place::Address(_), None) => self.fetch().await,
        }
    }

    /// Fetches it at once, and again from time to time, until it is aborted.
    pub(super) fn start(self) -> AbortHandle {
        tokio::spawn(self.run()).abort_handle()
    }

    async fn run(self) {
        let Self { profile, place, every, keyring, .. } = &self;
        loop {
            let fetched = self.feed().await;
            let pause = match &fetched {
                Ok(()) => jittered(*every),
                Err(error) => {
                    keyring.put_nothing();
                    tracing::warn!(profile, jwks = place.shown(), %error, "the keys cannot be refreshed; those before stay");
                    AGAIN.min(*every)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = keyring.wanted() => {}
            }
        }
    }

    fn failed(&self, error: &FetchError) -> IdentityError {
        let (profile, jwks) = (self.profile.clone(), self.jwks.clone());
        IdentityError::Fetch { profile, jwks, why: error.to_string() }
    }
}

async fn fetch(place: &Place) -> Result<String, FetchError> {
    let address = match place {
        Place::File(path) => return read(path),
        Place::Address(address) => address,
    };
    let answer = outgoing::get(address, PATIENCE).await?;
    if answer.status != StatusCode::OK {
        return Err(FetchError::Status(answer.status));
    }
    String::from_utf8(answer.body.into()).map_err(|_| FetchError::Text)
}

fn read(path: &str) -> Result<String, FetchError> {
    Ok(fs::read_to_string(path)?)
}

impl Place {
    fn of(jwks: &str) -> Self {
        match jwks.parse::<Uri>() {
            Ok(address) if jwks.contains("://") => Self::Address(address),
            _ => Self::File(jwks.to_owned()),
        }
    }

    /// For the log: a query may hold a key.
    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.clone(),
            Self::Address(address) => {
                format!("{}{}", address.authority().map_or("", |authority| authority.host()), address.path())
            }
        }
    }
}

/// Give or take a tenth, so that the gateways of a cluster do not ask all at once.
fn jittered(every: Duration) -> Duration {
    let share = uuid::Uuid::new_v4().as_u128() % 201;
    every.mul_f64(0.9 + share as f64 / 1000.0)
}

/// Has the ledger forget what has had its time; never ends.
pub(super) async fn sweep(ledger: Arc<Ledger>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        let ledger = Arc::clone(&ledger);
        // It may wait for a disk.
        if let Err(error) = tokio::task::spawn_blocking(move || ledger.sweep()).await {
            tracing::error!(%error, "revocations are not swept");
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::config::{Config, Environment};

    #[tokio::test]
    async fn a_secret_in_a_file_of_keys_is_judged_whenever_it_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let put = |secret: &str| {
            let key = URL_SAFE_NO_PAD.encode(secret);
            fs::write(file.path(), format!("{{\"keys\":[{{\"kty\":\"oct\",\"k\":\"{key}\"}}]}}")).unwrap();
        };
        let settings = super::super::settings::Config {
            jwks: Some(file.path().display().to_string()),
            ..Default::default()
        };
        let open = |environment: Environment| {
            let config = Config { environment, ..Config::default() };
            let reader = Reader { config: &config, name: "users", settings: &settings };
            Feed::open(&reader, &Arc::new(reader.keyring().unwrap())).map(Option::unwrap)
        };
        put("short");
        open(Environment::Development).unwrap();
        let refused = open(Environment::Production).err().unwrap().to_string();
        assert!(refused.contains("fewer than 32 bytes"), "{refused}");
        put("a long text that nobody would ever guess");
        let feed = open(Environment::Production).unwrap();
        put("short");
        assert!(matches!(feed.feed().await, Err(FetchError::Weak(Weakness::Short))));
    }
}

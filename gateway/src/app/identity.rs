//! Profiles, keys and revocations, from what the configuration says.

mod feed;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::AbortHandle;

use crate::config::model::auth::{self as settings, OverLimit};
use crate::config::model::room::Access;
use crate::config::{Config, Unsafe, Weakness, weakness};
use crate::frame::Timestamp;
use crate::identity::credentials::{Source, Taking};
use crate::identity::{
    ApiKey, ApiKeys, Authoriser, BadHash, BadKey, CertificateRule, ClaimRules, Key, Keyring, Ledger, Pattern,
    Profile, Revocations, Scopes, Settings, Wish,
};
use crate::store::{Store, StoreError};
use crate::units::moment;
use feed::Feed;

/// Why nobody could be let in.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("auth.{profile}: {path} cannot be read: {source}")]
    Unreadable {
        /// Whose.
        profile: String,
        /// Which.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A file or a text holds no key.
    #[error("auth.{profile}: {place} {source}")]
    Key {
        /// Whose.
        profile: String,
        /// Where it was given.
        place: String,
        /// What is wrong with it.
        source: BadKey,
    },
    /// A set of keys cannot be fetched.
    #[error("auth.{profile}: {jwks}: {why}")]
    Fetch {
        /// Whose.
        profile: String,
        /// Where it should be.
        jwks: String,
        /// What went wrong.
        why: String,
    },
    /// A secret in a file that may not stand there.
    #[error(
        "auth.{profile}: {path} {weakness}; take a long random one, or set allow = [\"development-secret\"]"
    )]
    Weak {
        /// Whose.
        profile: String,
        /// Which.
        path: PathBuf,
        /// Why it is none.
        weakness: Weakness,
    },
    /// A time that is none, or a hash: `check` says where.
    #[error("{0}")]
    Setting(String),
    /// Revocations cannot be read.
    #[error("cannot read what tokens are revoked: {0}")]
    Revocations(#[from] StoreError),
}

impl From<BadHash> for IdentityError {
    fn from(error: BadHash) -> Self {
        Self::Setting(format!("api.keys: {error}"))
    }
}

/// Where profiles are found by their names, and the keys of programs.
pub(super) trait Profiles {
    /// The profile of this name.
    fn profile(&self, name: &str) -> Arc<Profile>;
    /// The keys.
    fn api_keys(&self) -> Arc<ApiKeys>;
}

/// All that is needed to know who somebody is.
#[derive(Clone)]
pub(super) struct Identity {
    profiles: BTreeMap<String, Arc<Profile>>,
    /// What fetches their keys.
    feeds: BTreeMap<String, AbortHandle>,
    api_keys: Arc<ApiKeys>,
    pub(super) ledger: Arc<Ledger>,
}

/// What the profiles are to be; nobody goes by it yet.
pub(super) struct Drafts {
    drafts: Vec<Draft>,
    /// For how long revocations are to be known.
    keep: Duration,
    api_keys: Arc<ApiKeys>,
}

struct Draft {
    name: String,
    /// The one that takes the settings, or a new one.
    profile: Arc<Profile>,
    settings: Settings,
    feed: Option<Feed>,
}

impl Identity {
    /// Reads the keys that are files, and has the others fetched from here on.
    pub(super) fn build(config: &Config, store: Arc<dyn Store>) -> Result<Self, IdentityError> {
        let kept = &config.revocations;
        let revocations = Arc::new(Revocations::new(kept.entries as usize, keep(config)));
        let ledger = Arc::new(Ledger::open(Arc::clone(&revocations), store)?);
        let (mut profiles, mut feeds) = (BTreeMap::new(), BTreeMap::new());
        for (name, settings) in &config.auth {
            let reader = Reader { config, name, settings };
            let keyring = Arc::new(reader.keyring()?);
            if let Some(feed) = Feed::open(&reader, &keyring)? {
                feeds.insert(name.clone(), feed.start());
            }
            let profile = Profile::new(profile(config, name, settings, keyring, Arc::clone(&revocations)));
            profiles.insert(name.clone(), Arc::new(profile));
        }
        let api_keys = api_keys(config)?;
        tokio::spawn(feed::sweep(Arc::clone(&ledger)));
        Ok(Self { profiles, feeds, api_keys, ledger })
    }

    /// Reads what the profiles are to be by `next`, where they are as `running` says. Keys at an address that was
    /// there before are those that were fetched last, until they are fetched anew; those at another are fetched here.
    pub(super) async fn drafts(&self, running: &Config, next: &Config) -> Result<Drafts, IdentityError> {
        let mut drafts = Vec::new();
        for (name, settings) in &next.auth {
            let reader = Reader { config: next, name, settings };
            let keyring = Arc::new(reader.keyring()?);
            let former = self.profiles.get(name);
            let feed = Feed::open(&reader, &keyring)?;
            if let Some(feed) = &feed {
                let same = running.auth.get(name).is_some_and(|before| before.jwks == settings.jwks);
                feed.begin(
                    former.filter(|_| same).map(|former| Arc::clone(&former.settings().keyring)).as_deref(),
                )
                .await?;
            }
            let revocations = Arc::clone(self.ledger.revocations());
            let made = || profile(next, name, settings, Arc::clone(&keyring), Arc::clone(&revocations));
            let profile = former.cloned().unwrap_or_else(|| Arc::new(Profile::new(made())));
            drafts.push(Draft { name: name.clone(), profile, settings: made(), feed });
        }
        Ok(Drafts { drafts, keep: keep(next), api_keys: api_keys(next)? })
    }

    /// From now on the profiles are what `drafts` says.
    pub(super) fn put(&mut self, drafts: Drafts) {
        self.api_keys = drafts.api_keys;
        self.ledger.revocations().keep_for(drafts.keep);
        for Draft { name, profile, settings, feed } in drafts.drafts {
            profile.set(settings);
            if let Some(former) = self.feeds.remove(&name) {
                former.abort();
            }
            if let Some(feed) = feed {
                self.feeds.insert(name.clone(), feed.start());
            }
            self.profiles.insert(name, profile);
        }
    }
}

impl Profiles for Identity {
    fn profile(&self, name: &str) -> Arc<Profile> {
        let found = self.profiles.get(name);
        // `check` has refused a configuration that names another.
        Arc::clone(found.unwrap_or_else(|| unreachable!("there is no profile [auth.{name}]")))
    }

    fn api_keys(&self) -> Arc<ApiKeys> {
        Arc::clone(&self.api_keys)
    }
}

impl Profiles for Drafts {
    fn profile(&self, name: &str) -> Arc<Profile> {
        let found = self.drafts.iter().find(|draft| draft.name == name);
        let draft = found.unwrap_or_else(|| unreachable!("there is no profile [auth.{name}]"));
        Arc::clone(&draft.profile)
    }

    fn api_keys(&self) -> Arc<ApiKeys> {
        Arc::clone(&self.api_keys)
    }
}

fn api_keys(config: &Config) -> Result<Arc<ApiKeys>, BadHash> {
    let keys = config.api.keys.iter().map(|key| ApiKey::new(&key.name, &key.hash, &key.scopes));
    Ok(Arc::new(ApiKeys::new(keys.collect::<Result<_, _>>()?)))
}

/// A profile by itself, outside of any gateway: without revocations, its keys read or fetched once.
///
/// # Errors
/// [`IdentityError`]; also where there is no such profile.
pub async fn profile_alone(config: &Config, name: &str) -> Result<Profile, IdentityError> {
    let settings = settings_of(config, name)?;
    let reader = Reader { config, name, settings };
    let keyring = Arc::new(reader.keyring()?);
    if let Some(feed) = Feed::open(&reader, &keyring)? {
        feed.fetch().await?;
    }
    Ok(Profile::new(profile(config, name, settings, keyring, Arc::new(Revocations::new(0, Duration::ZERO)))))
}

/// What signs tokens for a profile: its own secret.
///
/// # Errors
/// [`IdentityError`]; also where the profile has no secret.
pub fn secret_alone(config: &Config, name: &str) -> Result<String, IdentityError> {
    let settings = settings_of(config, name)?;
    let reader = Reader { config, name, settings };
    match (&settings.secret, &settings.secret_file) {
        (Some(secret), _) => Ok(secret.expose().to_owned()),
        (None, Some(path)) => reader.secret_of(path),
        (None, None) => Err(IdentityError::Setting(format!(
            "auth.{name}: has no secret, so tokens for it are signed with a private key: --key FILE"
        ))),
    }
}

/// For how long a revocation must be known.
fn keep(config: &Config) -> Duration {
    match config.revocations.keep.get() {
        Duration::ZERO => config.longest_life().unwrap_or(Duration::MAX),
        keep => keep,
    }
}

fn settings_of<'a>(config: &'a Config, name: &str) -> Result<&'a settings::Config, IdentityError> {
    let missing = || IdentityError::Setting(format!("there is no profile [auth.{name}]"));
    config.auth.get(name).ok_or_else(missing)
}

/// What a profile that verifies tokens with `keyring` is made of.
pub(super) fn profile(
    config: &Config,
    name: &str,
    settings: &settings::Config,
    keyring: Arc<Keyring>,
    revocations: Arc<Revocations>,
) -> Settings {
    let name: Arc<str> = name.into();
    let authoriser = settings.authoriser.as_ref().and_then(|authoriser| {
        let asks = authoriser.asks.iter().map(|wish| match wish {
            settings::Wish::Connect => Wish::Connect,
            settings::Wish::Join => Wish::Join,
            settings::Wish::Publish => Wish::Publish,
        });
        // `check` has refused an address that is none.
        let url = authoriser.url.parse().ok()?;
        Some(Authoriser::new(url, asks.collect(), authoriser.timeout.get(), authoriser.cache.get()))
    });
    Settings {
        name: Arc::clone(&name),
        anonymous: settings.anonymous,
        taking: Taking {
            order: settings.take_from.iter().map(|source| place(*source)).collect(),
            cookie: settings.cookie.as_str().into(),
        },
        max_per_user: settings.max_per_user as usize,
        close_oldest: settings.over_limit == OverLimit::CloseOldest,
        keyring,
        claims: claim_rules(config, name, settings),
        certificates: settings.certificates.iter().map(certificate).collect(),
        revocations,
        authoriser,
    }
}

fn certificate(rule: &settings::Certificate) -> CertificateRule {
    let words = |list: &[String]| list.iter().map(|word| word.as_str().into()).collect::<Vec<_>>();
    CertificateRule {
        name: Pattern::new(&rule.name),
        listener: rule.listener.as_deref().map(Into::into),
        roles: words(&rule.roles),
        scopes: if rule.permissions.is_empty() {
            Scopes::None
        } else {
            Scopes::Some(words(&rule.permissions))
        },
        rooms: rule.rooms.as_ref().map(|rooms| rooms.iter().map(|room| Pattern::new(room)).collect()),
        rate_class: rule.rate_class.as_deref().map(Into::into),
    }
}

fn place(source: settings::Source) -> Source {
    match source {
        settings::Source::Header => Source::Header,
        settings::Source::Query => Source::Query,
        settings::Source::Subprotocol => Source::Subprotocol,
        settings::Source::Cookie => Source::Cookie,
        settings::Source::FirstFrame => Source::FirstFrame,
        settings::Source::Payload => Source::Payload,
    }
}

fn claim_rules(config: &Config, profile: Arc<str>, settings: &settings::Config) -> ClaimRules {
    let values = |value: &Value| match value {
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    };
    let words = |list: &[String]| list.iter().map(|word| word.as_str().into()).collect();
    ClaimRules {
        profile,
        issuer: settings.issuer.0.clone(),
        audience: settings.audience.0.clone(),
        leeway: settings.leeway.get(),
        max_age: settings.max_age.get(),
        required: settings.required.clone(),
        fixed: settings.claims.iter().map(|(name, value)| (name.clone(), values(value))).collect(),
        user: settings.user.clone(),
        roles: settings.roles.clone(),
        default_roles: words(&settings.default_roles),
        known_roles: words(&settings.known_roles),
        permissions: settings.permissions.clone(),
        rooms: settings.rooms.clone(),
        info: settings.info.clone(),
        rate_class: settings.rate_class.clone(),
        kept: asked_for(config),
    }
}

/// The claims that rules for rooms ask for.
fn asked_for(config: &Config) -> Vec<Arc<str>> {
    let rules = config.room.iter().flat_map(|rule| [&rule.join, &rule.publish, &rule.presence]);
    let mut claims: Vec<Arc<str>> = Vec::new();
    for access in rules {
        if let Access::Claim(claim) = access
            && !claims.iter().any(|known| **known == **claim)
        {
            claims.push(claim.as_str().into());
        }
    }
    claims
}

/// Whether a secret must be one.
fn is_strict(config: &Config) -> bool {
    let exposed = config.is_exposed() && !config.allow.contains(&Unsafe::DevelopmentSecret);
    exposed || config.is_production()
}

/// Reads a profile's keys.
pub(super) struct Reader<'a> {
    pub(super) config: &'a Config,
    pub(super) name: &'a str,
    pub(super) settings: &'a settings::Config,
}

impl Reader<'_> {
    /// The keys of the configuration and of files; none of an address yet.
    pub(super) fn keyring(&self) -> Result<Keyring, IdentityError> {
        let own = self.settings;
        let secret = own.secret.as_ref().map(|secret| secret.expose());
        let mut keys = self.keys(secret, own.secret_file.as_deref(), own.keys.as_deref())?;
        for previous in &own.previous {
            let secret = previous.secret.as_ref().map(|secret| secret.expose());
            let until = moment(&previous.until);
            let until = until.and_then(|until| until.duration_since(std::time::UNIX_EPOCH).ok());
            let until = until.ok_or_else(|| {
                IdentityError::Setting(format!("auth.{}.previous: `until` is no time", self.name))
            })?;
            let until = Timestamp(i64::try_from(until.as_millis()).unwrap_or(i64::MAX));
            let old = self.keys(secret, previous.secret_file.as_deref(), previous.keys.as_deref())?;
            keys.extend(old.into_iter().map(|key| key.until(until)));
        }
        let allowed = own.algorithms.clone();
        Ok(match &own.jwks {
            Some(jwks) => Keyring::fed(keys, allowed, !jwks.contains("://")),
            None => Keyring::fixed(keys, allowed),
        })
    }

    fn keys(
        &self,
        secret: Option<&str>,
        secret_file: Option<&Path>,
        pem: Option<&Path>,
    ) -> Result<Vec<Key>, IdentityError> {
        let allowed = &self.settings.algorithms;
        let bad = |place: &str| {
            let (profile, place) = (self.name.to_owned(), place.to_owned());
            |source| IdentityError::Key { profile, place, source }
        };
        let mut keys = Vec::new();
        if let Some(secret) = secret {
            keys.push(Key::secret(secret.as_bytes(), allowed).map_err(bad("secret"))?);
        }
        if let Some(path) = secret_file {
            let secret = self.secret_of(path)?;
            let key = Key::secret(secret.as_bytes(), allowed);
            keys.push(key.map_err(bad(&path.display().to_string()))?);
        }
        if let Some(path) = pem {
            let read = Key::from_pem(&self.read(path)?, allowed);
            keys.extend(read.map_err(bad(&path.display().to_string()))?);
        }
        Ok(keys)
    }

    fn read(&self, path: &Path) -> Result<String, IdentityError> {
        fs::read_to_string(path).map_err(|source| IdentityError::Unreadable {
            profile: self.name.to_owned(),
            path: path.to_owned(),
            source,
        })
    }

    /// A secret in a file is judged here, as it is not looked at before the gateway starts.
    fn secret_of(&self, path: &Path) -> Result<String, IdentityError> {
        let text = self.read(path)?;
        let secret = text.strip_suffix('\n').unwrap_or(&text);
        let secret = secret.strip_suffix('\r').unwrap_or(secret).to_owned();
        match weakness(&secret).filter(|_| is_strict(self.config)) {
            Some(weakness) => {
                Err(IdentityError::Weak { profile: self.name.to_owned(), path: path.to_owned(), weakness })
            }
            None => Ok(secret),
        }
    }
}

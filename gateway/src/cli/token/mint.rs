//! `tidegate token mint`: makes a token.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::{Map, Value, json};
use tidegate::app;
use tidegate::config::model::auth;
use tidegate::identity::{Algorithm, Signer};

use super::{Done, Failure, Settings, load, print};

/// The options of `mint`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// The profile that the token is for
    #[arg(short, long, default_value = "default")]
    profile: String,
    /// The user
    #[arg(short, long)]
    user: Option<String>,
    /// A role; may be given more than once
    #[arg(short, long)]
    role: Vec<String>,
    /// A scope, as read or publish:news:*; may be given more than once
    #[arg(long)]
    scope: Vec<String>,
    /// A pattern of rooms that the session is narrowed to; may be given more than once
    #[arg(long)]
    room: Vec<String>,
    /// A further claim; the value is JSON, or else a text; may be given more than once
    #[arg(long, value_name = "NAME=VALUE")]
    claim: Vec<String>,
    /// For how long it holds; 0s: for ever
    #[arg(short, long, default_value = "1h", value_parser = humantime::parse_duration)]
    lifetime: Duration,
    /// Its own id, by which it can be revoked; without it, a random one
    #[arg(long)]
    jti: Option<String>,
    /// Sign with this private key (PEM) instead of the profile's secret
    #[arg(short, long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The key's name in its set
    #[arg(long)]
    kid: Option<String>,
    /// How to sign; without it, the first of the profile's algorithms that the key is for
    #[arg(short, long)]
    algorithm: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  tidegate token mint --config config/tidegate.toml --user ada --role operator --scope read
  tidegate token mint --set auth.default.secret=$SECRET --user ada --lifetime 5m --claim team='[\"red\"]'
  tidegate token mint --config production.toml --key issuer.pem --kid 2030-01 --user ada

The token alone goes to standard output.";

/// Makes the token and prints it.
pub(super) fn run(arguments: &Arguments) -> Done {
    let config = load(&arguments.settings)?;
    let profile = config.auth.get(&arguments.profile);
    let profile = profile
        .ok_or_else(|| Failure::unusable(format!("there is no profile [auth.{}]", arguments.profile)))?;
    let signer = match &arguments.key {
        Some(path) => {
            let algorithm = algorithm(arguments, profile, false)?;
            let pem = std::fs::read_to_string(path)
                .map_err(|error| Failure::unusable(format!("{} cannot be read: {error}", path.display())))?;
            Signer::from_pem(&pem, algorithm)
                .map_err(|error| Failure::unusable(format!("{} {error}", path.display())))?
        }
        None => {
            let secret = app::secret_alone(&config, &arguments.profile).map_err(Failure::unusable)?;
            let algorithm = algorithm(arguments, profile, true)?;
            Signer::secret(secret.as_bytes(), algorithm).map_err(Failure::unusable)?
        }
    };
    let claims = claims(arguments, profile)?;
    print(&signer.sign(&claims, arguments.kid.clone()).map_err(Failure::unusable)?)
}

fn algorithm(arguments: &Arguments, profile: &auth::Config, symmetric: bool) -> Result<Algorithm, Failure> {
    if let Some(name) = &arguments.algorithm {
        return Algorithm::named(name).ok_or_else(|| Failure::unusable(format!("{name:?} is no algorithm")));
    }
    let found = profile.algorithms.iter().find(|algorithm| algorithm.is_symmetric() == symmetric);
    found.copied().ok_or_else(|| Failure::unusable("the profile allows no algorithm that such a key is for"))
}

fn claims(arguments: &Arguments, profile: &auth::Config) -> Result<Map<String, Value>, Failure> {
    let mut claims = Map::new();
    for (name, value) in &profile.claims {
        let value = value.as_array().and_then(|values| values.first()).unwrap_or(value);
        claims.insert(name.clone(), value.clone());
    }
    let mut put = |names: &[String], usual: &str, value: Value| {
        let name = names.iter().find(|name| *name == usual).or(names.first());
        if let Some(name) = name.filter(|_| !value.is_null()) {
            claims.insert(name.clone(), value);
        }
    };
    let one = |name: &str| [name.to_owned()];
    let list = |values: &[String]| if values.is_empty() { Value::Null } else { json!(values) };
    put(&one("iss"), "iss", json!(profile.issuer.0.first()));
    put(&one("aud"), "aud", json!(profile.audience.0.first()));
    put(&profile.user, "sub", json!(arguments.user));
    put(&profile.roles, "roles", list(&arguments.role));
    put(&profile.permissions, "permissions", list(&arguments.scope));
    put(&profile.rooms, "rooms", list(&arguments.room));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    put(&one("iat"), "iat", json!(now.as_secs()));
    if !arguments.lifetime.is_zero() {
        put(&one("exp"), "exp", json!((now + arguments.lifetime).as_secs()));
    }
    let id = arguments.jti.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    put(&one("jti"), "jti", json!(id));
    for claim in &arguments.claim {
        let given = claim.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) =
            given.ok_or_else(|| Failure::unusable(format!("--claim {claim}: expected NAME=VALUE")))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        claims.insert(name.to_owned(), value);
    }
    Ok(claims)
}

//! `tidegate token verify`: says who a token is.

use clap::Args;
use serde_json::json;
use tidegate::app;
use tidegate::identity::{Principal, Scopes};

use super::{Done, Failure, Settings, load, print, token};

/// The options of `verify`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// The profile to judge it by
    #[arg(short, long, default_value = "default")]
    profile: String,
    /// The token; - reads it from standard input
    token: String,
}

const EXAMPLES: &str = "\
Examples:
  tidegate token verify --config config/tidegate.toml \"$TOKEN\"
  tidegate token mint --user ada | tidegate token verify -

The exit code is 0 for a token that holds and 1 for one that does not. What a running gateway has revoked is not known
here. A set of keys at an address is fetched.";

/// Judges the token and prints its principal.
pub(super) fn run(arguments: &Arguments) -> Done {
    let config = load(&arguments.settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::unusable)?;
    let profile =
        runtime.block_on(app::profile_alone(&config, &arguments.profile)).map_err(Failure::unusable)?;
    match profile.authenticate(&token(&arguments.token)?) {
        Ok(principal) => print(&format!("{:#}", shown(&principal))),
        Err(refusal) => Err(Failure::no(format!("{refusal} ({})", refusal.name()))),
    }
}

fn shown(principal: &Principal) -> serde_json::Value {
    let token = principal.token();
    let scopes = match &principal.scopes {
        Scopes::All => json!("all"),
        Scopes::Some(scopes) => json!(scopes),
        Scopes::None => json!([]),
    };
    let rooms =
        principal.rooms.as_ref().map(|rooms| rooms.iter().map(ToString::to_string).collect::<Vec<_>>());
    json!({
        "user": principal.user,
        "roles": principal.roles,
        "scopes": scopes,
        "rooms": rooms,
        "rate_class": principal.rate_class,
        "jti": token.and_then(|token| token.id.clone()),
        "issued_at": token.and_then(|token| token.issued_at).map(|at| at.to_string()),
        "expires_at": token.and_then(|token| token.expires_at).map(|at| at.to_string()),
    })
}

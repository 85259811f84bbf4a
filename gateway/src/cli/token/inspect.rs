//! `tidegate token inspect`: shows what a token says.

use clap::Args;
use serde_json::json;
use tidegate::identity::unverified;

use super::{Done, Failure, print, token};

/// The options of `inspect`.
#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// The token; - reads it from standard input
    token: String,
}

/// Prints header and claims. The signature is not shown, so that the output can be passed on.
pub(super) fn run(arguments: &Arguments) -> Done {
    let (header, claims) =
        unverified(&token(&arguments.token)?).map_err(|_| Failure::no("this is no token"))?;
    print(&format!("{:#}", json!({ "header": header, "claims": claims, "verified": false })))
}

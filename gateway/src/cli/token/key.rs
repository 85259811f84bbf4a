//! `tidegate token key`: makes a key for a program.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::json;
use tidegate::identity::hash_of;

use super::{Done, Failure, print};

/// Random bytes of a key.
const BYTES: usize = 32;

/// The options of `key`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Arguments {
    /// What logs call it
    #[arg(short, long)]
    name: String,
    /// What it may do: read, publish, publish:<room pattern>, admin; may be given more than once
    #[arg(long, required = true)]
    scope: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  tidegate token key --name ci --scope publish:builds:* --scope read

The key goes to the program, which sends it as `Authorization: Bearer KEY` or `X-API-Key: KEY`; it is shown this once.
The setting goes into the list `keys` of [api].";

/// Makes the key, and prints it with its setting.
pub(super) fn run(arguments: &Arguments) -> Done {
    let mut random = [0; BYTES];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| Failure::no("the system gives no random bytes"))?;
    let key = format!("tgk_{}", URL_SAFE_NO_PAD.encode(random));
    let (name, hash, scopes) = (json!(arguments.name), hash_of(&key), json!(arguments.scope));
    print(&format!("key:     {key}\nsetting: {{ name = {name}, hash = \"{hash}\", scopes = {scopes} }}"))
}

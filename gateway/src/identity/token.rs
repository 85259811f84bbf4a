//! A token taken apart (RFC 7515, compact form), and nothing of it believed yet.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Algorithm, Refusal};

/// Bytes of a token at most: what fits a header field.
const LONGEST: usize = 8 * 1024;
/// Bytes of its header at most, in base64.
const LONGEST_HEADER: usize = 1024;
/// Bytes of a key's name at most.
pub(super) const LONGEST_KEY_ID: usize = 200;

/// The three parts.
pub(super) struct Parts<'a> {
    /// What was signed: header and payload as they came.
    pub(super) signed: &'a str,
    /// In base64.
    pub(super) signature: &'a str,
    /// In base64.
    pub(super) payload: &'a str,
    pub(super) algorithm: Algorithm,
    /// Which key has made the signature, where the token says so. Only ever compared with the names of known keys.
    pub(super) key_id: Option<Box<str>>,
}

/// All of a header that is looked at. Keys and addresses of keys that a token brings along (`jwk`, `jku`, `x5u`) are
/// not among it.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default)]
    kid: Option<Cow<'a, str>>,
    /// Extensions that must be understood; we understand none (RFC 7515, section 4.1.11).
    #[serde(default)]
    crit: Option<IgnoredAny>,
    /// `false`: the payload is no base64 (RFC 7797). It has to be named in `crit`, and not everybody does.
    #[serde(default = "in_base64")]
    b64: bool,
}

fn in_base64() -> bool {
    true
}

impl<'a> Parts<'a> {
    /// Takes a token apart.
    pub(super) fn of(token: &'a str) -> Result<Self, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::TooLarge);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        if payload.contains('.') || header.len() > LONGEST_HEADER {
            return Err(Refusal::Malformed);
        }
        let json = decode(header)?;
        if json.first() != Some(&b'{') {
            return Err(Refusal::Malformed);
        }
        let header: Header<'_> = serde_json::from_slice(&json).map_err(|_| Refusal::Malformed)?;
        if header.crit.is_some()
            || !header.b64
            || header.kid.as_ref().is_some_and(|id| id.len() > LONGEST_KEY_ID)
        {
            return Err(Refusal::Malformed);
        }
        let algorithm = Algorithm::named(&header.alg).ok_or(Refusal::Algorithm)?;
        let key_id = header.kid.map(|id| id.into_owned().into());
        Ok(Self { signed, signature, payload, algorithm, key_id })
    }
}

/// Header and claims of a token, which anybody may have made.
///
/// # Errors
/// [`Refusal::Malformed`] where these cannot be read.
pub fn unverified(token: &str) -> Result<(Value, Value), Refusal> {
    let mut parts = token.split('.');
    let mut json = || {
        let part = parts.next().ok_or(Refusal::Malformed)?;
        serde_json::from_slice(&decode(part)?).map_err(|_| Refusal::Malformed)
    };
    Ok((json()?, json()?))
}

/// Base64 as tokens have it: of the URL alphabet, without padding and without stray bits.
pub(super) fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(header: &str) -> String {
        format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header))
    }

    fn refused(token: &str) -> Refusal {
        Parts::of(token).err().unwrap_or_else(|| panic!("{token}"))
    }

    #[test]
    fn a_token_says_which_key_it_is_for() {
        let token = token(r#"{"typ":"JWT","alg":"HS256","kid":"a/../b"}"#);
        let parts = Parts::of(&token).unwrap();
        assert_eq!((parts.algorithm, parts.key_id.as_deref()), (Algorithm::HS256, Some("a/../b")));
        assert_eq!((parts.payload, parts.signature), ("e30", "AAAA"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bad in ["", ".", "..", "a.b", "a.b.c.d", "!.e30.AAAA", "e30.e30.AAAA", "W10.e30.AAAA"] {
            assert_eq!(refused(bad), Refusal::Malformed, "{bad}");
        }
        for header in [
            r#"{"alg":"HS256","alg":"none"}"#,
            r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
            r#"{"alg":"HS256","b64":false}"#,
            r#"{"alg":"HS256","kid":5}"#,
            r#"{"alg":["HS256"]}"#,
            r#"["HS256"]"#,
            r#" {"alg":"HS256"}"#,
            r#"{"alg":"HS256"} x"#,
        ] {
            assert_eq!(refused(&token(header)), Refusal::Malformed, "{header}");
        }
        let long = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(LONGEST_KEY_ID + 1));
        assert_eq!(refused(&token(&long)), Refusal::Malformed);
        let longer = format!(r#"{{"alg":"HS256","x":"{}"}}"#, "k".repeat(2000));
        assert_eq!(refused(&token(&longer)), Refusal::Malformed);
        assert_eq!(refused(&"a".repeat(LONGEST + 1)), Refusal::TooLarge);
    }

    #[test]
    fn no_signature_at_all_is_an_algorithm_that_is_not_known() {
        for alg in ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "RS1", "ES256K", "dir"] {
            let header = format!(r#"{{"alg":"{alg}"}}"#);
            assert_eq!(refused(&token(&header)), Refusal::Algorithm, "{alg}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}", header in "\\{\"alg\":\"\\PC{0,8}\"\\}") {
            let _either = Parts::of(&text);
            let _either = Parts::of(&token(&header));
        }
    }
}

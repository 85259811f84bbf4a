//! Who has sent a webhook: the signature over its raw body.

use aws_lc_rs::hmac;

/// What stands before the digits.
const SCHEME: &str = "sha256=";

/// What verifies signatures.
#[derive(Debug)]
pub(crate) struct Verifier(hmac::Key);

impl Verifier {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Whether `header` is the signature of `body`, in a time that does not tell how much of it is right.
    pub(crate) fn holds(&self, header: &str, body: &[u8]) -> bool {
        let signature = header.strip_prefix(SCHEME).and_then(bytes);
        signature.is_some_and(|signature| hmac::verify(&self.0, body, &signature).is_ok())
    }
}

/// What hexadecimal digits stand for.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let all = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { all.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's documentation.
    #[test]
    fn a_signature_holds_for_its_body_and_secret_alone() {
        let (secret, body) = ("It's a Secret to Everybody", b"Hello, World!");
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let verifier = Verifier::new(secret.as_bytes());
        assert!(verifier.holds(right, body));
        assert!(verifier.holds(&right.replace("757107ea", "757107EA"), body));
        assert!(!verifier.holds(right, b"Hello, World"));
        assert!(!Verifier::new(b"another").holds(right, body));
        for wrong in [
            "",
            "sha256=",
            &right[..70],
            &right[7..],
            &right.replace("sha256", "sha1"),
            "sha256=zz",
            "sha256=é",
        ] {
            assert!(!verifier.holds(wrong, body), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_judged(header in "(sha256=)?\\PC{0,80}", body in proptest::collection::vec(0u8.., 0..50)) {
            proptest::prop_assert!(!Verifier::new(b"secret").holds(&header, &body));
        }
    }
}

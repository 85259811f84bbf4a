//! Numbers as the decimals that they are written as: no digit is lost to a binary form, however many there are.

use std::cmp::Ordering;

use smallvec::SmallVec;

/// Powers of ten beyond which a number is as large, or as small, as any: no text has as many digits.
const FURTHEST: i64 = 1 << 56;

/// A JSON number by its value: `100`, `1e2` and `100.00` are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    /// Where the point stands: the value is 0.d₁d₂d₃… × 10^scale.
    scale: i64,
    /// `b'0'` to `b'9'`, from the first that is not 0 to the last; none for 0.
    digits: SmallVec<[u8; 16]>,
}

impl Number {
    /// The number that `text` is by the grammar of JSON; `None` where it is none.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, rest) = digits(rest);
        if whole.is_empty() || whole.len() > 1 && whole[0] == b'0' {
            return None;
        }
        let (fraction, rest) = match rest.strip_prefix(b".") {
            Some(rest) => Some(digits(rest)).filter(|(fraction, _)| !fraction.is_empty())?,
            None => (&[][..], rest),
        };
        Some(Self::of(negative, whole, fraction, exponent(rest)?))
    }

    fn of(negative: bool, whole: &[u8], fraction: &[u8], exponent: i64) -> Self {
        let mut digits: SmallVec<[u8; 16]> = SmallVec::from_slice(whole);
        digits.extend_from_slice(fraction);
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..zeros);
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            return Self { negative: false, scale: 0, digits };
        }
        Self { negative, scale: whole.len() as i64 - zeros as i64 + exponent, digits }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = || (self.scale, &self.digits).cmp(&(other.scale, &other.digits));
        self.sign().cmp(&other.sign()).then_with(|| if self.negative { size().reverse() } else { size() })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The digits that `text` begins with, and the rest of it.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// The power of ten in `text`, which is nothing but that; 0 where there is none.
fn exponent(text: &[u8]) -> Option<i64> {
    let Some(text) = text.strip_prefix(b"e").or_else(|| text.strip_prefix(b"E")) else {
        return text.is_empty().then_some(0);
    };
    let (down, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (power, rest) = digits(text);
    if power.is_empty() || !rest.is_empty() {
        return None;
    }
    let add = |sum: i64, digit: &u8| (sum * 10 + i64::from(digit - b'0')).min(FURTHEST);
    let power = power.iter().fold(0, add);
    Some(if down { -power } else { power })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a number"))
    }

    #[test]
    fn what_json_does_not_call_a_number_is_none() {
        for text in
            ["", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1e1.5", "1x", "0x1", "NaN", "1 ", "--1"]
        {
            assert_eq!(Number::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for same in [
            &["0", "-0", "0.0", "0e5", "-0.000E-3"][..],
            &["100", "1e2", "100.00", "0.1e3", "1000e-1", "1E+2"],
            &["-0.005", "-5e-3", "-0.00500"],
            &["9007199254740993", "9.007199254740993e15"],
        ] {
            for pair in same.windows(2) {
                assert_eq!(number(pair[0]), number(pair[1]), "{pair:?}");
            }
        }
    }

    #[test]
    fn numbers_are_in_order() {
        let ascending = [
            "-1e999999999999999999999",
            "-9007199254740993",
            "-9007199254740992",
            "-10",
            "-9.5",
            "-1e-999999999999999999999",
            "0",
            "1e-999999999999999999999",
            "0.1",
            "0.10000000000000000001",
            "0.9",
            "1",
            "9",
            "10",
            "18446744073709551615",
            "18446744073709551616",
            "340282366920938463463374607431768211456",
            "1e999999999999999999999",
        ];
        for pair in ascending.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
    }

    proptest! {
        #[test]
        fn integers_are_compared_as_integers(left: i128, right: i128) {
            let ours = number(&left.to_string()).cmp(&number(&right.to_string()));
            prop_assert_eq!(ours, left.cmp(&right));
        }

        #[test]
        fn what_a_parser_takes_is_a_number(text in "-?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,2})?") {
            let theirs: Option<f64> = serde_json::from_str(&text).ok();
            prop_assert_eq!(Number::parse(text.as_bytes()).is_some(), theirs.is_some());
        }

        #[test]
        fn distant_floats_are_in_the_order_of_floats(
            left in proptest::num::f64::NORMAL, right in proptest::num::f64::NORMAL,
        ) {
            let ours = number(&format!("{left:e}")).cmp(&number(&format!("{right:e}")));
            prop_assert_eq!(Some(ours), left.partial_cmp(&right));
        }
    }
}

//! Where a request shows its token.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::percent_decode_str;

use super::Refusal;

/// A place where a token may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `Authorization: Bearer <token>`; another scheme is none of ours.
    Header,
    /// `?token=<token>`.
    Query,
    /// `Sec-WebSocket-Protocol: bearer, <token>`, as browsers can say it.
    Subprotocol,
    /// A cookie. A browser sends it with whatever page asks, so it counts only beside an `Origin` that is listed.
    Cookie,
    /// The first frame of the session, where the dialect has such.
    FirstFrame,
    /// The payload of the dialect's own handshake.
    Payload,
}

/// Where a profile takes tokens from, in order. The first place that has one counts; a bad token there is not rescued
/// by a good one elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    /// The places.
    pub order: Vec<Source>,
    /// The cookie's name.
    pub cookie: Box<str>,
}

/// What of a request may bear a token.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The query, as it came.
    pub query: Option<&'a str>,
    /// Whether there is an `Origin`, and it is one that may connect.
    pub origin_matches: bool,
}

impl Taking {
    /// The token that a request shows; none where it shows none.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] where there are two in one place.
    pub fn token<'a>(&self, shown: &Shown<'a>) -> Result<Option<Cow<'a, str>>, Refusal> {
        for source in &self.order {
            let found = match source {
                Source::Header => bearer(shown.headers)?.map(Cow::Borrowed),
                Source::Query => in_query(shown.query)?,
                Source::Subprotocol => subprotocol(shown.headers)?.map(Cow::Borrowed),
                Source::Cookie if shown.origin_matches => {
                    cookie(shown.headers, &self.cookie)?.map(Cow::Borrowed)
                }
                Source::Cookie | Source::FirstFrame | Source::Payload => None,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Whether a token may come here.
    pub fn takes(&self, source: Source) -> bool {
        self.order.contains(&source)
    }
}

/// The subprotocol that is selected where a token comes as one.
pub const BEARER: HeaderValue = HeaderValue::from_static("bearer");

/// Whether the client offers [`BEARER`], and so fails without an answer to it.
pub fn offers_bearer(headers: &HeaderMap) -> bool {
    protocols(headers).any(|item| item.eq_ignore_ascii_case("bearer"))
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// The only value under `name`; two would leave open which one is meant.
///
/// # Errors
/// [`Refusal::Malformed`] where there are two, or it is no text.
pub fn only(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Refusal::Malformed),
        (Some(_), Some(_)) => Err(Refusal::Malformed),
    }
}

/// The token of `Authorization: Bearer <token>`.
///
/// # Errors
/// As [`only`].
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = only(headers, header::AUTHORIZATION)? else { return Ok(None) };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()))
}

fn in_query(query: Option<&str>) -> Result<Option<Cow<'_, str>>, Refusal> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let mut tokens =
        pairs.filter(|(name, value)| !value.is_empty() && percent_decode_str(name).eq(*b"token"));
    match (tokens.next(), tokens.next()) {
        (None, _) => Ok(None),
        (Some((_, token)), None) => {
            percent_decode_str(token).decode_utf8().map(Some).map_err(|_| Refusal::Malformed)
        }
        (Some(_), Some(_)) => Err(Refusal::Malformed),
    }
}

fn subprotocol(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut items = protocols(headers).skip_while(|item| !item.eq_ignore_ascii_case("bearer"));
    items.next();
    match (items.next(), items.next()) {
        (token, None) => Ok(token.filter(|token| !token.is_empty())),
        (_, Some(_)) => Err(Refusal::Malformed),
    }
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Result<Option<&'a str>, Refusal> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(name, value)| *name == wanted && !value.is_empty());
    match (found.next(), found.next()) {
        (found, None) => Ok(found.map(|(_, value)| value.trim_matches('"'))),
        (_, Some(_)) => Err(Refusal::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taking(order: &[Source]) -> Taking {
        Taking { order: order.to_vec(), cookie: "session".into() }
    }

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        list.iter().map(pair).collect()
    }

    fn found(
        order: &[Source],
        list: &[(&'static str, &str)],
        query: &str,
    ) -> Result<Option<String>, Refusal> {
        let headers = headers(list);
        let shown = Shown { headers: &headers, query: Some(query), origin_matches: true };
        taking(order).token(&shown).map(|token| token.map(Cow::into_owned))
    }

    fn some(token: &str) -> Result<Option<String>, Refusal> {
        Ok(Some(token.to_owned()))
    }

    #[test]
    fn the_order_decides_and_the_first_that_is_there_counts() {
        use Source::{Header, Query, Subprotocol};
        let all = &[("authorization", "Bearer h"), ("sec-websocket-protocol", "bearer, p")];
        assert_eq!(found(&[Header, Query, Subprotocol], all, "token=q"), some("h"));
        assert_eq!(found(&[Query, Header], all, "token=q"), some("q"));
        assert_eq!(found(&[Subprotocol, Query], all, "token=q"), some("p"));
        assert_eq!(found(&[Query], all, ""), Ok(None), "a place that is not named is not looked at");
        assert_eq!(found(&[Header, Query], &[], "token=&tokens=x"), Ok(None));
    }

    #[test]
    fn each_place_has_its_form() {
        use Source::{Cookie, Header, Query, Subprotocol};
        assert_eq!(found(&[Header], &[("authorization", "bEaReR  a.b.c")], ""), some("a.b.c"));
        assert_eq!(found(&[Header], &[("authorization", "Bearer")], ""), some(""), "shown, and bad");
        assert_eq!(found(&[Header], &[("authorization", "Basic YTpi")], ""), Ok(None), "not ours");
        assert_eq!(found(&[Query], &[], "a=b&%74oken=a%2Eb"), some("a.b"));
        assert_eq!(found(&[Subprotocol], &[("sec-websocket-protocol", "chat")], ""), Ok(None));
        assert_eq!(found(&[Subprotocol], &[("sec-websocket-protocol", "bearer")], ""), Ok(None));
        assert_eq!(
            found(
                &[Subprotocol],
                &[("sec-websocket-protocol", "bearer"), ("sec-websocket-protocol", "t")],
                ""
            ),
            some("t")
        );
        assert_eq!(found(&[Cookie], &[("cookie", "a=b; session=t; c=d")], ""), some("t"));
        assert_eq!(found(&[Cookie], &[("cookie", "xsession=t")], ""), Ok(None));
    }

    #[test]
    fn two_tokens_in_one_place_are_none() {
        use Source::{Cookie, Header, Query, Subprotocol};
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
        assert_eq!(found(&[Header], &twice, ""), Err(Refusal::Malformed));
        assert_eq!(found(&[Query], &[], "token=a&token=b"), Err(Refusal::Malformed));
        assert_eq!(found(&[Query], &[], "token=%ff"), Err(Refusal::Malformed));
        let three = [("sec-websocket-protocol", "bearer, a, b")];
        assert_eq!(found(&[Subprotocol], &three, ""), Err(Refusal::Malformed));
        assert_eq!(found(&[Cookie], &[("cookie", "session=a; session=b")], ""), Err(Refusal::Malformed));
    }

    #[test]
    fn a_cookie_needs_an_origin_that_is_listed() {
        let headers = headers(&[("cookie", "session=t")]);
        let shown = Shown { headers: &headers, query: None, origin_matches: false };
        assert_eq!(taking(&[Source::Cookie]).token(&shown), Ok(None));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_a_token_is_found_as_it_was_or_not_at_all(
            token in "[A-Za-z0-9_.-]{1,60}", noise in "[ -~]{0,30}",
        ) {
            let noise = noise.replace(['&', '='], "");
            let query = format!("{noise}&token={token}");
            prop_assert_eq!(found(&[Source::Query], &[], &query), some(&token));
            let _either = found(&[Source::Header], &[("authorization", &noise)], "");
            let _either = found(&[Source::Subprotocol], &[("sec-websocket-protocol", &noise)], "");
            let _either = found(&[Source::Cookie], &[("cookie", &noise)], &noise);
        }
    }
}

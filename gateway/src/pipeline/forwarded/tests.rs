use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// Proxies are in 10.0.0.0/8 and at 2001:db8::10.
fn trusted(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 10,
        IpAddr::V6(v6) => v6 == "2001:db8::10".parse::<Ipv6Addr>().unwrap(),
    }
}

#[track_caller]
fn check(lines: &[(&'static str, &str)], expected: Result<Option<&str>, Unusable>) {
    let found = read(&headers(lines), trusted).map(|said| said.address);
    assert_eq!(found, expected.map(|address| address.map(|text| text.parse().unwrap())), "{lines:?}");
}

#[test]
fn the_client_is_the_first_from_the_right_that_is_no_proxy() {
    check(&[], Ok(None));
    for (value, client) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("1.1.1.1, 192.0.2.1,10.0.0.2 , 2001:db8::10", "192.0.2.1"),
        ("127.0.0.1, 192.0.2.1", "192.0.2.1"),
        ("garbage, \u{e9}, \"unbalanced, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:8080", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:8080", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        (",, 192.0.2.1,", "192.0.2.1"),
    ] {
        check(&[("x-forwarded-for", value)], Ok(Some(client)));
    }
    for (value, client) in [
        ("for=192.0.2.1", "192.0.2.1"),
        ("For=\"192.0.2.1:80\";Proto=https;by=10.0.0.1", "192.0.2.1"),
        ("for=1.1.1.1, for=\"[2001:db8::1]:4711\", for=10.0.0.2", "2001:db8::1"),
        ("for=\"[2001:db8::1]\"", "2001:db8::1"),
        ("for=\"unbalanced, for=192.0.2.1", "192.0.2.1"),
        ("for=192.0.2.1:_port", "192.0.2.1"),
        ("host=\"a;b", ""),
    ] {
        check(&[("forwarded", value)], if client.is_empty() { Err(Unusable) } else { Ok(Some(client)) });
    }
}

#[test]
fn what_a_proxy_says_in_more_than_one_line_is_one_list() {
    check(
        &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "192.0.2.1, 10.0.0.2")],
        Ok(Some("192.0.2.1")),
    );
    check(&[("forwarded", "for=192.0.2.1"), ("forwarded", "for=10.0.0.2")], Ok(Some("192.0.2.1")));
}

#[test]
fn what_cannot_be_read_is_not_guessed() {
    for value in
        ["unknown", "_hidden", "192.0.2.1, unknown, 10.0.0.1", "192.0.2", "[::1", "192.0.2.1:123456", "::1:x"]
    {
        check(&[("x-forwarded-for", value)], Err(Unusable));
    }
    for value in [
        "192.0.2.1",
        "for=unknown",
        "for=_hidden",
        "by=10.0.0.1",
        "for=192.0.2.1;for=192.0.2.2",
        "for=\"192.0.2.1",
        "for=192.0.2.1;",
        "for=192.0.2.1;=x",
        "for=192.0.2.1;host=\"a,b\"",
        "for=\"192\\.0.2.1\"",
        "for=2001:db8::1]",
    ] {
        check(&[("forwarded", value)], Err(Unusable));
    }
    check(&[("x-forwarded-for", &vec!["10.0.0.1"; MOST + 1].join(","))], Err(Unusable));
}

#[test]
fn two_headers_that_differ_are_not_believed() {
    let (own, forged) = ("192.0.2.1", "for=127.0.0.1");
    check(&[("x-forwarded-for", own), ("forwarded", forged)], Err(Unusable));
    check(&[("x-forwarded-for", own), ("forwarded", "for=192.0.2.1;proto=https")], Ok(Some(own)));
}

#[test]
fn the_scheme_is_that_of_the_clients_own_hop() {
    let secure = |lines: &[(&'static str, &str)]| read(&headers(lines), trusted).unwrap().secure;
    assert_eq!(secure(&[]), None);
    assert_eq!(secure(&[("forwarded", "for=192.0.2.1;proto=https, for=10.0.0.2;proto=http")]), Some(true));
    assert_eq!(secure(&[("forwarded", "for=1.1.1.1;proto=https, for=192.0.2.1;proto=http")]), Some(false));
    assert_eq!(secure(&[("x-forwarded-proto", "HTTPS")]), Some(true));
    assert_eq!(secure(&[("x-forwarded-proto", "ws")]), Some(false));
    for odd in ["https, http", "ftp", ""] {
        assert_eq!(secure(&[("x-forwarded-proto", odd)]), None, "{odd}");
    }
    assert_eq!(secure(&[("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")]), None);
}

proptest! {
    /// However much is made up to the left of it.
    #[test]
    fn the_last_that_is_no_proxy_decides(forged in "[ -~]{0,200}", client: Ipv4Addr, port: u16) {
        prop_assume!(!trusted(client.into()));
        let expected = Ok(Some(IpAddr::from(client)));
        for (name, own) in [
            ("x-forwarded-for", format!("{client}")),
            ("x-forwarded-for", format!("{client}:{port}, 10.0.0.1")),
            ("forwarded", format!("for={client};proto=http")),
            ("forwarded", format!("proto=https;for=\"{client}:{port}\", for=10.9.9.9")),
        ] {
            let said = read(&headers(&[(name, &format!("{forged},{own}"))]), trusted);
            prop_assert_eq!(said.map(|said| said.address), expected);
            let said = read(&headers(&[(name, &forged), (name, &own)]), trusted);
            prop_assert_eq!(said.map(|said| said.address), expected);
        }
    }

    #[test]
    fn nothing_is_too_odd_to_be_judged(value in "[ -~]{0,100}", element in "[a-zA-Z:;=\"\\\\\\[\\]0-9., ]{0,60}") {
        for (name, value) in [("forwarded", &value), ("x-forwarded-for", &value), ("forwarded", &element), ("x-forwarded-for", &element)] {
            if let Ok(Said { address: Some(address), .. }) = read(&headers(&[(name, value)]), trusted) {
                prop_assert_eq!(address, address.to_canonical());
            }
        }
    }
}

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn rules() -> ClaimRules {
    ClaimRules {
        profile: "p".into(),
        leeway: Duration::from_secs(5),
        required: names(&["exp"]),
        user: names(&["user_id", "sub"]),
        roles: names(&["roles", "role"]),
        permissions: names(&["permissions", "scopes", "scope"]),
        rooms: names(&["rooms"]),
        info: names(&["info"]),
        rate_class: names(&["rate_class"]),
        ..ClaimRules::default()
    }
}

fn judge(rules: &ClaimRules, claims: Value) -> Result<Principal, Refusal> {
    rules.principal(claims.to_string().as_bytes(), NOW)
}

/// A principal of these claims, which expire in a minute.
fn of(mut claims: Value) -> Result<Principal, Refusal> {
    claims["exp"] = json!(1_700_000_060);
    judge(&rules(), claims)
}

fn texts(list: &[Arc<str>]) -> Vec<&str> {
    list.iter().map(|text| &**text).collect()
}

#[test]
fn claims_become_a_principal() {
    let principal = of(json!({
        "sub": "ada", "roles": ["operator", 7], "permissions": ["read"], "scope": "publish:news:* read",
        "rooms": ["news:*"], "info": {"name": "Ada"}, "rate_class": "gold", "jti": "t1", "iat": 1_699_999_999.5,
    }))
    .unwrap();
    assert_eq!(principal.user.as_deref(), Some("ada"));
    assert_eq!(texts(&principal.roles), ["operator", "7"]);
    assert_eq!(principal.scopes, Scopes::Some(vec!["read".into(), "publish:news:*".into()]));
    assert!(principal.may_enter("news:1") && !principal.may_enter("old:1"));
    assert_eq!(principal.info.as_deref(), Some(r#"{"name":"Ada"}"#));
    assert_eq!(principal.rate_class.as_deref(), Some("gold"));
    let token = principal.token().unwrap();
    assert_eq!((token.id.as_deref(), &*token.profile), (Some("t1"), "p"));
    assert_eq!(token.issued_at, Some(Timestamp(1_699_999_999_500)));
    assert_eq!(token.expires_at, Some(Timestamp(1_700_000_060_000)));
}

#[test]
fn the_first_claim_that_is_there_counts_and_a_path_leads_into_one() {
    let user = |claims: Value| of(claims).unwrap().user;
    assert_eq!(user(json!({"user_id": 42, "sub": "other"})).as_deref(), Some("42"));
    assert_eq!(user(json!({"user_id": null, "sub": "other"})).as_deref(), Some("other"));
    assert_eq!(user(json!({})), None);
    assert_eq!(texts(&of(json!({"role": "admin"})).unwrap().roles), ["admin"]);
    let nested = ClaimRules { roles: names(&["realm.roles", "realm"]), ..rules() };
    let nested = judge(&nested, json!({"exp": 1_700_000_060, "realm": {"roles": ["a"]}})).unwrap();
    assert_eq!(texts(&nested.roles), ["a"]);
    let dotted = ClaimRules { roles: names(&["https://x.example/roles"]), ..rules() };
    let claims = json!({"exp": 1_700_000_060, "https://x.example/roles": ["b"]});
    assert_eq!(texts(&judge(&dotted, claims).unwrap().roles), ["b"]);
}

#[test]
fn who_has_no_role_gets_the_default_ones_and_another_than_the_known_is_refused() {
    let rules = ClaimRules {
        default_roles: vec!["user".into()],
        known_roles: vec!["admin".into(), "user".into()],
        ..rules()
    };
    let roles = |role: Value| {
        let judged = judge(&rules, json!({"exp": 1_700_000_060, "role": role}));
        judged.map(|principal| texts(&principal.roles).join(" ")).map_err(Refusal::name)
    };
    for (role, wanted) in [
        (json!(null), Ok("user")),
        (json!([]), Ok("user")),
        (json!("admin"), Ok("admin")),
        (json!(["user", "admin"]), Ok("user admin")),
        (json!("root"), Err("claim")),
        (json!(["admin", "root"]), Err("claim")),
        (json!("Admin"), Err("claim")),
        (json!(""), Err("claim")),
    ] {
        assert_eq!(roles(role.clone()), wanted.map(str::to_owned), "{role}");
    }
}

#[test]
fn a_claim_that_cannot_be_read_is_not_one_that_is_missing() {
    let rules = ClaimRules { required: Vec::new(), kept: vec!["level".into()], ..rules() };
    let judge = |claims: &str| rules.principal(claims.as_bytes(), NOW).map(|_| ()).map_err(Refusal::name);
    assert_eq!(judge("{}"), Ok(()));
    for name in
        ["exp", "nbf", "iat", "jti", "user_id", "sub", "roles", "scope", "rooms", "info", "level", "aud"]
    {
        for value in ["1e400", "[-1e400]", r#""\ud800""#, r#"["\udc00"]"#] {
            let claims = format!(r#"{{"{name}":{value}}}"#);
            assert_eq!(judge(&claims), Err("claim"), "{claims}");
        }
    }
    let nested = ClaimRules { roles: names(&["realm.roles"]), ..rules.clone() };
    let claims = br#"{"realm":{"roles":["a"],"x":1e400}}"#;
    assert_eq!(nested.principal(claims, NOW).err(), Some(Refusal::Claim));
    assert_eq!(judge(r#"{"elsewhere":1e400}"#), Ok(()), "nobody reads it");
}

#[test]
fn times_are_judged_with_the_leeway() {
    let judge = |claims: Value| judge(&rules(), claims).map(|_| ()).map_err(Refusal::name);
    assert_eq!(judge(json!({"exp": 1_699_999_996})), Ok(()));
    assert_eq!(judge(json!({"exp": 1_699_999_995})), Err("expired"));
    assert_eq!(judge(json!({"exp": -1})), Err("expired"));
    assert_eq!(judge(json!({"exp": 1e300})), Ok(()));
    assert_eq!(judge(json!({"exp": "1800000000"})), Err("claim"));
    assert_eq!(judge(json!({})), Err("claim"), "it is required");
    assert_eq!(judge(json!({"exp": 1_800_000_000, "nbf": 1_700_000_005})), Ok(()));
    assert_eq!(judge(json!({"exp": 1_800_000_000, "nbf": 1_700_000_006})), Err("not_yet"));
    assert_eq!(judge(json!({"exp": 1_800_000_000, "iat": 1_700_000_006})), Err("not_yet"));
    assert_eq!(judge(json!({"exp": 1_800_000_000, "nbf": [1]})), Err("claim"));
}

#[test]
fn an_issuer_and_an_audience_are_required_where_they_are_set() {
    let strict = ClaimRules { issuer: names(&["us"]), audience: names(&["ws", "api"]), ..rules() };
    let judge = |iss: Value, aud: Value| {
        let claims = json!({"exp": 1_800_000_000, "iss": iss, "aud": aud});
        judge(&strict, claims).map(|_| ()).map_err(Refusal::name)
    };
    assert_eq!(judge(json!("us"), json!("ws")), Ok(()));
    assert_eq!(judge(json!("us"), json!(["x", "api"])), Ok(()));
    for issuer in [json!(null), json!("them"), json!(["us"]), json!(5)] {
        assert_eq!(judge(issuer, json!("ws")), Err("issuer"));
    }
    for audience in [json!(null), json!("x"), json!([]), json!(["x"]), json!({"ws": 1}), json!("ws ")] {
        assert_eq!(judge(json!("us"), audience), Err("audience"));
    }
    assert_eq!(of(json!({"aud": "another"})).err(), Some(Refusal::Audience), "it is for somebody else");
    assert!(of(json!({"iss": "anybody"})).is_ok());
}

#[test]
fn claims_may_have_to_have_a_value() {
    let fixed = BTreeMap::from([
        ("token_type".to_owned(), vec![json!("access")]),
        ("tier".to_owned(), vec![json!(1), json!(2)]),
    ]);
    let strict = ClaimRules { fixed, required: names(&["sub"]), ..rules() };
    let judge = |claims: Value| judge(&strict, claims).is_ok();
    assert!(judge(json!({"sub": "a", "token_type": "access", "tier": 2})));
    assert!(!judge(json!({"sub": "a", "token_type": "refresh", "tier": 2})));
    assert!(!judge(json!({"sub": "a", "token_type": "access"})));
    assert!(!judge(json!({"sub": null, "token_type": "access", "tier": 1})));
}

#[test]
fn claims_that_cannot_be_what_they_are_for_are_refused() {
    let long = "x".repeat(LONGEST + 1);
    let many = vec!["r"; MOST_ENTRIES + 1];
    for claims in [
        json!({"sub": ""}),
        json!({"sub": long}),
        json!({"sub": "a\nb"}),
        json!({"sub": 1.5}),
        json!({"sub": {"id": 1}}),
        json!({"sub": true}),
        json!({"roles": [["a"]]}),
        json!({"roles": many}),
        json!({"permissions": {"read": true}}),
        json!({"jti": [1]}),
        json!({"info": "x".repeat(LONGEST_INFO)}),
    ] {
        assert_eq!(of(claims.clone()).err(), Some(Refusal::Claim), "{claims}");
    }
    let read = |payload: &str| rules().principal(payload.as_bytes(), NOW).err();
    for payload in ["", "{", "[]", "5", "null", r#"{"exp":1800000000,"sub":"a","sub":"b"}"#] {
        assert_eq!(read(payload), Some(Refusal::Claim), "{payload}");
    }
    let deep = format!(r#"{{"exp":1800000000,"a":{}{}}}"#, "[".repeat(2000), "]".repeat(2000));
    assert_eq!(read(&deep), Some(Refusal::Claim));
    let names: Vec<_> = (0..300).map(|i| format!(r#""c{i}":1"#)).collect();
    assert_eq!(read(&format!("{{{}}}", names.join(","))), Some(Refusal::Claim));
    assert_eq!(read("{\"exp\":1800000000,\"sub\":\"\u{0}\"}"), Some(Refusal::Claim));
}

#[test]
fn only_the_claims_that_rules_ask_for_are_kept() {
    let keeping = ClaimRules { kept: vec!["team".into(), "gone".into()], ..rules() };
    let principal = judge(&keeping, json!({"exp": 1_800_000_000, "team": ["a"], "other": 1})).unwrap();
    assert_eq!(principal.claims, BTreeMap::from([("team".into(), json!(["a"]))]));
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_claim_makes_it_panic_and_who_passes_is_well_formed(
        name in "(exp|nbf|iat|aud|sub|user_id|roles|scope|scopes|permissions|rooms|info|jti|rate_class)",
        value in json_value(),
    ) {
        let mut claims = json!({"exp": 1_800_000_000});
        claims[name] = value;
        if let Ok(principal) = judge(&rules(), claims) {
            let words = principal.user.iter().chain(&principal.roles);
            prop_assert!(words.clone().all(|word| (1..=LONGEST).contains(&word.len())));
            prop_assert!(words.clone().all(|word| !word.chars().any(char::is_control)));
        }
    }

    #[test]
    fn no_payload_makes_it_panic(payload in prop::collection::vec(any::<u8>(), 0..120)) {
        let _either = rules().principal(&payload, NOW);
    }
}

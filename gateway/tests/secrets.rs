//! Nothing secret anywhere: a gateway that has secrets wherever it can have some, asked well and badly and logging all it
//! can, shows none of them to anybody.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Answer, Authority, Gateway, Issued, Options, Signal, Socket, exchange, exchange_on, request};

const SECRET: &str = "hmac-5f2c9a81b7d34e60a1c8f09b6e7d2a43";
const BEFORE: &str = "before-77aa9a81b7d34e60a1c8f09b6e7d2a43";
const IN_FILE: &str = "infile-c1f0a7f2b9d84e6f8a5b3c2d1e0f9a8b";
const KEY: &str = "apikey-0c5e8d7f6a9b4c3d2e1f0a9b8c7d6e5f";
/// In URLs of others.
const PASSWORD: &str = "password-b7e1d2c3";
const SIGNATURE: &str = "urlsig-a9b8c7d6";
/// What no client should have to see in a log: payloads of events, and what is sent as a token and is none.
const PAYLOAD: &str = "payload-1f2e3d4c";
const GARBAGE: &str = "garbage-99887766";

/// The settings, and where their files are.
struct World {
    folder: TempDir,
    issued: Issued,
    authority: Authority,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), IN_FILE).unwrap();
        let authority = Authority::new("test authority");
        let issued = authority.issue("server", &["localhost"], |_| {});
        Self { folder, issued, authority }
    }

    fn audit(&self) -> std::path::PathBuf {
        self.folder.path().join("audit.log")
    }

    fn settings(&self) -> Vec<String> {
        let url = |path: &str| format!("http://me:{PASSWORD}@127.0.0.1:9/{path}?sig={SIGNATURE}");
        let hash = tidegate::identity::hash_of(KEY);
        vec![
            "log.level=trace".to_owned(),
            format!("audit.file={}", self.audit().display()),
            "auth.default.anonymous=false".to_owned(),
            format!("auth.default.secret={SECRET}"),
            format!("auth.default.previous=[{{secret=\"{BEFORE}\", until=\"2100-01-01T00:00:00Z\"}}]"),
            "auth.default.take_from=[\"header\", \"query\", \"subprotocol\", \"cookie\"]".to_owned(),
            format!("auth.file={{secret_file=\"{}\"}}", self.folder.path().join("secret").display()),
            format!("auth.fetched={{algorithms=[\"ES256\"], jwks=\"{}\", refresh=\"1s\"}}", url("keys")),
            format!(
                "auth.asked={{secret=\"{SECRET}\", authoriser={{url=\"{}\", timeout=\"200ms\"}}}}",
                url("ask")
            ),
            "endpoint=[{path=\"/ws\"}, {path=\"/ask\", auth=\"asked\"}, {path=\"/fetched\", auth=\"fetched\"}, \
             {path=\"/file\", auth=\"file\"}, {path=\"/close\", refuse=\"close\"}]"
                .to_owned(),
            format!("api.keys=[{{name=\"ci\", hash=\"{hash}\", scopes=[\"read\", \"publish\", \"admin\"]}}]"),
            format!(
                "listener=[{{name=\"plain\"}}, {{name=\"tls\", address=\"127.0.0.1:0\", \
                 tls={{certificate=\"{}\", key=\"{}\"}}}}]",
                self.issued.certificate.display(),
                self.issued.key.display()
            ),
        ]
    }

    fn start(&self) -> Gateway {
        let options = self.settings().iter().fold(Options::new(), |options, setting| options.set(setting));
        options.start(env!("CARGO_BIN_EXE_tidegate"))
    }

    fn check(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.arg("check").args(arguments).current_dir(self.folder.path());
        for setting in self.settings() {
            command.args(["--set", &setting]);
        }
        let output = command.output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

fn token(secret: &str, claims: &Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).unwrap()
}

/// What was seen, and where.
#[derive(Default)]
struct Seen(Vec<(String, String)>);

impl Seen {
    fn note(&mut self, place: &str, text: impl Into<String>) {
        self.0.push((place.to_owned(), text.into()));
    }

    fn answer(&mut self, place: &str, answer: &Answer) {
        self.note(place, format!("{answer:?}"));
    }

    /// That none of these is anywhere.
    fn assert_free_of(&self, secrets: &[(&str, &str)]) {
        for (place, text) in &self.0 {
            for (what, secret) in secrets {
                if let Some(at) = text.find(secret) {
                    let from = text[..at].char_indices().rev().nth(200).map_or(0, |(at, _)| at);
                    panic!("{what} is shown in {place}: …{}", &text[from..at + secret.len()]);
                }
            }
        }
    }
}

/// Shows a token in every place, to endpoints and routes, and notes every answer.
async fn ask_everywhere(gateway: &Gateway, token: &str, seen: &mut Seen) {
    let (bearer, protocol, cookie) =
        (format!("Bearer {token}"), format!("bearer, {token}"), format!("token={token}"));
    let query = format!("?token={token}");
    for path in ["/ws", "/ask", "/fetched", "/file", "/close", "/api/v1/sessions", "/api/v1/rooms/x/presence"]
    {
        for headers in [
            vec![("authorization", bearer.as_str())],
            vec![("x-api-key", token)],
            vec![("cookie", cookie.as_str()), ("origin", "http://localhost")],
            vec![("sec-websocket-protocol", protocol.as_str())],
            vec![("authorization", bearer.as_str()), ("authorization", bearer.as_str())],
        ] {
            let answer = exchange(gateway.address(), &request("GET", path, &headers, None)).await;
            seen.answer(path, &answer);
            if let Ok(mut socket) = gateway.try_connect(path, &headers).await {
                seen.note(path, format!("{:?}", first(&mut socket).await));
            }
        }
        let with_query = gateway.get(&format!("{path}{query}")).await;
        seen.answer(path, &with_query);
        if let Ok(mut socket) = gateway.try_connect(&format!("{path}{query}"), &[]).await {
            seen.note(path, format!("{:?}", first(&mut socket).await));
        }
    }
}

/// The welcome, or the close.
async fn first(socket: &mut Socket) -> String {
    let told = socket.ask_any(&json!({ "action": "info" })).await;
    told.unwrap_or_else(|close| format!("{close:?}"))
}

#[tokio::test]
async fn no_secret_is_shown_by_anything_that_a_gateway_says() {
    let world = World::new();
    let gateway = world.start();
    let mut seen = Seen::default();
    let claims =
        json!({ "sub": "ada", "jti": "t-1", "exp": 4_000_000_000_u64, "scope": "read publish admin" });
    let good = token(SECRET, &claims);
    let tokens = [
        good.clone(),
        token(BEFORE, &claims),
        token(IN_FILE, &claims),
        token("a secret of nobody that we know of", &claims),
        token(SECRET, &json!({ "sub": "ada", "exp": 5 })),
        KEY.to_owned(),
        GARBAGE.to_owned(),
        format!("{GARBAGE}.{GARBAGE}.{GARBAGE}"),
    ];
    for token in &tokens {
        ask_everywhere(&gateway, token, &mut seen).await;
    }
    let bearer = format!("Bearer {good}");
    let (mut socket, authorization) = (
        gateway.try_connect("/ws", &[("authorization", &bearer)]).await.unwrap(),
        ("authorization", bearer.as_str()),
    );
    for token in &tokens {
        let frame = json!({ "action": "auth", "data": { "token": token } });
        seen.note("auth", socket.ask(&frame).await.to_string());
    }
    socket.send_text(&format!("{{\"action\": \"auth\", \"token\": {GARBAGE}")).await;
    seen.note("a broken frame", socket.next_text().await);
    let publish = json!({ "room": "a", "event_type": "error", "data": PAYLOAD }).to_string();
    for body in [publish.as_str(), &format!("{{\"data\": \"{PAYLOAD}\"}}"), &format!("{{{PAYLOAD}")] {
        let post = request("POST", "/api/v1/publish", &[authorization], Some(body));
        seen.answer("publish", &exchange(gateway.address(), &post).await);
    }
    let revoke = request("POST", "/api/v1/tokens/revoke", &[authorization], Some("{\"jti\": \"t-2\"}"));
    seen.answer("revoke", &exchange(gateway.address(), &revoke).await);
    let under_tls = world.authority.client().ready().dial(gateway.addresses()[1]).await.unwrap();
    let get = request("GET", "/api/v1/sessions", &[authorization], None);
    seen.answer("under TLS", &exchange_on(under_tls, &get).await);
    let reload = request("POST", "/admin/reload", &[authorization], None);
    seen.answer("reload", &exchange(gateway.address(), &reload).await);
    for path in [
        "/",
        "/docs",
        "/openapi.json",
        "/asyncapi.json",
        "/ws/stats",
        "/health",
        "/health/components",
        "/metrics",
        "/metrics/list",
        "/metrics/statistics",
        "/api/v1/plugins",
        "/api/v1/rooms",
        "/nowhere",
    ] {
        let get = request("GET", path, &[authorization], None);
        seen.answer(path, &exchange(gateway.address(), &get).await);
    }
    gateway.signal(Signal::HUP);
    gateway.reaches("tidegate_tls_reloads_total{result=\"ok\"}", 2.0).await;
    seen.note("check", world.check(&[]));
    seen.note("check --print", world.check(&["--print"]));
    let folder = gateway.data().parent().map(Path::to_owned).unwrap();
    seen.note("the ready file", fs::read_to_string(folder.join("ready.json")).unwrap());
    seen.note("the log", gateway.log());
    seen.note("the audit log", fs::read_to_string(world.audit()).unwrap());

    let tls = fs::read_to_string(&world.issued.key).unwrap();
    let tls = tls.lines().nth(1).unwrap().to_owned();
    let mut secrets = vec![
        ("the secret", SECRET),
        ("the secret of before", BEFORE),
        ("the secret in a file", IN_FILE),
        ("the API key", KEY),
        ("a password", PASSWORD),
        ("a URL's signature", SIGNATURE),
        ("the TLS key", tls.as_str()),
        ("what was shown as a token", GARBAGE),
    ];
    let signatures = tokens.iter().filter_map(|token| Some(token.rsplit_once('.')?.1));
    secrets.extend(signatures.map(|signature| ("a token's signature", signature)));
    seen.assert_free_of(&secrets);
    let kept: Vec<_> = seen.0.iter().filter(|(place, _)| place.contains("log")).cloned().collect();
    Seen(kept).assert_free_of(&[("an event's data", PAYLOAD)]);
    assert!(gateway.log().contains("TRACE") && gateway.log().contains("DEBUG"), "all was logged that can be");
}

#[test]
fn a_mistake_in_a_secret_does_not_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    for text in [
        "auth.default.secret = 31415926535",
        "auth.default.secret = [\"31415926535\"]",
        "auth.default.jwks = \"ftp://me:31415926535@host/keys\"",
        "auth.default.authoriser = { url = \"http://me:31415926535@example.com/ask?31415926535\" }",
        "auth.default.secret = \"31415926535\nauth = 5",
    ] {
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        let output = command.arg("check").arg("--config").arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{text}: {said}");
        assert!(!said.contains("31415926535"), "{said}");
    }
}

//! The QA chat's profile with its plugin as it is loaded: what clients of each wire get, and that nobody else notices what becomes of
//! a back end.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jsonwebtoken::{EncodingKey, Header, encode};
use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};
use testkit::{Answer, Cable, Gateway, Options, Signal, Socket, exchange, request};

const SECRET: &str = "5f2c9a81b7d34e60a1c8f09b6e7d2a43";
/// A round trip of anybody else's, while a back end is in trouble. Without any it takes some milliseconds.
const USUAL: Duration = Duration::from_secs(1);
/// How long a back end may take before its question has failed: much longer than what is usual.
const PATIENCE: &str =
    "plugins.qa-chat.limits={connect=\"5s\",first=\"5s\",next=\"5s\",concurrent=4,waiting=8}";

fn profile() -> Options {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/chat.toml");
    let options = Options::new().config(profile).set("listener.chat.address=127.0.0.1:0").set("shards=2");
    options.set("plugins.echo.enabled=true")
}

fn start(options: Options) -> Gateway {
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn ask(gateway: &Gateway, accept: &str, content: &str) -> Answer {
    let body = json!({ "content": content }).to_string();
    let headers = [("accept", accept), ("content-type", "application/json")];
    exchange(gateway.address(), &request("POST", "/chat", &headers, Some(&body))).await
}

/// A session of the dialect `envelope` that has had its welcome.
async fn enter(gateway: &Gateway) -> Socket {
    let mut socket = gateway.connect("/ws/chat").await;
    assert_eq!(socket.next().await["payload"]["event_name"], "connection_established");
    socket
}

/// One of a user.
async fn enter_as(gateway: &Gateway, user: &str) -> Socket {
    let claims = json!({ "iss": "qa-intelligence", "aud": "websocket-client", "exp": 4_000_000_000_u64, "user_id": user });
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    let bearer = format!("Bearer {token}");
    let mut socket = gateway.try_connect("/ws/chat", &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(socket.next().await["payload"]["event_name"], "connection_established");
    socket
}

fn message(id: &str, content: &str, stream: bool) -> Value {
    let payload =
        json!({ "message_type": "chat_message", "content": content, "metadata": { "stream": stream } });
    json!({ "type": "chat_message", "id": id, "payload": payload })
}

/// A service in a process of its own, which answers each question with its own text.
struct Service {
    process: Child,
    port: u16,
}

const SERVICE: &str = r#"
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps({"content": "you said " + asked["content"]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

impl Service {
    fn start() -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", SERVICE]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("python3 is there: scripts/test-tools installs it");
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, port: port.trim().parse().unwrap() }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// A gateway whose assistant asks the service behind that port.
fn asking(port: u16) -> Gateway {
    let url = format!("plugins.qa-chat.http={{url=\"http://127.0.0.1:{port}/\"}}");
    let options = profile().set("plugins.qa-chat.backend=http").set(&url).set(PATIENCE);
    start(options.set("plugins.qa-chat.retries={most=0}").set("plugins.qa-chat.breaker={failures=1000}"))
}

/// Holds what is nobody's business but the assistant's to what it usually takes.
async fn others_are_served_as_usual(gateway: &Gateway) {
    let mut socket = enter(gateway).await;
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(gateway.post("/echo/room", &json!({ "a": 1 })).await.status, 200);
        assert_eq!(gateway.get("/health/live").await.status, 200);
        let ping =
            json!({ "type": "health_check", "id": "p", "payload": { "message_type": "health_check" } });
        assert_eq!(socket.ask(&ping).await["payload"]["status"], "pong");
        assert!(begun.elapsed() < USUAL, "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_newcomer_asks_how_to_write_a_plugin() {
    let gateway = start(profile());
    let answer = ask(&gateway, "application/json", "How do I write a plugin?").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let files: Vec<_> = answer.json()["metadata"]["citations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["file"].clone())
        .collect();
    assert!(files.contains(&json!("plugin-api/README.md")), "{files:?}");
    let stream = ask(&gateway, "text/event-stream", "How do I write a plugin?").await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert!(stream.body.contains("data: {\"delta\":") && stream.body.contains("data: {\"content\":"));
    let preferring = "application/json;q=1, text/event-stream;q=0.1";
    let whole = ask(&gateway, preferring, "How do I turn on TLS?").await;
    assert_eq!(whole.header("content-type"), Some("application/json"));
    assert!(whole.json()["confidence"].as_f64() > Some(0.0), "{}", whole.body);
    let nothing = ask(&gateway, "*/*", "What is the capital of France?").await.json();
    assert_eq!(nothing["content"], "I found nothing about that in Tidegate's documentation.");
    let wrong = ask(&gateway, "*/*", "").await;
    assert_eq!((wrong.status, &wrong.json()["errors"][0]["loc"]), (422, &json!(["body", "content"])));
}

#[tokio::test]
async fn envelopes_are_answered_whole_and_in_pieces() {
    let gateway = start(profile());
    let mut socket = enter(&gateway).await;
    let whole = socket.ask(&message("a", "How do I write a plugin?", false)).await;
    assert_eq!((&whole["type"], &whole["correlation_id"]), (&json!("agent_response"), &json!("a")));
    let payload = &whole["payload"];
    assert!(payload["metadata"]["citations"].is_array() && payload["confidence"].is_number(), "{whole}");
    socket.send(&message("b", "How do I write a plugin?", true)).await;
    let mut text = String::new();
    loop {
        let frame = socket.next().await;
        match frame["type"].as_str().unwrap() {
            "agent_response_stream_start" => {}
            "agent_response_stream_chunk" => text.push_str(frame["payload"]["chunk"].as_str().unwrap()),
            _ => {
                assert_eq!(frame["payload"]["full_content"], text);
                assert_eq!(payload["content"], text);
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_users_other_sessions_see_the_conversation_and_nobody_else_does() {
    let gateway = start(profile().set(&format!("auth.chat.secret={SECRET}")));
    let mut asking = enter_as(&gateway, "ana").await;
    let mut beside = enter_as(&gateway, "ana").await;
    let (mut other, mut nobody) = (enter_as(&gateway, "bob").await, enter(&gateway).await);
    let answer = asking.ask(&message("a", "How do I write a plugin?", false)).await;
    assert_eq!((&answer["type"], &answer["correlation_id"]), (&json!("agent_response"), &json!("a")));
    let asked = beside.next().await;
    assert_eq!(asked["payload"]["event_name"], "chat_message", "{asked}");
    assert_eq!(asked["payload"]["data"]["content"], "How do I write a plugin?");
    let answered = beside.next().await;
    assert_eq!(
        (&answered["type"], &answered["correlation_id"]),
        (&json!("agent_response"), &Value::Null),
        "{answered}"
    );
    assert_eq!(answered["payload"]["content"], answer["payload"]["content"]);
    let own = nobody.ask(&message("b", "How do I write a plugin?", false)).await;
    assert_eq!(own["correlation_id"], "b", "who is anonymous is answered, and has no other sessions");
    let ping = json!({ "type": "health_check", "id": "p", "payload": { "message_type": "health_check" } });
    for session in [&mut asking, &mut beside, &mut other, &mut nobody, &mut enter(&gateway).await] {
        assert_eq!(session.ask(&ping).await["payload"]["status"], "pong", "and nothing before it");
    }
}

#[tokio::test]
async fn who_leaves_ends_what_goes_on_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!(
        "echo $$ > {}; read -r line; echo '{{\\\"delta\\\": \\\"a\\\"}}'; sleep 1000",
        file.display()
    );
    let command = format!("plugins.qa-chat.command={{program=\"sh\",args=[\"-c\",\"{script}\"]}}");
    let gateway = start(profile().set("plugins.qa-chat.backend=command").set(&command));
    let mut socket = enter(&gateway).await;
    socket.send(&message("a", "hi", true)).await;
    assert_eq!(socket.next().await["type"], "agent_response_stream_start");
    drop(socket);
    let deadline = Instant::now() + Duration::from_secs(10);
    let process = format!("/proc/{}/stat", fs::read_to_string(&file).unwrap().trim());
    while fs::read_to_string(&process).is_ok_and(|state| !state.contains(") Z ")) {
        assert!(Instant::now() < deadline, "the program lives on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gateway
        .reaches("tidegate_plugin_chat_questions_total{plugin=\"qa-chat\",outcome=\"cancelled\"}", 1.0)
        .await;
}

#[tokio::test]
async fn a_back_end_that_is_stopped_slows_nobody_else() {
    let service = Service::start();
    let gateway = asking(service.port);
    assert_eq!(ask(&gateway, "*/*", "hi").await.json()["content"], "you said hi");
    service.signal(Signal::STOP);
    let waiting = all_at_once(&gateway, 20);
    let (statuses, ()) = tokio::join!(waiting, others_are_served_as_usual(&gateway));
    assert!(statuses.iter().all(|status| [503, 504].contains(status)), "{statuses:?}");
    assert!(
        statuses.iter().filter(|status| **status == 503).count() >= 8,
        "one too many is told at once: {statuses:?}"
    );
    service.signal(Signal::CONT);
    assert_eq!(ask(&gateway, "*/*", "hi").await.json()["content"], "you said hi");
}

#[tokio::test]
async fn a_back_end_that_is_cut_off_or_killed_slows_nobody_else() {
    let service = Service::start();
    let cable = Cable::to(service.port);
    let gateway = asking(cable.port());
    for cut in [Cable::silence, Cable::sever] {
        assert_eq!(ask(&gateway, "*/*", "hi").await.status, 200);
        cut(&cable);
        let (statuses, ()) = tokio::join!(all_at_once(&gateway, 4), others_are_served_as_usual(&gateway));
        assert!(statuses.iter().all(|status| [503, 504].contains(status)), "{statuses:?}");
        cable.mend();
    }
    assert_eq!(ask(&gateway, "*/*", "hi").await.status, 200);
    drop(service);
    let (statuses, ()) = tokio::join!(all_at_once(&gateway, 4), others_are_served_as_usual(&gateway));
    assert_eq!(statuses, [503; 4]);
}

/// The statuses of so many questions at once.
async fn all_at_once(gateway: &Gateway, count: usize) -> Vec<u16> {
    let address = gateway.address();
    let asked: Vec<_> = (0..count)
        .map(|_| {
            let request = request("POST", "/chat", &[], Some(r#"{"content": "hi"}"#));
            tokio::spawn(async move { exchange(address, &request).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for status in asked {
        statuses.push(status.await.unwrap());
    }
    statuses
}

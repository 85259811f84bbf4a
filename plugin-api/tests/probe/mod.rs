//! A plugin that does what a call's name says, so that a test reads as one sentence.
#![allow(dead_code, reason = "each test file uses its part")]

use std::cell::RefCell;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_plugin::testing::TestHost;
use tidegate_plugin::*;

#[derive(Deserialize)]
pub(crate) struct Config {
    /// Panic over the configuration, in declare, start, stop, …
    #[serde(default)]
    pub(crate) panic_in: String,
    /// Fail in start, …
    #[serde(default)]
    pub(crate) fail_in: String,
}

pub(crate) struct Probe<const ORDERED: bool = false> {
    host: Host,
    config: Config,
    /// What it was told, in order.
    seen: RefCell<Vec<String>>,
    lease: RefCell<Option<Lease>>,
    restored: Option<Bytes>,
}

pub(crate) const MANIFEST: &str = r#"{
    "manifest": 1, "name": "probe", "version": "1.0.0", "description": "", "license": "Apache-2.0",
    "events": [{"type": "said"}, {"type": "counted", "schema": {"required": ["n"], "properties": {"n": {"type": "integer"}}}}],
    "routes": [
        {"method": "GET", "path": "/probe/{what}"}, {"method": "POST", "path": "/probe/"},
        {"method": "GET", "path": "/probe/fixed"}
    ],
    "calls": [
        {"name": "echo"}, {"name": "seen"}, {"name": "panic"}, {"name": "fail"}, {"name": "bug"}, {"name": "stream"},
        {"name": "endless"}, {"name": "until_cancelled"}, {"name": "never"}, {"name": "slow"}, {"name": "publish"},
        {"name": "publish_many"}, {"name": "try_publish"}, {"name": "publish_counted"}, {"name": "store"}, {"name": "store_conflict"},
        {"name": "lease"}, {"name": "lease_state"}, {"name": "sessions"}, {"name": "tools"}, {"name": "outlive"},
        {"name": "panicking_stream"}, {"name": "blocking"}
    ],
    "follows": ["*"]
}"#;

/// Starts the probe with a configuration.
pub(crate) fn start(config: Value) -> TestHost {
    TestHost::of::<Probe>().config(config).start().unwrap()
}

impl<const ORDERED: bool> Probe<ORDERED> {
    fn maybe(&self, place: &str) -> Result<()> {
        assert!(self.config.panic_in != place, "on purpose");
        if self.config.fail_in == place { Err(Error::internal("on purpose")) } else { Ok(()) }
    }

    fn see(&self, what: impl Into<String>) {
        self.seen.borrow_mut().push(what.into());
    }
}

impl<const ORDERED: bool> Plugin for Probe<ORDERED> {
    type Config = Config;
    const ORDERED: bool = ORDERED;
    const CHECKPOINT: bool = true;

    fn manifest() -> Manifest {
        Manifest::from_json(MANIFEST)
    }

    fn declare(config: &Config) -> Result<Declared> {
        assert!(config.panic_in != "declare", "on purpose");
        if config.fail_in == "declare" {
            return Err(Error::invalid("declare: on purpose"));
        }
        Ok(Declared {
            events: vec![json!({"type": "late"})],
            calls: vec![json!({"name": "late"})],
            ..Declared::default()
        })
    }

    async fn start(host: Host, config: Config) -> Result<Self> {
        let restored = host.restored();
        let probe = Self { host, config, seen: RefCell::default(), lease: RefCell::default(), restored };
        probe.maybe("start")?;
        if probe.config.fail_in == "start_publish" {
            probe.host.publish(Event::new("said")).await?;
        }
        Ok(probe)
    }

    async fn stop(&self) -> Result<()> {
        self.host.log().info("stopped by the book");
        self.maybe("stop")
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        self.maybe("http")?;
        match (request.route, request.param("what")) {
            (0, "stream") => Ok(HttpResponse::stream(200, "text/event-stream", |mut stream| async move {
                stream.sse(&1).await?;
                stream.sse(&2).await
            })),
            (0, "stream-panic") => Ok(HttpResponse::stream(200, "text/plain", |mut stream| async move {
                stream.send("a").await?;
                panic!("on purpose")
            })),
            (0, "bad-status") => Ok(HttpResponse::empty(42)),
            (0, "panic") => panic!("on purpose"),
            (0, "bug") => Err(Error::internal("a secret of ours")),
            (0, "400") => Err(Error::problem(400, "Invalid action")),
            (0, what) => HttpResponse::json(200, &json!({"what": what, "q": request.query.get("q")})),
            (1, _) => {
                let body = request.object()?;
                match body.get("n").and_then(Value::as_i64) {
                    Some(n) => Ok(HttpResponse::json(201, &n)?.header("x-n", n.to_string())),
                    None => Err(Error::unprocessable([FieldError::body("n", "Field required", "missing")])),
                }
            }
            (route, _) => HttpResponse::json(200, &json!({ "route": route })),
        }
    }

    async fn call(&self, call: Call) -> Result<Reply> {
        self.maybe("call")?;
        self.see(format!("call {}", call.name));
        let data: Value = call.parse()?;
        match call.name.as_str() {
            "echo" | "late" => Ok(Reply::raw(call.data.clone()).message("as you say")),
            "seen" => Reply::json(&*self.seen.borrow()),
            "panic" => panic!("on purpose"),
            "fail" => Err(Error::conflict("no").with_data(&json!({"why": 1}))),
            "bug" => Err(Error::internal("a secret of ours")),
            "stream" => Ok(Reply::stream(|mut stream| async move {
                for n in 0..3 {
                    stream.json(&n).await?;
                }
                Reply::json("done")
            })),
            "panicking_stream" => Ok(Reply::stream(|mut stream| async move {
                stream.json(&0).await?;
                panic!("on purpose")
            })),
            "endless" => Ok(Reply::stream(|mut stream| async move {
                loop {
                    stream.json(&0).await?;
                    tokio::task::yield_now().await;
                }
            })),
            "until_cancelled" => {
                call.cancelled().wait().await;
                self.see("cancelled");
                Ok(Reply::empty())
            }
            "never" => std::future::pending().await,
            "slow" => {
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                self.see("slow is done");
                Ok(Reply::empty())
            }
            "publish" => {
                let event =
                    Event::new("said").room("a").room("b").key("k").id("once").tag("t", "v").origin("o");
                let receipt = self.host.publish(event.source("me").time(7).data(&data)?).await?;
                let offsets: Vec<_> = receipt.cursors.iter().map(|c| c.offset).collect();
                Reply::json(&offsets)
            }
            "publish_many" => publish_many(&self.host, data).await,
            "try_publish" => {
                let events = vec![
                    Event::new("said").data(&1)?,
                    Event::new("unheard-of"),
                    Event::new("said").data(&3)?,
                ];
                let error = self.host.try_publish(events).unwrap_err();
                let reason = error.reason.clone();
                Reply::json(
                    &json!({"status": error.status.to_string(), "rest": error.rest.len(), "reason": reason}),
                )
            }
            "publish_counted" => {
                let error = self.host.publish(Event::new("counted").data(&data)?).await.unwrap_err();
                let sent = self
                    .host
                    .sessions()
                    .send(self.host.sessions().find("c")?, &Event::new("counted").data(&data)?);
                Reply::json(&json!([error.to_string(), sent.unwrap_err().to_string()]))
            }
            "store" => store(&self.host).await,
            "store_conflict" => {
                self.host.store().put("k", "v", Expect::Revision(99)).await?;
                Ok(Reply::empty())
            }
            "lease" => {
                let lease = self.host.lease("one", Duration::from_secs(30), Duration::ZERO).await?;
                let again = self.host.lease("one", Duration::from_secs(30), Duration::ZERO).await;
                assert_eq!(again.unwrap_err().status(), Status::CONFLICT);
                let number = lease.number();
                *self.lease.borrow_mut() = Some(lease);
                Reply::json(&number)
            }
            "lease_state" => {
                let lease = self.lease.borrow_mut().take();
                let mut lease = lease.unwrap();
                if !data.is_null() {
                    lease.lost().await;
                }
                Reply::json(&lease.is_held())
            }
            "sessions" => sessions(&self.host),
            "tools" => tools(&self.host),
            "outlive" => {
                let host = self.host.clone();
                std::thread::spawn(move || {
                    while host.try_publish(vec![Event::new("said")]).is_ok() {
                        std::thread::yield_now();
                    }
                    host.log().info("a thread that outlives the instance");
                });
                Ok(Reply::empty())
            }
            "blocking" => {
                let host = self.host.clone();
                let done = tokio::task::spawn_blocking(move || host.clock().now_ms()).await;
                Reply::json(&done.is_ok())
            }
            name => Err(Error::unsupported(name)),
        }
    }

    async fn follow(&self, event: FollowedEvent) -> Result<()> {
        // Slow on purpose: what comes after must wait for it.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.maybe("follow")?;
        let data: Value = event.parse()?;
        self.see(format!("event {} {} {data} @{}", event.room, event.kind, event.cursor.offset));
        Ok(())
    }

    async fn gap(&self, gap: Gap) -> Result<()> {
        self.maybe("gap")?;
        self.see(format!("gap {} {:?} {}..{}", gap.room, gap.count, gap.after.offset, gap.until.offset));
        Ok(())
    }

    async fn watch(&self, event: SessionEvent) -> Result<()> {
        self.maybe("watch")?;
        self.see(format!("{} {:?}", event.connection_id, event.moment));
        Ok(())
    }

    async fn health(&self) -> Result<Health> {
        self.maybe("health")?;
        Ok(Health::degraded(json!({"restored": self.restored.as_deref().map(<[u8]>::len)})))
    }

    async fn pause(&self) -> Result<Bytes> {
        self.maybe("pause")?;
        Ok(Bytes::from_static(b"state"))
    }

    async fn unpause(&self) -> Result<()> {
        self.see("unpaused");
        self.maybe("unpause")
    }
}

async fn publish_many(host: &Host, data: Value) -> Result<Reply> {
    let n = data.as_u64().unwrap_or(3);
    let events = (0..n).map(|i| Event::new("said").room("many").data(&i)).collect::<Result<Vec<_>>>()?;
    let told = match host.publish_all(events).await {
        Ok(receipts) => json!(receipts.iter().map(|r| r.cursors[0].offset).collect::<Vec<_>>()),
        Err(error) => json!({
            "status": error.status.to_string(),
            "lost": error.taken.iter().filter(|told| told.is_err()).count(),
            "rest": error.rest.len(),
        }),
    };
    Reply::json(&told)
}

async fn store(host: &Host) -> Result<Reply> {
    let store = host.store();
    assert!(store.get("a/1").await?.is_none());
    let first = store.put("a/1", "one", Expect::Absent).await?;
    let refused = store.put("a/1", "two", Expect::Absent).await.unwrap_err();
    assert_eq!(refused.status(), Status::CONFLICT);
    let second = store.put_json("a/1", &2, Expect::Revision(first)).await?;
    assert!(second > first);
    assert_eq!(store.get("a/1").await?.unwrap().parse::<i32>()?, 2);
    store.put_for("a/2", "x", Expect::Any, Duration::from_secs(60)).await?;
    store.put("b/1", "y", Expect::Any).await?;
    let page = store.list("a/", "", 1).await?;
    assert!(page.more && page.entries.len() == 1);
    let page = store.list("a/", "a/1", 10).await?;
    assert!(!page.more && page.entries[0].key == "a/2");
    assert_eq!(store.scan("").await?.len(), 3);
    assert!(store.delete("b/1", Expect::Any).await?);
    assert!(!store.delete("b/1", Expect::Any).await?);
    assert_eq!(store.of("other").get("shared/x").await?.unwrap().value, "theirs");
    assert_eq!(store.of("other").get("private").await.unwrap_err().status(), Status::DENIED);
    let many =
        vec![Op::Get { key: "a/1".into() }, Op::Get { key: String::new() }, Op::Get { key: "none".into() }];
    let done = store.run(many).await?;
    assert!(matches!(&done[0], Ok(Outcome::Value(Some(_)))));
    assert_eq!(done[1].as_ref().unwrap_err().status(), Status::INVALID);
    assert!(matches!(&done[2], Ok(Outcome::Value(None))));
    Ok(Reply::empty())
}

fn sessions(host: &Host) -> Result<Reply> {
    let sessions = host.sessions();
    let session = sessions.find("ws_1")?;
    sessions.join(session, "r")?;
    sessions.send(session, &Event::new("said").data(&5)?)?;
    sessions.leave(session, "r")?;
    sessions.close(session, 1008, "enough")?;
    assert_eq!(sessions.info(session)?.user_id.as_deref(), Some("u"));
    assert_eq!(sessions.find("nobody").unwrap_err().status(), Status::NOT_FOUND);
    Reply::json(&sessions.of_user("u")?.len())
}

fn tools(host: &Host) -> Result<Reply> {
    host.log().write(Level::Warn, "a line", &[("agent", "a1")]);
    let counter = host.metrics().counter("made", "How many.", &[("kind", "a")])?;
    counter.add(2);
    counter.add(3);
    host.metrics().gauge("level", "How much.", &[])?.set(-4);
    host.metrics().histogram("took", "How long.", &[])?.observe(Duration::from_millis(3));
    let wrong = host.metrics().gauge("made", "How many.", &[("kind", "a")]);
    assert_eq!(wrong.unwrap_err().status(), Status::CONFLICT);
    assert!(host.clock().monotonic().is_some());
    Reply::json(&host.clock().now_ms())
}

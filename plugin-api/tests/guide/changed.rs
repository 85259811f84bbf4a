//! hello: greets people, counts them, and tells a room.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tidegate_plugin::{
    Call, Error, Event, Expect, FollowedEvent, Host, HttpRequest, HttpResponse, Manifest, Plugin,
    Reply, Result, export, manifest,
};

/// The settings: the table `[plugins.hello]`. They are held to the schema in plugin.json before
/// they come here.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// What is said before the name.
    greeting: String,
    /// The room that hears of it.
    room: String,
    /// How often it is told how many were greeted, in milliseconds.
    every_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            greeting: "Hello".into(),
            room: "hello".into(),
            every_ms: 60_000,
        }
    }
}

/// One configured instance. All its code runs on one thread of its own, so a `Cell` will do. Nothing
/// is in globals: another instance may live in the same process.
#[derive(Debug)]
pub struct Greeter {
    host: Host,
    config: Config,
    count: Rc<Cell<u64>>,
}

/// What the call is sent.
#[derive(Deserialize)]
struct Greet {
    name: String,
}

impl Plugin for Greeter {
    type Config = Config;

    fn manifest() -> Manifest {
        manifest!("tests/guide/changed.json")
    }

    async fn start(host: Host, config: Config) -> Result<Self> {
        let count = match host.store().get("count").await? {
            Some(entry) => entry.parse()?,
            None => 0,
        };
        let count = Rc::new(Cell::new(count));
        let every = Duration::from_millis(config.every_ms);
        let (ours, room) = (Rc::clone(&count), config.room.clone());
        tokio::task::spawn_local(tell(host.clone(), room, every, ours));
        host.log().info("ready to greet");
        Ok(Self {
            host,
            config,
            count,
        })
    }

    async fn follow(&self, event: FollowedEvent) -> Result<()> {
        if event.kind == "hello_arrived" {
            self.greet(event.parse()?).await?;
        }
        Ok(())
    }

    async fn call(&self, call: Call) -> Result<Reply> {
        match call.name.as_str() {
            "hello_greet" => self.greet(call.parse()?).await,
            name => Err(Error::unsupported(format!("no such call: {name}"))),
        }
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        match request.route {
            0 => HttpResponse::json(200, &json!({ "count": self.count.get() })),
            route => Err(Error::unsupported(format!("no such route: {route}"))),
        }
    }
}

impl Greeter {
    /// Greets, and answers once the event is as safe as its room promises.
    async fn greet(&self, Greet { name }: Greet) -> Result<Reply> {
        self.count.set(self.count.get() + 1);
        let store = self.host.store();
        store
            .put_json("count", &self.count.get(), Expect::Any)
            .await?;
        let data = json!({ "name": name, "count": self.count.get() });
        let event = Event::new("hello_greeted").room(self.config.room.clone());
        self.host.publish(event.data(&data)?).await?;
        Reply::json(&format!("{}, {name}!", self.config.greeting))
    }
}

/// Tells the room, again and again, how many were greeted. It ends with the plugin.
async fn tell(host: Host, room: String, every: Duration, count: Rc<Cell<u64>>) {
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        let event = Event::new("hello_counted").room(room.clone());
        let told = match event.data(&json!({ "count": count.get() })) {
            Ok(event) => host.publish(event).await,
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            host.log().warn(error);
        }
    }
}

export!(Greeter);

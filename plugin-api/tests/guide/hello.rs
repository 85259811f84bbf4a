//! hello: greets people, counts them, and tells a room.

use std::cell::Cell;

use serde::Deserialize;
use serde_json::json;
use tidegate_plugin::{
    Call, Error, Event, Host, HttpRequest, HttpResponse, Manifest, Plugin, Reply, Result, export,
    manifest,
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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            greeting: "Hello".into(),
            room: "hello".into(),
        }
    }
}

/// One configured instance. All its code runs on one thread of its own, so a `Cell` will do. Nothing
/// is in globals: another instance may live in the same process.
#[derive(Debug)]
pub struct Greeter {
    host: Host,
    config: Config,
    count: Cell<u64>,
}

/// What the call is sent.
#[derive(Deserialize)]
struct Greet {
    name: String,
}

impl Plugin for Greeter {
    type Config = Config;

    fn manifest() -> Manifest {
        manifest!("tests/guide/hello.json")
    }

    async fn start(host: Host, config: Config) -> Result<Self> {
        host.log().info("ready to greet");
        Ok(Self {
            host,
            config,
            count: Cell::new(0),
        })
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
        let data = json!({ "name": name, "count": self.count.get() });
        let event = Event::new("hello_greeted").room(self.config.room.clone());
        self.host.publish(event.data(&data)?).await?;
        Reply::json(&format!("{}, {name}!", self.config.greeting))
    }
}

export!(Greeter);

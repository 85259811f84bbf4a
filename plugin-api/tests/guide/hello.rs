use serde::Deserialize;
use serde_json::json;
use std::{cell::RefCell, collections::HashMap};
use tidegate_plugin::*;

#[derive(Deserialize)]
pub struct Config {
    greeting: String,
}

pub struct Hello {
    host: Host,
    config: Config,
    greeted: RefCell<HashMap<String, u32>>,
}

#[derive(Deserialize)]
struct Greet {
    name: String,
}

impl Plugin for Hello {
    type Config = Config;

    fn manifest() -> Manifest {
        manifest!("tests/guide/hello.json")
    }

    async fn start(host: Host, config: Config) -> Result<Self> {
        Ok(Hello { host, config, greeted: RefCell::default() })
    }

    async fn call(&self, call: Call) -> Result<Reply> {
        let Greet { name } = call.parse()?;
        *self.greeted.borrow_mut().entry(name.clone()).or_default() += 1;
        self.host.publish(Event::new("greeted").room("greetings").data(&json!({ "name": name }))?).await?;
        Reply::json(&format!("{}, {name}!", self.config.greeting))
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        let name = request.param("name");
        match self.greeted.borrow().get(name) {
            Some(times) => HttpResponse::json(200, &json!({ "name": name, "times": times })),
            None => Err(Error::not_found(format!("Nobody greeted '{name}'"))),
        }
    }
}

tidegate_plugin::export!(Hello);

//! `fanout`: the load of `make bench-compare` on any server, by hand.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use tidegate_compare::files;
use tidegate_compare::load::{Aim, Crew, Error, Generator, Measured, Pace, Plan, Side, Target};

/// Connects subscribers and a publisher to a server on loopback, and prints what a delivery costs the server and how
/// long it takes, as a line of JSON.
#[derive(Parser)]
struct Arguments {
    /// The server's port on 127.0.0.1
    #[arg(short, long)]
    port: u16,
    /// The server's process
    #[arg(long)]
    pid: u32,
    /// Where subscribers connect
    #[arg(short = 'f', long, default_value = "/ws")]
    path: String,
    /// Where the publisher connects; left out: there, too
    #[arg(short = 'q', long)]
    publish_path: Option<String>,
    /// A text frame that each subscriber sends after the upgrade; as often as there are some
    #[arg(short = 'S', long)]
    hello: Vec<String>,
    /// What comes when a subscriber is in
    #[arg(long, default_value = "")]
    ready: String,
    /// A text frame that the publisher sends after the upgrade
    #[arg(short = 'X', long)]
    publish_hello: Vec<String>,
    /// The text frame that publishes; %T stands for the marker and what fills it up
    #[arg(short = 'T', long, default_value = "%T")]
    template: String,
    /// Subscribers
    #[arg(short = 'n', long, default_value_t = 1000)]
    connections: usize,
    /// Bytes that stand for %T
    #[arg(short, long, default_value_t = 200)]
    size: usize,
    /// Events in flight at most
    #[arg(short, long, default_value_t = 1)]
    window: u64,
    /// Events a second, instead of a window
    #[arg(short, long)]
    rate: Option<f64>,
    /// Seconds that are measured, after one that is not
    #[arg(short = 'd', long, default_value_t = 5.0)]
    seconds: f64,
}

fn run(arguments: &Arguments) -> Result<(Duration, Measured), Error> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let mut load = Generator::new(Target { address, pid: arguments.pid, tls: None })?;
    let subscriber = Side {
        path: arguments.path.clone(),
        hello: arguments.hello.clone(),
        ready: arguments.ready.clone(),
        inflates: false,
    };
    let publisher = Side {
        path: arguments.publish_path.as_ref().unwrap_or(&arguments.path).clone(),
        hello: arguments.publish_hello.clone(),
        ready: String::new(),
        inflates: false,
    };
    let entered = load.enter(&Crew::of(&subscriber, arguments.connections))?;
    load.aim(Aim {
        side: publisher,
        template: arguments.template.clone(),
        size: arguments.size,
        pace: arguments.rate.map_or(Pace::Window(arguments.window), Pace::Rate),
        crew: 0,
        rooms: 1,
        fanout: arguments.connections,
    })?;
    load.settle()?;
    let plan = Plan { warm_up: Duration::from_secs(1), measured: Duration::from_secs_f64(arguments.seconds) };
    Ok((entered, load.run(plan)?))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    files::raise();
    match run(&arguments) {
        Ok((entered, measured)) => {
            let line = json!({
                "cpu_us_per_delivery": measured.cost(),
                "deliveries_per_s": measured.rate(),
                "server_cores": measured.server_cpu / measured.seconds,
                "generator_cores": measured.own_cpu / measured.seconds,
                "connections_per_s": arguments.connections as f64 / entered.as_secs_f64(),
                "measured": measured,
            });
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("fanout: {error}");
            ExitCode::FAILURE
        }
    }
}

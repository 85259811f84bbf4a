//! main
fn main() -> std::process::ExitCode {
    tracing_subscriber::fmt().init();
    let mut config = tidegate::config::Config::default();
    let args: Vec<String> = std::env::args().collect();
    config.listener[0].address = args[1].parse().unwrap();
    config.shards = args[2].parse().unwrap();
    config.limits.fragments = 100_000;
    config.limits.message = tidegate::units::Size(16 << 20);
    config.endpoint.push(tidegate::config::model::session::Config {
        path: "/ws/echo".into(),
        dialect: tidegate::config::model::session::Dialect::Echo,
        ..Default::default()
    });
    tidegate::app::serve(config, None)
}

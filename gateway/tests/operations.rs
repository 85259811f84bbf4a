//! The profile of the operations dashboard with its database: unmodified clients see what the application writes, and nothing
//! else suffers when the database does.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::{Cable, Gateway, Options, Postgres, Socket};

const SECRET: &str = "development-secret-of-the-operations-dashboard";
const SCHEMA: &str = include_str!("../../plugins/db-listener/tests/operations/schema.sql");

fn database() -> Postgres {
    let postgres = Postgres::start();
    postgres.sql("postgres", "CREATE DATABASE operations");
    postgres.sql("operations", SCHEMA);
    postgres
}

/// The profile, with the echo beside it.
fn start(url: &str) -> Gateway {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/operations.toml");
    let options = Options::new().config(profile).set("shards=2").set("plugins.echo.enabled=true");
    let options = options.set("plugins.echo.open=[\"POST /echo/{room}\"]");
    options.set(&format!("plugins.db-listener.source.url={url:?}")).start(env!("CARGO_BIN_EXE_tidegate"))
}

/// One of the plugin's commands, with the profile.
fn command(postgres: &Postgres, arguments: &[&str]) -> Command {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/operations.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(["plugin", "db-listener"]).args(arguments).arg("--config").arg(profile);
    let url = postgres.url("operations");
    command.args(["--set", &format!("plugins.db-listener.source.url={url:?}")]);
    command
}

/// A session of user 7, greeted.
async fn enter(gateway: &Gateway) -> Socket {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = encode(&Header::default(), &json!({"user_id": 7}), &key).unwrap();
    let bearer = format!("Bearer {token}");
    let mut socket = gateway.try_connect("/ws/connect", &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(socket.next().await["event_type"], "connection_ack");
    socket
}

/// The next event but for notifications, as its type and data.
async fn told(session: &mut Socket) -> (String, Value) {
    loop {
        let event = session.next().await;
        let name = event["event_type"].as_str().unwrap().to_owned();
        if name != "notification" && name != "ping" {
            return (name, event["data"].clone());
        }
    }
}

/// Waits until the plugin says that of itself.
async fn wait_for(gateway: &Gateway, state: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = gateway.get("/api/v1/plugins").await;
        if answer.json().to_string().contains(&format!("\"state\":\"{state}\"")) {
            return;
        }
        assert!(Instant::now() < end, "never {state}: {}\n{}", answer.json(), gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_dashboard_sees_tasks_and_staff_in_the_order_of_their_commits() {
    let postgres = database();
    let gateway = start(&postgres.url("operations"));
    let mut session = enter(&gateway).await;
    postgres.sql("operations", "INSERT INTO tareas (titulo, prioridad) VALUES ('Ronda', 4)");
    let created = session.next().await;
    assert_eq!((&created["event_type"], &created["topic"]), (&json!("task_created"), &Value::Null));
    let data = &created["data"];
    assert_eq!((&data["task_id"], &data["sub_event_type"]), (&json!(1), &json!("created")));
    let task = &data["task_data"];
    assert_eq!(
        (&task["titulo"], &task["estado"], &task["prioridad"]),
        (&json!("Ronda"), &json!("programada"), &json!(4))
    );
    let notification = session.next().await;
    let expected = json!({
        "title": "Dashboard actualizado", "content": "Datos del dashboard actualizados automáticamente", "level": "info",
    });
    assert_eq!((&notification["event_type"], &notification["data"]), (&json!("notification"), &expected));

    postgres.sql(
        "operations",
        "UPDATE tareas SET titulo = 'Ronda 2'; UPDATE tareas SET estado = 'en_curso';
         INSERT INTO efectivos (nombre, apellido) VALUES ('Ana', 'Paz');
         UPDATE efectivos SET estado_disponibilidad = 'en_tarea'; UPDATE efectivos SET rango = 'cabo'",
    );
    let (name, data) = told(&mut session).await;
    assert_eq!((name.as_str(), &data["sub_event_type"]), ("task_updated", &json!("updated")));
    let (name, data) = told(&mut session).await;
    assert_eq!((name.as_str(), &data["sub_event_type"]), ("task_status_changed", &json!("status_changed")));
    assert_eq!(data["task_data"]["_old_estado"], "programada");
    assert_eq!(data["task_data"]["_status_change"], json!({"old": "programada", "new": "en_curso"}));
    for sub in ["created", "status_changed", "updated"] {
        let (name, data) = told(&mut session).await;
        assert_eq!((name.as_str(), &data["sub_event_type"]), ("efectivo_status_changed", &json!(sub)));
        assert_eq!((&data["efectivo_id"], &data["efectivo_data"]["nombre"]), (&json!(1), &json!("Ana")));
    }
}

#[tokio::test]
async fn the_dashboards_figures_are_those_of_the_rows() {
    let postgres = database();
    postgres.sql(
        "operations",
        "INSERT INTO tareas (titulo, estado, prioridad, fecha_creacion, fecha_actualizacion) VALUES
           ('a', 'en_curso', 5, now(), now()), ('b', 'finalizada', 5, now() - interval '30 minutes', now()),
           ('c', 'programada', 1, now(), now()), ('d', 'programada', 2, now(), now());
         INSERT INTO efectivos (nombre, apellido, estado_disponibilidad) VALUES
           ('a', 'a', 'disponible'), ('b', 'b', 'en_tarea'), ('c', 'c', 'fuera_servicio'), ('d', 'd', 'no_disponible')",
    );
    let gateway = start(&postgres.url("operations"));
    let mut session = enter(&gateway).await;
    let answer = session.ask(&json!({"event_type": "dashboard_update", "data": {}})).await;
    let mut data = answer["data"].clone();
    assert!(data.as_object_mut().unwrap().remove("last_updated").unwrap().is_string());
    let expected = json!({
        "total_tasks": 4, "active_tasks": 1, "completed_tasks": 1, "pending_tasks": 2, "active_efectivos": 2,
        "available_efectivos": 1, "busy_efectivos": 1, "alerts_count": 1,
    });
    assert_eq!((&answer["event_type"], &data), (&json!("dashboard_update"), &expected));

    let answer = session.ask(&json!({"event_type": "metrics_update", "data": {}})).await;
    let data = &answer["data"];
    let performance = &data["performance"];
    let figures = ["task_completion_rate", "average_response_time", "efficiency_score"];
    assert_eq!(figures.map(|name| performance[name].as_f64()), [Some(25.0), Some(30.0), Some(50.0)]);
    assert_eq!(data["usage"], json!({"active_users": 1, "total_sessions": 1, "peak_concurrent_users": 1}));
    for name in ["cpu_usage", "memory_usage", "storage_usage"] {
        assert!((0.0..=100.0).contains(&data["system"][name].as_f64().unwrap()), "{data}");
    }
}

#[tokio::test]
async fn a_database_that_stops_dies_or_is_cut_off_slows_nobody_and_comes_back() {
    let mut postgres = database();
    let cable = Cable::to(postgres.port());
    let url = format!("postgres://postgres@127.0.0.1:{}/operations?sslmode=disable", cable.port());
    let gateway = start(&url);
    let mut session = enter(&gateway).await;
    let insert = "INSERT INTO tareas (titulo) VALUES ('x')";
    postgres.sql("operations", insert);
    assert_eq!(told(&mut session).await.0, "task_created");

    let answers = async || {
        let asked = Instant::now();
        for _ in 0..20 {
            assert_eq!(gateway.get("/health/live").await.status, 200);
            assert_eq!(gateway.post("/echo/hall", &json!({"a": 1})).await.status, 200);
        }
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    };
    postgres.pause();
    answers().await;
    postgres.go_on();
    cable.silence();
    answers().await;
    cable.mend();
    cable.sever();
    answers().await;
    cable.mend();
    postgres.sql("operations", insert);
    assert_eq!(told(&mut session).await.1["task_id"], 2);
    postgres.kill();
    answers().await;
    wait_for(&gateway, "failing").await;
    postgres.restart();
    postgres.sql("operations", insert);
    let (name, data) = told(&mut session).await;
    assert_eq!((name.as_str(), &data["task_data"]["titulo"]), ("task_created", &json!("x")));
}

#[tokio::test]
async fn without_its_database_the_profile_runs_and_says_so() {
    let gateway = start("postgres://postgres@127.0.0.1:9/operations");
    let mut session = enter(&gateway).await;
    let answer = session.ask(&json!({"event_type": "dashboard_update", "data": {}})).await;
    assert_eq!(answer["event_type"], "error");
    wait_for(&gateway, "failing").await;
    assert!(gateway.log().contains("listening is tried again"), "{}", gateway.log());
}

#[tokio::test]
async fn rules_are_tried_beside_the_gateway_and_a_try_that_is_killed_leaves_nothing() {
    let postgres = database();
    assert!(command(&postgres, &["init", "--apply"]).status().unwrap().success());
    let gateway = start(&postgres.url("operations"));
    let mut session = enter(&gateway).await;
    let mut test = command(&postgres, &["test", "--for", "1m"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(test.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.by_ref().take(2).last().unwrap(), "// changes are awaited");
    postgres.sql("operations", "INSERT INTO tareas (titulo) VALUES ('Ronda')");
    let shown: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!((&shown["event_type"], &shown["data"]["task_id"]), (&json!("task_created"), &json!(1)));
    assert_eq!(told(&mut session).await.1["task_id"], 1);

    let slots = || {
        postgres.sql(
            "operations",
            "SELECT string_agg(slot_name, ' ' ORDER BY slot_name) FROM pg_replication_slots",
        )
    };
    assert!(slots().contains(" tidegate_try_"), "{}", slots());
    test.kill().unwrap();
    test.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while slots() != "tidegate" {
        assert!(Instant::now() < deadline, "{}", slots());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    postgres.sql("operations", "INSERT INTO tareas (titulo) VALUES ('Ronda')");
    assert_eq!(told(&mut session).await.1["task_id"], 2);
}

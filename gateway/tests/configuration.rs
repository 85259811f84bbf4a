//! An operator says what is wanted in layers, and is told of every mistake at once, with its place.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod configuration {
    mod edge;
}

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;
use tidegate::config::{self, Config, Finding, Place, Severity, Sources, model};
use tidegate::units::{Period, Size};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name)
}

/// A file in a directory of its own, named by how it is written.
fn file(name: &str, text: &str) -> (TempDir, Sources) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    (dir, Sources { file: Some(path), ..Sources::default() })
}

fn set(settings: &[&str]) -> Sources {
    Sources { set: settings.iter().map(|text| (*text).to_owned()).collect(), ..Sources::default() }
}

fn variables(variables: &[(&str, &str)]) -> Sources {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Sources { variables: variables.iter().map(owned).collect(), ..Sources::default() }
}

#[track_caller]
fn loaded(sources: &Sources) -> Config {
    config::load(sources).unwrap_or_else(|report| panic!("{report}")).config
}

/// The findings as lines, with the file's name alone.
fn lines(findings: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        let text = finding.to_string();
        match finding.place {
            Place::File { ref path, .. } => {
                text.replace(&format!("{}/", path.parent().unwrap().display()), "")
            }
            _ => text,
        }
    };
    findings.iter().map(line).collect()
}

#[track_caller]
fn errors(sources: &Sources) -> Vec<String> {
    let report = config::load(sources).expect_err("an error");
    let errors: Vec<_> = report.0.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    lines(&errors)
}

#[track_caller]
fn refused(sources: &Sources, part: &str) {
    let errors = errors(sources);
    assert!(errors.len() == 1 && errors[0].contains(part), "{errors:#?}");
}

#[track_caller]
fn warned(sources: &Sources, part: &str) {
    let warnings = config::load(sources).unwrap_or_else(|report| panic!("{report}")).warnings;
    let lines = lines(&warnings);
    assert!(lines.iter().any(|line| line.starts_with("warning") && line.contains(part)), "{lines:#?}");
}

#[test]
fn the_shipped_file_is_every_setting_at_its_default() {
    let sources = Sources { file: Some(shipped("tidegate.toml")), ..Sources::default() };
    let config::Loaded { config, warnings } = config::load(&sources).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(warnings, []);
    let written: toml::Table = fs::read_to_string(shipped("tidegate.toml")).unwrap().parse().unwrap();
    let built_in = toml::Table::try_from(Config::default()).unwrap();
    let once = |value: toml::Table| names(&value.into()).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(once(written), once(built_in), "every setting is there");
}

#[test]
fn what_the_shipped_file_says_of_tls_is_what_there_is() {
    let text = fs::read_to_string(shipped("tidegate.toml")).unwrap();
    let block = text.split("# [listener.tls]").nth(1).unwrap().split("\n\n").next().unwrap();
    let settings =
        block.lines().filter_map(|line| line.strip_prefix("# ").filter(|rest| !rest.starts_with(' ')));
    let text = format!("[[listener]]\n[listener.tls]\n{}", settings.collect::<Vec<_>>().join("\n"));
    let (_dir, sources) = file("a.toml", &text);
    let written: toml::Table = text.parse().unwrap();
    let read = toml::Table::try_from(loaded(&sources).listener[0].tls.clone().unwrap()).unwrap();
    assert_eq!(written["listener"][0]["tls"], read.into(), "every setting is there, and none else");
    let defaults = model::listener::Tls::default();
    for (setting, default) in [
        ("handshake_timeout", defaults.handshake_timeout.to_string()),
        ("client_auth", "required".to_owned()),
    ] {
        assert_eq!(written["listener"][0]["tls"][setting].as_str(), Some(default.as_str()));
    }
    assert_eq!(loaded(&sources).listener[0].tls.as_ref().unwrap().client_name, defaults.client_name);
}

/// The names of all settings in a value, lists taken as one entry.
fn names(value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::Table(table) => {
            let below = |(name, value)| names(value).into_iter().map(move |below| format!("{name}.{below}"));
            table.iter().flat_map(below).collect()
        }
        toml::Value::Array(entries) if entries.iter().any(toml::Value::is_table) => {
            entries.iter().flat_map(names).collect()
        }
        _ => vec![String::new()],
    }
}

#[test]
fn an_endpoint_of_envelopes_has_the_defaults_of_its_clients() {
    let (_dir, sources) = file(
        "a.toml",
        "[[endpoint]]\npath = '/a'\ndialect = 'envelope'\n[[endpoint]]\npath = '/b'\ndialect = 'envelope'\n\
         welcome = 'Hola'\nmessage = '8 KiB'\nheartbeat = { interval = '30s' }\n[[endpoint]]\npath = '/c'",
    );
    let config = loaded(&Sources { set: vec!["endpoint.1.envelope.rate=\"9/h\"".into()], ..sources });
    let told = |endpoint: &model::session::Config| {
        let beat = endpoint.heartbeat;
        let (interval, timeout) = (beat.interval.get().as_secs(), beat.timeout.get().as_secs());
        let rate = endpoint.rate_per_user().map(|rate| rate.to_string());
        (endpoint.welcome.clone(), endpoint.message, (interval, timeout), rate)
    };
    let [a, b, c] = &*config.endpoint else { panic!("three endpoints") };
    let greeting = "Connected to QA Intelligence WebSocket".to_owned();
    assert_eq!(told(a), (greeting, Some(Size::mib(1)), (20, 40), Some("60/min".into())));
    assert_eq!(told(b), ("Hola".into(), Some(Size::kib(8)), (30, 40), Some("9/h".into())));
    assert_eq!(told(c), ("Connected to Tidegate".into(), None, (25, 60), None));
}

#[test]
fn settings_of_envelopes_are_judged() {
    assert_eq!(
        errors(&set(&["endpoint.0.envelope.stream=true"])),
        [
            "error: --set endpoint.0.envelope.stream: endpoint.0.envelope: is for endpoints with `dialect = \"envelope\"`"
        ]
    );
    let sources = set(&["endpoint.0.dialect=envelope", "endpoint.0.envelope.rate=\"20000/min\""]);
    assert_eq!(
        errors(&sources),
        [
            "error: --set endpoint.0.envelope.rate: endpoint.0.envelope.rate: 20000 is more than can be remembered of \
             each user (10000)",
        ]
    );
}

#[test]
fn the_shipped_profiles_are_in_order() {
    let immune = Sources { file: Some(shipped("immune.toml")), ..Sources::default() };
    let config::Loaded { config, warnings } = config::load(&immune).unwrap();
    assert_eq!((config.name.as_str(), config.api_version.as_str()), ("Active Immune Core API", "1.0.0"));
    assert_eq!(config.endpoint[0].welcome, "Connected to Active Immune Core WebSocket");
    assert!(["agents", "coordination"].iter().all(|plugin| config.plugins.instances[*plugin].enabled));
    assert!(warnings.iter().all(|warning| warning.key.to_string() == "cors.origins"), "{warnings:?}");

    assert_eq!(
        (config.endpoint[1].path.as_str(), config.endpoint[1].dialect),
        ("/ws/events", model::session::Dialect::Stream)
    );

    let operations = Sources { file: Some(shipped("operations.toml")), ..Sources::default() };
    let config::Loaded { config, warnings } = config::load(&operations).unwrap();
    assert_eq!(warnings, []);
    let endpoint = &config.endpoint[0];
    assert_eq!((endpoint.path.as_str(), endpoint.dialect), ("/ws/connect", model::session::Dialect::Topics));
    assert_eq!(endpoint.heartbeat.interval.get().as_secs(), 30);
    assert_eq!((endpoint.auth.as_str(), config.api.auth.as_str()), ("operations", "operations"));
    let profile = &config.auth["operations"];
    assert!(profile.anonymous && profile.required.is_empty() && profile.has_key());
    let chat = Sources { file: Some(shipped("chat.toml")), ..Sources::default() };
    let config::Loaded { config, warnings } = config::load(&chat).unwrap();
    assert_eq!(warnings, []);
    let places: Vec<_> = config.endpoint.iter().map(|one| (&*one.path, one.any, one.dialect)).collect();
    let envelope = model::session::Dialect::Envelope;
    assert_eq!(places, [("/ws/chat", false, envelope), ("", true, envelope)]);
    assert_eq!(config.listener[1].address.to_string(), "127.0.0.1:8765");
    assert!(config.auth["chat"].anonymous && config.endpoint.iter().all(|one| one.auth == "chat"));

    let projects = Sources { file: Some(shipped("projects.toml")), ..Sources::default() };
    let config::Loaded { config, warnings } = config::load(&projects).unwrap();
    assert_eq!(warnings, []);
    let places: Vec<_> = config.endpoint.iter().map(|one| (&*one.path, one.dialect)).collect();
    let (socketio, rooms) = (model::session::Dialect::SocketIo, model::session::Dialect::Rooms);
    assert_eq!(places, [("/socket.io/", socketio), ("/ws/socket.io/", socketio), ("/ws", rooms)]);
    let profile = &config.auth["projects"];
    assert!(!profile.anonymous && config.api.auth == "projects");
    assert_eq!((&profile.default_roles[..], profile.known_roles.len()), (&["user".to_owned()][..], 4));

    let conformance = Sources { file: Some(shipped("conformance.toml")), ..Sources::default() };
    let config::Loaded { config, warnings } = config::load(&conformance).unwrap();
    // Suites run in browsers, from wherever.
    assert!(warnings.iter().all(|warning| warning.key.to_string().ends_with("origins")), "{warnings:?}");
    assert_eq!(config.endpoint[0].dialect, model::session::Dialect::Echo);
    assert_eq!(config.endpoint[0].message, Some(Size::mib(16)));
    assert_eq!(config.limits.fragments, 65_536);
}

#[test]
fn a_later_layer_wins() {
    let (_dir, mut sources) =
        file("a.toml", "shards = 1\nname = \"file\"\n[limits]\nconnections = 1\nfragments = 1");
    sources.variables =
        variables(&[("TIDEGATE_LIMITS__CONNECTIONS", "2"), ("TIDEGATE_NAME", "variable")]).variables;
    sources.variables.push(("HOME".into(), "/nowhere".into()));
    sources.set = set(&["name=option", "listener.0.address=127.0.0.1:1"]).set;
    sources.listen = Some("127.0.0.1:2".into());
    sources.data = Some("elsewhere".into());
    let config = loaded(&sources);
    assert_eq!((config.shards, config.limits.fragments), (1, 1), "the file over the defaults");
    assert_eq!(config.limits.connections, 2, "a variable over the file");
    assert_eq!(config.name, "option", "the command line over a variable");
    assert_eq!(config.listener[0].address.port(), 2, "an option of its own over --set");
    assert_eq!(config.data.dir, Path::new("elsewhere"));
    assert_eq!(config.limits.calls_per_session, 16, "and what nobody names stays");
}

#[test]
fn toml_and_yaml_say_the_same() {
    let toml = "name = \"no\"\n[[endpoint]]\npath = \"/a\"\nheartbeat = { interval = \"1s\" }\n\
                [[room]]\nprefix = \"x:\"\nhistory = { size = 10, ttl = \"5m\" }\n\
                [plugins.agents]\nnested = { list = [1, 2.5, true] }";
    let yaml = "name: no\nendpoint:\n  - path: /a\n    heartbeat: { interval: 1s }\n\
                room:\n  - prefix: 'x:'\n    history: { size: 10, ttl: 5m }\n\
                plugins:\n  agents:\n    nested: { list: [1, 2.5, true] }";
    let ((_a, toml), (_b, yaml)) = (file("a.toml", toml), file("a.yaml", yaml));
    let config = loaded(&toml);
    assert_eq!(config, loaded(&yaml), "`no` is a text in YAML, too");
    assert_eq!(config.room[0].history.ttl, Period::seconds(300));
    assert_eq!(config.plugins.instances["agents"].settings["nested"]["list"][1], 2.5);
}

#[test]
fn values_of_the_command_line_are_toml_or_bare_words() {
    let config = loaded(&set(&[
        "log.level=debug",
        "limits.message=128 KiB",
        "limits.backlog_per_session=2097152",
        "drain.period = 1s",
        "api_version=2.10",
        "allow=[\"anonymous\"]",
        "room=[{prefix=\"a:\", history={size=10, ttl=\"1m\"}}]",
        "endpoint.0.heartbeat={interval=\"5s\"}",
        "plugins.\"qa-chat\".limit=5",
        "plugins.qa-chat.key=\"a=b\"",
    ]));
    assert_eq!(config.log.level, "debug");
    assert_eq!((config.limits.message, config.limits.backlog_per_session), (Size::kib(128), Size::mib(2)));
    assert_eq!(config.drain.period, Period::seconds(1));
    assert_eq!(config.api_version, "2.10", "a text that looks like a number stays as it was typed");
    assert_eq!(
        (config.room.len(), config.room[0].history.size),
        (1, 10),
        "a list given whole replaces the list"
    );
    let heartbeat = config.endpoint[0].heartbeat;
    assert_eq!(
        (heartbeat.interval, heartbeat.timeout),
        (Period::seconds(5), Period::seconds(60)),
        "tables are joined"
    );
    let settings = &config.plugins.instances["qa-chat"].settings;
    assert_eq!((&settings["limit"], &settings["key"]), (&5.into(), &"a=b".into()));
}

#[test]
fn an_entry_of_a_list_goes_by_its_index_or_its_name() {
    let two = "[[listener]]\nname = \"main\"\n[[listener]]\nname = \"in-side\"\naddress = \"127.0.0.1:1\"";
    let (_dir, mut sources) = file("a.toml", two);
    sources.set = set(&["listener.main.address=127.0.0.1:5", "endpoint.\"/ws\".broadcasts=false"]).set;
    sources.variables = variables(&[("TIDEGATE_LISTENER__IN_SIDE__ADDRESS", "127.0.0.1:6")]).variables;
    let config = loaded(&sources);
    assert_eq!((config.listener[0].address.port(), config.listener[1].address.port()), (5, 6));
    assert!(!config.endpoint[0].broadcasts);

    refused(
        &set(&["listener.mian.address=127.0.0.1:1"]),
        "has no entry `mian`: it has one, 0; did you mean `main`?",
    );
    refused(&set(&["listener.1.address=127.0.0.1:1"]), "has no entry `1`");
}

#[test]
fn variables_say_what_their_names_can() {
    let (_dir, mut sources) = file("a.toml", "[plugins.qa-chat]\nmodelName = \"x\"");
    sources.variables =
        variables(&[("TIDEGATE_PLUGINS__QA_CHAT__MODELNAME", "y"), ("TIDEGATE_ROOM", "[{prefix=\"a:\"}]")])
            .variables;
    let config = loaded(&sources);
    assert_eq!(config.plugins.instances["qa-chat"].settings["modelName"], "y");
    assert_eq!(config.room[0].prefix, "a:");
    refused(&variables(&[("TIDEGATE_LIMITS____MESSAGE", "1")]), "names joined by `__`");
}

#[test]
fn every_error_is_reported_at_once_with_its_place() {
    let text = "nmae = \"x\"
[limits]
room_per_session = 5
message = \"big\"
connections = -1
exempt = [\"10.0.0.0/8\", \"nowhere\", \"::1\", \"10.0.0.0/99\"]

[[endpoint]]
path = \"/ws\"
dialect = \"room\"
heartbeat = { interval = 30 }

[[endpoint]]
path = \"/ws\"
auth = \"defualt\"

[plugins.agents]
enabled = \"yes\"
";
    let (_dir, mut sources) = file("a.toml", text);
    sources.set = set(&["endpoint.1.idle_timeout=soon", "listner=1"]).set;
    sources.variables = variables(&[("TIDEGATE_LOG__LEVEL", "loud")]).variables;
    let mut errors = errors(&sources);
    errors.sort();
    let expected = [
        "error: --set endpoint.1.idle_timeout: endpoint.1.idle_timeout: \"soon\" is not a time such as \"30s\" or \"1h 30m\": ",
        "error: --set listner: listner: there is no such setting; did you mean `listener`?",
        "error: TIDEGATE_LOG__LEVEL: log.level: \"loud\" is no level; ",
        "error: a.toml:10: endpoint.0.dialect: \"room\" is not known here; did you mean `rooms`?",
        "error: a.toml:11: endpoint.0.heartbeat.interval: expected a time with its unit, such as \"30s\", found 30",
        "error: a.toml:14: endpoint.1.path: two endpoints have the path \"/ws\"",
        "error: a.toml:15: endpoint.1.auth: there is no profile [auth.defualt]; did you mean \"default\"?",
        "error: a.toml:18: plugins.agents.enabled: expected true or false, found \"yes\"",
        "error: a.toml:1: nmae: there is no such setting; did you mean `name`?",
        "error: a.toml:3: limits.room_per_session: there is no such setting; did you mean `rooms_per_session`?",
        "error: a.toml:4: limits.message: \"big\" is not a size such as \"64 KiB\" or \"1 MiB\": ",
        "error: a.toml:5: limits.connections: expected a whole number from 0 to 4294967295, found -1",
        "error: a.toml:6: limits.exempt.1: \"nowhere\" is not a network such as \"10.0.0.0/8\": ",
        "error: a.toml:6: limits.exempt.3: \"10.0.0.0/99\" is not a network such as \"10.0.0.0/8\": ",
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.starts_with(expected), "{error}\n{expected}");
    }
}

#[test]
fn the_place_of_an_error_is_known_in_yaml_too() {
    let (_dir, sources) =
        file("a.yml", "limits:\n  mesage: 1\ncors:\n  origins:\n    - '*'\n    - 'HTTP://x'\n");
    let errors = errors(&sources);
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert!(errors[0].starts_with("error: a.yml:2: limits.mesage: there is no such setting"), "{errors:#?}");
    assert!(
        errors[1].starts_with("error: a.yml:6: cors.origins.1: expected \"*\", or an origin"),
        "{errors:#?}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_said_to_be_so() {
    let missing = Sources { file: Some("/no/such.toml".into()), ..Sources::default() };
    refused(&missing, "cannot be read");
    let (_dir, broken) = file("a.toml", "name = \"a\"\n[limits\nmessage = 1");
    assert!(errors(&broken)[0].starts_with("error: a.toml:2: "), "{:?}", errors(&broken));
    let (_dir, doubled) = file("a.toml", "name = \"a\"\nname = \"b\"");
    assert!(errors(&doubled)[0].starts_with("error: a.toml:2: "), "{:?}", errors(&doubled));
    let (_dir, broken) = file("a.yaml", "name: [1\n");
    assert_eq!(errors(&broken).len(), 1);
    let (_dir, list) = file("a.yaml", "- name\n");
    refused(&list, "the file must hold settings by their names");
    let (_dir, empty) = file("a.yaml", "# nothing\n");
    assert_eq!(loaded(&empty), Config::default());
    refused(&set(&["name"]), "expected KEY=VALUE");
    refused(&set(&["room=[{prefix=\"a:\""]), "the value is not TOML");
}

#[test]
fn a_secret_that_is_given_is_not_named_in_an_error() {
    let sources = set(&["plugins.db.password=geheim", "plugins.db.enabled=perhaps", "palgins.x=geheim"]);
    assert!(!errors(&sources).join("\n").contains("geheim"));
}

#[test]
fn what_follows_from_an_error_is_not_reported_too() {
    refused(&set(&["auth.default=5"]), "auth.default: expected a table, found 5");
    refused(&set(&["endpoint.0.path=[]"]), "endpoint.0.path: expected a text, found a list");
    refused(&set(&["log.format=1"]), "expected one of the setting's words, found 1");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_given_is_read_or_refused(
        settings in prop::collection::vec("[a-z.]{0,3}(limits|endpoint.0|room|plugins.a|cors|\\PC){0,2}[.a-z]{0,12}=\\PC{0,12}", 0..6),
        text in "(\\PC|\n|\\[\\[endpoint\\]\\]\n|path = |limits:|\\{a=\\[){0,12}",
        yaml: bool,
    ) {
        let (_dir, mut sources) = file(if yaml { "a.yaml" } else { "a.toml" }, &text);
        sources.variables = vec![("TIDEGATE_LIMITS__MESSAGE".into(), text.clone())];
        sources.set = settings;
        if let Ok(loaded) = config::load(&sources) {
            prop_assert!(config::to_toml(&loaded.config).is_ok());
        }
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    refused(&set(&["endpoint.0.heartbeat.timeout=20s"]), "is not longer than heartbeat.interval (25s)");
    let sse = r#"endpoint=[{path="/e", transport="sse", compression=true}]"#;
    refused(&set(&[sse]), "endpoint.0.compression: is of WebSockets");
    let names: Vec<String> = (0..86).map(|number| format!("\"/{number}\"")).collect();
    let many = format!(
        "endpoint=[{{path=\"/s\", transport=\"engineio\", dialect=\"socketio\", compression=true, socketio={{namespaces=[{}]}}}}]",
        names.join(",")
    );
    refused(&set(&[&many]), "look different 259 times, where 256 are the most");
    refused(&set(&["endpoint.0.heartbeat.interval=0s"]), "must be above zero");
    refused(&set(&["limits.message=2 MiB"]), "more than limits.backlog_per_session (1 MiB)");
    refused(&set(&["limits.backlog_total=0"]), "limits.backlog_total: must be above 0");
    refused(
        &set(&["room=[{prefix=\"a\", slow=\"never\"}]"]),
        "there is: disconnect, drop_oldest, latest, catch_up",
    );
    refused(&set(&["room=[{prefix=\"a\", slow=\"catch_up\"}]"]), "`history.size` is 0");
    refused(&set(&["room=[{prefix=\"a\", inbox=true}]"]), "`history.size` is 0");
    refused(&set(&["endpoint.0.message=2 MiB"]), "endpoint.0.message: 2 MiB is more than");
    refused(&set(&["hub.mailbox=128 KiB"]), "share of hub.mailbox (a quarter: 32 KiB)");
    refused(&set(&["limits.rooms_per_session=0"]), "limits.rooms_per_session: must be above 0");
    refused(&set(&["limits.rooms_per_session=1", "endpoint.0.auto_join=[\"a\", \"b\"]"]), "auto_join");
    refused(&set(&["endpoint.0.auto_join=[\"user:{id}\"]"]), "only `{user_id}`");
    refused(&set(&["listener=[]"]), "at least one listener");
    refused(&set(&["listener=[{name=\"a\"}, {name=\"b\"}]"]), "listener \"a\" has this address already");
    refused(&set(&["endpoint=[{}]"]), "an endpoint needs a path");
    refused(&set(&["endpoint.0.path=/ws/stats"]), "the gateway's own API");
    refused(&set(&["room=[{prefix=\"a\"}, {prefix=\"a\"}]"]), "two rules have the prefix \"a\"");
    refused(&set(&["cors.origins=[\"*\"]", "cors.credentials=true"]), "cannot hold beside the origin");
    for origin in [
        "https://a.example/",
        "https://*.example",
        "https://a.example:443",
        "https://u@a.example",
        "a.example",
    ] {
        refused(&set(&[&format!("cors.origins=[\"{origin}\"]")]), "no slash at the end");
    }
    loaded(&set(&["cors.origins=[\"https://a.example:8443\", \"http://[::1]:3000\", \"app://localhost\"]"]));
    refused(&set(&["plugins.agents.sha256=abc"]), "64 hexadecimal digits");
    refused(&set(&["plugins.agents.open=[\"/path\"]"]), "a method and a path");
}

#[test]
fn what_is_unsafe_is_refused_unless_it_is_allowed_by_name() {
    refused(&set(&["listener.main.address=0.0.0.0:8080"]), "other machines reach 0.0.0.0:8080");
    warned(&set(&["listener.main.address=0.0.0.0:8080", "allow=[\"anonymous\"]"]), "no anonymous rights");
    let cookie = "auth.c={secret=\"5f2c9a81b7d34e60a1c8f09b6e7d2a43\", take_from=[\"header\", \"cookie\"]}";
    let any = "cors.origins=[\"*\"]";
    refused(&set(&[cookie, any, "endpoint.0.auth=c"]), "cors.origins: \"*\" cannot hold beside cookies");
    refused(
        &set(&[cookie, "endpoint.0.auth=c", "endpoint.0.origins=[\"*\"]"]),
        "endpoint.0.origins: \"*\" cannot hold",
    );
    refused(&set(&[cookie, any, "api.auth=c"]), "act as the user at the API");
    loaded(&set(&[cookie, any, "endpoint.0.auth=c", "endpoint.0.origins=[\"https://a.example\"]"]));
    loaded(&set(&["listener.main.address=[::1]:8080"]));
    loaded(&set(&["listener.main.address=0.0.0.0:8080", "auth.default.anonymous=false"]));
    refused(
        &set(&["environment=production"]),
        "auth.default.anonymous: anonymous access is refused in production",
    );
    refused(&set(&["environment=production", "allow=[\"anonymous\"]"]), "refused in production");
    loaded(&set(&["environment=production", "auth.default.anonymous=false"]));
    refused(&set(&["allow=[\"anonymus\"]"]), "did you mean `anonymous`?");
    let figures = "listener=[{name=\"a\"}, {name=\"b\", address=\"0.0.0.0:9090\", serves=[\"metrics\"]}]";
    loaded(&set(&[figures]));
}

#[test]
fn production_is_warned_of_what_is_safe_only_behind_something_else() {
    let secret = "auth.default.secret=5f2c9a81b7d34e60a1c8f09b6e7d2a43";
    let closed = ["environment=production", "auth.default.anonymous=false", secret];
    let with = |more: &[&str]| set(&[&closed[..], more].concat());
    warned(&with(&[]), "limits.exempt: takes loopback in");
    let warnings = |sources: &Sources| lines(&config::load(sources).unwrap().warnings);
    assert_eq!(warnings(&with(&["limits.exempt=[]"])), [""; 0]);
    let exposed = ["limits.exempt=[]", "listener.main.address=0.0.0.0:8080"];
    warned(&with(&exposed), "other machines reach 0.0.0.0:8080 without TLS");
    let behind = "listener.main.trusted_proxies=[\"10.0.0.0/8\"]";
    assert_eq!(warnings(&with(&[&exposed[..], &[behind]].concat())), [""; 0]);
}

#[test]
fn what_browsers_send_by_themselves_needs_named_origins() {
    let cookie = "auth.default.take_from=[\"cookie\"]";
    refused(&set(&[cookie, "cors.origins=[\"*\"]"]), "cannot hold beside cookies, which auth.default takes");
    refused(&set(&[cookie, "endpoint.0.origins=[\"*\"]"]), "the user at endpoint /ws");
    let certificates = "auth.default.certificates=[{name=\"a\"}]";
    refused(&set(&[certificates, "cors.origins=[\"*\"]"]), "beside client certificates");
    loaded(&set(&[cookie, "cors.origins=[\"https://app.example.com\"]"]));
}

#[test]
fn secrets_that_everybody_knows_keep_nobody_out() {
    let closed =
        ["auth.default.anonymous=false", "auth.default.secret=tidegate-development-secret-of-this-machine"];
    let with = |more: &[&str]| set(&[&closed[..], more].concat());
    assert_eq!(config::load(&with(&[])).unwrap().warnings, [], "fine on this machine");
    refused(
        &with(&["listener.0.address=0.0.0.0:8080"]),
        "is a development secret, and other machines reach 0.0.0.0",
    );
    loaded(&with(&["listener.0.address=0.0.0.0:8080", "allow=[\"development-secret\"]"]));
    refused(&with(&["environment=production"]), "is a development secret, which is refused in production");
    let before = "auth.default.previous=[{secret=\"changeme\", until=\"2100-01-01T00:00:00Z\"}]";
    refused(
        &set(&["environment=production", "auth.default.anonymous=false", before]),
        "previous.0.secret: is a development",
    );
    refused(
        &set(&["auth.default.secret=\"\""]),
        "is empty: give one of 32 random bytes at least, as by TIDEGATE_AUTH__DEFAULT__SECRET",
    );
    refused(&set(&["api.keys=[{name=\"ci-1\", scopes=[\"read\"]}]"]), "as by TIDEGATE_API__KEYS__CI_1__HASH");
    let hs512 =
        ["auth.default.algorithms=[\"HS512\"]", "auth.default.secret=5f2c9a81b7d34e60a1c8f09b6e7d2a43"];
    warned(&set(&hs512), "has 32 bytes, fewer than the hash of HS512: take 64");
    let short = ["auth.default.anonymous=false", "auth.default.secret=0123456789"];
    warned(&set(&short), "has fewer than 32 bytes");
    refused(&set(&[&short[..], &["environment=production"]].concat()), "has fewer than 32 bytes");
}

#[test]
fn a_profile_must_be_able_to_verify_what_it_is_shown() {
    let profile = |settings: &[&str]| {
        let settings: Vec<_> = settings.iter().map(|setting| format!("auth.default.{setting}")).collect();
        set(&settings.iter().map(String::as_str).collect::<Vec<_>>())
    };
    refused(&profile(&["secret=x", "secret_file=y"]), "stands beside `secret`");
    refused(&profile(&["secret=x", "algorithms=[\"RS256\"]"]), "secret: is for HS256");
    refused(&profile(&["algorithms=[]"]), "must name one at least");
    refused(&profile(&["algorithms=[\"none\"]"]), "\"none\" is not known here");
    refused(&profile(&["keys=a.pem"]), "holds public keys");
    refused(&profile(&["jwks=https://a.example/keys"]), "holds public keys");
    refused(&profile(&["jwks=http://a.example/keys", "algorithms=[\"ES256\"]"]), "must be https");
    refused(&profile(&["jwks=ftp://a.example/keys", "algorithms=[\"ES256\"]"]), "is no https address");
    loaded(&profile(&["jwks=http://127.0.0.1:1/keys", "algorithms=[\"ES256\"]"]));
    refused(&profile(&["claims={a={b=1}}"]), "expected a text, a number");
    refused(&profile(&["previous=[{until=\"2030-01-01T00:00:00Z\"}]"]), "needs one of");
    refused(&profile(&["previous=[{secret=\"x\", until=\"soon\"}]"]), "expected a time such as");
    refused(&profile(&["take_from=[\"body\"]"]), "\"body\" is not known here");
    warned(&profile(&["anonymous=false"]), "it lets nobody in");
    warned(&profile(&["anonymous=false", "secret=x", "required=[]"]), "holds for ever");
    let one = loaded(&profile(&["issuer=us", "audience=[\"a\", \"b\"]"]));
    assert_eq!((one.auth["default"].issuer.0.len(), one.auth["default"].audience.0.len()), (1, 2));
    refused(&set(&["api.keys=[{name=\"a\", hash=\"x\", scopes=[\"read\"]}]"]), "expected \"sha256:\"");
    refused(&set(&["room.0.join=role:"]), "\"role:\" is not known here");
}

#[test]
fn a_secret_is_never_printed() {
    let secret = "b1946ac92492d2347c6235b4d2611184";
    let config = loaded(&variables(&[("TIDEGATE_AUTH__DEFAULT__SECRET", secret)]));
    let previous = format!("auth.default.previous=[{{secret=\"{secret}\",until=\"2100-01-01T00:00:00Z\"}}]");
    let previous = loaded(&set(&[&previous]));
    for config in [config, previous] {
        let printed = config::to_toml(&config).unwrap();
        assert!(printed.contains("secret = \"***\"") && !printed.contains(secret), "{printed}");
        assert!(!format!("{config:?}").contains(secret));
    }
}

#[test]
fn what_is_legal_and_risky_is_warned_of() {
    warned(
        &set(&["cors.origins=[\"*\"]"]),
        "any web page that someone opens here may use what is anonymous: the API, endpoint /ws",
    );
    warned(&set(&["endpoint.0.origins=[\"*\"]"]), "anonymous: endpoint /ws");
    warned(&set(&["listener.0.hosts=[\"*\"]"]), "DNS rebinding");
    warned(&set(&["room.0.history.size=10"]), "has no end");
    warned(&set(&["room.0.history.ttl=1m"]), "keeps nothing");
    warned(&set(&["room.0.cache=last"]), "has no end");
    let bounded = set(&["room.0.cache=last", "room.0.history.ttl=1m"]);
    assert_eq!(config::load(&bounded).unwrap().warnings, []);
    let secret = "auth.default.secret=5f2c9a81b7d34e60a1c8f09b6e7d2a43";
    warned(
        &set(&[secret, "revocations.keep=1h"]),
        "[auth.default] may live longer: one that was called back",
    );
    warned(&set(&[secret, "revocations.keep=1h", "auth.default.max_age=1h"]), "may live longer");
    let within = set(&[secret, "revocations.keep=2h", "auth.default.max_age=1h"]);
    assert_eq!(config::load(&within).unwrap().warnings, []);
    warned(&set(&["auth.default.certificates=[{name=\"a\"}]"]), "no listener asks for any");
    warned(&set(&["limits.connections=5", "limits.connections_per_address=6"]), "never counts");
    warned(&set(&["limits.backlog_total=512 KiB"]), "before limits.backlog_per_session (1 MiB)");
    let behind = ["limits.connections_per_address=6", "listener.0.trusted_proxies=[\"10.0.0.1\"]"];
    warned(&set(&behind), "not those of the clients behind it");
    let named = set(&[&behind[..], &["listener.0.proxy_protocol=true"]].concat());
    assert_eq!(config::load(&named).unwrap().warnings, []);
}

#[test]
fn what_is_printed_can_be_loaded_again() {
    let config = loaded(&set(&[
        "endpoint.0.message=5 KiB",
        "plugins.agents.limits={a=[1, {b=2}]}",
        "drain.notice=90s",
        "listener.0.tls={certificate=\"a\", key=\"b\", more=[{certificate=\"c\", key=\"d\"}], client_ca=\"e\"}",
    ]));
    let (_dir, printed) = file("a.toml", &config::to_toml(&config).unwrap());
    assert_eq!(loaded(&printed), config);
}

#[test]
fn the_schema_knows_every_setting() {
    let schema = config::schema();
    let known = schema["properties"].as_object().unwrap();
    let built_in = toml::Table::try_from(Config::default()).unwrap();
    assert!(built_in.keys().eq(known.keys()), "{known:?}");
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn a_transport_that_only_sends_carries_no_dialect_that_is_asked() {
    for name in ["sse", "poll"] {
        let with = |more: &str| set(&[&format!("endpoint=[{{path=\"/e\",transport=\"{name}\"{more}}}]")]);
        loaded(&with(""));
        refused(&with(",dialect=\"echo\""), &format!("cannot be carried by the transport \"{name}\""));
        refused(&with(",refuse=\"close\""), "clients are refused by \"status\" alone");
        refused(&with(",idle_timeout=\"1m\""), "it would end each of their sessions");
    }
}

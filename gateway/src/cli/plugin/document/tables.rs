//! What a manifest declares, as tables of Markdown.

use std::collections::BTreeMap;

use http::Method;
use serde_json::Value;
use tidegate::plugin::Manifest;
use tidegate::web::{CallSpec, EventSpec, RouteSpec, Spec};

use super::shape::{shape, value};

/// The reference of these plugins: a table of all, and a section for each.
pub(super) fn reference(manifests: &[Manifest]) -> String {
    let row = |manifest: &Manifest| {
        vec![format!("[`{0}`](#{0})", manifest.name), text(&manifest.version), text(&manifest.description)]
    };
    let all = table(["plugin", "version", "what it does"], manifests.iter().map(row));
    all.into_iter().chain(manifests.iter().map(section)).collect::<Vec<_>>().join("\n\n")
}

fn section(manifest: &Manifest) -> String {
    let mut parts = vec![format!("## {}", manifest.name), text(&manifest.description)];
    parts.extend(relations(manifest));
    let events = manifest.events.iter().map(event);
    parts.extend(table(["event", "room", "data", "when"], events));
    let routes = manifest.routes.iter().map(route);
    parts.extend(table(["route", "scope", "takes", "answers", "what"], routes));
    let calls = manifest.calls.iter().map(call);
    parts.extend(table(["call", "scope", "data", "answer", "what"], calls));
    let commands =
        manifest.commands.iter().map(|command| vec![code(&command.synopsis()), text(&command.summary)]);
    parts.extend(table(["command of `tidegate plugin`", "what"], commands));
    parts.extend(table(["shape", "what it is"], defined(manifest)));
    let settings = manifest.config.as_ref().map(settings).unwrap_or_default();
    parts.extend(table(["setting", "type", "default", "what"], settings.into_iter()));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// What its schemas call by a name.
fn defined(manifest: &Manifest) -> impl Iterator<Item = Vec<String>> {
    let events = manifest.events.iter().flat_map(|event| &event.schema);
    let routes =
        manifest.routes.iter().flat_map(|r| r.request.iter().chain(&r.query).chain(r.responses.values()));
    let calls = manifest.calls.iter().flat_map(|call| call.request.iter().chain(&call.response));
    let schemas = events.chain(routes).chain(calls);
    let all: BTreeMap<_, _> = schemas.flat_map(|s| s["$defs"].as_object()).flatten().collect();
    let row = |(name, schema): (&String, &Value)| {
        let what = text(schema["description"].as_str().unwrap_or_default());
        let parts = [shaped(Some(schema)), what];
        vec![code(name), parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")]
    };
    all.into_iter().map(row).collect::<Vec<_>>().into_iter()
}

/// What it has to do with others, in a sentence each.
fn relations(manifest: &Manifest) -> Option<String> {
    let list = |names: &[String]| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
    let sentence = |what: &str, names: &[String]| {
        if names.is_empty() { None } else { Some(format!("{what} {}.", list(names))) }
    };
    let critical = manifest.critical.then(|| "The gateway is not ready without it.".to_owned());
    let sentences = [
        sentence("Follows the rooms", &manifest.follows),
        sentence("Reads what is shared by", &manifest.reads),
        sentence("Needs", &manifest.needs),
        critical,
    ];
    let sentences: Vec<_> = sentences.into_iter().flatten().collect();
    if sentences.is_empty() { None } else { Some(sentences.join(" ")) }
}

fn event(event: &EventSpec) -> Vec<String> {
    let room = event.room.as_deref().map(code).unwrap_or_default();
    vec![code(&event.kind), room, shaped(event.schema.as_ref()), text(&event.summary)]
}

fn route(route: &RouteSpec) -> Vec<String> {
    let scope = route.method.parse::<Method>().ok();
    let scope = scope.and_then(|method| Spec::scope(&method, route.scope.as_deref(), false));
    let query = route.query.as_ref().and_then(|query| query["properties"].as_object());
    let query = query.map(|query| format!("?{}", query.keys().cloned().collect::<Vec<_>>().join("&")));
    let takes = [query.map(|query| code(&query)).unwrap_or_default(), shaped(route.request.as_ref())];
    let answer = |(status, schema): (&String, &Value)| {
        // Errors are problem details, whatever went wrong.
        let shape = shape(schema).filter(|_| status.starts_with('2'));
        format!("{status}{}", shape.map(|shape| format!(" {}", code(&shape))).unwrap_or_default())
    };
    vec![
        code(&format!("{} {}", route.method, route.path)),
        scope.as_deref().map(code).unwrap_or_default(),
        takes.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
        route.responses.iter().map(answer).collect::<Vec<_>>().join(", "),
        text(&route.summary),
    ]
}

fn call(call: &CallSpec) -> Vec<String> {
    let streamed = if call.streams { "streamed " } else { "" };
    vec![
        code(&call.name),
        call.scope.as_deref().map(code).unwrap_or_default(),
        shaped(call.request.as_ref()),
        format!("{streamed}{}", shaped(call.response.as_ref())),
        text(&call.summary),
    ]
}

/// The settings of a schema, those of tables in it as `table.setting`.
fn settings(schema: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    collect("", schema, &mut rows);
    rows
}

fn collect(prefix: &str, schema: &Value, rows: &mut Vec<Vec<String>>) {
    let must = |name: &str| schema["required"].as_array().is_some_and(|list| list.iter().any(|r| r == name));
    for (key, setting) in schema["properties"].as_object().into_iter().flatten() {
        let name = format!("{prefix}{key}");
        if setting["properties"].is_object() {
            collect(&format!("{name}."), setting, rows);
            continue;
        }
        let default = match setting.get("default") {
            Some(default) => code(&default.to_string()),
            None if must(key) => "must be given".to_owned(),
            None => String::new(),
        };
        let kind = value(setting).map(|kind| text(&kind)).unwrap_or_default();
        rows.push(vec![
            code(&name),
            kind,
            default,
            text(setting["description"].as_str().unwrap_or_default()),
        ]);
    }
}

fn shaped(schema: Option<&Value>) -> String {
    match schema {
        None => String::new(),
        Some(schema) => shape(schema).map_or_else(|| "any".to_owned(), |shape| code(&shape)),
    }
}

/// A table; none without a row.
fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = Vec<String>>) -> Option<String> {
    let rows: Vec<String> = rows.map(|cells| format!("| {} |", cells.join(" | "))).collect();
    let head = [format!("| {} |", head.join(" | ")), format!("|{}", "---|".repeat(N))];
    if rows.is_empty() { None } else { Some(head.into_iter().chain(rows).collect::<Vec<_>>().join("\n")) }
}

/// A sentence in a cell.
fn text(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "\\<")
}

/// A word of code in a cell.
fn code(word: &str) -> String {
    let fence = if word.contains('`') { "``" } else { "`" };
    let word = word.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    format!("{fence}{word}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_a_cell_whatever_is_written_in_it() {
        assert_eq!(text("a\n|b| <c>"), "a \\|b\\| \\<c>");
        assert_eq!(code("a|b\n c"), "`a\\|b c`");
        assert_eq!(code("a`b"), "``a`b``");
    }

    #[test]
    fn each_thing_that_is_declared_has_a_row() {
        let manifest = r##"{"manifest":1,"name":"x","version":"2.0.0","description":"Does.","follows":["a"],"critical":true,
            "events":[{"type":"e","summary":"When.","room":"r","schema":{"properties":{"n":{}}}}],
            "routes":[{"method":"POST","path":"/x","summary":"What.","query":{"properties":{"q":{}}},
                       "request":{},"responses":{"200":{"$ref":"#/$defs/One"},"404":{"description":"None"}}}],
            "$defs":{"One":{"const":1,"description":"It is one."},"Other":{}},
            "calls":[{"name":"c","summary":"Asks.","streams":true,"scope":"s","response":{"type":"string"}}],
            "commands":[{"name":"do","summary":"Does it.","usage":"WHAT"}],
            "config":{"properties":{"a":{"type":"integer","default":1,"description":"An a."},
                      "t":{"required":["b"],"properties":{"b":{"enum":["x","y"]}}}}}}"##;
        let reference = reference(&[Manifest::parse(manifest).unwrap()]);
        for line in [
            "| [`x`](#x) | 2.0.0 | Does. |",
            "## x",
            "Follows the rooms `a`. The gateway is not ready without it.",
            "| `e` | `r` | `{n?}` | When. |",
            "| `POST /x` | `publish` | `?q` any | 200 `One`, 404 | What. |",
            "| `One` | `1`: It is one. |",
            "| `c` | `s` |  | streamed `string` | Asks. |",
            "| `do WHAT` | Does it. |",
            "| `a` | integer | `1` | An a. |",
            "| `t.b` | \"x\", \"y\" | must be given |  |",
        ] {
            assert!(!reference.contains("Other"), "nothing refers to it");
            assert!(reference.lines().any(|shown| shown == line), "{line}\n{reference}");
        }
    }
}

//! A schema from elsewhere, taken apart: its root, what it defines, and where its references lead.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::schemas::reference;

/// Keywords that hold one schema.
const ONE: [&str; 11] = [
    "items",
    "additionalItems",
    "additionalProperties",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords that hold a list of schemas.
const LIST: [&str; 5] = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
/// Keywords that hold schemas by name.
const NAMED: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
/// Keywords that name a schema or its language; here it has another name.
const IDENTITY: [&str; 5] = ["$schema", "$id", "$anchor", "$dynamicAnchor", "$vocabulary"];

/// A schema taken apart.
pub(super) struct Foreign {
    pub(super) root: Map<String, Value>,
    /// By the pointer that refers to it.
    pub(super) defs: BTreeMap<String, Def>,
}

/// Something that a schema defines.
pub(super) struct Def {
    pub(super) name: String,
    pub(super) schema: Value,
}

impl Foreign {
    pub(super) fn of(schema: &Map<String, Value>) -> Self {
        let mut root = schema.clone();
        let mut defs = BTreeMap::new();
        for place in ["$defs", "definitions"] {
            let Some(Value::Object(own)) = root.remove(place) else { continue };
            for (name, schema) in own {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                defs.insert(format!("#/{place}/{escaped}"), Def { name, schema });
            }
        }
        Self { root, defs }
    }

    /// A definition with all that it refers to: two are the same where these are.
    pub(super) fn closure(&self, pointer: &str) -> Value {
        let mut all = Map::new();
        let mut open = vec![pointer.to_owned()];
        while let Some(pointer) = open.pop() {
            let Some((pointer, def)) = self.defs.get_key_value(&pointer) else { continue };
            if all.insert(pointer.clone(), def.schema.clone()).is_none() {
                let mut schema = def.schema.clone();
                visit(&mut schema, &mut |schema| {
                    if let Some(Value::String(target)) = schema.get("$ref") {
                        open.push(split(target).0.to_owned());
                    }
                });
            }
        }
        all.into()
    }
}

/// Where the parts of a foreign schema stand here.
#[derive(Default)]
pub(super) struct Places {
    /// The names of definitions, by the pointer that refers to them.
    pub(super) definitions: BTreeMap<String, String>,
    /// The root's name, should it need one.
    pub(super) root: String,
    pub(super) root_is_used: bool,
}

impl Places {
    /// Turns all references of a schema to where they lead here; those that lead nowhere are taken out.
    pub(super) fn turn(&mut self, schema: &mut Value) {
        visit(schema, &mut |schema| {
            IDENTITY.iter().for_each(|key| drop(schema.remove(*key)));
            schema.remove("$dynamicRef");
            let Some(Value::String(target)) = schema.get("$ref") else { return };
            match self.target(target) {
                Some(target) => drop(schema.insert("$ref".into(), target)),
                None => drop(schema.remove("$ref")),
            }
        });
    }

    fn target(&mut self, target: &str) -> Option<Value> {
        let (pointer, rest) = split(target);
        let name = match self.definitions.get(pointer) {
            Some(name) => name,
            None if ["#/$defs/", "#/definitions/"].iter().any(|place| target.starts_with(place)) => {
                return None;
            }
            None if target == "#" || target.starts_with("#/") => {
                self.root_is_used = true;
                let place = reference(&self.root)["$ref"].as_str().unwrap_or_default().to_owned();
                return Some(format!("{place}{}", &target[1..]).into());
            }
            None => return None,
        };
        let place = reference(name)["$ref"].as_str().unwrap_or_default().to_owned();
        Some(format!("{place}{rest}").into())
    }
}

/// A reference as the pointer to a definition (`#/$defs/A`), and what follows it.
fn split(target: &str) -> (&str, &str) {
    let end = target.match_indices('/').nth(2).map_or(target.len(), |(end, _)| end);
    target.split_at(end)
}

/// Calls `look` with a schema and every schema in it; what is a value there (`enum`, `default` …) is left alone.
fn visit(schema: &mut Value, look: &mut impl FnMut(&mut Map<String, Value>)) {
    let Some(object) = schema.as_object_mut() else { return };
    look(object);
    for (key, value) in object.iter_mut() {
        match value {
            Value::Object(named) if NAMED.contains(&key.as_str()) => {
                named.values_mut().for_each(|schema| visit(schema, look));
            }
            Value::Array(list) if LIST.contains(&key.as_str()) => {
                list.iter_mut().for_each(|schema| visit(schema, look));
            }
            Value::Object(_) if ONE.contains(&key.as_str()) => visit(value, look),
            _ => {}
        }
    }
}

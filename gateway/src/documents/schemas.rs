//! The schemas of a document, each under one name: those of our own types, and those of plugins, whose references are
//! turned to where their definitions stand here.

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};

use super::foreign::{Foreign, Places};
use super::operation::Make;

/// Where they stand in both documents.
const PLACE: &str = "#/components/schemas/";

/// The schemas that a document has come to so far.
pub(super) struct Schemas {
    /// Of types as they are written.
    sent: SchemaGenerator,
    /// Of types as they are read, where what may be left out is not required.
    taken: SchemaGenerator,
    /// Of plugins, and those that are made here.
    adopted: BTreeMap<String, Value>,
    /// What each name of a plugin's stands for, as it came: two that mean the same have one name.
    origins: BTreeMap<String, Value>,
}

impl Default for Schemas {
    fn default() -> Self {
        let generator = |contract| {
            SchemaGenerator::new(SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
                settings.contract = contract;
            }))
        };
        let (sent, taken) = (generator(Contract::Serialize), generator(Contract::Deserialize));
        Self { sent, taken, adopted: BTreeMap::new(), origins: BTreeMap::new() }
    }
}

impl Schemas {
    /// The schema of what is sent.
    pub(super) fn sent(&mut self, make: Make) -> Value {
        make(&mut self.sent).to_value()
    }

    /// The schema of what is taken.
    pub(super) fn taken(&mut self, make: Make) -> Value {
        make(&mut self.taken).to_value()
    }

    /// Puts a schema under a name, and answers a reference to it.
    pub(super) fn name(&mut self, name: &str, schema: Value) -> Value {
        self.adopted.insert(name.to_owned(), schema);
        reference(name)
    }

    /// What a reference leads to, or the schema itself.
    pub(super) fn follow(&self, schema: &Value) -> Value {
        let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix(PLACE));
        let Some(name) = target else { return schema.clone() };
        let ours = || self.sent.definitions().get(name).or_else(|| self.taken.definitions().get(name));
        self.adopted.get(name).or_else(ours).cloned().unwrap_or_default()
    }

    /// The first example that a schema brings along, or what it refers to.
    pub(super) fn example(&self, schema: &Value) -> Option<Value> {
        let first = |schema: &Value| schema.get("examples")?.as_array()?.first().cloned();
        first(schema).or_else(|| first(&self.follow(schema)))
    }

    /// A plugin's schema, which may be any, made to stand in this document: what it defines gets names that begin with
    /// `owner`, and so does it itself, as `name`, where it refers to its own parts.
    pub(super) fn adopt(&mut self, owner: &str, name: &str, schema: &Value) -> Value {
        let Some(object) = schema.as_object() else { return schema.clone() };
        let foreign = Foreign::of(object);
        let mut places = Places::default();
        for (pointer, def) in &foreign.defs {
            let wanted = component(&format!("{owner}.{}", def.name));
            places.definitions.insert(pointer.clone(), self.free(&wanted, foreign.closure(pointer)));
        }
        places.root = self.free(&component(&format!("{owner}.{name}")), schema.clone());
        for (pointer, def) in &foreign.defs {
            let mut turned = def.schema.clone();
            places.turn(&mut turned);
            self.adopted.insert(places.definitions[pointer].clone(), turned);
        }
        let mut root = Value::Object(foreign.root.clone());
        places.turn(&mut root);
        if places.root_is_used { self.name(&places.root, root) } else { root }
    }

    /// A name that is free, or stands for the same already.
    fn free(&mut self, wanted: &str, origin: Value) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while self.origins.get(&name).is_some_and(|known| *known != origin) {
            number += 1;
            name = format!("{wanted}_{number}");
        }
        self.origins.insert(name.clone(), origin);
        name
    }

    /// All of them, by name.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut all = self.taken.take_definitions(true);
        all.append(&mut self.sent.take_definitions(true));
        all.extend(self.adopted);
        all
    }
}

/// A reference to a schema of the document.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{PLACE}{name}") })
}

/// `text` as the name of a component: letters, digits, `.`, `-`, `_`.
pub(super) fn component(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_of_plugins_get_names_of_their_own_and_equal_ones_share_one() {
        let mut schemas = Schemas::default();
        let schema = |kind: &str| {
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "array",
                "items": { "$ref": "#/$defs/Item/properties/a" },
                "$defs": { "Item": { "properties": { "a": { "$ref": "#/$defs/Leaf" } } }, "Leaf": { "type": kind } }
            })
        };
        let first = schemas.adopt("p", "first", &schema("string"));
        let place = "#/components/schemas/";
        assert_eq!(
            first,
            json!({ "type": "array", "items": { "$ref": format!("{place}p.Item/properties/a") } })
        );
        assert_eq!(schemas.adopt("p", "second", &schema("string")), first);
        let other = schemas.adopt("p", "third", &schema("number"));
        assert_eq!(other["items"]["$ref"], format!("{place}p.Item_2/properties/a"));
        let all = schemas.finish();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["p.Item", "p.Item_2", "p.Leaf", "p.Leaf_2"]);
        assert_eq!(all["p.Item_2"]["properties"]["a"]["$ref"], format!("{place}p.Leaf_2"));
    }

    #[test]
    fn a_schema_that_refers_to_itself_gets_a_name() {
        let mut schemas = Schemas::default();
        let tree = json!({ "properties": { "next": { "$ref": "#" }, "$ref": { "type": "string" } } });
        assert_eq!(schemas.adopt("p", "a tree", &tree), reference("p.a_tree"));
        let all = schemas.finish();
        assert_eq!(all["p.a_tree"]["properties"]["next"], reference("p.a_tree"));
        assert_eq!(all["p.a_tree"]["properties"]["$ref"]["type"], "string", "a field of that name stays");
    }

    #[test]
    fn what_leads_nowhere_is_no_reference_and_values_are_left_alone() {
        let mut schemas = Schemas::default();
        let schema = json!({
            "properties": { "a": { "$ref": "other.json" }, "b": { "$ref": "#anchor", "type": "string" } },
            "enum": [{ "$ref": "#/$defs/X" }]
        });
        let adopted = schemas.adopt("p", "x", &schema);
        assert_eq!(adopted["properties"], json!({ "a": {}, "b": { "type": "string" } }));
        assert_eq!(adopted["enum"], schema["enum"]);
    }
}

//! Rules: which changes become which events. Read once at start into small trees, resolved once for each shape of a table.

mod data;
mod judge;
mod plan;
mod predicate;
mod row;
mod template;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_plugin::{Error, Result};

use crate::change::TableName;
use crate::names::refuse_type;
use crate::settings::{On, RuleSettings, Settings};
use crate::source::Table;
pub use data::Data;
pub(crate) use data::Writer;
pub use plan::{Alike, Made, Plans};
pub use predicate::Predicate;
pub use row::Column;
pub use template::Template;
pub use text::Mistake;
pub(crate) use text::nearest;

/// A rule, read.
#[derive(Debug)]
pub struct Rule {
    /// Counted from 1.
    number: usize,
    tables: Vec<TableName>,
    on: Vec<On>,
    when: Option<Predicate<Column>>,
    event: Cow<'static, str>,
    rooms: Vec<Template<Column>>,
    key: Option<Template<Column>>,
    data: Data,
    omit: Vec<String>,
    goes_on: bool,
    coalesce: Option<Duration>,
}

/// All rules of an instance, in order.
#[derive(Debug)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Reads the rules of an instance.
    ///
    /// # Errors
    /// What is wrong with each rule, the first thing of each with its place.
    pub fn read(settings: &Settings) -> Result<Self> {
        let schema = settings.source.schema();
        let (mut rules, mut wrong) = (Vec::new(), Vec::new());
        for (i, rule) in settings.rules.iter().enumerate() {
            match Rule::read(i + 1, rule, &schema) {
                Ok(rule) => match rule.contradiction(settings.source.kind) {
                    Some((field, what)) => wrong.push(format!("{rule}: {field}: {what}")),
                    None => rules.push(rule),
                },
                Err(what) => wrong.push(what),
            }
        }
        if wrong.is_empty() { Ok(Self(rules)) } else { Err(Error::invalid(wrong.join("; "))) }
    }

    /// What is wrong with the rules for these tables, each thing with its rule: a table that is not there or cannot be listened to, a
    /// column that is not there, with the nearest one, or holds other values than it is compared with, changes and old rows that the
    /// database does not tell.
    #[must_use]
    pub fn check(&self, tables: &[Table]) -> Vec<String> {
        self.0.iter().flat_map(|rule| rule.check(tables)).collect()
    }

    /// What of the changes of these tables is not told though nothing is wrong with the rules, each thing with its rule.
    #[must_use]
    pub fn remarks(&self, tables: &[Table]) -> Vec<String> {
        self.0.iter().flat_map(|rule| rule.remarks(tables)).collect()
    }

    /// The tables whose old rows rules ask for.
    #[must_use]
    pub fn ask_old_rows_of(&self) -> Vec<TableName> {
        let mut names: Vec<_> =
            self.0.iter().filter(|rule| rule.asks_old()).flat_map(|rule| rule.tables.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// What the gateway is told of the rules' events.
    #[must_use]
    pub fn declared(settings: &Settings) -> Vec<Value> {
        let mut events: BTreeMap<&str, Value> = BTreeMap::new();
        for rule in &settings.rules {
            let tables = rule.table.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let summary = rule.summary.clone().unwrap_or_else(|| format!("A row of {tables} has changed."));
            let mut event = json!({"type": rule.event, "summary": summary});
            if let Some(room) = rule.room.as_ref().and_then(|rooms| rooms.iter().next()) {
                event["room"] = room.as_str().into();
            }
            if let Some(schema) = &rule.schema {
                event["schema"] = schema.clone();
            }
            events.entry(&rule.event).or_insert(event);
        }
        events.into_values().collect()
    }
}

impl Rule {
    fn read(number: usize, rule: &RuleSettings, schema: &str) -> Result<Self, String> {
        let place = place("rule", number, &rule.event);
        let wrong = |field: &str, what: String| format!("{place}: {field}: {what}");
        let text = |field: &str, text: &str| {
            data::columns(text).map_err(|mistake| wrong(field, mistake.to_string()))
        };
        if let Some(what) = refuse_type(&rule.event) {
            return Err(wrong("event", what));
        }
        if rule.table.iter().next().is_none() || rule.on.iter().next().is_none() {
            return Err(wrong("table, on", "at least one".into()));
        }
        let when = rule.when.as_deref().map(Predicate::parse).transpose();
        let rooms = rule.room.iter().flat_map(|rooms| rooms.iter());
        Ok(Self {
            number,
            tables: rule.table.iter().map(|name| TableName::of(name, schema)).collect(),
            on: rule.on.iter().copied().collect(),
            when: when.map_err(|mistake| wrong("when", mistake.to_string()))?,
            event: rule.event.clone().into(),
            rooms: rooms.map(|room| text("room", room)).collect::<Result<_, _>>()?,
            key: rule.key.as_deref().map(|key| text("key", key)).transpose()?,
            data: match &rule.data {
                Some(value) => Data::parse(value).map_err(|what| wrong("data", what))?,
                None => Data::Row(row::Row::Current),
            },
            omit: rule.omit.clone(),
            goes_on: rule.goes_on,
            coalesce: rule.coalesce,
        })
    }

    /// The columns whose values are told.
    fn columns(&self) -> impl Iterator<Item = &Column> {
        let texts = self.rooms.iter().chain(&self.key).flat_map(Template::placeholders);
        texts.chain(self.data.columns())
    }

    fn asks_old(&self) -> bool {
        self.when.as_ref().is_some_and(Predicate::asks_old)
            || self.columns().any(|column| column.row == row::Row::Old)
            || self.data.has_old_row()
    }
}

/// Which rule it is, for people.
impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&place("rule", self.number, &self.event))
    }
}

/// Which entry of a list of the settings it is, `number` from 1: counted as the gateway does where the manifest's schema refuses one.
pub(crate) fn place(list: &str, number: usize, name: &str) -> String {
    format!("{list}.{} ({name})", number - 1)
}

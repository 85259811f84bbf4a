//! What the operator says, `[plugins.<instance>]`.

mod call;
mod rule;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use tidegate_plugin::{Error, Result};

use crate::change::TableName;
use crate::source::mariadb::default_schema;
use crate::source::notify::SCHEMA;
pub use call::CallSettings;
pub use rule::{On, OneOrMore, RuleSettings};

/// Rules, and calls, of an instance at most.
const MOST: usize = 1000;
/// Of what `url_file` names, so much is read.
const LONGEST_URL: u64 = 64 * 1024;

/// The settings of an instance.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where changes come from.
    pub source: SourceSettings,
    /// What becomes of them, in order.
    #[serde(rename = "rule")]
    pub rules: Vec<RuleSettings>,
    /// The calls that queries answer.
    #[serde(rename = "call")]
    pub calls: Vec<CallSettings>,
    /// Bytes of an event's data at most: one that has more is counted and passed over.
    pub max_event: usize,
}

/// Where changes come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct SourceSettings {
    /// Which kind of database.
    pub kind: Kind,
    /// Where it is; of SQLite the file. Nothing: the instance listens to nothing.
    pub url: Option<String>,
    /// A file that holds the URL and nothing else, for one with a password.
    pub url_file: Option<PathBuf>,
    /// PostgreSQL: the replication slot.
    pub slot: String,
    /// PostgreSQL: the publication.
    pub publication: String,
    /// PostgreSQL: whether tables whose old rows rules ask for are made to tell them.
    pub prepare: bool,
    /// Whether the rows that are there already are told as inserts at the first start.
    pub snapshot: bool,
    /// PostgreSQL: bytes of WAL that the slot may hold back before the health says so; 0: never.
    pub wal_alarm: u64,
    /// PostgreSQL: bytes of WAL that the slot may hold back, and 0 for no limit.
    pub wal_limit: u64,
    /// PostgreSQL: what is done when it holds back more.
    pub at_wal_limit: AtWalLimit,
    /// MariaDB, MySQL: the id of the replica that we are; 0: one is made of the instance's name.
    pub server_id: u32,
    /// SQLite: how often its change table is read.
    #[serde(deserialize_with = "duration")]
    pub poll: Duration,
}

/// The kinds of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// PostgreSQL's logical replication.
    #[default]
    Postgres,
    /// PostgreSQL's LISTEN/NOTIFY.
    Notify,
    /// The binary log of MariaDB or MySQL: which of the two it is the source finds out.
    #[serde(alias = "mysql")]
    Mariadb,
    /// A change table of SQLite.
    Sqlite,
}

/// What is done when a slot holds back more WAL than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtWalLimit {
    /// We stop, and say so; the slot stays, and what it holds.
    #[default]
    Stop,
    /// The slot goes, so that the database's disk does not fill; what it held is lost, and that is said.
    DropSlot,
}

impl Default for Settings {
    fn default() -> Self {
        let (source, rules, calls) = (SourceSettings::default(), Vec::new(), Vec::new());
        Self { source, rules, calls, max_event: 1024 * 1024 }
    }
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            kind: Kind::default(),
            url: None,
            url_file: None,
            slot: "tidegate".into(),
            publication: "tidegate".into(),
            prepare: true,
            snapshot: false,
            wal_alarm: 1024 * 1024 * 1024,
            wal_limit: 0,
            at_wal_limit: AtWalLimit::default(),
            server_id: 0,
            poll: Duration::from_millis(100),
        }
    }
}

impl Settings {
    /// What the manifest's schema cannot say.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::invalid(what));
        let source = &self.source;
        if source.url.is_some() && source.url_file.is_some() {
            return wrong("source: one of url and url_file, not both");
        }
        if !source.is_given() && (!self.rules.is_empty() || !self.calls.is_empty()) {
            return wrong("source.url: rules and calls need a database");
        }
        if source.poll < Duration::from_millis(10) {
            return wrong("source.poll: it is at least 10ms");
        }
        if source.kind == Kind::Notify && source.snapshot {
            return wrong("source.snapshot: notifications tell nothing of the past");
        }
        if self.rules.len() > MOST || self.calls.len() > MOST {
            return wrong("rule, call: at most 1000 of each");
        }
        Ok(())
    }

    /// The tables that rules are about, each once.
    #[must_use]
    pub fn tables(&self) -> Vec<TableName> {
        let schema = self.source.schema();
        let names = self.rules.iter().flat_map(|rule| rule.table.iter());
        let named: BTreeSet<_> = names.map(|name| TableName::of(name, &schema)).collect();
        named.into_iter().collect()
    }
}

impl SourceSettings {
    /// Whether there is a database to listen to.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.url.is_some() || self.url_file.is_some()
    }

    /// The schema of a table that a rule names without one.
    #[must_use]
    pub fn schema(&self) -> String {
        match self.kind {
            Kind::Postgres => "public".into(),
            Kind::Notify => SCHEMA.into(),
            Kind::Sqlite => "main".into(),
            Kind::Mariadb => self.read_url().ok().and_then(|url| default_schema(&url)).unwrap_or_default(),
        }
    }

    /// Where the database is: read anew each time, so that a password can be changed.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read_url(&self) -> Result<String, String> {
        match (&self.url, &self.url_file) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(file)) => {
                read(file).map_err(|error| format!("source.url_file '{}': {error}", file.display()))
            }
            (None, None) => Err("source.url: there is none".into()),
        }
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(file)?.take(LONGEST_URL).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

impl TableName {
    /// A table's name as rules write it, `schema.table`, or `table` in that schema.
    #[must_use]
    pub fn of(text: &str, schema: &str) -> Self {
        let (schema, table) = text.split_once('.').unwrap_or((schema, text));
        Self { schema: schema.into(), table: table.into() }
    }
}

/// As people write it: `100ms`, `1m 30s`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|error| de::Error::custom(format!("'{text}' is no duration: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn error(settings: Value) -> String {
        match from_value::<Settings>(settings) {
            Ok(settings) => settings.check().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_setting_has_a_default_and_without_a_database_nothing_is_listened_to() {
        let settings: Settings = from_value(json!({})).unwrap();
        assert!(settings.check().is_ok() && !settings.source.is_given());
        assert_eq!((settings.source.kind, settings.source.slot.as_str()), (Kind::Postgres, "tidegate"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let rule = json!([{"table": "t", "event": "e"}]);
        assert!(error(json!({"rule": rule})).starts_with("source.url: rules and calls need a database"));
        assert!(error(json!({"source": {"url": "a", "url_file": "b"}})).contains("not both"));
        assert!(error(json!({"source": {"url": "a", "poll": "soon"}})).contains("'soon' is no duration"));
        assert!(error(json!({"source": {"url": "a", "poll": "1ms"}})).contains("source.poll"));
        assert!(
            error(json!({"source": {"kind": "notify", "url": "a", "snapshot": true}})).contains("snapshot")
        );
        assert!(error(json!({"source": {"kind": "oracle"}})).contains("oracle"));
    }

    #[test]
    fn mysql_is_a_name_of_the_source_that_reads_mariadb() {
        let settings: SourceSettings = from_value(json!({"kind": "mysql", "url": "mysql://h/shop"})).unwrap();
        assert_eq!((settings.kind, settings.schema().as_str()), (Kind::Mariadb, "shop"));
    }

    #[test]
    fn a_table_without_a_schema_is_of_the_usual_one() {
        let settings: Settings = from_value(
            json!({"rule": [{"table": ["b", "other.a"], "event": "e"}, {"table": "public.b", "event": "f"}]}),
        )
        .unwrap();
        let names: Vec<_> = settings.tables().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["other.a", "public.b"]);
    }

    #[test]
    fn the_url_may_be_in_a_file_of_its_own() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "postgres://u:p@h/d\n").unwrap();
        let settings: SourceSettings = from_value(json!({"url_file": file.path()})).unwrap();
        assert_eq!(settings.read_url().unwrap(), "postgres://u:p@h/d");
        let missing: SourceSettings = from_value(json!({"url_file": "/nowhere/url"})).unwrap();
        assert!(missing.read_url().unwrap_err().starts_with("source.url_file '/nowhere/url'"));
    }
}

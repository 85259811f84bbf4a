//! Whether rules can ever hold: by themselves, and for the tables that there are.

use super::plan::Plan;
use super::predicate::{Predicate, Sign};
use super::row::{Column, Row, absent};
use super::template::Template;
use super::{Rule, text};
use crate::change::{Kind, TableName};
use crate::settings::{Kind as Database, On};
use crate::source::{Table, Told, Untold};

/// Which answers a predicate can give, beside that it is not known.
struct Can {
    hold: bool,
    fail: bool,
}

impl Rule {
    /// Why it can never hold, or never tell what it is to tell, whatever the tables; with the setting that says so.
    pub(super) fn contradiction(&self, database: Database) -> Option<(&'static str, String)> {
        let untold = self.kinds().find_map(|kind| untold(database, kind).filter(|_| self.names(kind)));
        untold.map(|what| ("on", what)).or_else(|| self.never_holds()).or_else(|| self.never_known())
    }

    /// The kinds of changes that it is about.
    fn kinds(&self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| self.on.iter().any(|on| on.holds(*kind)))
    }

    /// Whether it is about that kind by its name, and not by `any`.
    fn names(&self, kind: Kind) -> bool {
        self.on.iter().any(|on| *on != On::Any && on.holds(kind))
    }

    fn never_holds(&self) -> Option<(&'static str, String)> {
        let when = self.when.as_ref()?;
        if self.kinds().any(|kind| can(when, kind).hold) {
            return None;
        }
        if Kind::ALL.into_iter().any(|kind| can(when, kind).hold) {
            let kinds = self.kinds().map(Kind::name).collect::<Vec<_>>().join(", ");
            let what = if self.kinds().any(|kind| kind == Kind::Insert) {
                "an insert has no old row, and changed() is of updates: write on = \"update\""
            } else if self.kinds().any(|kind| kind == Kind::Delete) {
                "changed() is of updates: write on = \"update\""
            } else {
                "a truncation tells no rows: leave `when` out"
            };
            return Some(("when", format!("it never holds for {kinds}: {what}")));
        }
        Some(("when", "it never holds: nothing is less or greater than null; write == or !=".into()))
    }

    /// Placeholders for what no change that the rule is about tells.
    fn never_known(&self) -> Option<(&'static str, String)> {
        let is_known = |row| self.kinds().any(|kind| tells(kind, row));
        let rooms = self.rooms.iter().flat_map(Template::placeholders).map(|column| ("room", column));
        let key = self.key.iter().flat_map(Template::placeholders).map(|column| ("key", column));
        let data = self.data.columns().into_iter().map(|column| ("data", column));
        let column = rooms.chain(key).chain(data).find(|(_, column)| !is_known(column.row));
        let said = |row: Row, name: &str| match (is_known(Row::Current), row) {
            (true, _) => format!("{{old.{name}}} is never known: an insert has no old row; write {{{name}}}"),
            (false, row) => {
                let old = if row == Row::Old { "old." } else { "" };
                format!(
                    "{{{old}{name}}} is never known: a truncation tells no rows; write a text without columns"
                )
            }
        };
        match column {
            Some((field, column)) => Some((field, said(column.row, &column.name))),
            None if self.data.has_old_row() && !is_known(Row::Old) => Some(("data", said(Row::Old, "*"))),
            None => None,
        }
    }

    /// What is wrong with it for these tables.
    pub(super) fn check(&self, tables: &[Table]) -> Vec<String> {
        let mut wrong = Vec::new();
        for name in &self.tables {
            match tables.iter().find(|table| table.name == *name) {
                None => wrong.push(self.no_table(name, tables)),
                Some(Table { told: Told::Unseen(why), .. }) => {
                    wrong.push(format!("{}; {why}", self.no_table(name, tables)));
                }
                Some(Table { told: Told::Nothing(why), .. }) => {
                    wrong.push(format!("{self}: table: '{name}' {why}"));
                }
                Some(table) => self.check_table(table, &mut wrong),
            }
        }
        wrong
    }

    fn check_table(&self, table: &Table, wrong: &mut Vec<String>) {
        let (name, columns) = (&table.name, table.names());
        let (_, missing) = Plan::resolve(self, &columns);
        wrong.extend(missing.iter().map(|column| {
            match table.hidden.iter().find(|(hidden, _)| hidden == column) {
                Some((_, why)) => format!("{self}: table '{name}': the column '{column}' {why}"),
                None => format!("{self}: table '{name}': {}", absent(column, &columns)),
            }
        }));
        let compared = self.when.iter().flat_map(Predicate::comparisons);
        let misfits = compared.filter_map(|(column, value)| table.misfit(&column.name, value));
        wrong.extend(misfits.map(|what| format!("{self}: when: table '{name}': {what}")));
        if self.asks_old() && !table.tells_old_rows {
            wrong.push(format!(
                "{self}: it asks for the old row, which the database does not tell of table '{name}': \
                 `tidegate plugin db-listener init` prints what makes it"
            ));
        } else {
            let named =
                table.untold.iter().filter(|untold| untold.kinds.iter().any(|kind| self.names(*kind)));
            wrong.extend(named.map(|untold| format!("{self}: on: {}", untold.of(name))));
        }
    }

    /// What of its changes is not told though nothing is wrong with it: kinds that it does not name, and rows.
    pub(super) fn remarks(&self, tables: &[Table]) -> Vec<String> {
        let mut remarks = Vec::new();
        for table in tables.iter().filter(|table| self.tables.contains(&table.name)) {
            let is_meant = |kind: &Kind| self.kinds().any(|meant| meant == *kind);
            let is_named = |untold: &Untold| untold.kinds.iter().any(|kind| self.names(*kind));
            let untold = table.untold.iter().filter(|untold| untold.kinds.iter().any(is_meant));
            let untold = untold.filter(|untold| !is_named(untold)).map(|untold| untold.of(&table.name));
            let said = untold.chain(table.unseen_rows.clone());
            remarks.extend(said.map(|what| format!("{self}: {what}")));
        }
        remarks
    }

    fn no_table(&self, name: &TableName, tables: &[Table]) -> String {
        let known = tables.iter().filter(|table| table.told == Told::All);
        let known: Vec<_> = known.map(|table| table.name.to_string()).collect();
        match text::nearest(&name.to_string(), known.iter().map(String::as_str)) {
            Some(near) => format!("{self}: there is no table '{name}', but '{near}'"),
            None => format!("{self}: there is no table '{name}'"),
        }
    }
}

impl Untold {
    fn of(&self, table: &TableName) -> String {
        let kinds: Vec<_> = self.kinds.iter().map(|kind| format!("{}s", kind.name())).collect();
        format!("of table '{table}' {} are not told: {}", kinds.join(" and "), self.why)
    }
}

/// Why a database tells no such changes, whatever the table, and what to write instead.
fn untold(database: Database, kind: Kind) -> Option<String> {
    match (database, kind) {
        (Database::Notify, Kind::Update | Kind::Delete | Kind::Truncate) => {
            Some(format!("a notification is an insert, never a {}: write \"insert\"", kind.name()))
        }
        (Database::Sqlite, Kind::Truncate) => {
            Some("SQLite has no truncate, and tells each row that is deleted: write \"delete\"".into())
        }
        _ => None,
    }
}

/// Whether changes of that kind tell such a row.
fn tells(kind: Kind, row: Row) -> bool {
    match row {
        Row::Current => kind != Kind::Truncate,
        Row::Old => matches!(kind, Kind::Update | Kind::Delete),
    }
}

/// What a predicate can answer to changes of that kind, were its parts independent of each other.
fn can(predicate: &Predicate<Column>, kind: Kind) -> Can {
    let each = |parts: &[Predicate<Column>]| parts.iter().map(|part| can(part, kind)).collect::<Vec<_>>();
    match predicate {
        Predicate::And(parts) => {
            let parts = each(parts);
            Can { hold: parts.iter().all(|part| part.hold), fail: parts.iter().any(|part| part.fail) }
        }
        Predicate::Or(parts) => {
            let parts = each(parts);
            Can { hold: parts.iter().any(|part| part.hold), fail: parts.iter().all(|part| part.fail) }
        }
        Predicate::Not(part) => {
            let Can { hold, fail } = can(part, kind);
            Can { hold: fail, fail: hold }
        }
        Predicate::Changed(_) => Can { hold: kind == Kind::Update, fail: true },
        Predicate::Compare(column, sign, value) => {
            let is_known = tells(kind, column.row);
            Can {
                hold: is_known && !(value.is_null() && [Sign::Less, Sign::More].contains(sign)),
                fail: is_known,
            }
        }
        Predicate::In(column, _) => Can { hold: tells(kind, column.row), fail: tells(kind, column.row) },
    }
}

//! A table as it is in its database: what rules are checked against.

use serde_json::Value;

use crate::change::{Kind, TableName};
use crate::exact;
use crate::rules::nearest;

/// A table as it is in the database now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Its columns that changes tell, in order.
    pub columns: Vec<TableColumn>,
    /// Columns that changes do not tell, each with why, and what to do instead.
    pub hidden: Vec<(String, String)>,
    /// Whether the old row of an update or delete tells all columns (replica identity full, `binlog_row_image=FULL`, a trigger's).
    pub tells_old_rows: bool,
    /// Whether its changes are told.
    pub told: Told,
    /// Kinds of them that are not.
    pub untold: Vec<Untold>,
    /// Rows whose changes are not told, for people.
    pub unseen_rows: Option<String>,
}

/// Kinds of changes that are not told of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// The kinds.
    pub kinds: Vec<Kind>,
    /// Why, and what has them told.
    pub why: String,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// What its values are in JSON.
    pub values: Values,
    /// All texts that it can hold, where they are few: an enum's.
    pub labels: Vec<String>,
}

impl TableColumn {
    /// One that holds any such values.
    #[must_use]
    pub fn new(name: String, values: Values) -> Self {
        Self { name, values, labels: Vec::new() }
    }
}

/// Whether changes of a table are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// They are.
    All,
    /// None, ever; the text says what it is, and what to name instead.
    Nothing(String),
    /// It is not there, or may not be seen; the text says what lets us see it.
    Unseen(String),
}

/// What a column's values are in JSON, where they are not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Anything.
    Any,
    /// `true` and `false`.
    Bool,
    /// Numbers.
    Number,
    /// Numbers, and texts for what is none: `NaN`, `Infinity`.
    Float,
    /// Numbers, and texts where a number would lose digits.
    Decimal,
    /// Decimal numbers as texts, each with so many digits behind the point.
    Digits {
        /// That many.
        places: usize,
    },
    /// Texts.
    Text,
    /// Arrays or objects.
    Nested,
}

impl Table {
    /// A table all of whose changes are told, old rows and all.
    #[must_use]
    pub fn new(name: TableName, columns: Vec<TableColumn>) -> Self {
        Self {
            name,
            columns,
            hidden: Vec::new(),
            tells_old_rows: true,
            told: Told::All,
            untold: Vec::new(),
            unseen_rows: None,
        }
    }

    /// One of which nothing but this is known.
    #[must_use]
    pub fn named(name: TableName, told: Told) -> Self {
        Self { told, ..Self::new(name, Vec::new()) }
    }

    /// The names of its columns, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// Why a comparison of that column with that value can never be what was meant, and what to write instead.
    #[must_use]
    pub fn misfit(&self, column: &str, value: &Value) -> Option<String> {
        let found = self.columns.iter().find(|known| known.name == column)?;
        if let (Some(label), false) = (value.as_str(), found.labels.is_empty()) {
            return found.no_label(label);
        }
        let (holds, instead) = found.values.misfit(value)?;
        Some(format!("the column '{column}' holds {holds}, and is compared with {value}: {instead}"))
    }
}

impl TableColumn {
    /// Why it never holds that text, where it is none of its labels.
    fn no_label(&self, text: &str) -> Option<String> {
        let (name, labels) = (&self.name, &self.labels);
        if labels.iter().any(|label| label == text) {
            return None;
        }
        let instead = match nearest(text, labels.iter().map(String::as_str)) {
            Some(near) => format!("but \"{near}\""),
            None => format!("only {}", labels.join(", ")),
        };
        Some(format!("the column '{name}' has no label \"{text}\", {instead}"))
    }
}

impl Values {
    /// What they are, and what to write, where that value is none of them.
    fn misfit(self, value: &Value) -> Option<(&'static str, String)> {
        let parsed = || value.as_str().and_then(|text| text.parse::<f64>().ok());
        let number = || match parsed().filter(|number| number.is_finite()) {
            Some(_) => format!("write {}", value.as_str().unwrap_or_default()),
            None => "write a number".to_owned(),
        };
        match (self, value) {
            (Self::Any, _) | (_, Value::Null) => None,
            (Self::Bool, Value::Bool(_)) | (Self::Text, Value::String(_)) => None,
            (Self::Number | Self::Float | Self::Decimal, Value::Number(_) | Value::Bool(_)) => None,
            (Self::Float, _) if parsed().is_some_and(|number| !number.is_finite()) => None,
            (Self::Decimal, _) if parsed().is_some_and(|number| !number.is_finite()) => None,
            (Self::Decimal, Value::String(text)) if parsed().is_some() && !exact::keeps(text) => None,
            (Self::Digits { places }, _) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let instead = match padded(&text, places) {
                    Some(digits) if value.as_str() == Some(&digits) => return None,
                    Some(digits) => format!("write \"{digits}\""),
                    None => format!("write a number with {places} digits behind the point in quotes"),
                };
                Some(("texts of all digits", instead))
            }
            (Self::Number | Self::Float | Self::Decimal, _) => Some(("numbers", number())),
            (Self::Bool, _) => Some(("true or false", "write true or false, without quotes".to_owned())),
            (Self::Text, _) => Some(("text", format!("write \"{value}\""))),
            (Self::Nested, _) => Some((
                "arrays or objects",
                "they compare with null alone; changed() is of them, too".to_owned(),
            )),
        }
    }
}

/// A number with so many digits behind the point, if it has no more.
fn padded(number: &str, places: usize) -> Option<String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = is_plain(whole.trim_start_matches('-')) && is_plain(fraction) && fraction.len() <= places;
    let point = if places == 0 { "" } else { "." };
    is_number.then(|| format!("{whole}{point}{fraction:0<places$}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_that_a_column_never_holds_is_told_with_what_to_write() {
        let said = |values, value| {
            let name = TableName { schema: "public".into(), table: "t".into() };
            let column = TableColumn::new("c".into(), values);
            Table::new(name, vec![column]).misfit("c", &value)
        };
        assert_eq!(
            said(Values::Text, json!(5)).unwrap(),
            "the column 'c' holds text, and is compared with 5: write \"5\""
        );
        assert!(said(Values::Number, json!("5")).unwrap().ends_with("compared with \"5\": write 5"));
        assert!(said(Values::Number, json!("five")).unwrap().ends_with("write a number"));
        assert!(said(Values::Bool, json!(1)).is_some() && said(Values::Nested, json!("a")).is_some());
        assert!(said(Values::Float, json!("1.5")).is_some());
        assert!(
            said(Values::Decimal, json!("3.50")).unwrap().ends_with("compared with \"3.50\": write 3.50")
        );
        let wide = Values::Digits { places: 2 };
        assert!(
            said(wide, json!(3))
                .unwrap()
                .ends_with("texts of all digits, and is compared with 3: write \"3.00\"")
        );
        assert!(said(wide, json!("-1.5")).unwrap().ends_with("write \"-1.50\""));
        assert!(said(wide, json!("1.505")).unwrap().contains("2 digits behind the point"));
        for (values, value) in [
            (Values::Text, json!(null)),
            (Values::Any, json!(5)),
            (Values::Number, json!(true)),
            (Values::Float, json!("NaN")),
            (Values::Decimal, json!("12345678901234567890.5")),
            (Values::Decimal, json!("NaN")),
            (wide, json!("12345678901234567890.50")),
        ] {
            assert_eq!(said(values, value.clone()), None, "{values:?} {value}");
        }
    }
}

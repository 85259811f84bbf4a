//! A table as it is in its database: what rules are checked against.

use serde_json::Value;

use crate::change::TableName;

/// A table as it is in the database now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Its columns that changes tell, in order.
    pub columns: Vec<TableColumn>,
    /// Its generated columns, where changes do not tell them.
    pub generated: Vec<String>,
    /// Whether the old row of an update or delete tells all columns (replica identity full, `binlog_row_image=FULL`, a trigger's).
    pub tells_old_rows: bool,
    /// Which of its changes are told.
    pub told: Told,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// What its values are in JSON.
    pub values: Values,
}

/// Which changes of a table are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// All of them.
    All,
    /// Inserts and truncations; the text says why, and what has all of them told.
    NewRows(String),
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
    /// Texts.
    Text,
    /// Arrays or objects.
    Nested,
}

impl Table {
    /// A table all of whose changes are told, old rows and all.
    #[must_use]
    pub fn new(name: TableName, columns: Vec<TableColumn>) -> Self {
        Self { name, columns, generated: Vec::new(), tells_old_rows: true, told: Told::All }
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
        let (holds, instead) = found.values.misfit(value)?;
        Some(format!("the column '{column}' holds {holds}, and is compared with {value}: {instead}"))
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
            (Self::Decimal, _) if parsed().is_some() => None,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_that_a_column_never_holds_is_told_with_what_to_write() {
        let said = |values, value| {
            let name = TableName { schema: "public".into(), table: "t".into() };
            let column = TableColumn { name: "c".into(), values };
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
        for (values, value) in [
            (Values::Text, json!(null)),
            (Values::Any, json!(5)),
            (Values::Number, json!(true)),
            (Values::Float, json!("NaN")),
            (Values::Decimal, json!("12345678901234567890.5")),
        ] {
            assert_eq!(said(values, value.clone()), None, "{values:?} {value}");
        }
    }
}

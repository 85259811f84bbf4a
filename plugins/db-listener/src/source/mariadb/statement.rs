//! Statements in the binary log: where transactions end, what changes tables, and TRUNCATE.

use crate::change::TableName;

use super::reader::{Malformed, Reader};
use super::rows::inflate;

/// A query event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The database that names without one are of.
    pub(crate) schema: String,
    pub(crate) text: String,
}

/// What a statement is to a reader of rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// COMMIT.
    Commit,
    /// ROLLBACK of all: what could not be undone has been written.
    Rollback,
    /// BEGIN: a COMMIT will follow.
    Begin,
    /// Savepoints and others that change nothing.
    Nothing,
    /// A table has no rows any more.
    Truncate(TableName),
    /// Rows were changed, and the log has only this statement of it.
    Rows,
    /// Anything else: tables may be other ones now.
    Definition,
}

impl Statement {
    pub(crate) fn decode(event: &[u8], deflated: bool) -> Result<Self, Malformed> {
        let mut reader = Reader::new(event);
        let _thread_and_time = reader.bytes(8)?;
        let schema = usize::from(reader.byte()?);
        let _error = reader.bytes(2)?;
        let variables = reader.little(2)? as usize;
        reader.bytes(variables)?;
        let schema = String::from_utf8_lossy(reader.bytes(schema)?).into_owned();
        let _nul = reader.byte()?;
        let inflated = if deflated { inflate(reader.rest())? } else { Vec::new() };
        let text = String::from_utf8_lossy(if deflated { &inflated } else { reader.rest() }).into_owned();
        Ok(Self { schema, text })
    }

    pub(crate) fn meaning(&self) -> Meaning {
        let mut words = Words(&self.text);
        let first = words.next().map(|word| word.text.to_ascii_uppercase()).unwrap_or_default();
        match first.as_str() {
            "COMMIT" => Meaning::Commit,
            "ROLLBACK" if words.next().is_none() => Meaning::Rollback,
            "XA" => match words.next().map(|word| word.text.to_ascii_uppercase()).as_deref() {
                Some("START" | "BEGIN") => Meaning::Begin,
                Some("COMMIT" | "ROLLBACK") => Meaning::Commit, // its rows came with XA PREPARE
                _ => Meaning::Nothing,
            },
            "BEGIN" => Meaning::Begin,
            "START" | "SAVEPOINT" | "RELEASE" | "ROLLBACK" | "SET" | "GRANT" | "REVOKE" | "" => {
                Meaning::Nothing
            }
            "FLUSH" | "ANALYZE" | "OPTIMIZE" | "REPAIR" => Meaning::Nothing,
            "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "LOAD" | "WITH" => Meaning::Rows,
            "TRUNCATE" => self.truncated(words).map_or(Meaning::Definition, Meaning::Truncate),
            _ => Meaning::Definition,
        }
    }

    /// The table of `TRUNCATE [TABLE] [schema.]table`.
    fn truncated(&self, words: Words<'_>) -> Option<TableName> {
        let mut words = words.peekable();
        words.next_if(|word| !word.quoted && word.text.eq_ignore_ascii_case("TABLE"));
        let first = words.next()?.text;
        Some(match words.next_if(|word| !word.quoted && word.text == ".") {
            Some(_) => TableName { schema: first, table: words.next()?.text },
            None => TableName { schema: self.schema.clone(), table: first },
        })
    }
}

/// Words of a statement: names, in backticks or not, and single signs; comments are left out.
struct Words<'a>(&'a str);

struct Word {
    text: String,
    quoted: bool,
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        self.0 = past_comments(self.0);
        let first = self.0.chars().next()?;
        if first == '`' {
            return Some(self.quoted());
        }
        let named = |sign: char| sign.is_alphanumeric() || "_$".contains(sign);
        let end =
            self.0.find(|sign| !named(sign)).filter(|end| *end > 0).unwrap_or_else(|| match named(first) {
                true => self.0.len(),
                false => first.len_utf8(),
            });
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(Word { text: text.to_owned(), quoted: false })
    }
}

impl Words<'_> {
    /// A name in backticks, where one that is part of it stands twice.
    fn quoted(&mut self) -> Word {
        let mut text = String::new();
        let mut signs = self.0.char_indices().skip(1).peekable();
        let mut end = self.0.len();
        while let Some((at, sign)) = signs.next() {
            if sign == '`' && signs.next_if(|(_, next)| *next == '`').is_none() {
                end = at + 1;
                break;
            }
            text.push(sign);
        }
        self.0 = &self.0[end..];
        Word { text, quoted: true }
    }
}

fn past_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        let end = match text {
            _ if text.starts_with("/*") => text.find("*/").map(|end| end + 2),
            _ if text.starts_with('#') || text.starts_with("-- ") => text.find('\n'),
            _ => return text,
        };
        text = &text[end.unwrap_or(text.len())..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meaning(text: &str) -> Meaning {
        Statement { schema: "app".into(), text: text.into() }.meaning()
    }

    fn truncated(schema: &str, table: &str) -> Meaning {
        Meaning::Truncate(TableName { schema: schema.into(), table: table.into() })
    }

    #[test]
    fn statements_mean_what_they_do_to_rows() {
        assert_eq!(meaning("COMMIT"), Meaning::Commit);
        assert_eq!(meaning("ROLLBACK"), Meaning::Rollback);
        assert_eq!(meaning("ROLLBACK TO `a`"), Meaning::Nothing);
        assert_eq!(meaning("XA COMMIT X'61',X'',1"), Meaning::Commit);
        assert_eq!(meaning("XA END X'61',X'',1"), Meaning::Nothing);
        assert_eq!(meaning("BEGIN"), Meaning::Begin);
        assert_eq!(meaning("XA START X'61',X'',1"), Meaning::Begin);
        assert_eq!(meaning("/* by */ insert into t values (1)"), Meaning::Rows);
        assert_eq!(meaning("ALTER TABLE t ADD c INT"), Meaning::Definition);
    }

    #[test]
    fn a_truncated_table_is_named_in_all_the_ways_that_there_are() {
        assert_eq!(meaning("TRUNCATE TABLE t"), truncated("app", "t"));
        assert_eq!(meaning("truncate other.t"), truncated("other", "t"));
        assert_eq!(meaning("TRUNCATE `table`"), truncated("app", "table"));
        assert_eq!(meaning("TRUNCATE TABLE `odd``na.me` . `täble` WAIT 3"), truncated("odd`na.me", "täble"));
        assert_eq!(
            meaning("/* a */ -- b\n# c\nTRUNCATE/**/TABLE/* d */ t/* generated */"),
            truncated("app", "t")
        );
    }

    proptest! {
        #[test]
        fn no_statement_is_too_odd(text in ".{0,64}|(?s)(TRUNCATE|`|/\\*|\\*/|\\.|#|-- |é| ){0,12}") {
            meaning(&text);
        }

        #[test]
        fn no_event_is_too_odd(event in proptest::collection::vec(any::<u8>(), 0..64), deflated: bool) {
            let _refused_or_read = Statement::decode(&event, deflated);
        }
    }
}

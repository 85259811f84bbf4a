//! Reads predicates, by descent: `or` binds weaker than `and`, `and` than `not`.

use serde_json::Value;

use super::{Predicate, Sign};
use crate::rules::row::{Column, Row, is_reserved};
use crate::rules::text::{Mistake, Word, words};

/// How deep brackets and `not` may stand in each other.
const DEEPEST: usize = 32;
/// Values of an `in` at most.
const MOST: usize = 1000;

type Parsed<T = Predicate<Column>> = Result<T, Mistake>;

struct Parser<'a> {
    text: &'a str,
    words: Vec<(usize, Word)>,
    next: usize,
    depth: usize,
}

pub(super) fn parse(text: &str) -> Parsed {
    let mut parser = Parser { text, words: words(text)?, next: 0, depth: 0 };
    let predicate = parser.or()?;
    match parser.peek() {
        None => Ok(predicate),
        Some(_) => Err(parser.expected("'and', 'or' or the end")),
    }
}

impl Parser<'_> {
    fn or(&mut self) -> Parsed {
        self.chain("or", Self::and, Predicate::Or)
    }

    fn and(&mut self) -> Parsed {
        self.chain("and", Self::not, Predicate::And)
    }

    fn chain(
        &mut self,
        word: &str,
        part: impl Fn(&mut Self) -> Parsed,
        whole: impl Fn(Vec<Predicate<Column>>) -> Predicate<Column>,
    ) -> Parsed {
        let first = part(self)?;
        if !self.is_name(word) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_name(word) {
            parts.push(part(self)?);
        }
        Ok(whole(parts))
    }

    fn not(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong(format!("brackets and 'not' stand more than {DEEPEST} deep")));
        }
        let predicate = if self.take_name("not") {
            Predicate::Not(Box::new(self.not()?))
        } else if self.take_sign("(") {
            let inner = self.or()?;
            self.sign(")")?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(predicate)
    }

    fn test(&mut self) -> Parsed {
        if self.take_name("changed") {
            self.sign("(")?;
            let column = self.column()?;
            if column.row == Row::Old {
                return Err(self.wrong("changed() is of the column itself, without 'old.'"));
            }
            self.sign(")")?;
            return Ok(Predicate::Changed(column));
        }
        let column = self.column()?;
        if self.take_name("in") {
            return Ok(Predicate::In(column, self.values()?));
        }
        match Sign::ALL.iter().find(|(text, _)| self.take_sign(text)) {
            Some((_, sign)) => Ok(Predicate::Compare(column, *sign, self.value()?)),
            None => Err(self.expected("a comparison, or 'in'")),
        }
    }

    fn column(&mut self) -> Parsed<Column> {
        let row = if self.is_name("old") { Row::Old } else { Row::Current };
        if row == Row::Old {
            self.next += 1;
            self.sign(".")?;
        }
        let name = match self.peek() {
            Some(Word::Quoted(name)) if !name.is_empty() => name.clone(),
            Some(Word::Name(name)) if !is_reserved(name) => name.clone(),
            _ => return Err(self.expected("a column's name")),
        };
        self.next += 1;
        Ok(Column { row, name })
    }

    fn values(&mut self) -> Parsed<Vec<Value>> {
        self.sign("[")?;
        let mut values = Vec::new();
        if matches!(self.peek(), Some(Word::Sign("]"))) {
            return Err(self.wrong("nothing is in an empty list: a value is expected"));
        }
        while !self.take_sign("]") {
            if !values.is_empty() {
                self.sign(",")?;
            }
            values.push(self.value()?);
            if values.len() > MOST {
                return Err(self.wrong(format!("more than {MOST} values")));
            }
        }
        Ok(values)
    }

    fn value(&mut self) -> Parsed<Value> {
        let value = match self.peek() {
            Some(Word::Value(value)) => value.clone(),
            Some(Word::Name(name)) if name == "true" => true.into(),
            Some(Word::Name(name)) if name == "false" => false.into(),
            Some(Word::Name(name)) if name == "null" => Value::Null,
            _ => return Err(self.expected("a text in quotes, a number, true, false or null")),
        };
        self.next += 1;
        Ok(value)
    }

    fn peek(&self) -> Option<&Word> {
        self.words.get(self.next).map(|(_, word)| word)
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Some(Word::Name(word)) if word == name)
    }

    fn take_name(&mut self, name: &str) -> bool {
        let is = self.is_name(name);
        self.next += usize::from(is);
        is
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Some(Word::Sign(word)) if *word == sign);
        self.next += usize::from(is);
        is
    }

    fn sign(&mut self, sign: &str) -> Parsed<()> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.expected(&format!("'{sign}'"))) }
    }

    fn expected(&self, what: &str) -> Mistake {
        self.wrong(format!("{what} is expected"))
    }

    fn wrong(&self, what: impl Into<String>) -> Mistake {
        let at = self.words.get(self.next).map_or(self.text.len(), |(at, _)| *at);
        Mistake::new(self.text, at, what)
    }
}

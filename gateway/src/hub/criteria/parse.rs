//! Reading a criterion: `or` binds loosest, then `and`, then `not`.

use super::number::Number;
use super::write::{Written, begins_name, continues_name};
use super::{
    Condition, Criterion, DEEPEST, Field, LONGEST, LONGEST_LIST, Literal, MOST_TERMS, Operator, Path, Step,
    TAGS,
};
use crate::frame::json::{DEEPEST as DEEPEST_DATA, shorten};

/// Why a text is no criterion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at character {at}")]
pub struct BadCriterion {
    what: String,
    /// Counts from 1.
    at: usize,
}

type Parsed<T> = Result<T, BadCriterion>;

/// The criterion that `text` is.
pub(super) fn criterion(text: &str) -> Parsed<Criterion> {
    let mut parser = Parser { text, at: 0, depth: 0, terms: 0, paths: Vec::new() };
    if text.len() > LONGEST {
        parser.at = text.floor_char_boundary(LONGEST);
        return parser.wrong(format!("longer than {LONGEST} bytes"));
    }
    let condition = parser.any()?;
    if !parser.rest().is_empty() {
        return parser.wrong("expected `and`, `or` or the end");
    }
    let written = Written { condition: &condition, paths: &parser.paths }.to_string();
    if written.len() > LONGEST {
        return parser.wrong(format!("longer than {LONGEST} bytes in its normal form"));
    }
    Ok(Criterion { text: written.into(), paths: parser.paths.into(), condition })
}

struct Parser<'a> {
    text: &'a str,
    /// Bytes that are read.
    at: usize,
    /// Levels of `(` and `not` that are open.
    depth: usize,
    terms: usize,
    paths: Vec<Path>,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Parsed<Condition> {
        let mut parts = Vec::new();
        loop {
            match self.all()? {
                Condition::Any(inner) => parts.extend(inner),
                part => parts.push(part),
            }
            if !self.take_word("or") {
                return Ok(one_or(parts, Condition::Any));
            }
        }
    }

    fn all(&mut self) -> Parsed<Condition> {
        let mut parts = Vec::new();
        loop {
            match self.part()? {
                Condition::All(inner) => parts.extend(inner),
                part => parts.push(part),
            }
            if !self.take_word("and") {
                return Ok(one_or(parts, Condition::All));
            }
        }
    }

    fn part(&mut self) -> Parsed<Condition> {
        if self.take_word("not") {
            let inner = self.deeper(Self::part)?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.take("(") {
            let inner = self.deeper(Self::any)?;
            self.expect(")")?;
            return Ok(inner);
        }
        self.term()
    }

    fn deeper(&mut self, read: fn(&mut Self) -> Parsed<Condition>) -> Parsed<Condition> {
        if self.depth == DEEPEST {
            return self.wrong(format!("nested deeper than {DEEPEST} levels"));
        }
        self.depth += 1;
        let inner = read(self)?;
        self.depth -= 1;
        Ok(inner)
    }

    fn term(&mut self) -> Parsed<Condition> {
        self.skip_blanks();
        if self.terms == MOST_TERMS {
            return self.wrong(format!("more than {MOST_TERMS} comparisons"));
        }
        self.terms += 1;
        if self.take_word("exists") {
            self.expect("(")?;
            let path = self.path()?;
            self.expect(")")?;
            return Ok(Condition::Exists(path));
        }
        let path = self.path()?;
        if self.take_word("in") {
            return Ok(Condition::In { path, list: self.list()?, negated: false });
        }
        if self.take_word("not") {
            if !self.take_word("in") {
                return self.wrong("expected `in`");
            }
            return Ok(Condition::In { path, list: self.list()?, negated: true });
        }
        let Some(operator) = Operator::ALL.into_iter().find(|operator| self.take(operator.sign())) else {
            return self.wrong("expected ==, !=, <, <=, >, >=, in or not in");
        };
        let literal = self.operand(operator)?;
        Ok(Condition::Compare { path, operator, literal })
    }

    /// What stands behind an operator.
    fn operand(&mut self, operator: Operator) -> Parsed<Literal> {
        self.skip_blanks();
        let start = self.at;
        let literal = self.literal()?;
        let ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if ordered && matches!(literal, Literal::Null | Literal::Bool(_)) {
            self.at = start;
            return self.wrong(format!("{} compares with a number or a string", operator.sign()));
        }
        Ok(literal)
    }

    fn list(&mut self) -> Parsed<Box<[Literal]>> {
        self.expect("[")?;
        let mut list = Vec::new();
        if self.take("]") {
            return Ok(list.into());
        }
        loop {
            self.skip_blanks();
            if list.len() == LONGEST_LIST {
                return self.wrong(format!("more than {LONGEST_LIST} values in a list"));
            }
            list.push(self.literal()?);
            if self.take("]") {
                return Ok(list.into());
            }
            if !self.take(",") {
                return self.wrong("expected `,` or `]`");
            }
        }
    }

    fn literal(&mut self) -> Parsed<Literal> {
        self.skip_blanks();
        let words = [("null", Literal::Null), ("true", Literal::Bool(true)), ("false", Literal::Bool(false))];
        if let Some((_, literal)) = words.into_iter().find(|(word, _)| self.take_word(word)) {
            return Ok(literal);
        }
        match self.rest().chars().next() {
            Some('"') => self.string().map(Literal::Text),
            Some('-' | '0'..='9') => self.number(),
            Some('\'') => self.wrong("strings stand in double quotes"),
            _ => self.wrong("expected a string, a number, true, false or null"),
        }
    }

    fn number(&mut self) -> Parsed<Literal> {
        let is_part = |char: char| char.is_ascii_digit() || matches!(char, '+' | '-' | '.' | 'e' | 'E');
        let text = self.rest().split(|char| !is_part(char)).next().unwrap_or_default();
        let Some(value) = Number::parse(text.as_bytes()) else {
            return self.wrong("not a number as JSON writes it");
        };
        self.at += text.len();
        Ok(Literal::Number { value, text: text.into() })
    }

    fn string(&mut self) -> Parsed<Box<str>> {
        let mut strings = serde_json::Deserializer::from_str(self.rest()).into_iter::<Box<str>>();
        let (string, end) = (strings.next(), strings.byte_offset());
        let Some(Ok(string)) = string else { return self.wrong("not a string as JSON writes it") };
        self.at += end;
        Ok(string)
    }

    /// The number of the path that stands here.
    fn path(&mut self) -> Parsed<u8> {
        let (field, mut steps) = self.field()?;
        loop {
            let start = self.at;
            let Some(step) = self.step()? else { break };
            if field != Field::Data {
                self.at = start;
                return self.wrong(format!("{} has no parts", field.name()));
            }
            if steps.len() == DEEPEST_DATA {
                self.at = start;
                return self.wrong(format!("more than {DEEPEST_DATA} parts in a path"));
            }
            steps.push(step);
        }
        let path = Path { field, steps: steps.into() };
        let place = self.paths.iter().position(|known| *known == path).unwrap_or_else(|| {
            self.paths.push(path);
            self.paths.len() - 1
        });
        Ok(place as u8) // there are no more of them than terms
    }

    fn field(&mut self) -> Parsed<(Field, Vec<Step>)> {
        self.skip_blanks();
        let start = self.at;
        let name = self.name();
        if name == TAGS {
            return Ok((Field::Data, vec![Step::Name(TAGS.into())]));
        }
        if let Some(field) = Field::ALL.into_iter().find(|field| field.name() == name) {
            return Ok((field, Vec::new()));
        }
        self.at = start;
        let fields = "event_type, source, key, room, data and tags";
        match name {
            "" => self.wrong(format!("expected a field: {fields}")),
            _ => self.wrong(format!("unknown field `{}`; there are {fields}", shorten(name))),
        }
    }

    /// A step further into data, where one follows without a blank.
    fn step(&mut self) -> Parsed<Option<Step>> {
        let rest = self.rest();
        if rest.starts_with('.') {
            self.at += 1;
            let name = match self.name() {
                "" => return self.wrong("expected a name; other names than words are written [\"name\"]"),
                name => name.into(),
            };
            return Ok(Some(Step::Name(name)));
        }
        if !rest.starts_with('[') {
            return Ok(None);
        }
        self.at += 1;
        self.skip_blanks();
        let digits = self.rest().split(|char: char| !char.is_ascii_digit()).next().unwrap_or_default();
        let step = if self.rest().starts_with('"') {
            Step::Name(self.string()?)
        } else if let Ok(index) = digits.parse() {
            self.at += digits.len();
            Step::Index(index)
        } else {
            return self.wrong("expected a name in double quotes, or a whole number below 4294967296");
        };
        self.expect("]")?;
        Ok(Some(step))
    }

    /// The name that stands here; empty where none does.
    fn name(&mut self) -> &'a str {
        let rest = self.rest();
        let end = match rest.starts_with(begins_name) {
            true => rest.find(|char| !continues_name(char)).unwrap_or(rest.len()),
            false => 0,
        };
        self.at += end;
        &rest[..end]
    }

    /// Takes a word behind blanks, where it stands there as a whole.
    fn take_word(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let behind = self.rest().strip_prefix(word);
        let found = behind.is_some_and(|behind| !behind.starts_with(continues_name));
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign) { Ok(()) } else { self.wrong(format!("expected `{sign}`")) }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong<T>(&self, what: impl Into<String>) -> Parsed<T> {
        Err(BadCriterion { what: what.into(), at: self.text[..self.at].chars().count() + 1 })
    }
}

/// The only one of `parts`, or what joins them.
fn one_or(mut parts: Vec<Condition>, join: fn(Box<[Condition]>) -> Condition) -> Condition {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts.into()),
    }
}

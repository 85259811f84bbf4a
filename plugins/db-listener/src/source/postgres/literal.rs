//! The texts of arrays and of composite types, taken apart.
//!
//! See "Array Input and Output Syntax" and "Composite Type Input and Output Syntax" in PostgreSQL's manual.

use std::borrow::Cow;

/// A part of an array.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// Null.
    Null,
    /// An element's text.
    Text(Cow<'a, str>),
    /// A dimension further down.
    Items(Vec<Item<'a>>),
}

/// How many dimensions PostgreSQL's arrays have at most.
const DIMENSIONS: usize = 6;

/// The items of an array: `{1,NULL,"a,b"}`, `{{1,2},{3,4}}`, `[0:1]={1,2}`. None where it is not the text of an array.
pub fn array(text: &str, delimiter: u8) -> Option<Vec<Item<'_>>> {
    let body = match text.strip_prefix('[') {
        // Where its bounds are not one: they are of no use in JSON.
        Some(rest) => rest.split_once('=')?.1,
        None => text,
    };
    let mut reader = Reader { text: body, at: 0 };
    reader.expect(b'{')?;
    let items = reader.items(delimiter, DIMENSIONS)?;
    (reader.at == body.len()).then_some(items)
}

/// The fields of a composite value: `(1,,"a ""b""")`. None where it is not the text of one.
pub fn composite(text: &str) -> Option<Vec<Option<Cow<'_, str>>>> {
    let body = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut reader = Reader { text: body, at: 0 };
    let mut fields = Vec::new();
    loop {
        let field = match reader.peek() {
            None | Some(b',') => None,
            Some(_) => Some(reader.word(|byte| byte == b',')?),
        };
        fields.push(field);
        match reader.next() {
            None => return Some(fields),
            Some(b',') => {}
            Some(_) => return None,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// What follows an opening brace, up to and with the closing one.
    fn items(&mut self, delimiter: u8, depth: usize) -> Option<Vec<Item<'a>>> {
        let depth = depth.checked_sub(1)?;
        let mut items = Vec::new();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(items);
        }
        loop {
            items.push(match self.peek()? {
                b'{' => {
                    self.at += 1;
                    Item::Items(self.items(delimiter, depth)?)
                }
                b'"' => Item::Text(self.word(|byte| byte == delimiter || byte == b'}')?),
                _ => match self.word(|byte| byte == delimiter || byte == b'}')? {
                    word if word.eq_ignore_ascii_case("null") => Item::Null,
                    word => Item::Text(word),
                },
            });
            match self.next()? {
                b'}' => return Some(items),
                byte if byte == delimiter => {}
                _ => return None,
            }
        }
    }

    /// A text up to what ends it outside of quotation marks, without those and what escapes.
    fn word(&mut self, ends: impl Fn(u8) -> bool) -> Option<Cow<'a, str>> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' | b'\\' => return self.escaped(start, ends).map(Cow::Owned),
                byte if ends(byte) => break,
                _ => self.at += 1,
            }
        }
        self.text.get(start..self.at).map(Cow::Borrowed)
    }

    fn escaped(&mut self, start: usize, ends: impl Fn(u8) -> bool) -> Option<String> {
        let mut word = self.text.as_bytes().get(start..self.at)?.to_vec();
        let mut quoted = false;
        while let Some(byte) = self.peek() {
            if !quoted && ends(byte) {
                break;
            }
            self.at += 1;
            match byte {
                b'\\' => word.push(self.next()?),
                // Twice is one of the text's own; the first also ends a quotation, which the second begins again.
                b'"' if quoted && self.peek() == Some(b'"') => word.push(self.next()?),
                b'"' => quoted = !quoted,
                byte => word.push(byte),
            }
        }
        if quoted { None } else { String::from_utf8(word).ok() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Item<'_> {
        Item::Text(Cow::Borrowed(text))
    }

    #[test]
    fn arrays_of_any_dimensions_are_taken_apart() {
        assert_eq!(array("{}", b','), Some(vec![]));
        let words = vec![text("1"), Item::Null, text("NULL"), text("a,b"), text("\"\\")];
        assert_eq!(array(r#"{1,NULL,"NULL","a,b","\"\\"}"#, b','), Some(words));
        let rows = vec![Item::Items(vec![text("1"), text("2")]), Item::Items(vec![text("3"), text("4")])];
        assert_eq!(array("[0:1][2:3]={{1,2},{3,4}}", b','), Some(rows));
        assert_eq!(array("{(1,2),(0,0);(3,4),(2,2)}", b';').map(|boxes| boxes.len()), Some(2));
        for wrong in ["", "{", "{1", "{1,2", "1", "{\"a}", "{1}2", "{{{{{{{1}}}}}}}", "[0:1]{1}"] {
            assert_eq!(array(wrong, b','), None, "{wrong}");
        }
    }

    #[test]
    fn composite_values_are_taken_apart() {
        let fields = composite(r#"(1,,"a ""b"", c","\\")"#).unwrap();
        let fields: Vec<Option<&str>> = fields.iter().map(Option::as_deref).collect();
        assert_eq!(fields, [Some("1"), None, Some(r#"a "b", c"#), Some("\\")]);
        assert_eq!(composite("()"), Some(vec![None]));
        for wrong in ["", "(", "1", r#"("a)"#] {
            assert_eq!(composite(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[\[{("]?[a-c0-9{},;"\\=:() é]{0,40}"#) {
            let _either_way = (array(&text, b','), composite(&text));
        }

        #[test]
        fn what_is_quoted_comes_back(words in prop::collection::vec(".{0,9}", 1..6)) {
            let quoted = |word: &String| format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""));
            let list = words.iter().map(quoted).collect::<Vec<_>>().join(",");
            let items = words.iter().map(|word| text(word)).collect::<Vec<_>>();
            let written = format!("{{{list}}}");
            prop_assert_eq!(array(&written, b','), Some(items));
            let written = format!("({list})");
            let fields = composite(&written).unwrap();
            prop_assert!(fields.iter().map(Option::as_deref).eq(words.iter().map(|word| Some(word.as_str()))));
        }
    }
}

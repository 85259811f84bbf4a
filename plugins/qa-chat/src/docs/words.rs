//! What counts as a word: in documents and in questions alike, so that `plugins` finds `plugin`, and `backpressure` and `back pressure`
//! what is written `back-pressure`.

mod lists;

use std::collections::{HashMap, HashSet};

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, PreTokenizedStream, PreTokenizedString, RemoveLongFilter,
    Stemmer, TextAnalyzer, Token, Tokenizer,
};

use lists::{EMPTY, GREETINGS, LIGHT, SYNONYMS};

/// Bytes of a word at most; what is longer is nothing that anybody asks for.
const LONGEST: usize = 60;
/// Words of a question that are looked for, at most.
const MOST: usize = 64;
/// How much it counts that a word is there in the form of a synonym.
const SYNONYM: f32 = 0.8;

/// See the module's documentation.
pub(crate) struct Words {
    text: TextAnalyzer,
    /// Cuts a question alone: its words are looked up in lists.
    question: TextAnalyzer,
    empty: HashSet<&'static str>,
    light: HashSet<&'static str>,
    /// By stem.
    synonyms: HashMap<String, Vec<String>>,
}

/// A word of a question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// The stems that it is looked for by, its own first, each with how much it counts, 0–1.
    pub(crate) stems: Vec<(String, f32)>,
    /// It says less than others.
    pub(crate) light: bool,
}

impl Default for Words {
    fn default() -> Self {
        let build = |compounds| {
            let splitter =
                TextAnalyzer::builder(Splitter { compounds }).filter(RemoveLongFilter::limit(LONGEST));
            splitter.filter(LowerCaser).filter(AsciiFoldingFilter)
        };
        let text = build(true).filter(Stemmer::new(Language::English)).build();
        let mut synonyms = HashMap::<_, Vec<_>>::new();
        for set in SYNONYMS.lines() {
            let set = words(&text, set);
            for word in &set {
                let others = set.iter().filter(|other| *other != word);
                synonyms.entry(word.clone()).or_default().extend(others.cloned());
            }
        }
        Self {
            question: build(false).build(),
            text,
            empty: EMPTY.split_whitespace().collect(),
            light: LIGHT.split_whitespace().collect(),
            synonyms,
        }
    }
}

impl Words {
    /// What indexes documents.
    pub(crate) fn analyser(&self) -> TextAnalyzer {
        self.text.clone()
    }

    /// The stems of a text, in its order.
    pub(crate) fn of_text(&self, text: &str) -> Vec<String> {
        words(&self.text, text)
    }

    /// The words of a question that say what it asks for, each once. `is_there` tells of a stem whether documents have it.
    pub(crate) fn of_question(&self, question: &str, is_there: impl Fn(&str) -> bool) -> Vec<Asked> {
        let mut words = words(&self.question, question);
        if words.first().is_some_and(|word| GREETINGS.contains(&word.as_str())) {
            words.remove(0);
        }
        let mut seen = HashSet::new();
        let mut asked = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let Some(stem) = self.stem(word).filter(|_| asked.len() < MOST && !self.says_nothing(word))
            else {
                continue;
            };
            if !seen.insert(stem.clone()) {
                continue;
            }
            let before = at.checked_sub(1).and_then(|before| words.get(before));
            let joins = [
                before.map(|before| format!("{before}{word}")),
                words.get(at + 1).map(|next| format!("{word}{next}")),
            ];
            let joins = joins.into_iter().flatten().filter(|join| !self.empty.contains(join.as_str()));
            let joins = joins.filter_map(|join| self.stem(&join));
            let joins = joins.filter(|join| is_there(join) || self.synonyms.contains_key(join));
            let stems = self.alternatives(std::iter::once(stem).chain(joins));
            asked.push(Asked { stems, light: self.light.contains(word.as_str()) });
        }
        asked
    }

    /// A number as short as that may stand for anything.
    fn says_nothing(&self, word: &str) -> bool {
        let is_short_number = word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
        is_short_number || self.empty.contains(word)
    }

    /// These, and what means the same.
    fn alternatives(&self, own: impl Iterator<Item = String>) -> Vec<(String, f32)> {
        let mut stems: Vec<_> = own.map(|stem| (stem, 1.0)).collect();
        for own in 0..stems.len() {
            for synonym in self.synonyms.get(&stems[own].0).into_iter().flatten() {
                if !stems.iter().any(|(stem, _)| stem == synonym) {
                    stems.push((synonym.clone(), SYNONYM));
                }
            }
        }
        stems
    }

    /// None of what is too long, or of nothing.
    fn stem(&self, word: &str) -> Option<String> {
        words(&self.text, word).into_iter().next().filter(|stem| !stem.is_empty())
    }
}

fn words(analyser: &TextAnalyzer, text: &str) -> Vec<String> {
    let mut analyser = analyser.clone();
    let (mut stream, mut words) = (analyser.token_stream(text), Vec::new());
    while let Some(token) = stream.next() {
        words.push(token.text.clone());
    }
    words
}

/// Cuts a text at all that is neither letter nor digit. With `compounds`, what hyphens join comes whole behind its parts. American
/// `-ize` becomes `-ise`.
#[derive(Clone)]
struct Splitter {
    compounds: bool,
}

impl Tokenizer for Splitter {
    type TokenStream<'a> = PreTokenizedStream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> PreTokenizedStream {
        let mut tokens = Vec::new();
        let mut put = |text: &str| {
            let (position, text) = (tokens.len(), text.replace("iz", "is"));
            tokens.push(Token { position, text, ..Token::default() });
        };
        for compound in text.split(|c: char| !c.is_alphanumeric() && !is_hyphen(c)) {
            let parts = compound.split(is_hyphen).filter(|part| !part.is_empty());
            parts.clone().for_each(&mut put);
            if self.compounds && parts.clone().nth(1).is_some() {
                put(&parts.collect::<String>());
            }
        }
        PreTokenizedString { text: String::new(), tokens }.into()
    }
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}' | '\u{2011}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(question: &str) -> Vec<String> {
        let words = Words::default().of_question(question, |stem| stem == "backpressur");
        words.into_iter().map(|word| word.stems[0].0.clone()).collect()
    }

    fn stems(question: &str) -> Vec<(String, f32)> {
        Words::default().of_question(question, |stem| stem == "backpressur").remove(0).stems
    }

    #[test]
    fn what_hyphens_join_is_found_in_parts_and_whole() {
        let words = Words::default();
        assert_eq!(
            words.of_text("Back-pressure, a -- b‑c"),
            ["back", "pressur", "backpressur", "a", "b", "c", "bc"]
        );
        assert_eq!(stems("backpressure"), [("backpressur".to_owned(), 1.0)]);
        assert!(stems("back pressure").contains(&("backpressur".to_owned(), 1.0)));
        assert_eq!(asked("back-pressure"), ["back", "pressur"]);
    }

    #[test]
    fn spellings_and_synonyms_of_the_field_are_the_same_word() {
        let words = Words::default();
        assert_eq!(words.of_text("authorize Authorise"), ["authoris", "authoris"]);
        assert_eq!(stems("SSL"), [("ssl".into(), 1.0), ("https".into(), SYNONYM), ("tls".into(), SYNONYM)]);
        assert!(stems("shut down").contains(&("drain".to_owned(), SYNONYM)), "two words that are one");
    }

    #[test]
    fn what_says_nothing_is_no_word_of_a_question() {
        assert_eq!(asked("Hello, how do I write a plugin?"), ["write", "plugin"]);
        assert_eq!(asked("say hello"), ["say", "hello"]);
        assert!(asked("What is 17 times 23?").is_empty() && asked("hello").is_empty());
        assert_eq!(asked("429 429"), ["429"]);
    }

    proptest! {
        #[test]
        fn no_question_makes_it_panic_or_has_too_many_words(question in "\\PC{0,300}") {
            let words = Words::default();
            let asked = words.of_question(&question, |_| true);
            prop_assert!(asked.len() <= MOST && asked.iter().all(|word| word.stems.iter().all(|(stem, _)| !stem.is_empty())));
        }
    }
}

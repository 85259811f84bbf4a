//! What counts as a word: in documents and in questions alike, so that `plugins` finds `plugin`.

use std::collections::HashSet;

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, StopWordFilter,
    TextAnalyzer,
};

/// Bytes of a word at most; what is longer is nothing that anybody asks for.
const LONGEST: usize = 60;
/// Words of a question that are looked for, at most.
const MOST: usize = 64;

/// What a question is made of, but says nothing of what it asks for.
const EMPTY: &str = "a about after again all also am an and any anybody anyone anything are as ask at be because been being but by can \
    cannot could d did do does doing don done each else ever every everything explain for from get gets give given go goes going got had happen happens has have having \
    he hello help her here hey hi him his how i if in into is isn it its just kind know let like ll m make makes many may me mean means might mine much must my need needs no nor of \
    off on once one ones only or other our out over own please re s same say says shall she should show so some somebody someone something such t \
    tell than thank thanks that the their them then there these they thing things this those through to too under until up us use used uses using ve very \
    want wants was way ways we were what when where whether which while who whom whose why will wish with within without work works would yes you your";

/// See the module's documentation.
pub(crate) struct Words {
    text: TextAnalyzer,
    question: TextAnalyzer,
}

impl Default for Words {
    fn default() -> Self {
        let begin = || {
            let plain =
                TextAnalyzer::builder(SimpleTokenizer::default()).filter(RemoveLongFilter::limit(LONGEST));
            plain.filter(LowerCaser).filter(AsciiFoldingFilter)
        };
        let empty = StopWordFilter::remove(EMPTY.split_whitespace().map(str::to_owned));
        Self {
            text: begin().filter(Stemmer::new(Language::English)).build(),
            question: begin().filter(empty).filter(Stemmer::new(Language::English)).build(),
        }
    }
}

impl Words {
    /// What indexes documents.
    pub(crate) fn analyser(&self) -> TextAnalyzer {
        self.text.clone()
    }

    /// The words of a text.
    pub(crate) fn of_text(&self, text: &str) -> Vec<String> {
        words(self.text.clone(), text)
    }

    /// The words of a question that say what it asks for, each once.
    pub(crate) fn of_question(&self, question: &str) -> Vec<String> {
        let mut seen = HashSet::new();
        let mut words = words(self.question.clone(), question);
        words.retain(|word| seen.insert(word.clone()));
        words.truncate(MOST);
        words
    }
}

fn words(mut analyser: TextAnalyzer, text: &str) -> Vec<String> {
    let (mut stream, mut words) = (analyser.token_stream(text), Vec::new());
    while let Some(token) = stream.next() {
        words.push(token.text.clone());
    }
    words
}

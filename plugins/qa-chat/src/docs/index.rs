//! The full-text index over passages, in memory. One is built whole and then only read; changed documents get another.

use std::collections::HashSet;

use tantivy::collector::TopDocs;
use tantivy::directory::RamDirectory;
use tantivy::query::{BooleanQuery, BoostQuery, DisjunctionMaxQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::TokenizerManager;
use tantivy::{ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

use super::closeness::{Lexicon, Spoken, Wanted};
use super::passage::Passage;
use super::words::{Asked, Words};

/// What the analyser of all fields is called.
const ANALYSER: &str = "words";
/// Bytes that a document being indexed may take before tantivy begins another segment; there is one alone.
const MEMORY: usize = 256 << 20;
/// Passages that are compared closely.
const CANDIDATES: usize = 60;
/// How much the other fields count beside that in which a word counts most.
const TIE: f32 = 0.3;
/// How much more a word in a heading, or in the file's path, counts than one in the text.
const HEADING: f32 = 1.6;
const FILE: f32 = 1.5;
/// How much a word says at most: one that is nowhere may be only another word for one that is there.
const HEAVIEST: f32 = 4.7;
/// How much less a word says that is about what is done and not about what with.
const LIGHT: f32 = 0.2;

/// See the module's documentation.
pub(crate) struct Index {
    /// By the number that tantivy gives to a document: its place in the order in which it was added.
    passages: Vec<Passage>,
    /// The words of each.
    spoken: Vec<Spoken>,
    lexicon: Lexicon,
    searcher: Searcher,
    words: Words,
    fields: Fields,
}

#[derive(Clone, Copy)]
struct Fields {
    text: Field,
    heading: Field,
    file: Field,
}

/// A passage that was found.
#[derive(Clone, Debug)]
pub(crate) struct Hit<'a> {
    pub(crate) passage: &'a Passage,
    /// How good it is beside the others; compares within one search alone.
    pub(crate) score: f32,
    /// How much of the question it speaks of in one place, 0–1: rare words, and those that are nowhere, weigh more.
    pub(crate) coverage: f32,
}

impl Index {
    /// Over these passages.
    ///
    /// # Errors
    /// What tantivy says.
    pub(crate) fn build(passages: Vec<Passage>) -> Result<Self, TantivyError> {
        let words = Words::default();
        let (schema, fields) = schema();
        let analysers = TokenizerManager::new();
        analysers.register(ANALYSER, words.analyser());
        let builder = tantivy::Index::builder().schema(schema).tokenizers(analysers);
        let mut writer =
            builder.single_segment_index_writer::<TantivyDocument>(RamDirectory::create(), MEMORY)?;
        let (mut lexicon, mut spoken) = (Lexicon::default(), Vec::with_capacity(passages.len()));
        for passage in &passages {
            let text = passage.prose();
            let over = format!("{} {}", passage.heading, passage.file);
            spoken.push(lexicon.take(words.of_text(&text), words.of_text(&over)));
            let mut document = TantivyDocument::new();
            document.add_text(fields.text, text);
            document.add_text(fields.heading, &passage.heading);
            document.add_text(fields.file, &*passage.file);
            writer.add_document(document)?;
        }
        let reader = writer.finalize()?.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { passages, spoken, lexicon, searcher: reader.searcher(), words, fields })
    }

    /// How many passages there are.
    pub(crate) fn len(&self) -> usize {
        self.passages.len()
    }

    /// The best passages for a question, at most `most`, the best first.
    ///
    /// # Errors
    /// What tantivy says.
    pub(crate) fn search(&self, question: &str, most: usize) -> Result<Vec<Hit<'_>>, TantivyError> {
        let asked = self.words.of_question(question, |stem| self.lexicon.number(stem).is_some());
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<_> = asked.iter().map(|word| self.wanted(word)).collect();
        let query = BooleanQuery::union(asked.iter().map(|word| self.query(word)).collect());
        let found = self.searcher.search(&query, &TopDocs::with_limit(CANDIDATES).order_by_score())?;
        let hits = found.into_iter().filter_map(|(score, place)| {
            let number = place.doc_id as usize;
            let (passage, spoken) = (self.passages.get(number)?, self.spoken.get(number)?);
            let coverage = spoken.coverage(&wanted);
            Some(Hit { passage, score: score * coverage * coverage, coverage })
        });
        let mut hits: Vec<_> = hits.collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(mixed(hits, most))
    }

    /// Passages that have the word, as whichever of its stems says most of them.
    fn query(&self, word: &Asked) -> Box<dyn Query> {
        let light = if word.light { LIGHT } else { 1.0 };
        let stems = word.stems.iter().map(|(stem, counts)| -> Box<dyn Query> {
            Box::new(BoostQuery::new(self.query_stem(stem), counts * light))
        });
        Box::new(DisjunctionMaxQuery::new(stems.collect()))
    }

    fn query_stem(&self, stem: &str) -> Box<dyn Query> {
        let Fields { text, heading, file } = self.fields;
        let fields = [(text, 1.0), (heading, HEADING), (file, FILE)];
        let one = |(field, boost)| -> Box<dyn Query> {
            let query = TermQuery::new(Term::from_field_text(field, stem), IndexRecordOption::WithFreqs);
            Box::new(BoostQuery::new(Box::new(query), boost))
        };
        Box::new(DisjunctionMaxQuery::with_tie_breaker(fields.map(one).into(), TIE))
    }

    /// The word with how much it says: as in BM25, the rarer the more.
    fn wanted(&self, word: &Asked) -> Wanted {
        let stems =
            word.stems.iter().filter_map(|(stem, counts)| Some((self.lexicon.number(stem)?, *counts)));
        let stems: Vec<_> = stems.collect();
        let count = stems.iter().map(|(number, _)| self.lexicon.count(*number)).max().unwrap_or(0) as f32;
        let weight = (1.0 + (self.passages.len() as f32 - count + 0.5) / (count + 0.5)).ln().min(HEAVIEST);
        Wanted { weight: if word.light { weight * LIGHT } else { weight }, stems }
    }
}

fn schema() -> (Schema, Fields) {
    let indexing =
        TextFieldIndexing::default().set_tokenizer(ANALYSER).set_index_option(IndexRecordOption::WithFreqs);
    let options = TextOptions::default().set_indexing_options(indexing);
    let mut schema = Schema::builder();
    let [text, heading, file] =
        ["text", "heading", "file"].map(|name| schema.add_text_field(name, options.clone()));
    (schema.build(), Fields { text, heading, file })
}

/// The first `most`: the best of each file, and more of one only where there is nothing else.
fn mixed(hits: Vec<Hit<'_>>, most: usize) -> Vec<Hit<'_>> {
    let mut files = HashSet::new();
    let (mut first, rest): (Vec<_>, Vec<_>) =
        hits.into_iter().partition(|hit| files.insert(&hit.passage.file));
    first.extend(rest);
    first.truncate(most);
    first
}
